"""Every price an item ever had, who set it, and when (D7). Append-only: an entry is an event's."""

from typing import Any
from uuid import UUID

from pymongo import IndexModel

from ..domain.sellers import PriceChange
from .collection import Collection, Documents, answering

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
        (IndexModel([("seller_id", 1), ("sku", 1), ("version", -1)]),),  # `listed`
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
