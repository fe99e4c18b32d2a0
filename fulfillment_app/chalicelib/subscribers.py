"""What the app does when it hears an event: each function is behind a queue of its own (see messaging/rules.py)."""

from typing import Any

from chalice import Blueprint
from chalice.app import SQSEvent

from online_kart.messaging.consumer import handle_each
from online_kart.messaging.rules import queue_of

from . import wiring
from .services import order_log, returns, runs, stock

subscribers = Blueprint(__name__)

Failures = dict[str, list[dict[str, str]]]


def _engine() -> runs.Engine:
    return runs.Engine(wiring.step_functions(), wiring.state_machine_arns())


@subscribers.on_sqs_message(queue=queue_of("start_run"), name="start_run")
def start_run(event: SQSEvent) -> Failures:
    """An event that asks for a state machine's run."""
    conn, engine, clock = wiring.inventory_db(), _engine(), wiring.clock()
    return handle_each(event, lambda e: runs.start_for_event(conn, engine, e, clock))


@subscribers.on_sqs_message(queue=queue_of("record_run"), name="record_run")
def record_run(event: SQSEvent) -> Failures:
    """A run ended."""
    conn, engine, now = wiring.inventory_db(), _engine(), wiring.clock().wall_now()
    return handle_each(event, lambda e: runs.record_end(conn, engine, e, now))


@subscribers.on_sqs_message(queue=queue_of("confirm_reservations"), name="confirm_reservations")
def confirm_reservations(event: SQSEvent) -> Failures:
    """A confirmed order's stock is no longer held until a deadline, but until its packages leave."""
    conn, documents, now = wiring.inventory_db(), wiring.documents(), wiring.now()
    answer = handle_each(
        event,
        lambda e: stock.confirm_reservations(conn, documents, e, now),
        ("confirm_reservations", now),
    )
    wiring.nudge_relay()
    return answer


@subscribers.on_sqs_message(queue=queue_of("take_returns"), name="take_returns")
def take_returns(event: SQSEvent) -> Failures:
    """A customer sends a package back: somebody has to fetch it."""
    conn, documents, now = wiring.inventory_db(), wiring.documents(), wiring.now()
    answer = handle_each(
        event, lambda e: returns.take(conn, documents, e, now), ("take_returns", now)
    )
    wiring.nudge_relay()
    return answer


@subscribers.on_sqs_message(queue=queue_of("log_orders"), name="log_orders")
def log_orders(event: SQSEvent) -> Failures:
    """The log of orders, their path and timings (D4)."""
    documents: Any = wiring.documents()
    return handle_each(
        event, lambda e: order_log.append(documents, e), ("log_orders", wiring.now())
    )
