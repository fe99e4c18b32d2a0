"""Every invariant of CONSISTENCY, over the three stores: what the demo's report, tests and crash worlds end with.

The apps can't see each other's database; this tool can, and changes nothing. What one database can check alone is in
`inventory_db.invariants` and `customer_db.invariants`; what takes more than one store is what a reconciliation compares,
but for the events, of which this tool sees both sides at once.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from customer_app.chalicelib.services.reconciliations import Comparison, Moments
from fulfillment_app.chalicelib.services import document_checks, route_checks
from fulfillment_app.chalicelib.services.route_checks import Period
from online_kart.checks import VIOLATIONS_SHOWN_MAX, violations
from online_kart.customer_db import invariants as customer_invariants
from online_kart.documents import order_log, price_changes
from online_kart.documents.collection import Documents
from online_kart.domain.invariants import INVARIANTS, Violation
from online_kart.domain.reconciliation import Findings
from online_kart.inventory_db import (
    invariants as inventory_invariants,
    reconciliations as inventory_copies,
)
from online_kart.messaging.rules import RULES

from .reading import Broken, Finding, Reading, Stores


@dataclass(frozen=True)
class Outcome:
    """One invariant, and what breaks it: nothing, one hopes. `checked` says what was looked at."""

    invariant: int
    says: str
    checked: str
    violations: tuple[Violation, ...]

    @property
    def holds(self) -> bool:
        return not self.violations


def check_all(stores: Stores) -> list[Outcome]:
    """Every invariant, at rest: call it when nothing is under way between two steps (see `at_rest`)."""
    found: dict[int, list[Violation]] = {number: [] for number in INVARIANTS}
    looked_at: dict[int, list[str]] = {number: [] for number in INVARIANTS}
    alone = (
        ("inventory", stores.inventory, inventory_invariants.CHECKS),
        ("customer", stores.customer, customer_invariants.CHECKS),
    )
    for name, conn, checks in alone:
        for violation in violations(conn, checks, at_rest=True):
            found[violation.invariant].append(violation)
        for number, count in Counter(check.invariant for check in checks).items():
            looked_at[number].append(f"{count} queries ({name})")
    reading = Reading(stores)
    for number, check in ACROSS:
        says, broken = check(reading)
        looked_at[number].append(says)
        found[number] += [
            Violation(invariant=number, key=key, detail=detail)
            for key, detail in broken[:VIOLATIONS_SHOWN_MAX]
        ]
    return [
        Outcome(number, says, ", ".join(looked_at[number]), tuple(found[number]))
        for number, says in INVARIANTS.items()
    ]


def at_rest(stores: Stores) -> bool:
    """Nothing waits to be sent, added up or served, and no machine is between two steps but those that wait for a truck."""
    queries = (
        (stores.inventory, "SELECT count(*) FROM outbox WHERE sent_at IS NULL"),
        (stores.inventory, "SELECT count(*) FROM item_availability_changes"),
        (
            stores.inventory,
            "SELECT count(*) FROM runs WHERE status = 'running' AND machine <> 'move_batch'",
        ),
        (stores.customer, "SELECT count(*) FROM outbox WHERE sent_at IS NULL"),
        (
            stores.customer,
            "SELECT count(*) FROM orders WHERE status IN ('placed', 'cancelling')",
        ),
    )
    return all(conn.execute(query).fetchone() == (0,) for conn, query in queries)


ALL = Period(datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
"""At rest nothing is left out."""


def _comparison(reading: Reading) -> Comparison:
    return Comparison(reading.customer, Moments(ALL.before, ALL.since, ALL.since))


def _broken(findings: Findings) -> Broken:
    return [(each.key, each.detail) for each in findings.kept]


def _holders(reading: Reading) -> Finding:
    """4: no reservation or package is left of an order that was rejected or cancelled, or that nobody placed."""
    compared = _comparison(reading)
    compared.holders(inventory_copies.held_for_orders(reading.inventory, *ALL))
    return f"{_checked(compared.findings)} reservations and packages", _broken(compared.findings)


def _packages_of_lines(reading: Reading) -> Finding:
    """5: an order's lines, told by the customer side, against packages of the inventory side."""
    compared = _comparison(reading)
    compared.lines(inventory_copies.packed(reading.inventory, *ALL))
    return f"{_checked(compared.findings)} order lines in two databases", _broken(compared.findings)


