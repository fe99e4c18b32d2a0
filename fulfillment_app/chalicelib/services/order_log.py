"""The log of orders, their paths and timings (D4): every event of an order, as it was told."""

from datetime import datetime
from uuid import UUID

from online_kart.documents import order_log
from online_kart.documents.collection import Documents
from online_kart.domain.errors import NotFound
from online_kart.domain.order_log import OrderLogEntry
from online_kart.messaging.consumer import Envelope


def append(documents: Documents, envelope: Envelope) -> None:
    """A repeat writes the same entry again."""
    order_log.append(
        documents,
        envelope.id,
        envelope.detail["order_id"],
        envelope.type,
        order_log.detail_of(envelope.detail),
        envelope.time,
    )


def of_order(
    documents: Documents, order_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[OrderLogEntry]:
    """The oldest first, after the sort key (at, event id). Raises NotFound where nothing is known of the order."""
    entries = order_log.of_order(documents, order_id, after, limit)
    if not entries and after is None:
        raise NotFound("order", order_id)
    return entries
