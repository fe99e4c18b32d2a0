"""Every kind of drift is injected into a sound world: it is found under its invariant and key; what has one right answer is
repaired, and nothing else is touched.
"""

import json
from collections.abc import Callable, Set
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from fulfillment_app.chalicelib.services import packages
from online_kart.documents import (
    order_log,
    package_paths,
    price_changes,
    route_tables,
    seller_sales,
    upcoming_shipments,
)
from online_kart.domain.invariants import INVARIANTS
from online_kart.planning.routes import current_routes
from tests.drifting import World, changed
from tests.networks import build

ALWAYS = {"inventory.reconciliations", "inventory.outbox", "customer.outbox"}
"""What every reconciliation may write: its report, and events."""

NOTED = {"inventory.inbox", "customer.inbox", f"documents.{order_log.LOG}", *ALWAYS}
"""What grows when events are told and heard."""

Found = Set[tuple[int, str]]
Inject = Callable[[World], Any]


class Drift(NamedTuple):
    """`found`: invariant and subject of each finding. `key` is how one finding's begins, with names of the world in braces.

    `writes`: what the repair writes besides ALWAYS; None: nothing has one right answer, and nothing is written. `people`:
    those of `found` that need a person where others are repaired.
    """

    inject: Inject
    found: Found
    key: str
    writes: set[str] | None = None
    people: Found = frozenset()

    @property
    def for_people(self) -> Found:
        return self.found if self.writes is None else self.people


def inventory(statement: str, *names: str) -> Inject:
    return lambda world: world.stores.inventory.execute(statement, _values(world, names) or None)


def customer(statement: str, *names: str) -> Inject:
    return lambda world: world.stores.customer.execute(statement, _values(world, names) or None)


def _values(world: World, names: tuple[str, ...]) -> list[Any]:
    return [getattr(world.names, name) for name in names]


def document(collection: str, change: dict[str, Any] | None, name: str | None = None) -> Inject:
    """Change a document of the collection, or remove it: the named one, or the first by its id."""

    def inject(world: World) -> None:
        documents = world.stores.documents[collection]
        wanted = {"_id": str(getattr(world.names, name))} if name else {}
        found = min(documents.find(wanted), key=lambda each: str(each["_id"]))
        if change is None:
            documents.delete_one({"_id": found["_id"]})
        else:
            documents.update_one({"_id": found["_id"]}, {"$set": change})

    return inject


def another(collection: str, **changes: Any) -> Inject:
    """A document like the first one, under an id of its own."""

    def inject(world: World) -> None:
        documents = world.stores.documents[collection]
        found = min(documents.find(), key=lambda each: str(each["_id"]))
        documents.insert_one({**found, "_id": str(NOBODY), **changes})

    return inject


NOBODY = UUID("00000000-0000-4000-8000-00000000dead")


def lost_entry(collection: str, **wanted: Any) -> Inject:
    def inject(world: World) -> None:
        found = world.stores.documents[collection].find_one(wanted)
        assert found is not None
        world.stores.documents[collection].delete_one({"_id": found["_id"]})

    return inject


def unheard(side: Callable[..., Inject], consumer: str) -> Inject:
    """Its last event, which says most."""
    return side(
        f"DELETE FROM inbox WHERE ctid = (SELECT max(ctid) FROM inbox WHERE consumer = '{consumer}')"
    )


def heard(side: Callable[..., Inject], consumer: str) -> Inject:
    return side(
        f"INSERT INTO inbox (consumer, event_id, handled_at) "
        f"SELECT '{consumer}', '{NOBODY}', max(handled_at) FROM inbox"
    )


def still_announced(world: World) -> None:
    """The first entry of a shipment's log, which has ended, is put back."""
    log = upcoming_shipments.log_of(world.stores.documents, world.names.received)
    upcoming_shipments.put(world.stores.documents, log[0].shipment)


def table_without_routes(world: World) -> None:
    documents = world.stores.documents
    manifest = route_tables.manifest(documents, route_tables.current_version(documents))
    key = {"_id": route_tables.document_id("BLR2", manifest.tables["BLR2"])}
    documents[route_tables.FC_TABLES].update_one(key, {"$set": {"default_routes": []}})


PATHS = f"documents.{package_paths.PATHS}"
STOCK = {"inventory.stock", "inventory.item_availability_changes"}
RECORDED = {"inventory.packages", "inventory.package_events", PATHS}
BUILD = {"inventory.route_builds"}
TABLES = f"documents.{route_tables.FC_TABLES}"
RESTORED = "inventory.item_availability"

