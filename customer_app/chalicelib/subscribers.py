"""What the app does when it hears an event: each function is behind a queue of its own (see messaging/rules.py)."""

from chalice import Blueprint
from chalice.app import SQSEvent

from online_kart.messaging.consumer import handle_each
from online_kart.messaging.rules import queue_of

from . import wiring
from .services import catalog, orders, returns

subscribers = Blueprint(__name__)

Failures = dict[str, list[dict[str, str]]]


@subscribers.on_sqs_message(queue=queue_of("project_catalog"), name="project_catalog")
def project_catalog(event: SQSEvent) -> Failures:
    """The copies of categories, items, prices and units left (C6, C7)."""
    conn, now = wiring.customer_db(), wiring.now()
    return handle_each(event, lambda e: catalog.project(conn, e, now), ("project_catalog", now))


@subscribers.on_sqs_message(queue=queue_of("track_packages"), name="track_packages")
def track_packages(event: SQSEvent) -> Failures:
    """The customers' view of packages (C5)."""
    conn, now = wiring.customer_db(), wiring.now()
    failures = handle_each(
        event, lambda e: orders.track_package(conn, e, now), ("track_packages", now)
    )
    wiring.nudge_relay()
    return failures


@subscribers.on_sqs_message(queue=queue_of("track_returns"), name="track_returns")
def track_returns(event: SQSEvent) -> Failures:
    """What FCs tell of returns: when they are fetched, and that they are back."""
    conn, now = wiring.customer_db(), wiring.now()
    failures = handle_each(event, lambda e: returns.track(conn, e, now), ("track_returns", now))
    wiring.nudge_relay()
    return failures
