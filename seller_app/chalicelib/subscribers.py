"""What the app does when it hears an event: each function is behind a queue of its own (see messaging/rules.py)."""

from chalice import Blueprint
from chalice.app import SQSEvent

from online_kart.messaging.consumer import handle_each
from online_kart.messaging.rules import queue_of

from . import wiring
from .services import prices, sales

subscribers = Blueprint(__name__)

Failures = dict[str, list[dict[str, str]]]


@subscribers.on_sqs_message(queue=queue_of("project_seller_sales"), name="project_seller_sales")
def project_seller_sales(event: SQSEvent) -> Failures:
    """The sellers' sold history (D8)."""
    documents = wiring.documents()
    return handle_each(
        event, lambda e: sales.project(documents, e), ("project_seller_sales", wiring.now())
    )


@subscribers.on_sqs_message(queue=queue_of("log_price_changes"), name="log_price_changes")
def log_price_changes(event: SQSEvent) -> Failures:
    """The log of prices (D7)."""
    documents = wiring.documents()
    return handle_each(
        event, lambda e: prices.log_change(documents, e), ("log_price_changes", wiring.now())
    )
