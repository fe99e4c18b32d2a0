"""Comparing the three stores: what both sides check, the report, and the repair of what has one right answer.

The sides can't read each other's database: each puts what it knows into the document store, the customer side compares,
and this side reports. Then each side repairs its own (see `repairs`). What nobody can decide by rows alone is reported,
never touched. Nothing is judged that changed in the last SETTLED_AFTER before it was asked for: it may be under way.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from online_kart.checks import examine
from online_kart.crashpoints import crashpoint
from online_kart.documents import reconciliations as parts
from online_kart.documents.collection import Documents, in_groups
from online_kart.domain.errors import NotFound
from online_kart.domain.events import ReconciliationRequested
from online_kart.domain.reconciliation import (
    FINDINGS_KEPT_MAX,
    UNKNOWN,
    Doubt,
    Finding,
    Findings,
    Reconciliation,
    Report,
    report as report_of,
)
from online_kart.inventory_db import invariants, reconciliations, route_builds, sources
from online_kart.messaging import inbox, outbox
from online_kart.messaging.rules import CONSUMERS_BY_APP, HEARD_OF_CUSTOMERS, RULES
from online_kart.postgres import retrying

from . import document_checks, repairs, route_checks
from .repairs import Repairing, repaired
from .route_checks import InForce, Period

SETTLED_AFTER = timedelta(minutes=10)
"""What takes longer between two stores is late: the longest machine that changes an order lives five minutes."""

COMPARED_FOR = timedelta(days=30)
"""Packages at their end, and their documents, are compared for this long after: what told of the end may have got lost."""

EVENTS_COMPARED_FOR = timedelta(days=3)
"""A reconciliation runs each day; so each event is looked at by three. They are remembered for 14 days."""

SIDES = ("inventory", "customer", "decided")
"""Who finds: this side, the other one, and this one about what the other could not decide."""

DOUBTS_AT_ONCE = 500
REPAIRED_AT_ONCE = 100
"""Findings whose rows are locked together."""

PAIRS_WALKED_MAX = 200_000
"""All 152,490 of the Indian network; of a larger one, ways to every n-th FC."""


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


# Comparing


def compare_inventory(
    conn: Connection[Any], documents: Documents, reconciliation_id: UUID, now: datetime
) -> None:
    """Check this side, and lay out what the other side's copies should be. Safe to repeat. Raises NotFound."""
    before = by_id(conn, reconciliation_id).requested_at - SETTLED_AFTER
    findings = Findings()
    _check_rows(conn, findings, before)
    _check_documents(conn, documents, findings, before)
    _check_routes(conn, documents, findings, Period(before - COMPARED_FOR, before))
    parts.put_findings(documents, str(reconciliation_id), "inventory", findings, now)
    crashpoint("compare_inventory.findings_put")
    _lay_out(conn, documents, str(reconciliation_id), before, now)


def _check_rows(conn: Connection[Any], findings: Findings, before: datetime) -> None:
    for each in examine(conn, invariants.CHECKS, before, FINDINGS_KEPT_MAX):
        findings.examined(each.checked, each.broken, each.check, each.shown)


def _check_documents(
    conn: Connection[Any], documents: Documents, findings: Findings, before: datetime
) -> None:
    lately, recently = before - EVENTS_COMPARED_FOR, before - COMPARED_FOR
    for check in (document_checks.sales, document_checks.orphan_paths):
        check(conn, documents, findings, Period(recently, before))
    for check in (
        document_checks.logs,
        document_checks.unknown_prices,
        document_checks.prices,
        document_checks.announcements,
    ):
        check(conn, documents, findings, Period(lately, before))
    document_checks.lost_announcements(documents, findings, Period(recently, before))


def _check_routes(
    conn: Connection[Any], documents: Documents, findings: Findings, period: Period
) -> None:
    """Tables are compared with the network where no build is under way that makes them equal.

    Nor where a pincode is served twice: that was found by its query, and is no network that tables can be made of.
    """
    reading = InForce(conn, documents)
    is_network = all(each.subject != "pincode ranges" for each in findings.kept)
    if is_network and not route_builds.is_any_under_way(conn):
        route_checks.walks(reading, findings, PAIRS_WALKED_MAX)
        if not reading.lost_tables:
            route_checks.pincodes(reading, findings)
    route_checks.paths(reading, findings, period)


def _lay_out(
    conn: Connection[Any], documents: Documents, key: str, before: datetime, now: datetime
) -> None:
    """What the customer side compares its rows with."""
    since, lately = before - COMPARED_FOR, before - EVENTS_COMPARED_FOR
    heard_by_customers = CONSUMERS_BY_APP["customer_app"]
    laid_out = {
        "moments": iter([("", [before.isoformat(), since.isoformat(), lately.isoformat()])]),
        **{
            f"source of {table}": reconciliations.catalog_rows(conn, table)
            for table in reconciliations.CATALOG
        },
        "source of packages": reconciliations.packages(conn, since, before),
        "packed": reconciliations.packed(conn, since, before),
        "held for orders": reconciliations.held_for_orders(conn, since, before),
        "told": _told(conn, heard_by_customers, lately, before),
        "heard": (
            (row[0], [row[1][0].isoformat()])
            for row in inbox.heard(conn, HEARD_OF_CUSTOMERS, lately)
        ),
    }
    for subject, rows in laid_out.items():
        parts.put_rows(documents, key, subject, rows, now)
        crashpoint("compare_inventory.rows_put")


