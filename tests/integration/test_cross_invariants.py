"""What takes more than one store to check: each check holds in a sound world, and finds each fault it is there to find."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from fulfillment_app.chalicelib.services import deliveries, sales
from local.invariants import ACROSS, at_rest, check_all
from local.reading import Reading, Stores
from online_kart.checks import VIOLATIONS_SHOWN_MAX
from online_kart.documents import (
    connection,
    order_log,
    package_paths,
    price_changes,
    route_tables,
    seller_sales,
)
from online_kart.documents.collection import Documents
from online_kart.documents.indexes import ensure_collections
from online_kart.domain.invariants import INVARIANTS
from online_kart.domain.routes import RouteTable
from online_kart.postgres import Database
from tests.both_sides import FAR, NEIGHBOUR, open_both_sides
from tests.identity import ADMIN
from tests.servers import fresh_name

CHECKS = dict(ACROSS)


class World(NamedTuple):
    """Orders in every state at which one can rest, and what was done with their packages."""

    stores: Stores
    planned: UUID
    in_transit: UUID
    out_for_delivery: UUID
    delivered: UUID
    rejected: UUID
    cancelled: UUID

    def inventory(self, statement: str, *values: Any) -> None:
        self.stores.inventory.execute(statement, values)

    def customer(self, statement: str, *values: Any) -> None:
        self.stores.customer.execute(statement, values)

    def order_of(self, package_id: UUID) -> UUID:
        row = self.stores.inventory.execute(
            "SELECT order_id FROM packages WHERE package_id = %s", [package_id]
        ).fetchone()
        assert row is not None
        return UUID(str(row[0]))

    def change_path(self, package_id: UUID, **changes: Any) -> None:
        path = package_paths.by_id(self.stores.documents, package_id)
        assert path is not None
        assert package_paths.put(self.stores.documents, path.model_copy(update=changes))

    def change_table(self, code: str, change: Callable[[dict[str, Any]], None]) -> None:
        """What is stored of the facility's table, as `change` leaves it."""
        manifest = Reading(self.stores).manifest
        table = route_tables.table_in(self.stores.documents, code, manifest).as_document()
        table = _plain(table)
        change(table)
        route_tables.put_tables(
            self.stores.documents, manifest.tables[code], [RouteTable.from_document(table)]
        )

    def broken(self, invariant: int) -> list[str]:
        """What the check finds, as text."""
        _, broken = CHECKS[invariant](Reading(self.stores))
        return [f"{key}: {detail}" for key, detail in broken]


