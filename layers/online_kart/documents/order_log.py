"""The log of orders, their paths and timings (D4): append-only, one entry an event."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pymongo import IndexModel

from .collection import Collection, Documents, answering, forget_oldest

LOG = "order_log"

COLLECTIONS = (
    Collection(
        LOG,
        {"_id": "string", "order_id": "string", "what": "string", "detail": "object", "at": "date"},
        (
            IndexModel([("order_id", 1), ("at", 1)]),  # `of_order`
            IndexModel([("at", 1)]),  # `forget`
        ),
    ),
)


@answering
def append(
    documents: Documents,
    event_id: UUID,
    order_id: UUID | str,
    what: str,
    detail: dict[str, Any],
    at: datetime,
) -> None:
    """Add the event's entry. A repeat changes nothing."""
    documents[LOG].update_one(
        {"_id": str(event_id)},
        {"$setOnInsert": {"order_id": str(order_id), "what": what, "detail": detail, "at": at}},
        upsert=True,
    )


@answering
def of_order(documents: Documents, order_id: UUID) -> list[dict[str, Any]]:
    """Its entries, oldest first: what happened, its detail, and when."""
    entries = documents[LOG].find(
        {"order_id": str(order_id)}, {"_id": 0, "what": 1, "detail": 1, "at": 1}
    )
    return sorted(entries, key=lambda entry: entry["at"])


@answering
def forget(documents: Documents, before: datetime, limit: int) -> int:
    """Remove up to so many entries of before then. How many."""
    return forget_oldest(documents, LOG, "at", before, limit)
