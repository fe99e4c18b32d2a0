"""Comparing the stores, and repairing what has one right answer.

The sides can't read each other's database: each puts what it knows into the document store, the customer side compares,
and this side reports and repairs. A copy that differs is repaired by telling of its source again, with a new version, so
that the repair takes the same way as any change. What breaks an invariant needs a person: it is reported, never touched.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from pymongo.database import Database

from online_kart.checks import violations
from online_kart.crashpoints import crashpoint
from online_kart.documents import reconciliations as parts
from online_kart.domain.errors import NotFound
from online_kart.domain.events import ReconciliationRequested
from online_kart.domain.invariants import INVARIANTS
from online_kart.domain.reconciliation import Reconciliation
from online_kart.inventory_db import invariants, reconciliations
from online_kart.messaging import outbox

from . import copies

Documents = Database[dict[str, Any]]
Report = dict[str, Any]

REPAIRED_AT_ONCE_MAX = 1_000
PACKAGES_COMPARED_FOR = timedelta(days=30)
"""Packages at their end are compared for this long after: what told of the end may have got lost."""


def request(conn: Connection[Any], now: datetime) -> UUID:
    """Ask for a reconciliation; the event starts its run."""
    reconciliation_id = uuid4()
    with conn.transaction():
        reconciliations.insert(conn, reconciliation_id, now)
        outbox.append(
            conn, ReconciliationRequested(occurred_at=now, reconciliation_id=reconciliation_id)
        )
        crashpoint("request_reconciliation.written")
    crashpoint("request_reconciliation.committed")
    return reconciliation_id


def by_id(conn: Connection[Any], reconciliation_id: UUID) -> Reconciliation:
    """Raises NotFound."""
    found = reconciliations.by_id(conn, reconciliation_id)
    if found is None:
        raise NotFound("reconciliation", reconciliation_id)
    return found


def listed(
    conn: Connection[Any], after: tuple[datetime, UUID] | None, limit: int
) -> list[Reconciliation]:
    """The newest first."""
    return reconciliations.listed(conn, after, limit)


def compare_inventory(
    conn: Connection[Any], documents: Documents, reconciliation_id: UUID, now: datetime
) -> None:
    """Check this side, and lay out what the other side's copies should be. Safe to repeat."""
    key = str(reconciliation_id)
    found = violations(conn, invariants.CHECKS, at_rest=False)
    parts.put_rows(
        documents,
        key,
        "inventory violations",
        {str(n): [v.invariant, v.key, v.detail] for n, v in enumerate(found)},
        now,
    )
    crashpoint("compare_inventory.violations_put")
    for table, rows in reconciliations.catalog_copy(conn).items():
        parts.put_rows(documents, key, f"source of {table}", rows, now)
        crashpoint("compare_inventory.rows_put")
    packages = reconciliations.package_copy(conn, now - PACKAGES_COMPARED_FOR)
    parts.put_rows(documents, key, "source of packages", packages, now)
    crashpoint("compare_inventory.packages_put")


def report(
    conn: Connection[Any], documents: Documents, reconciliation_id: UUID, now: datetime
) -> Report:
    """What both sides found, by invariant and by copy; kept with the reconciliation. Safe to repeat."""
    key = str(reconciliation_id)
    broken = [
        {"invariant": row[0], "key": row[1], "detail": row[2]}
        for side in ("inventory", "customer")
        for row in parts.rows_of(documents, key, f"{side} violations").values()
    ]
    counts = Counter(int(entry["invariant"]) for entry in broken)
    found = parts.rows_of(documents, key, "differences")
    content: Report = {
        "invariants": [
            {"invariant": number, "says": says, "broken": counts[number]}
            for number, says in INVARIANTS.items()
        ],
        "needs_a_person": broken,
        "differences": [
            {"table": row[0], "key": row[1], "source": row[2], "copy": row[3]}
            for row in found.values()
        ],
        "repaired": 0,
    }
    reconciliations.keep_report(conn, reconciliation_id, content)
    crashpoint("report_differences.committed")
    return content


def repair(
    conn: Connection[Any], documents: Documents, reconciliation_id: UUID, now: datetime
) -> int:
    """Tell again of every source whose copy differs; how many. A second run finds it finished and repairs nothing."""
    with conn.transaction():
        repaired = _repair(conn, documents, reconciliation_id, now)
        crashpoint("repair_differences.written")
    crashpoint("repair_differences.committed")
    parts.forget(documents, str(reconciliation_id))
    crashpoint("repair_differences.forgotten")
    return repaired


def _repair(
    conn: Connection[Any], documents: Documents, reconciliation_id: UUID, now: datetime
) -> int:
    known = reconciliations.lock(conn, reconciliation_id)
    if known is None:
        raise NotFound("reconciliation", reconciliation_id)
    content = known.report or {}
    if known.status == "finished":
        return int(content["repaired"])
    repaired = 0
    for difference in content.get("differences", [])[:REPAIRED_AT_ONCE_MAX]:
        repaired += copies.tell_again(conn, documents, difference["table"], difference["key"], now)
    reconciliations.finish(conn, reconciliation_id, {**content, "repaired": repaired}, now)
    return repaired


def fail(conn: Connection[Any], reconciliation_id: UUID, now: datetime) -> None:
    """A step failed for good: nothing was repaired, and a person who asks is told so. A repeat changes nothing."""
    reconciliations.fail(conn, reconciliation_id, now)
    crashpoint("fail_reconciliation.committed")
