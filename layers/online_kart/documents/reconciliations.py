"""What each side reports to a reconciliation: the databases can't read each other, so they meet here.

A subject's rows are laid out in their order, in documents of at most ROWS_MAX each: neither side holds more of them at
a time, and a large catalog passes no size limit.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from pymongo import IndexModel

from ..domain.reconciliation import Counted, Finding, Findings
from .collection import NUMBER, Collection, Documents, answering, answering_each, forget_oldest

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
            IndexModel(
                [("reconciliation_id", 1), ("subject", 1), ("number", 1)]
            ),  # `put_rows`, `forget`
            IndexModel([("at", 1)]),  # `forget_old`
        ),
    ),
)


@answering
def put_rows(
    documents: Documents,
    reconciliation_id: str,
    subject: str,
    rows: Iterable[tuple[str, Sequence[Any]]],
    now: datetime,
) -> int:
    """Write, or write again, what a side found of a subject: (key, values), in the order of reading. How many."""
    rest, number, count = iter(rows), 0, 0
    while part := [[key, *values] for key, values in islice(rest, ROWS_MAX)]:
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
        number, count = number + 1, count + len(part)
    documents[PARTS].delete_many(  # of an earlier try, which found more
        {"reconciliation_id": reconciliation_id, "subject": subject, "number": {"$gte": number}}
    )
    return count


@answering_each
def rows_of(
    documents: Documents, reconciliation_id: str, subject: str
) -> Iterator[tuple[str, list[Any]]]:
    """What was found of the subject, in the order in which it was written. Nothing where nobody reported."""
    number = 0
    while part := _part(documents, reconciliation_id, subject, number):
        yield from ((row[0], row[1:]) for row in part)
        number += 1


@answering
def _part(
    documents: Documents, reconciliation_id: str, subject: str, number: int
) -> list[list[Any]]:
    found = documents[PARTS].find_one({"_id": f"{reconciliation_id}:{subject}:{number}"})
    return list(found["rows"]) if found else []


@answering
def put_findings(
    documents: Documents, reconciliation_id: str, side: str, findings: Findings, now: datetime
) -> None:
    """Write, or write again, what a side found and counted."""
    found = [(str(n), list(each.model_dump().values())) for n, each in enumerate(findings.kept)]
    put_rows(documents, reconciliation_id, f"{side} findings", found, now)
    counted = [(str(n), list(each)) for n, each in enumerate(findings.counted())]
    put_rows(documents, reconciliation_id, f"{side} counts", counted, now)


@answering
def findings_of(documents: Documents, reconciliation_id: str, side: str) -> list[Finding]:
    rows = rows_of(documents, reconciliation_id, f"{side} findings")
    fields = list(Finding.model_fields)
    return [Finding.model_validate(dict(zip(fields, values, strict=True))) for _, values in rows]


@answering
def counts_of(documents: Documents, reconciliation_id: str, side: str) -> list[Counted]:
    rows = rows_of(documents, reconciliation_id, f"{side} counts")
    return [Counted(*values) for _, values in rows]


@answering
def forget(documents: Documents, reconciliation_id: str) -> None:
    """The parts served their purpose: the report is in the inventory database."""
    documents[PARTS].delete_many({"reconciliation_id": reconciliation_id})


@answering
def forget_old(documents: Documents, before: datetime, limit: int) -> int:
    """Remove up to so many parts of reconciliations that came to no end. How many."""
    return forget_oldest(documents, PARTS, "at", before, limit)