DRIFTS: dict[str, Drift] = {
    # 1: reserved
    "more reserved than on hand": Drift(
        inventory(
            "ALTER TABLE stock DROP CONSTRAINT stock_is_not_oversold; "
            "UPDATE stock SET reserved = on_hand + 1 WHERE fc_code = 'BLR1'"
        ),
        {(1, "oversold"), (1, "reserved"), (3, "ledger")},
        "MUG BLR1 {seller}",
        STOCK,
    ),
    "more reserved than held": Drift(
        inventory("UPDATE stock SET reserved = reserved + 1 WHERE fc_code = 'BLR1'"),
        {(1, "reserved"), (3, "ledger")},
        "MUG BLR1 {seller}",
        STOCK,
    ),
    "a reservation of another quantity": Drift(
        inventory("UPDATE reservations SET quantity = quantity + 1 WHERE status = 'confirmed'"),
        {(1, "reserved"), (5, "package lines")},
        "MUG BLR1 {seller}",
    ),
    # 2 and 3: units and their ledger
    "a unit that vanished": Drift(
        inventory("UPDATE stock SET on_hand = on_hand - 1 WHERE fc_code = 'BLR1'"),
        {(2, "units"), (3, "on hand")},
        "MUG BLR1 {seller}",
    ),
    "a lost entry of the ledger": Drift(
        inventory(
            "ALTER TABLE stock_ledger DISABLE TRIGGER USER; "
            "DELETE FROM stock_ledger WHERE entry_id = (SELECT min(entry_id) FROM stock_ledger)"
        ),
        {(2, "units"), (3, "on hand")},
        "MUG {seller}",
    ),
    "an entry of the ledger by another number": Drift(
        inventory(
            "ALTER TABLE stock_ledger DISABLE TRIGGER USER; "
            "UPDATE stock_ledger SET reserved_change = reserved_change + 1 WHERE cause = 'release'"
        ),
        {(3, "ledger")},
        "MUG BLR1 {seller}",
    ),
    # 4: holders
    "a package in no batch": Drift(
        inventory("DELETE FROM batch_packages WHERE package_id = %s", "planned"),
        {(4, "holders")},
        "package {planned}",
    ),
    "a package on nobody's list": Drift(
        inventory("DELETE FROM deliveries"), {(4, "deliveries")}, "package {out_for_delivery}"
    ),
    "a batch without a run": Drift(
        inventory("UPDATE runs SET status = 'lost'"), {(4, "batch runs")}, "batch "
    ),
    "units held past their deadline": Drift(
        inventory("UPDATE reservations SET status = 'held' WHERE status = 'confirmed'"),
        {(4, "held units"), (5, "package lines")},
        "order {planned_order} line 1",
    ),
    "units held without a deadline": Drift(
        inventory(
            "UPDATE reservations SET status = 'held', held_until = 'infinity' WHERE status = 'confirmed'"
        ),
        {(4, "held units"), (5, "package lines")},
        "order {planned_order} line 1",
    ),
    "units confirmed for an order without a package": Drift(
        inventory("UPDATE packages SET status = 'cancelled' WHERE package_id = %s", "planned"),
        {
            (4, "confirmed units"),
            (5, "package lines"),
            (5, "packed lines"),
            (7, "package events"),
            (10, "package paths"),
            (12, "packages"),
        },
        "order {planned_order} line 1",
    ),
    "an order that is never decided": Drift(
        customer(
            "ALTER TABLE orders DROP CONSTRAINT rejected_order_says_why; "
            "UPDATE orders SET status = 'placed' WHERE status = 'rejected'"
        ),
        {(4, "undecided orders")},
        "order {rejected}",
    ),
    "a package of a cancelled order that goes on": Drift(
        customer("UPDATE orders SET status = 'cancelled' WHERE order_id = %s", "planned_order"),
        {(4, "orders"), (7, "order events")},
        "order {planned_order}",
    ),
    "units held for an order that nobody placed": Drift(
        inventory(
            f"UPDATE reservations SET order_id = '{NOBODY}' WHERE order_id = %s", "planned_order"
        ),
        {(4, "orders"), (4, "confirmed units"), (5, "package lines")},
        f"order {NOBODY}",
    ),
    "a finished order with a package under way": Drift(
        customer(
            "UPDATE packages SET status = 'in_transit', version = 1 WHERE package_id = %s",
            "delivered",
        ),
        {(4, "finished orders"), (12, "packages")},
        "order ",
        {"inventory.packages", "inventory.package_events", PATHS},
        {(4, "finished orders")},
    ),
    # 5: lines
    "a package with fewer units than ordered": Drift(
        inventory(
            "UPDATE package_lines SET quantity = quantity - 1 WHERE package_id = %s", "in_transit"
        ),
        {(2, "units"), (5, "package lines"), (5, "packed lines"), (12, "package rows")},
        "MUG {seller}",
    ),
    "a line that was not ordered": Drift(
        customer("DELETE FROM order_lines WHERE order_id = %s", "planned_order"),
        {(5, "packed lines")},
        "order line {planned_order} 1",
    ),
    # 6
    "two orders of one key": Drift(
        customer(
            """
            ALTER TABLE orders DROP CONSTRAINT one_order_a_key;
            UPDATE orders SET idempotency_key = 'key', customer_id = one.customer_id, address_id = one.address_id
              FROM (SELECT customer_id, address_id FROM addresses LIMIT 1) AS one
            """
        ),
        {(6, "idempotency keys")},
        "customer ",
    ),
    # 7: events
    "an event that is stuck": Drift(
        inventory("UPDATE outbox SET sent_at = NULL WHERE position = 1"), {(7, "outbox")}, "event "
    ),
    "an order's event that is stuck": Drift(
        customer("UPDATE outbox SET sent_at = NULL WHERE type = 'OrderFinished'"),
        {(7, "outbox")},
        "event ",
    ),
    "a step of a package that nobody noted": Drift(
        inventory("UPDATE packages SET version = version + 1 WHERE package_id = %s", "in_transit"),
        {(7, "package events"), (12, "packages")},
        "package {in_transit}",
    ),
    "an order's change without its event": Drift(
        customer("DELETE FROM outbox WHERE type = 'OrderRejected'"),
        {(7, "order events"), (7, "unknown events")},
        "order {rejected}",
    ),
    **{
        f"an event that {consumer} never heard": Drift(
            unheard(side, consumer), {(7, "unheard events")}, f"{consumer} ", set()
        )
        for consumer, side in (
            ("project_catalog", customer),
            ("track_packages", customer),
            ("confirm_reservations", inventory),
        )
    },
    **{
        f"an event that {consumer} heard, and nobody told": Drift(
            heard(side, consumer), {(7, "unknown events")}, f"{consumer} {NOBODY}"
        )
        for consumer, side in (("track_packages", customer), ("confirm_reservations", inventory))
    },
    "a lost entry of a package in the order log": Drift(
        lost_entry(order_log.LOG, what="PackageChanged"),
        {(7, "unheard events")},
        "log_orders ",
        set(),
    ),
    "a lost entry of an order in the order log": Drift(
        lost_entry(order_log.LOG, what="OrderPlaced"), {(7, "unheard events")}, "log_orders ", set()
    ),
    "a lost price": Drift(
        lost_entry(price_changes.PRICE_CHANGES, version=1),
        {(7, "unheard events")},
        "log_price_changes ",
        set(),
    ),
    "an entry of the order log that nobody told": Drift(
        another(order_log.LOG), {(7, "unknown events")}, f"log_orders {NOBODY}"
    ),
    "a price that nobody told": Drift(
        another(price_changes.PRICE_CHANGES, version=0),
        {(7, "unknown events")},
        f"log_price_changes {NOBODY}",
    ),
    # 8 and 9: routes
    "a lost route table": Drift(
        lost_entry(route_tables.FC_TABLES, facility="DEL1"),
        {(8, "route tables")},
        "DEL1",
        {TABLES},
    ),
    "a route table without its ways": Drift(
        table_without_routes, {(8, "route tables")}, "BLR2", {TABLES}
    ),
    "a leg that is gone": Drift(
        inventory("DELETE FROM legs WHERE (origin, destination) = ('BLR', 'DEL')"),
        {(8, "route tables"), (10, "ways ahead")},
        "BLR1 to DEL2",
        BUILD,
    ),
    "a pincode that only the database knows": Drift(
        inventory("INSERT INTO pincode_ranges VALUES ('DEL1', '[700000,700099]')"),
        {(8, "route tables"), (9, "pincodes")},
        "DEL1",
        BUILD,
    ),
    "a table without its pincodes": Drift(
        lambda world: world.stores.documents[route_tables.FC_TABLES].update_one(
            {"facility": "DEL1"}, {"$set": {"own_ranges": []}}
        ),
        {(8, "route tables"), (9, "pincodes")},
        "DEL1",
        {TABLES},
    ),
    "a pincode that is served twice": Drift(
        inventory(
            "ALTER TABLE pincode_ranges DROP CONSTRAINT pincode_is_served_once; "
            "INSERT INTO pincode_ranges SELECT 'DEL1', pincodes FROM pincode_ranges WHERE fc_code = 'BLR1'"
        ),
        {(9, "pincode ranges")},
        "",
    ),
    # 10: paths
    "a path of another status": Drift(
        document(package_paths.PATHS, {"status": "planned"}, "in_transit"),
        {(10, "package paths")},
        "package {in_transit}",
        RECORDED,
    ),
    "a path that is ahead of its package": Drift(
        document(package_paths.PATHS, {"version": 99}, "out_for_delivery"),
        {(10, "package paths")},
        "package {out_for_delivery}",
        RECORDED,
    ),
    "a lost path": Drift(
        document(package_paths.PATHS, None, "in_transit"),
        {(10, "lost paths")},
        "package {in_transit}",
    ),
    "a package elsewhere than on its path": Drift(
        inventory("UPDATE packages SET at_facility = 'BLR2' WHERE package_id = %s", "planned"),
        {(7, "package events"), (10, "strayed packages")},
        "package {planned}",
    ),
    # 11: totals
    "a category's total one paisa off": Drift(
        inventory("UPDATE category_sales_totals SET amount_paise = amount_paise + 1"),
        {(11, "category totals")},
        "category kitchen",
        {"inventory.category_sales_totals"},
    ),
    "a lost total of a category": Drift(
        inventory("DELETE FROM category_sales_totals"),
        {(11, "category totals")},
        "category kitchen",
        {"inventory.category_sales_totals"},
    ),
    "a month's total a unit too many": Drift(
        inventory("UPDATE month_sales_totals SET quantity = quantity + 1"),
        {(11, "month totals")},
        "month 2026-03-01",
        {"inventory.month_sales_totals"},
    ),
    "an item's total a paisa off": Drift(
        inventory("UPDATE item_sales_totals SET amount_paise = amount_paise - 1"),
        {(11, "item totals")},
        "sales of 2026-03-01",
        {"inventory.item_sales_totals"},
    ),
    # 12: copies
    "free units that are not the stock's": Drift(
        inventory("UPDATE item_availability SET free_units = free_units + 1 WHERE sku = 'MUG'"),
        {(12, "availability"), (12, "units_left")},
        "MUG {seller}",
        {RESTORED},
    ),
    "free units in another FC than the stock": Drift(
        inventory(
            """UPDATE item_availability SET free_by_fc = '{"XXX": 1}' WHERE sku = 'MUG'""",
        ),
        {(12, "availability"), (12, "units_left")},
        "MUG {seller}",
        {RESTORED},
    ),
    "lost free units": Drift(
        inventory("DELETE FROM item_availability WHERE sku = 'MUG'"),
        {(12, "availability"), (12, "units_left")},
        "MUG {seller}",
        {RESTORED},
    ),
    **{
        f"C6 or C7: {name}": Drift(customer(statement), {(12, table)}, key, {f"inventory.{source}"})
        for name, statement, table, key, source in (
            (
                "a category's name",
                "UPDATE item_categories SET name = 'x'",
                "categories",
                "kitchen",
                "item_categories",
            ),
            (
                "a lost category",
                "DELETE FROM item_categories",
                "categories",
                "kitchen",
                "item_categories",
            ),
            (
                "an item's weight",
                "UPDATE items SET weight_grams = 1 WHERE sku = 'MUG'",
                "items",
                "MUG",
                "items",
            ),
            ("a lost item", "DELETE FROM items WHERE sku = 'MUG'", "items", "MUG", "items"),
            (
                "a price",
                "UPDATE offers SET price_paise = 1 WHERE sku = 'MUG'",
                "offers",
                "MUG {seller}",
                "offers",
            ),
            (
                "an older price",
                "UPDATE offers SET price_paise = 1, version = version - 1 WHERE sku = 'MUG'",
                "offers",
                "MUG {seller}",
                "offers",
            ),
            (
                "a price newer than its source",
                "UPDATE offers SET price_paise = 1, version = version + 7 WHERE sku = 'MUG'",
                "offers",
                "MUG {seller}",
                "offers",
            ),
            (
                "units left",
                "UPDATE units_left SET free_units = 999",
                "units_left",
                "MUG {seller}",
                "item_availability",
            ),
            (
                "units left in another FC",
                """UPDATE units_left SET free_by_fc = '{"XXX": 1}'""",
                "units_left",
                "MUG {seller}",
                "item_availability",
            ),
            (
                "lost units left",
                "DELETE FROM units_left",
                "units_left",
                "MUG {seller}",
                "item_availability",
            ),
        )
    },
    "a copy of nothing": Drift(
        customer("INSERT INTO item_categories VALUES ('toys', 'Toys', NULL, 1)"),
        {(12, "categories")},
        "toys",
    ),
    "C5: a package of another status": Drift(
        customer("UPDATE packages SET status = 'planned' WHERE package_id = %s", "in_transit"),
        {(12, "packages")},
        "{in_transit}",
        RECORDED,
    ),
    "C5: a package that knows more than there is": Drift(
        customer(
            "UPDATE packages SET status = 'lost', version = 99 WHERE package_id = %s", "in_transit"
        ),
        {(12, "packages")},
        "{in_transit}",
        RECORDED,
    ),
    "C5: a package of other lines": Drift(
        customer("UPDATE package_lines SET quantity = 9 WHERE package_id = %s", "in_transit"),
        {(5, "order lines"), (12, "package rows")},
        "{in_transit}",
        {"customer.package_lines", "customer.packages"},
    ),
    "C5: a lost package": Drift(
        lambda world: (
            world.stores.customer.execute(
                "DELETE FROM package_lines WHERE package_id = %s", [world.names.in_transit]
            ),
            world.stores.customer.execute(
                "DELETE FROM packages WHERE package_id = %s", [world.names.in_transit]
            ),
        ),
        {(5, "order lines"), (12, "package rows")},
        "{in_transit}",
        {"customer.package_lines", "customer.packages"},
    ),
    "C5: a package that nobody knows": Drift(
        customer(
            f"INSERT INTO packages SELECT '{NOBODY}', order_id, origin_fc_code, 'delivered', promise_date, 1, updated_at "
            f"FROM packages WHERE package_id = %s",
            "delivered",
        ),
        {(12, "unknown packages")},
        f"{NOBODY}",
    ),
    "D8: a sale told wrongly": Drift(
        document(seller_sales.SELLER_SALES, {"amount_paise": 1}),
        {(12, "seller sales")},
        "",
        {f"documents.{seller_sales.SELLER_SALES}"},
    ),
    "D8: a lost sale": Drift(
        document(seller_sales.SELLER_SALES, None),
        {(12, "seller sales")},
        "",
        {f"documents.{seller_sales.SELLER_SALES}"},
    ),
    "D8: a sale that never was": Drift(
        another(seller_sales.SELLER_SALES),
        {(12, "seller sales")},
        f"{NOBODY}",
        {f"documents.{seller_sales.SELLER_SALES}"},
    ),
    "D8: a sale at another time": Drift(
        document(seller_sales.SELLER_SALES, {"sold_at": datetime(2026, 3, 3, tzinfo=UTC)}),
        {(12, "seller sales")},
        "",
        {f"documents.{seller_sales.SELLER_SALES}"},
    ),
    "D4: an entry that is not its event": Drift(
        lambda world: world.stores.documents[order_log.LOG].update_one(
            {"what": "PackageChanged"}, {"$set": {"detail": {}}}
        ),
        {(12, "order log")},
        "",
        {f"documents.{order_log.LOG}"},
    ),
    "D4: an order's entry that is not its event": Drift(
        lambda world: world.stores.documents[order_log.LOG].update_one(
            {"what": "OrderConfirmed"}, {"$set": {"what": "OrderRejected"}}
        ),
        {(12, "order log")},
        "",
        {f"documents.{order_log.LOG}"},
    ),
    "D7: an entry that is not its event": Drift(
        lambda world: world.stores.documents[price_changes.PRICE_CHANGES].update_one(
            {"version": 1, "sku": "MUG"}, {"$set": {"changed_by": "nobody"}}
        ),
        {(12, "price log")},
        "",
        {f"documents.{price_changes.PRICE_CHANGES}"},
    ),
    "D7: a price that is not its log's": Drift(
        inventory("UPDATE offers SET price_paise = 1 WHERE sku = 'MUG'"),
        {(12, "prices"), (12, "offers")},
        "MUG {seller}",
    ),
    "D3: a path that no package takes": Drift(
        another(package_paths.PATHS), {(12, "orphan paths")}, f"{NOBODY}", {PATHS}
    ),
    "D1: a shipment that has ended": Drift(
        still_announced,
        {(12, "ended announcements")},
        "{received}",
        {f"documents.{upcoming_shipments.SHIPMENTS}"},
    ),
    "D1: a shipment that is not its log's": Drift(
        document(upcoming_shipments.SHIPMENTS, {"seller_name": "x"}, "announced"),
        {(12, "announcements")},
        "{announced}",
        {f"documents.{upcoming_shipments.SHIPMENTS}"},
    ),
    "D1: a lost announcement": Drift(
        document(upcoming_shipments.SHIPMENTS, None, "announced"),
        {(12, "lost announcements")},
        "{announced}",
    ),
    "D1: a change that no log tells": Drift(
        document(upcoming_shipments.SHIPMENTS, {"version": 2}, "announced"),
        {(12, "unlogged announcements")},
        "{announced}",
    ),
}


