"""What each side reports to a reconciliation: the databases can't read each other, so they meet here."""

from datetime import datetime
from typing import Any

from pymongo import IndexModel

from .collection import Collection, Documents

PARTS = "reconciliation_parts"

COLLECTIONS = (
    Collection(
        PARTS,
        {"_id": "string", "reconciliation_id": "string", "side": "string", "at": "date"},
        (IndexModel([("reconciliation_id", 1)]),),  # `parts_of`
    ),
)


def put_part(
    documents: Documents,
    reconciliation_id: str,
    side: str,
    content: dict[str, Any],
    now: datetime,
) -> None:
    """Write, or write again, what a side found."""
    documents[PARTS].replace_one(
        {"_id": f"{reconciliation_id}:{side}"},
        {"reconciliation_id": reconciliation_id, "side": side, "at": now, **content},
        upsert=True,
    )


def part(documents: Documents, reconciliation_id: str, side: str) -> dict[str, Any] | None:
    """What the side found. None where it has not reported."""
    return documents[PARTS].find_one({"_id": f"{reconciliation_id}:{side}"})