def _plain(value: Any) -> Any:
    """Lists for tuples, which a test can change."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


@pytest.fixture(scope="module")
def sound_world(servers, inventory_copies, customer_copies) -> Iterator[World]:
    """Made once for all tests: each undoes what it changed."""
    documents = connection.database(servers.mongodb_uri, fresh_name())
    ensure_collections(documents)
    with inventory_copies() as inventory_dsn, customer_copies() as customer_dsn:
        inventory, customer = Database(inventory_dsn), Database(customer_dsn)
        with closing(inventory), closing(customer):
            yield made(Stores(inventory.connection(), customer.connection(), documents))
    documents.client.drop_database(documents.name)


def made(stores: Stores) -> World:
    sides = open_both_sides(stores, datetime(2026, 3, 2, 4, 30, tzinfo=UTC))
    far, near = sides.buyer(FAR), sides.buyer(NEIGHBOUR)
    delivered = sides.confirmed(near, ("MUG", 2))
    sides.hand_over(delivered)
    sides.deliver(delivered)
    out_for_delivery = sides.confirmed(near, ("MUG", 1))
    sides.hand_over(out_for_delivery)
    in_transit = sides.confirmed(far, ("MUG", 3))
    sides.depart(in_transit)
    world = World(
        stores,
        planned=sides.confirmed(far, ("MUG", 1)),
        in_transit=in_transit,
        out_for_delivery=out_for_delivery,
        delivered=delivered,
        rejected=sides.rejected(far, ("MUG", 1)),
        cancelled=sides.cancelled(far, ("MUG", 4)),
    )
    sales.roll_up(stores.inventory)
    # The machines that would move them.
    world.inventory(
        """
        INSERT INTO runs (machine, business_id, revision, status, input, started_at, checked_at)
        SELECT 'move_batch', batch_id, revision, 'running', '{}', opened_at, opened_at FROM batches
        """
    )
    return world


@pytest.fixture
def world(sound_world: World) -> Iterator[World]:
    """The sound world, to be harmed."""
    stores = sound_world.stores
    before = _all_documents(stores.documents)
    with (
        stores.inventory.transaction(force_rollback=True),
        stores.customer.transaction(force_rollback=True),
    ):
        yield sound_world
    for name, documents in _all_documents(stores.documents).items():
        if documents != before[name]:
            stores.documents[name].delete_many({})
            stores.documents[name].insert_many(before[name])


def _all_documents(documents: Documents) -> dict[str, list[dict[str, Any]]]:
    return {name: list(documents[name].find()) for name in documents.list_collection_names()}


def test_a_sound_world_breaks_no_invariant_and_is_at_rest(sound_world):
    world = sound_world
    statuses = world.stores.inventory.execute("SELECT status FROM packages ORDER BY 1").fetchall()
    assert [status for (status,) in statuses] == [
        "cancelled",
        "delivered",
        "in_transit",
        "out_for_delivery",
        "planned",
    ]

    outcomes = check_all(world.stores)

    assert [outcome.invariant for outcome in outcomes] == list(INVARIANTS)
    assert [v for outcome in outcomes for v in outcome.violations] == []
    assert at_rest(world.stores)


def test_every_check_says_what_it_looked_at(sound_world):
    world = sound_world
    checked = {outcome.invariant: outcome.checked for outcome in check_all(world.stores)}

    assert "6 tables, 16 pairs walked" in checked[8]
    assert "paths of 5 packages, 3 of them under way" in checked[10]
    assert "1 sales" in checked[12]
    assert all(checked.values())


# -- 4: holders


def test_units_held_for_a_rejected_order_are_found(world):
    order_id = world.order_of(world.planned)
    world.customer(
        "UPDATE orders SET status = 'rejected', rejection = '{}' WHERE order_id = %s", order_id
    )

    assert world.broken(4) == [
        f"order {order_id}: rejected: a package that is planned",
        f"order {order_id}: rejected: units held in BLR1",
    ]


@pytest.mark.parametrize("holder", ["in_transit", "out_for_delivery", "delivered"])
def test_a_package_of_a_cancelled_order_that_goes_on_is_found(world, holder):
    order_id = world.order_of(getattr(world, holder))
    world.customer("UPDATE orders SET status = 'cancelled' WHERE order_id = %s", order_id)

    assert world.broken(4) == [f"order {order_id}: cancelled: a package that is {holder}"]


def test_a_package_of_a_cancelled_order_may_return(world):
    order_id = world.order_of(world.in_transit)
    world.customer("UPDATE orders SET status = 'cancelled' WHERE order_id = %s", order_id)
    world.inventory(
        "UPDATE packages SET status = 'returning' WHERE package_id = %s", world.in_transit
    )

    assert world.broken(4) == []


def test_units_held_for_an_order_that_nobody_placed_are_found(world):
    unknown = uuid4()
    world.inventory(
        "UPDATE reservations SET order_id = %s WHERE order_id = %s",
        unknown,
        world.order_of(world.planned),
    )

    assert world.broken(4) == [f"order {unknown}: unknown to the customer side: units held in BLR1"]


# -- 5: lines


def test_an_order_line_whose_units_are_not_all_in_packages_is_found(world):
    world.inventory("UPDATE package_lines SET quantity = 1 WHERE package_id = %s", world.in_transit)

    (broken,) = world.broken(5)
    assert broken.endswith("3 ordered, 1 in packages")


def test_an_order_line_whose_package_was_cancelled_is_found(world):
    world.inventory("UPDATE packages SET status = 'cancelled' WHERE package_id = %s", world.planned)

    assert world.broken(5) == [
        f"order line {world.order_of(world.planned)} 1: 1 ordered, 0 in packages"
    ]


def test_units_in_a_package_that_were_not_ordered_are_found(world):
    world.inventory(
        """
        INSERT INTO package_lines (package_id, line_no, sku, seller_id, quantity, unit_price_paise)
        SELECT package_id, 2, sku, seller_id, 1, unit_price_paise FROM package_lines WHERE package_id = %s
        """,
        world.planned,
    )

    assert world.broken(5) == [
        f"order line {world.order_of(world.planned)} 2: 0 ordered, 1 in packages"
    ]


# -- 7: inboxes


def forget_one(world: World, consumer: str) -> None:
    """One event, as if the consumer had never heard it."""
    if consumer == "confirm_reservations":
        world.inventory(
            "DELETE FROM inbox WHERE ctid = (SELECT min(ctid) FROM inbox WHERE consumer = %s)",
            consumer,
        )
    else:
        world.customer(
            "DELETE FROM inbox WHERE ctid = (SELECT min(ctid) FROM inbox WHERE consumer = %s)",
            consumer,
        )


@pytest.mark.parametrize("consumer", ["confirm_reservations", "project_catalog", "track_packages"])
def test_an_event_that_a_consumer_never_heard_is_found(world, consumer):
    forget_one(world, consumer)

    (broken,) = world.broken(7)
    assert broken.startswith(f"{consumer}: never heard event ")


@pytest.mark.parametrize(
    ("consumer", "collection"),
    [("log_orders", order_log.LOG), ("log_price_changes", price_changes.PRICE_CHANGES)],
)
def test_an_event_that_a_log_lacks_is_found(world, consumer, collection):
    entry = world.stores.documents[collection].find_one({})
    world.stores.documents[collection].delete_one({"_id": entry["_id"]})

    assert world.broken(7) == [f"{consumer}: never heard event {entry['_id']}"]


def test_an_event_that_nobody_told_is_found(world):
    row = world.stores.customer.execute(
        "DELETE FROM outbox WHERE type = 'OrderConfirmed' AND aggregate_id = %s RETURNING event_id::text",
        [str(world.order_of(world.planned))],
    ).fetchone()

    assert world.broken(7) == [
        f"confirm_reservations: heard unknown event {row[0]}",
        f"log_orders: heard unknown event {row[0]}",
    ]


def test_what_was_heard_long_ago_is_not_unknown_once_events_are_forgotten(world):
    for side in (world.inventory, world.customer):
        side("DELETE FROM outbox")

    assert len(world.broken(7)) > VIOLATIONS_SHOWN_MAX / 5  # nothing was ever told, as it seems

    world.inventory(
        """
        INSERT INTO forgotten (what, up_to, forgotten_count, last_at)
        VALUES ('outbox', now(), 1, now())
        """
    )
    assert world.broken(7) == []


# -- 8: route tables


def test_a_lost_table_is_found(world):
    code = {"_id": f"DEL1@{Reading(world.stores).manifest.tables['DEL1']}"}
    world.stores.documents[route_tables.FC_TABLES].delete_one(code)

    assert "DEL1: its table is lost" in world.broken(8)


def test_an_open_facility_without_a_table_is_found(world):
    world.inventory(
        """
        INSERT INTO facilities (code, kind, name, latitude, longitude, handling_minutes, created_at, updated_at)
        VALUES ('MAA', 'airport', 'Chennai', 13, 80, 30, now(), now())
        """
    )

    assert world.broken(8) == ["MAA: it is open and has no table"]


def test_a_table_of_a_facility_that_is_not_open_is_found(world):
    world.inventory("UPDATE facilities SET status = 'closed' WHERE code = 'DEL2'")

    assert "DEL2: it has a table and is not open" in world.broken(8)


def test_a_table_that_lost_a_row_is_found(world):
    """No way is promised then, so no walk can miss it."""
    world.change_table("BLR2", lambda table: table.update(default_routes=[]))

    assert "BLR2: its table is not what a full build makes" in world.broken(8)


def test_a_leg_that_is_gone_is_found(world):
    world.inventory("DELETE FROM legs WHERE (origin, destination) = ('BLR', 'DEL')")

    broken = world.broken(8)

    assert "BLR1 to DEL2: no leg from BLR to DEL" in broken
    assert not any(wrong.startswith("BLR1 to BLR2") for wrong in broken)


def test_a_way_that_is_slower_than_promised_is_found(world):
    world.inventory(
        "UPDATE legs SET transit_minutes = 1000 WHERE (origin, destination) = ('DEL', 'DEL1')"
    )

    slow = "['BLR1', 'BLR', 'DEL', 'DEL1']"
    assert f"BLR1 to DEL1: 1290 minutes, 310 promised: {slow}" in world.broken(8)


def test_tables_that_lead_in_a_circle_are_found(world):
    """BLR1 gives to BLR2 what BLR2 gives to BLR1."""

    def by_the_neighbour(table: dict[str, Any]) -> None:
        for route in table["default_routes"]:
            route["next_hop"] = "BLR2"

    world.change_table("BLR1", by_the_neighbour)

    assert "BLR1 to DEL1: a facility twice: ['BLR1', 'BLR2', 'BLR1']" in world.broken(8)


def test_a_way_that_is_promised_and_ends_on_the_way_is_found(world):
    """BLR2 promises a hub by BLR1, which knows of none."""

    world.change_table("BLR1", lambda table: table.update(default_routes=[]))

    assert (
        "BLR2 to DEL1: promised, but the way ends with 3 legs left: ['BLR2', 'BLR1']"
        in world.broken(8)
    )


def test_tables_that_do_not_know_each_other_are_found(world):
    def to_nowhere(table: dict[str, Any]) -> None:
        for route in table["default_routes"]:
            route["hub"] = "XXX"

    world.change_table("BLR1", to_nowhere)

    (wrong,) = (each for each in world.broken(8) if each.startswith("BLR1 to DEL1:"))
    assert wrong == "BLR1 to DEL1: the tables on the way don't fit together: KeyError('XXX')"


# -- 9: pincodes


def test_a_pincode_that_only_the_database_knows_is_found(world):
    world.inventory(
        "INSERT INTO pincode_ranges (fc_code, pincodes) VALUES ('DEL1', '[700000,700099]')"
    )

    assert world.broken(9) == ["DEL1: table and database disagree on its pincodes"]


def test_an_fc_without_its_pincodes_in_a_table_is_found(world):
    world.change_table("DEL1", lambda table: table.update(own_ranges=[]))

    assert world.broken(9) == ["DEL1: table and database disagree on its pincodes"]


def test_ranges_that_are_not_sorted_are_found(world):
    """A binary search would miss pincodes in them."""
    world.inventory(
        "INSERT INTO pincode_ranges (fc_code, pincodes) VALUES ('DEL1', '[700000,700099]')"
    )

    def backward(table: dict[str, Any]) -> None:
        table["own_ranges"] = [[700_000, 700_099], *table["own_ranges"]]

    world.change_table("DEL1", backward)

    assert world.broken(9) == ["DEL1: table and database disagree on its pincodes"]


def test_a_pincode_that_two_tables_serve_is_found(world):
    first, last = Reading(world.stores).tables["BLR1"].own_ranges[0]
    world.change_table("DEL1", lambda table: table.update(own_ranges=[[first, last]]))

    assert f"{first}: served by BLR1 and DEL1" in world.broken(9)


# -- 10: paths


def test_a_package_without_a_path_is_found(world):
    world.stores.documents[package_paths.PATHS].delete_one({"_id": str(world.delivered)})

    assert world.broken(10) == [f"package {world.delivered}: has no path"]


@pytest.mark.parametrize("changes", [{"status": "planned"}, {"path_revision": 2}, {"version": 99}])
def test_a_path_that_is_not_its_row_s_is_found(world, changes):
    world.change_path(world.in_transit, **changes)

    (broken,) = world.broken(10)
    assert broken.startswith(f"package {world.in_transit}: row in_transit, version ")


def test_a_failed_delivery_changes_no_path(world, now):
    sides = world.stores
    deliveries.failed(
        sides.inventory, sides.documents, ADMIN, world.out_for_delivery, 1, "nobody", now
    )

    assert world.broken(10) == []


def test_a_package_that_is_not_where_its_path_has_it_is_found(world):
    world.inventory("UPDATE packages SET at_facility = 'BLR2' WHERE package_id = %s", world.planned)

    assert world.broken(10) == [f"package {world.planned}: is at BLR2, and on its path at BLR1"]


def test_a_path_over_a_facility_that_is_gone_is_found(world):
    world.inventory("UPDATE facilities SET status = 'closed' WHERE code = 'DEL'")

    assert sorted(world.broken(10)) == sorted(
        f"package {package_id}: is to pass DEL, which is gone"
        for package_id in (world.planned, world.in_transit)
    )


def test_a_path_over_a_leg_that_is_gone_is_found(world):
    world.inventory("DELETE FROM legs WHERE (origin, destination) = ('DEL', 'DEL1')")

    assert sorted(world.broken(10)) == sorted(
        f"package {package_id}: is to go from DEL by a leg that is gone"
        for package_id in (world.planned, world.in_transit)
    )


def test_what_is_behind_a_package_may_be_gone(world):
    world.inventory("DELETE FROM legs WHERE (origin, destination) = ('BLR1', 'BLR')")
    world.inventory("DELETE FROM legs WHERE (origin, destination) = ('BLR1', 'BLR2')")

    assert world.broken(10) == []  # the first leg of the planned one is its batch's


# -- 12: copies

COPIES = (
    ("a category that its copy lacks", "DELETE FROM item_categories", "categories kitchen"),
    ("an item by another name", "UPDATE items SET name = 'Cup' WHERE sku = 'MUG'", "items MUG"),
    ("a price of old", "UPDATE offers SET price_paise = 1 WHERE sku = 'MUG'", "offers MUG"),
    ("more units left than there are", "UPDATE units_left SET free_units = 999", "units_left MUG"),
    (
        "a copy that knows more than its source",
        "UPDATE offers SET price_paise = 1, version = version + 1 WHERE sku = 'MUG'",
        "offers MUG",
    ),
    (
        "a copy of nothing",
        "INSERT INTO item_categories VALUES ('toys', 'Toys', NULL, 1)",
        "categories toys",
    ),
)


@pytest.mark.parametrize(("fault", "key"), [pytest.param(*case[1:], id=case[0]) for case in COPIES])
def test_a_copy_that_differs_is_found(world, fault, key):
    world.customer(fault)

    (broken,) = world.broken(12)
    assert broken.startswith(key)


def test_a_package_whose_customer_sees_another_status_is_found(world):
    world.customer("UPDATE packages SET status = 'planned' WHERE package_id = %s", world.in_transit)

    (broken,) = world.broken(12)
    assert broken.startswith(f"packages {world.in_transit}: source ['in_transit', ")
    assert ", copy ['planned', " in broken


@pytest.mark.parametrize("changes", [{"quantity": 3}, {"amount_paise": 1}, {"fc_code": "DEL1"}])
def test_a_sale_told_wrongly_is_found(world, changes):
    world.stores.documents[seller_sales.SELLER_SALES].update_one({}, {"$set": changes})

    (broken,) = world.broken(12)
    assert broken.startswith("seller sales ")


def test_a_sale_that_was_not_told_is_found(world):
    sale = world.stores.documents[seller_sales.SELLER_SALES].find_one({})
    world.stores.documents[seller_sales.SELLER_SALES].delete_one({"_id": sale["_id"]})

    (broken,) = world.broken(12)
    assert broken.startswith(f"seller sales {sale['_id']}: source [")
    assert broken.endswith("copy None")


# -- at rest


@pytest.mark.parametrize(
    "unrest",
    [
        pytest.param(lambda w: w.inventory("UPDATE outbox SET sent_at = NULL"), id="to be sent"),
        pytest.param(lambda w: w.customer("UPDATE outbox SET sent_at = NULL"), id="to be sent too"),
        pytest.param(
            lambda w: w.inventory("UPDATE stock SET on_hand = on_hand + 1"), id="to be added up"
        ),
        pytest.param(
            lambda w: w.customer(
                "UPDATE orders SET status = 'cancelling' WHERE status = 'confirmed'"
            ),
            id="to be decided",
        ),
        pytest.param(
            lambda w: w.inventory("UPDATE runs SET machine = 'rebuild_routes'"), id="being built"
        ),
    ],
)
def test_what_is_still_to_be_done_is_no_rest(world, unrest):
    assert at_rest(world.stores)

    unrest(world)

    assert not at_rest(world.stores)


def test_every_check_over_several_stores_has_its_faults_here():
    assert sorted(CHECKS) == [4, 5, 7, 8, 9, 10, 12]