def test_a_sound_world_has_nothing_to_report_and_is_left_as_it_is(world):
    before = world.dump()

    report = world.reconcile()

    assert report.findings == ()
    assert [each.invariant for each in report.invariants] == list(INVARIANTS)
    assert [each.invariant for each in report.invariants if not each.checked] == []
    assert not any(each.broken or each.repaired or each.left for each in report.invariants)
    assert changed(before, world.dump()).keys() == {"inventory.reconciliations", "inventory.outbox"}


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_is_found_and_repaired_where_it_has_one_right_answer_and_nothing_else_is_touched(
    world, name
):
    drift = DRIFTS[name]
    sound = world.dump()
    drift.inject(world)
    drifted = world.dump()
    assert changed(sound, drifted), "nothing drifted"

    report = world.reconcile()

    assert {(each.invariant, each.subject) for each in report.findings} == drift.found
    key = drift.key.format(**world.names._asdict())
    assert any(each.key.startswith(key) for each in report.findings), report.findings
    assert_outcomes(report, drift)
    touched = changed(drifted, world.dump())
    assert touched.keys() <= ALWAYS | (drift.writes or set())
    assert_only_these_rows(report, touched)
    if drift.writes is not None:
        assert_sound_again(world, sound, drift)


def assert_outcomes(report, drift):
    people = {(e.invariant, e.subject) for e in report.findings if e.outcome == "needs a person"}
    assert people == drift.for_people
    assert {each.outcome for each in report.findings} <= {"needs a person", "repaired"}
    for each in report.invariants:
        of_it = [finding for finding in report.findings if finding.invariant == each.invariant]
        assert each.broken == len(of_it)
        assert each.repaired == sum(finding.outcome == "repaired" for finding in of_it)
        assert (each.needs_a_person, each.left) == (len(of_it) - each.repaired, 0)


