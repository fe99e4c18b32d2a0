"""Every invariant of CONSISTENCY, over the three stores: what the demo's report, tests and crash worlds end with.

The apps can't see each other's database; this tool can, and changes nothing. What one database can check alone is in
`inventory_db.invariants` and `customer_db.invariants`; here is what takes more than one store.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from psycopg import Connection

from online_kart.checks import violations
from online_kart.customer_db import (
    invariants as customer_invariants,
    reconciliations as customer_copies,
)
from online_kart.documents import (
    order_log,
    package_paths,
    price_changes,
    route_tables,
    seller_sales,
)
from online_kart.documents.collection import Documents
from online_kart.domain.invariants import INVARIANTS, Violation
from online_kart.domain.network import LegKey, Network
from online_kart.domain.reconciliation import differences
from online_kart.domain.routes import PlannedLeg, PlannedPath, RouteTable
from online_kart.inventory_db import (
    facilities,
    invariants as inventory_invariants,
    reconciliations as inventory_copies,
)
from online_kart.messaging.rules import RULES
from online_kart.routing.forwarding import Forwarding

UNDER_WAY = ["planned", "in_transit", "out_for_delivery", "returning"]
SHOWN_MAX = 50


@dataclass(frozen=True)
class Stores:
    inventory: Connection[Any]
    customer: Connection[Any]
    documents: Documents


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
    for number, check in ACROSS:
        says, broken = check(stores)
        looked_at[number].append(says)
        found[number] += [
            Violation(invariant=number, key=key, detail=detail) for key, detail in broken
        ]
    return [
        Outcome(number, says, ", ".join(looked_at[number]), tuple(found[number]))
        for number, says in INVARIANTS.items()
    ]


Broken = list[tuple[str, str]]
Finding = tuple[str, Broken]
"""What was looked at, and (key, detail) of what is broken."""


def at_rest(stores: Stores) -> bool:
    """Nothing waits to be sent, added up or served."""
    queries = (
        (stores.inventory, "SELECT count(*) FROM outbox WHERE sent_at IS NULL"),
        (stores.inventory, "SELECT count(*) FROM item_availability_changes"),
        (stores.customer, "SELECT count(*) FROM outbox WHERE sent_at IS NULL"),
        (
            stores.customer,
            "SELECT count(*) FROM orders WHERE status IN ('placed', 'cancelling')",
        ),
    )
    return all(conn.execute(query).fetchone() == (0,) for conn, query in queries)


def _packages_of_lines(stores: Stores) -> Finding:
    """5: an order's lines, told by the customer side, against packages of the inventory side."""
    ordered = stores.customer.execute(
        """
        SELECT order_id::text || ' ' || line_no, quantity FROM orders JOIN order_lines USING (order_id)
         WHERE status IN ('confirmed', 'finished')
        """
    ).fetchall()
    packed = dict(
        stores.inventory.execute(
            """
            SELECT order_id::text || ' ' || line_no, sum(quantity) FROM packages JOIN package_lines USING (package_id)
             WHERE status <> 'cancelled' GROUP BY order_id, line_no
            """
        ).fetchall()
    )
    broken = [
        (f"order line {key}", f"{quantity} ordered, {packed.get(key, 0)} in packages")
        for key, quantity in ordered
        if packed.get(key, 0) != quantity
    ]
    return f"{len(ordered)} order lines in two databases", broken


def _holders(stores: Stores) -> Finding:
    """4: no reservation or package is left of an order that was rejected or cancelled."""
    over = [
        row[0]
        for row in stores.customer.execute(
            "SELECT order_id FROM orders WHERE status IN ('rejected', 'cancelled')"
        )
    ]
    left = stores.inventory.execute(
        """
        SELECT order_id::text, 'units held in ' || fc_code FROM reservations
         WHERE order_id = ANY(%(over)s) AND status IN ('held', 'confirmed')
        UNION ALL
        SELECT order_id::text, 'a package that is ' || status FROM packages
         WHERE order_id = ANY(%(over)s) AND status IN ('planned', 'out_for_delivery')
        """,
        {"over": over},
    ).fetchall()
    return f"{len(over)} rejected or cancelled orders", [(f"order {key}", why) for key, why in left]