def _told(
    conn: Connection[Any], consumers: tuple[str, ...], since: datetime, before: datetime
) -> Iterator[tuple[str, list[Any]]]:
    """ "<consumer> <event id>" of every event that the consumers should have heard."""
    for consumer in sorted(consumers):
        for event_id, _ in outbox.told(conn, RULES[consumer], since, before):
            yield f"{consumer} {event_id}", []


# Reporting


def report(
    conn: Connection[Any], documents: Documents, reconciliation_id: UUID, now: datetime
) -> Report:
    """What both sides counted and found, by invariant; kept with the reconciliation. Safe to repeat.

    What the customer side could not decide alone is decided first.
    """
    key = str(reconciliation_id)
    findings = Findings()
    doubts = (Doubt(kind, *values) for kind, values in parts.rows_of(documents, key, "doubts"))
    for some in in_groups(doubts, DOUBTS_AT_ONCE):
        _decide(conn, findings, some)
    parts.put_findings(documents, key, "decided", findings, now)
    found = [each for side in SIDES for each in parts.findings_of(documents, key, side)]
    content = _report(documents, key, found)
    reconciliations.keep_report(conn, reconciliation_id, content)
    crashpoint("report_differences.committed")
    return content


def _report(documents: Documents, key: str, found: Sequence[Finding]) -> Report:
    counted = [each for side in SIDES for each in parts.counts_of(documents, key, side)]
    return report_of(counted, found, repairs.REPAIRS.keys() | repairs.REPAIRED_BY_CUSTOMER_SIDE)


def _decide(conn: Connection[Any], findings: Findings, doubts: Sequence[Doubt]) -> None:
    """Add those that are right."""
    packages = [doubt.key for doubt in doubts if doubt.kind == "package"]
    events = [_event_of(doubt) for doubt in doubts if doubt.kind == "event"]
    known, told = reconciliations.known_packages(conn, packages), outbox.known(conn, events)
    for doubt in doubts:
        if doubt.kind == "package":
            if doubt.key not in known:
                findings.add(12, "unknown packages", doubt.key, doubt.detail)
        elif doubt.kind == "event":
            if _event_of(doubt) not in told:
                findings.add(7, UNKNOWN, doubt.key, doubt.detail)
        elif sources.version_of(conn, doubt.kind, doubt.key) < doubt.version:
            findings.add(12, doubt.kind, doubt.key, doubt.detail)


def _event_of(doubt: Doubt) -> str:
    return doubt.key.split(" ")[1]


# Repairing


def repair(
    conn: Connection[Any], documents: Documents, reconciliation_id: UUID, now: datetime
) -> int:
    """Make right what has one right answer; how many findings. A second run finds it finished and repairs nothing.

    In transactions of a few findings each: one that is cut short goes on where it was. Raises NotFound.
    """
    key = str(reconciliation_id)
    doubts = {f"{kind} {row[0]}": row[1] for kind, row in parts.rows_of(documents, key, "doubts")}
    versions = {row: each for row, (each,) in parts.rows_of(documents, key, "versions of copies")}
    by_customer_side = {row[0] for row in parts.rows_of(documents, key, "repaired")}
    work = Repairing(conn, documents, versions | doubts, now)
    while not retrying(partial(_repair_some, work, reconciliation_id, by_customer_side)):
        pass
    crashpoint("repair_differences.committed")
    parts.forget(documents, key)
    crashpoint("repair_differences.forgotten")
    done = by_id(conn, reconciliation_id).report
    return sum(each.repaired for each in done.invariants) if done else 0


def _repair_some(
    work: Repairing, reconciliation_id: UUID, by_customer_side: Collection[str]
) -> bool:
    """The next REPAIRED_AT_ONCE findings. Whether the reconciliation is finished."""
    with work.conn.transaction():
        known = reconciliations.lock(work.conn, reconciliation_id)
        if known is None:
            raise NotFound("reconciliation", reconciliation_id)
        if known.status == "finished" or known.report is None:
            return True
        found, tried = list(known.report.findings), 0
        for n, finding in enumerate(found):
            if finding.outcome == "found" and tried < REPAIRED_AT_ONCE:
                tried += 1
                is_right = finding.row in by_customer_side or repaired(work, finding)
                outcome = "repaired" if is_right else "needs a person"
                found[n] = finding.model_copy(update={"outcome": outcome})
        content = _report(work.documents, str(reconciliation_id), found)
        if tried:
            reconciliations.keep_report(work.conn, reconciliation_id, content)
        else:
            reconciliations.finish(work.conn, reconciliation_id, content, work.now)
        crashpoint("repair_differences.written")
    return not tried


def fail(conn: Connection[Any], reconciliation_id: UUID, now: datetime) -> None:
    """A step failed for good: what was not repaired yet stays as it is, and a person who asks is told so.

    A repeat changes nothing.
    """
    reconciliations.fail(conn, reconciliation_id, now)
    crashpoint("fail_reconciliation.committed")
