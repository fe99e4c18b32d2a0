"""The log of orders (D4): what happened to an order and its packages, when, and who did it."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from .base import Model
from .orders import OrderStatus
from .values import Instant

STATUS_TOLD_BY: Mapping[str, OrderStatus] = {
    "OrderPlaced": "placed",
    "OrderConfirmed": "confirmed",
    "OrderRejected": "rejected",
    "CancellationRequested": "cancelling",
    "CancellationRefused": "confirmed",
    "OrderCancelled": "cancelled",
    "OrderFinished": "finished",
}
"""An order's event → its status then."""


class OrderLogEntry(Model):
    """An event, as it was told. `detail` has what else it says: why, which packages, at which version."""

    event_id: UUID
    what: str
    at: Instant
    by: str
    detail: dict[str, Any]


def status_told(entries: Iterable[OrderLogEntry]) -> OrderStatus | None:
    """What the latest of an order's own events says. None where there is none."""
    own = [entry for entry in entries if entry.what in STATUS_TOLD_BY]
    latest = max(own, key=lambda entry: entry.detail.get("version", 0), default=None)
    return STATUS_TOLD_BY[latest.what] if latest else None