def _inboxes(stores: Stores) -> Finding:
    """7: each consumer has handled exactly the events that concern it."""
    told = [
        (str(event_id), type_)
        for conn in (stores.inventory, stores.customer)
        for event_id, type_ in conn.execute("SELECT event_id, type FROM outbox")
    ]
    handled = {
        "project_catalog": _inbox(stores.customer, "project_catalog"),
        "track_packages": _inbox(stores.customer, "track_packages"),
        "confirm_reservations": _inbox(stores.inventory, "confirm_reservations"),
        "log_orders": _ids(stores.documents, order_log.LOG),
        "log_price_changes": _ids(stores.documents, price_changes.PRICE_CHANGES),
    }
    broken = []
    for consumer, known in handled.items():
        wanted = {event_id for event_id, type_ in told if type_ in RULES[consumer]}
        broken += [(f"{consumer}", f"never heard event {key}") for key in sorted(wanted - known)]
        broken += [(f"{consumer}", f"heard unknown event {key}") for key in sorted(known - wanted)]
    return f"{len(told)} events by {len(handled)} consumers", broken[:SHOWN_MAX]


def _inbox(conn: Connection[Any], consumer: str) -> set[str]:
    rows = conn.execute("SELECT event_id::text FROM inbox WHERE consumer = %s", (consumer,))
    return {row[0] for row in rows}


def _ids(documents: Documents, collection: str) -> set[str]:
    return {str(found["_id"]) for found in documents[collection].find({}, {"_id": 1})}


def _tables(stores: Stores) -> dict[str, RouteTable]:
    """Every table of the version in force."""
    version = route_tables.current_version(stores.documents)
    manifest = route_tables.manifest(stores.documents, version)
    return {
        code: route_tables.table_in(stores.documents, code, manifest) for code in manifest.tables
    }


def _network(stores: Stores, hop_limit: int) -> Network:
    return facilities.network(stores.inventory, hop_limit)


def _walks(stores: Stores) -> Finding:
    """8: from every FC to every FC, table by table."""
    tables = _tables(stores)
    fcs = sorted(code for code, table in tables.items() if not table.is_hub)
    if not fcs:
        return "no route tables", []
    network = _network(stores, tables[fcs[0]].hop_limit)
    broken: Broken = []
    walked = 0
    for destination in fcs:
        forwarding = Forwarding(tables.__getitem__, destination)
        for origin in fcs:
            walked += 1
            broken += _wrong_walk(forwarding, network, origin, destination)
    return f"{walked} pairs walked", broken[:SHOWN_MAX]


def _wrong_walk(
    forwarding: Forwarding, network: Network, origin: str, destination: str
) -> Iterator[tuple[str, str]]:
    key = f"{origin} to {destination}"
    promised = forwarding.choice(origin, network.hop_limit)
    path = forwarding.path(origin)
    if origin == destination or promised is None:
        return
    if path is None:
        yield key, "promised, but the walk ends nowhere"
        return
    if len(set(path.facilities)) != len(path.facilities):
        yield key, f"a facility twice: {path.facilities}"
    if path.minutes > promised.minutes:
        yield key, f"{path.minutes} minutes, {promised.minutes} promised"
    yield from ((key, f"no leg {leg}") for leg in path.legs if not _exists(leg, network))
    if _legs_without_a_hub(path, network) > network.hop_limit:
        yield key, f"more than {network.hop_limit} legs without a hub: {path.facilities}"


def _exists(leg: PlannedLeg, network: Network) -> bool:
    return LegKey(leg.origin, leg.destination, leg.mode) in network.by_key


def _legs_without_a_hub(path: PlannedPath, network: Network) -> int:
    """The most legs in a row between two hubs, or a hub and an end."""
    most = hops = 0
    for leg in path.legs:
        hops += 1
        most = max(most, hops)
        if network.by_code[leg.destination].is_hub:
            hops = 0
    return most


