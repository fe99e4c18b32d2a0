"""Every price an item ever had, who set it, and when (D7). Append-only: an entry is an event's."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from pymongo import IndexModel

from ..domain.prices import PriceChange
from .collection import Collection, Documents, answering, answering_each

PRICE_CHANGES = "price_changes"

COLLECTIONS = (
    Collection(
        PRICE_CHANGES,
        {
            "_id": "string",
            "seller_id": "string",
            "sku": "string",
            "old_price_paise": ["int", "long", "null"],
            "new_price_paise": ["int", "long"],
            "changed_by": "string",
            "changed_at": "date",
            "version": ["int", "long"],
        },
        (
            IndexModel([("seller_id", 1), ("sku", 1), ("version", -1)]),  # `listed`, `newest_price`
            IndexModel([("changed_at", 1)]),  # `ids_in`
        ),
    ),
)


@answering
def append(documents: Documents, event_id: UUID, change: PriceChange) -> None:
    """A repeat of the event writes the same entry again."""
    documents[PRICE_CHANGES].replace_one(
        {"_id": str(event_id)},
        {**change.model_dump(mode="json"), "changed_at": change.changed_at},
        upsert=True,
    )


@answering
def listed(
    documents: Documents, seller_id: UUID, sku: str, before_version: int | None, limit: int
) -> list[PriceChange]:
    """The newest first, beginning behind `before_version`."""
    wanted: dict[str, Any] = {"seller_id": str(seller_id), "sku": sku}
    if before_version is not None:
        wanted["version"] = {"$lt": before_version}
    found = documents[PRICE_CHANGES].find(wanted, {"_id": 0}).sort("version", -1).limit(limit)
    return [PriceChange(**document) for document in found]


# For reconciliations


@answering
def by_events(documents: Documents, event_ids: Iterable[str]) -> dict[str, PriceChange]:
    """Event id → its entry. Those that are not there are left out."""
    found = documents[PRICE_CHANGES].find({"_id": {"$in": list(event_ids)}})
    return {str(document.pop("_id")): PriceChange(**document) for document in found}


@answering_each
def ids_in(documents: Documents, since: datetime, before: datetime) -> Iterator[str]:
    """Of the events that occurred in that time."""
    wanted = {"changed_at": {"$gte": since, "$lt": before}}
    for found in documents[PRICE_CHANGES].find(wanted, {"_id": 1}).sort("changed_at", 1):
        yield str(found["_id"])


@answering
def newest_price(documents: Documents, seller_id: str, sku: str) -> int | None:
    """None where no price is known."""
    newest = listed(documents, UUID(seller_id), sku, None, 1)
    return newest[0].new_price_paise if newest else None
