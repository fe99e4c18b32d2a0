"""What each side reports to a reconciliation: the databases can't read each other, so they meet here.

A report is rows in documents of at most ROWS_MAX each, so that a large catalog passes no size limit.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import IndexModel

from .collection import NUMBER, Collection, Documents, answering, forget_oldest

PARTS = "reconciliation_parts"
ROWS_MAX = 5_000

COLLECTIONS = (
    Collection(
        PARTS,
        {
            "_id": "string",
            "reconciliation_id": "string",
            "subject": "string",
            "number": NUMBER,
            "rows": "array",
            "at": "date",
        },
        (
            IndexModel([("reconciliation_id", 1), ("subject", 1)]),  # `rows_of`
            IndexModel([("at", 1)]),  # `forget_old`
        ),
    ),
)


@answering
def put_rows(
    documents: Documents,
    reconciliation_id: str,
    subject: str,
    rows: Mapping[str, Sequence[Any]],
    now: datetime,
) -> None:
    """Write, or write again, what a side found of a subject: key → values."""
    listed = [[key, *values] for key, values in sorted(rows.items())]
    parts = [listed[start : start + ROWS_MAX] for start in range(0, len(listed), ROWS_MAX)]
    for number, part in enumerate(parts):
        documents[PARTS].replace_one(
            {"_id": f"{reconciliation_id}:{subject}:{number}"},
            {
                "reconciliation_id": reconciliation_id,
                "subject": subject,
                "number": number,
                "rows": part,
                "at": now,
            },
            upsert=True,
        )
    documents[PARTS].delete_many(  # of an earlier try, which found more
        {
            "reconciliation_id": reconciliation_id,
            "subject": subject,
            "number": {"$gte": len(parts)},
        }
    )


@answering
def rows_of(documents: Documents, reconciliation_id: str, subject: str) -> dict[str, list[Any]]:
    """What was found of the subject: key → values. Empty where nobody reported."""
    found = documents[PARTS].find({"reconciliation_id": reconciliation_id, "subject": subject})
    return {row[0]: row[1:] for part in found for row in part["rows"]}


@answering
def forget(documents: Documents, reconciliation_id: str) -> None:
    """The parts served their purpose: the report is in the inventory database."""
    documents[PARTS].delete_many({"reconciliation_id": reconciliation_id})


@answering
def forget_old(documents: Documents, before: datetime, limit: int) -> int:
    """Remove up to so many parts of reconciliations that came to no end. How many."""
    return forget_oldest(documents, PARTS, "at", before, limit)