def _checked(findings: Findings) -> int:
    return sum(each.checked for each in findings.counted())


def _inboxes(reading: Reading) -> Finding:
    """7: each consumer has handled exactly the events that concern it.

    `project_seller_sales` is checked with its copy (12); a run that `start_run` did not start leaves an order
    undecided (4), a batch without a run (4) or tables that are out of date (8).
    """
    told = {
        str(event_id): type_
        for conn in (reading.inventory, reading.customer)
        for event_id, type_ in conn.execute("SELECT event_id, type FROM outbox")
    }
    handled = {
        "project_catalog": _inbox(reading.customer, "project_catalog"),
        "track_packages": _inbox(reading.customer, "track_packages"),
        "track_returns": _inbox(reading.customer, "track_returns"),
        "confirm_reservations": _inbox(reading.inventory, "confirm_reservations"),
        "take_returns": _inbox(reading.inventory, "take_returns"),
        "log_orders": _ids(reading.documents, order_log.LOG),
        "log_price_changes": _ids(reading.documents, price_changes.PRICE_CHANGES),
    }
    all_are_kept = _has_every_event(reading.inventory) and _has_every_event(reading.customer)
    broken = []
    for consumer, known in handled.items():
        wanted = {event_id for event_id, type_ in told.items() if type_ in RULES[consumer]}
        broken += [(consumer, f"never heard event {key}") for key in sorted(wanted - known)]
        if all_are_kept:
            broken += [(consumer, f"heard unknown event {key}") for key in sorted(known - wanted)]
    return f"{len(told)} events by {len(handled)} consumers", broken


def _has_every_event(conn: Connection[Any]) -> bool:
    """False where some were forgotten, as they are some time after they were sent: then what is unknown may be old."""
    return conn.execute("SELECT FROM forgotten WHERE what = 'outbox'").rowcount == 0


def _inbox(conn: Connection[Any], consumer: str) -> set[str]:
    rows = conn.execute("SELECT event_id::text FROM inbox WHERE consumer = %s", (consumer,))
    return {row[0] for row in rows}


def _ids(documents: Documents, collection: str) -> set[str]:
    return {str(found["_id"]) for found in documents[collection].find({}, {"_id": 1})}


def _walks(reading: Reading) -> Finding:
    findings = Findings()
    return route_checks.walks(reading, findings), _broken(findings)


def _pincodes(reading: Reading) -> Finding:
    findings = Findings()
    return route_checks.pincodes(reading, findings), _broken(findings)


def _paths(reading: Reading) -> Finding:
    findings = Findings()
    return route_checks.paths(reading, findings, ALL), _broken(findings)


def _copies(reading: Reading) -> Finding:
    """12: C6 and C7 against the catalog, C5 against the packages, documents against what they are made from.

    Also where the copy is newer than its source: at rest there is nothing that it could know better.
    """
    compared = _comparison(reading)
    for table in inventory_copies.CATALOG:
        compared.catalog(table, inventory_copies.catalog_rows(reading.inventory, table))
    compared.packages(inventory_copies.packages(reading.inventory, *ALL))
    rows = _checked(compared.findings)
    looked_at = [
        check(reading.inventory, reading.documents, compared.findings, ALL)
        for check in (
            document_checks.sales,
            document_checks.logs,
            document_checks.prices,
            document_checks.announcements,
        )
    ]
    doubts = [(f"{each.kind} {each.key}", each.detail) for each in compared.doubts]
    found = [(each.row, each.detail) for each in compared.findings.kept if each.invariant == 12]
    return f"{rows} rows of C5, C6 and C7, {', '.join(looked_at)}", [*found, *doubts]


ACROSS: tuple[tuple[int, Callable[[Reading], Finding]], ...] = (
    (4, _holders),
    (5, _packages_of_lines),
    (7, _inboxes),
    (8, _walks),
    (9, _pincodes),
    (10, _paths),
    (12, _copies),
)
