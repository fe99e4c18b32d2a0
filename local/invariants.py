"""Every invariant of CONSISTENCY, over the three stores: what the demo's report, tests and crash worlds end with.

The apps can't see each other's database; this tool can, and changes nothing. What one database can check alone is in
`inventory_db.invariants` and `customer_db.invariants`; here is what takes more than one store, and in `route_checks`
what takes the route tables and paths.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from online_kart.checks import VIOLATIONS_SHOWN_MAX, violations
from online_kart.customer_db import (
    invariants as customer_invariants,
    reconciliations as customer_copies,
)
from online_kart.documents import order_log, price_changes, seller_sales
from online_kart.documents.collection import Documents
from online_kart.domain.invariants import INVARIANTS, Violation
from online_kart.inventory_db import (
    invariants as inventory_invariants,
    reconciliations as inventory_copies,
)
from online_kart.messaging.rules import RULES

from . import route_checks
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


def _holders(reading: Reading) -> Finding:
    """4: no reservation or package is left of an order that was rejected or cancelled, or that nobody placed."""
    status_of = dict(reading.customer.execute("SELECT order_id, status FROM orders").fetchall())
    held = reading.inventory.execute(
        """
        SELECT order_id, 'units held in ' || fc_code FROM reservations
         WHERE status IN ('held', 'confirmed')
        UNION ALL
        -- what had left when it was called back returns
        SELECT order_id, 'a package that is ' || status FROM packages
         WHERE status NOT IN ('cancelled', 'returning', 'returned', 'lost')
        """
    ).fetchall()
    broken = [
        (f"order {order_id}", f"{status_of.get(order_id, 'unknown to the customer side')}: {what}")
        for order_id, what in held
        if status_of.get(order_id) in (None, "rejected", "cancelled")
    ]
    return f"reservations and packages of {len(status_of)} orders", broken


def _packages_of_lines(reading: Reading) -> Finding:
    """5: an order's lines, told by the customer side, against packages of the inventory side."""
    served = [
        row[0]
        for row in reading.customer.execute(
            "SELECT order_id FROM orders WHERE status IN ('confirmed', 'finished')"
        )
    ]
    ordered = _quantities(
        reading.customer,
        "SELECT order_id, line_no, quantity FROM order_lines WHERE order_id = ANY(%s)",
        served,
    )
    packed = _quantities(
        reading.inventory,
        """
        SELECT order_id, line_no, sum(quantity) FROM packages JOIN package_lines USING (package_id)
         WHERE status <> 'cancelled' AND order_id = ANY(%s) GROUP BY order_id, line_no
        """,
        served,
    )
    broken = [
        (f"order line {key}", f"{ordered.get(key, 0)} ordered, {packed.get(key, 0)} in packages")
        for key in sorted(ordered.keys() | packed.keys())
        if ordered.get(key, 0) != packed.get(key, 0)
    ]
    return f"{len(ordered)} order lines in two databases", broken


def _quantities(conn: Connection[Any], query: Any, orders: list[Any]) -> dict[str, int]:
    rows = conn.execute(query, [orders])
    return {f"{order_id} {line_no}": int(quantity) for order_id, line_no, quantity in rows}


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
        "confirm_reservations": _inbox(reading.inventory, "confirm_reservations"),
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


def _copies(reading: Reading) -> Finding:
    """12: C6 and C7 against the catalog, C5 against the packages, D8 against the sales."""
    source = inventory_copies.catalog_copy(reading.inventory)
    copy = customer_copies.catalog_copy(reading.customer)
    broken = [each for table in source for each in _unlike(table, source[table], copy[table])]
    statuses = dict(reading.inventory.execute("SELECT package_id, status FROM packages").fetchall())
    shown = reading.customer.execute("SELECT package_id, status FROM packages").fetchall()
    broken += [
        (f"package {key}", f"is {statuses.get(key)}, its customer sees {status}")
        for key, status in shown
        if statuses.get(key) != status
    ]
    sales = _sales(reading.inventory)
    broken += _unlike("sale", sales, _sold(reading.documents))
    rows = sum(len(table) for table in source.values())
    return f"{rows} rows of C6 and C7, {len(shown)} packages, {len(sales)} sales", broken


def _unlike(table: str, source: dict[str, list[Any]], copy: dict[str, list[Any]]) -> Broken:
    """Also where the copy is newer than its source: at rest there is nothing that it could know better."""
    return [
        (f"{table} {key}", f"source {source.get(key)}, copy {copy.get(key)}")
        for key in sorted(source.keys() | copy.keys())
        if source.get(key) != copy.get(key)
    ]


def _sales(conn: Connection[Any]) -> dict[str, list[Any]]:
    rows = conn.execute(
        "SELECT sale_id::text, seller_id::text, sku, fc_code, quantity, amount_paise FROM sales"
    )
    return {row[0]: list(row[1:]) for row in rows}


def _sold(documents: Documents) -> dict[str, list[Any]]:
    fields = ("seller_id", "sku", "fc_code", "quantity", "amount_paise")
    found = documents[seller_sales.SELLER_SALES].find({}, dict.fromkeys(fields, 1))
    return {each["_id"]: [each[field] for field in fields] for each in found}


ACROSS: tuple[tuple[int, Callable[[Reading], Finding]], ...] = (
    (4, _holders),
    (5, _packages_of_lines),
    (7, _inboxes),
    (8, route_checks.walks),
    (9, route_checks.pincodes),
    (10, route_checks.paths),
    (12, _copies),
)