def _pincodes(stores: Stores) -> Finding:
    """9: what each FC's own table says it serves is what the database says, sorted and disjoint."""
    tables = _tables(stores)
    network = _network(stores, 4)
    broken: Broken = []
    ranges = 0
    for code, table in sorted(tables.items()):
        if table.is_hub:
            continue
        ours = [tuple(pair) for pair in table.own_ranges]
        served = sorted(tuple(pair) for pair in network.by_code[code].pincode_ranges)
        ranges += len(ours)
        if ours != _merged(served):
            broken.append((code, "table and database disagree on its pincodes"))
    everywhere = sorted(
        (first, last, code)
        for code, table in tables.items()
        if not table.is_hub
        for first, last in table.own_ranges
    )
    for (_, last, code), (first, _, other) in pairwise(everywhere):
        if first <= last:
            broken.append((f"{first}", f"served by {code} and {other}"))
    return f"{ranges} ranges in tables and database", broken[:SHOWN_MAX]


def _merged(ranges: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    merged: list[tuple[int, ...]] = []
    for first, last in ranges:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _paths(stores: Stores) -> Finding:
    """10: what is still ahead of a package exists. Also: its path (D3) says what its row says."""
    rows = stores.inventory.execute(
        """
        SELECT package_id, status, version, at_facility FROM packages WHERE status = ANY(%(under_way)s)
        """,
        {"under_way": UNDER_WAY},
    ).fetchall()
    gone = {
        row[0]
        for row in stores.inventory.execute("SELECT code FROM facilities WHERE status = 'closed'")
    }
    known = {row[0] for row in stores.inventory.execute("SELECT code FROM facilities")}
    paths = {p.package_id: p for p in package_paths.by_ids(stores.documents, [r[0] for r in rows])}
    broken: Broken = []
    for package_id, status, version, _ in rows:
        path = paths.get(package_id)
        if path is None:
            broken.append((f"package {package_id}", "has no path"))
            continue
        if (path.status, path.version) != (status, version):
            broken.append(
                (
                    f"package {package_id}",
                    f"row {status} {version}, path {path.status} {path.version}",
                )
            )
        ahead = {stop.facility for stop in path.stops if not stop.is_passed}
        for facility in sorted(ahead & gone | ahead - known):
            broken.append((f"package {package_id}", f"is to go through {facility}, which is gone"))
    return f"{len(rows)} packages under way", broken[:SHOWN_MAX]


def _copies(stores: Stores) -> Finding:
    """12: C6 and C7 against the catalog, C5 against the packages, D8 against the sales."""
    source = inventory_copies.catalog_copy(stores.inventory)
    copy = customer_copies.catalog_copy(stores.customer)
    different = [d for table in source for d in differences(table, source[table], copy[table])]
    broken = [(f"{d.table} {d.key}", f"source {d.source}, copy {d.copy_}") for d in different]
    statuses = dict(stores.inventory.execute("SELECT package_id, status FROM packages").fetchall())
    shown = stores.customer.execute("SELECT package_id, status FROM packages").fetchall()
    broken += [
        (f"package {key}", f"is {statuses.get(key)}, its customer sees {status}")
        for key, status in shown
        if statuses.get(key) != status
    ]
    sales = {str(row[0]) for row in stores.inventory.execute("SELECT sale_id FROM sales")}
    told = _ids(stores.documents, seller_sales.SELLER_SALES)
    broken += [(f"sale {key}", "is not in D8, or only there") for key in sorted(sales ^ told)]
    rows = sum(len(table) for table in source.values())
    says = f"{rows} rows of C6 and C7, {len(shown)} packages, {len(sales)} sales"
    return says, broken[:SHOWN_MAX]


ACROSS: tuple[tuple[int, Callable[[Stores], Finding]], ...] = (
    (4, _holders),
    (5, _packages_of_lines),
    (7, _inboxes),
    (8, _walks),
    (9, _pincodes),
    (10, _paths),
    (12, _copies),
)