NO_PART_OF_A_KEY = {
    "package",
    "category",
    "month",
    "sales",
    "of",
    "log_orders",
    "log_price_changes",
}


def assert_only_these_rows(report, touched):
    """Every row that was written is one of a finding: it has all of its key, but for the FC where it is of all of them."""
    keys = [set(each.key.split(" ")) - NO_PART_OF_A_KEY for each in report.findings]
    for table, rows in touched.items():
        if table in ALWAYS | BUILD:
            continue
        of_all_fcs = {"BLR1"} if table == "inventory.item_availability_changes" else set()
        for row in rows:
            assert any(all(word in row for word in key - of_all_fcs) for key in keys), (table, row)


def assert_sound_again(world, sound, drift):
    """Told, heard and built: the stores are what they were, and there is nothing more to find."""
    asked = world.stores.inventory.execute(
        "SELECT version FROM route_builds WHERE status = 'requested'"
    ).fetchall()
    for (version,) in asked:
        inventory, documents, _, _, now = world.sides.market
        assert build(inventory, documents, version, now) == "published"
        packages.replan_range(inventory, documents, current_routes(documents), None, None, now)
    world.sides.tell()
    if not asked:
        assert changed(settled(sound), settled(world.dump())) == {}
    again = world.reconcile()
    assert {(each.invariant, each.subject) for each in again.findings} <= drift.people


GROWS = {"inventory.package_events", "inventory.item_availability_changes", *NOTED}
COUNTERS = ("version", "updated_at", "table_version")


def settled(dump):
    """Without what a repair adds for good: events, notes, and versions."""
    return {
        table: {_without_counters(row): "" for row in rows.values()}
        for table, rows in dump.items()
        if table not in GROWS
    }


def _without_counters(row):
    content = json.loads(row)
    return json.dumps({key: content[key] for key in content if key not in COUNTERS})
