"""What each side reports to a reconciliation: the databases can't read each other, so they meet here.

A report is rows in documents of at most ROWS_MAX each, so that a large catalog passes no size limit.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import IndexModel

from .collection import Collection, Documents

PARTS = "reconciliation_parts"
ROWS_MAX = 5_000

COLLECTIONS = (
    Collection(
        PARTS,
        {
            "_id": "string",
            "reconciliation_id": "string",
            "subject": "string",
            "rows": "array",
            "at": "date",
        },
        (IndexModel([("reconciliation_id", 1), ("subject", 1)]),),  # `rows_of`
    ),
)


def put_rows(
    documents: Documents,
    reconciliation_id: str,
    subject: str,
    rows: Mapping[str, Sequence[Any]],
    now: datetime,
) -> None:
    """Write, or write again, what a side found of a subject: key → values."""
    listed = [[key, *values] for key, values in sorted(rows.items())]
    for number, start in enumerate(range(0, max(len(listed), 1), ROWS_MAX)):
        documents[PARTS].replace_one(
            {"_id": f"{reconciliation_id}:{subject}:{number}"},
            {
                "reconciliation_id": reconciliation_id,
                "subject": subject,
                "rows": listed[start : start + ROWS_MAX],
                "at": now,
            },
            upsert=True,
        )


def rows_of(documents: Documents, reconciliation_id: str, subject: str) -> dict[str, list[Any]]:
    """What was found of the subject: key → values. Empty where nobody reported."""
    found = documents[PARTS].find({"reconciliation_id": reconciliation_id, "subject": subject})
    return {row[0]: row[1:] for part in found for row in part["rows"]}


def forget(documents: Documents, reconciliation_id: str) -> None:
    """The parts served their purpose: the report is in the inventory database."""
    documents[PARTS].delete_many({"reconciliation_id": reconciliation_id})
