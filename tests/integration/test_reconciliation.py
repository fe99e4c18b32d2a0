"""Drift between the stores is found and repaired by events; what breaks an invariant is told and left as it is."""

import json
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from customer_app.chalicelib.services import (
    catalog,
    orders,
    reconciliations as customer_side,
)
from fulfillment_app.chalicelib.services import availability, reconciliations
from online_kart.customer_db import orders as orders_store, reconciliations as copies
from online_kart.documents import reconciliations as parts
from online_kart.domain.errors import NotFound
from online_kart.domain.invariants import INVARIANTS
from online_kart.inventory_db import reconciliations as sources
from online_kart.messaging import outbox
from online_kart.messaging.bus import EventBus
from online_kart.messaging.consumer import open_envelope
from online_kart.messaging.rules import RULES
from tests.freight import SKU, at_last_fc, build_routes, package_of, path_of, put_package, put_shop
from tests.shop import events_of, put_item
from tests.storefront import a_placed_order, confirm
from tests.together import run_together


class Delivery:
    """A bus that brings what it takes to the customer side at once."""

    def __init__(self, customer_db, now):
        self.customer_db, self.now = customer_db, now

    def put_events(self, *, Entries):
        for entry in Entries:
            envelope = open_envelope(
                json.dumps(
                    {
                        "id": str(uuid4()),
                        "detail-type": entry["DetailType"],
                        "detail": json.loads(entry["Detail"]),
                        "time": self.now.isoformat(),
                    }
                )
            )
            if envelope.type in RULES["project_catalog"]:
                catalog.project(self.customer_db, envelope, self.now)
            if envelope.type in RULES["track_packages"]:
                orders.track_package(self.customer_db, envelope, self.now)
        return {"Entries": [{"EventId": str(uuid4())} for _ in Entries]}


@pytest.fixture
def settle(inventory_db, customer_db, now):
    """Bring everything that was told to the other side."""
    bus = EventBus(Delivery(customer_db, now), "kart")

    def run():
        availability.project(inventory_db, now)
        while outbox.send_unsent(inventory_db, bus, "kart.inventory", now):
            pass

    return run


@pytest.fixture
def shop(inventory_db, documents, now):
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    return shop


@pytest.fixture
def package_id(shop, customer_db, documents, settle, now):
    """A package on its last mile, whose order its customer sees."""
    package_id = at_last_fc(shop)
    path = path_of(documents, package_id)
    placed = a_placed_order(customer_db, now)
    order = placed.model_copy(update={"order_id": path.order_id})
    orders_store.insert(customer_db, order, "key")
    confirm(customer_db, documents, order, [package_id], now)
    orders.reject_order(customer_db, placed.order_id, "OutOfStock", "", now)
    customer_db.execute("TRUNCATE item_categories, items, offers, units_left")
    settle()
    return package_id


@pytest.fixture
def reconcile(inventory_db, customer_db, documents, now):
    """Run the steps of the machine; what the report says then."""

    def run():
        key = reconciliations.request(inventory_db, now)
        reconciliations.compare_inventory(inventory_db, documents, key, now)
        customer_side.compare_customer(customer_db, documents, key, now)
        reconciliations.report(inventory_db, documents, key, now)
        reconciliations.repair(inventory_db, documents, key, now)
        done = reconciliations.by_id(inventory_db, key)
        assert (done.status, done.finished_at) == ("finished", now)
        return done.report

    return run


def copies_of(conn):
    """C6 and C7 without their versions."""
    return {
        table: {key: row[:-1] for key, row in rows.items()}
        for table, rows in copies.catalog_copy(conn).items()
    }


def different(report):
    return [(each["table"], each["key"]) for each in report["differences"]]


def test_stores_that_agree_have_nothing_to_report(package_id, reconcile, inventory_db):
    report = reconcile()

    assert (report["differences"], report["needs_a_person"], report["repaired"]) == ([], [], 0)
    assert [each["invariant"] for each in report["invariants"]] == list(INVARIANTS)
    assert not any(each["broken"] for each in report["invariants"])


DRIFTS = {
    "a category's name": "UPDATE item_categories SET name = 'Cellar'",
    "a lost category": "DELETE FROM item_categories",
    "an item's weight": "UPDATE items SET weight_grams = 1",
    "a lost item": "DELETE FROM items",
    "a price": "UPDATE offers SET price_paise = 1",
    "an older price": "UPDATE offers SET price_paise = 1, version = version - 1",
    "a lost offer": "DELETE FROM offers",
    "units left": "UPDATE units_left SET free_units = free_units + 1",
    "lost units": "DELETE FROM units_left",
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_of_the_catalog_s_copies_is_found_and_repaired_through_events(
    package_id, customer_db, reconcile, settle, drift
):
    before = copies_of(customer_db)
    customer_db.execute(DRIFTS[drift])
    assert copies_of(customer_db) != before

    report = reconcile()

    assert len(report["differences"]) == report["repaired"] == 1
    assert copies_of(customer_db) != before  # nobody wrote into the other side's database
    settle()
    assert copies_of(customer_db) == before
    assert reconcile()["differences"] == []


@pytest.mark.parametrize("status", ["planned", "in_transit", "delivered"])
def test_drift_of_a_customer_s_package_is_found_and_repaired_through_events(
    package_id, customer_db, reconcile, settle, status
):
    customer_db.execute("UPDATE packages SET status = %s, version = 1", [status])

    report = reconcile()

    assert different(report) == [("packages", str(package_id))]
    settle()
    assert customer_db.execute("SELECT status FROM packages").fetchall() == [("out_for_delivery",)]
    assert reconcile()["differences"] == []


def test_a_package_whose_end_was_never_told_is_found(
    package_id, inventory_db, customer_db, reconcile, settle
):
    inventory_db.execute("UPDATE packages SET status = 'delivered', version = version + 1")
    inventory_db.execute("DELETE FROM deliveries")

    assert different(reconcile()) == [("packages", str(package_id))]
    settle()
    assert customer_db.execute("SELECT status FROM packages").fetchall() == [("delivered",)]


def test_a_package_that_ended_long_ago_is_not_compared_any_more(
    package_id, inventory_db, reconcile, now
):
    long_ago = now - reconciliations.PACKAGES_COMPARED_FOR - timedelta(days=1)
    inventory_db.execute("DELETE FROM deliveries")
    inventory_db.execute(
        "UPDATE packages SET status = 'delivered', version = version + 1, updated_at = %s",
        [long_ago],
    )

    assert reconcile()["differences"] == []


def test_a_package_of_an_order_that_is_not_yet_confirmed_is_no_difference(
    package_id, shop, reconcile
):
    planned = put_package(shop)

    assert package_of(shop.conn, planned).status == "planned"
    assert [key for table, key in different(reconcile()) if table == "packages"] == []


def test_a_row_too_many_is_told_and_left_to_a_person(package_id, customer_db, reconcile, settle):
    customer_db.execute(
        "INSERT INTO offers (sku, seller_id, price_paise, status, version) "
        "VALUES ('GHOST', %s, 1, 'active', 1)",
        [UUID(int=1)],
    )

    report = reconcile()
    settle()

    assert different(report) == [("offers", f"GHOST {UUID(int=1)}")]
    assert report["repaired"] == 0
    assert customer_db.execute("SELECT count(*) FROM offers WHERE sku = 'GHOST'").fetchone() == (1,)


def test_a_broken_invariant_of_either_side_is_told_and_untouched(
    package_id, inventory_db, customer_db, reconcile
):
    inventory_db.execute("UPDATE stock SET on_hand = on_hand + 7")
    customer_db.execute("UPDATE package_lines SET quantity = quantity + 1")
    stock = inventory_db.execute("SELECT * FROM stock").fetchall()
    lines = customer_db.execute("SELECT * FROM package_lines").fetchall()

    report = reconcile()

    broken = {each["invariant"] for each in report["needs_a_person"]}
    assert {2, 3, 5} <= broken
    counts = {each["invariant"]: each["broken"] for each in report["invariants"]}
    assert {number for number, count in counts.items() if count} == broken
    assert inventory_db.execute("SELECT * FROM stock").fetchall() == stock
    assert customer_db.execute("SELECT * FROM package_lines").fetchall() == lines


def test_every_step_may_run_twice(package_id, inventory_db, customer_db, documents, now):
    customer_db.execute("DELETE FROM offers")
    key = reconciliations.request(inventory_db, now)
    for _ in range(2):
        reconciliations.compare_inventory(inventory_db, documents, key, now)
    for _ in range(2):
        assert customer_side.compare_customer(customer_db, documents, key, now) == 1
    for _ in range(2):
        assert len(reconciliations.report(inventory_db, documents, key, now)["differences"]) == 1
    told = len(events_of(inventory_db, "OfferChanged"))
    for _ in range(2):
        assert reconciliations.repair(inventory_db, documents, key, now) == 1

    assert len(events_of(inventory_db, "OfferChanged")) == told + 1
    report = reconciliations.by_id(inventory_db, key).report
    assert report is not None
    assert report["repaired"] == 1
    assert documents[parts.PARTS].count_documents({}) == 0


def test_a_step_that_runs_after_the_end_takes_nothing_back(
    package_id, inventory_db, documents, reconcile, now
):
    report = reconcile()
    (done,) = reconciliations.listed(inventory_db, None, 10)

    reconciliations.report(inventory_db, documents, done.reconciliation_id, now)
    reconciliations.fail(inventory_db, done.reconciliation_id, now)

    again = reconciliations.by_id(inventory_db, done.reconciliation_id)
    assert (again.status, again.report) == ("finished", report)


def test_two_repairs_at_once_tell_of_each_source_once(
    package_id, inventory_db, inventory_dsn, customer_db, documents, now
):
    customer_db.execute("DELETE FROM offers")
    key = reconciliations.request(inventory_db, now)
    reconciliations.compare_inventory(inventory_db, documents, key, now)
    customer_side.compare_customer(customer_db, documents, key, now)
    reconciliations.report(inventory_db, documents, key, now)
    told = len(events_of(inventory_db, "OfferChanged"))

    def repair(conn):
        return reconciliations.repair(conn, documents, key, now)

    assert run_together(inventory_dsn, repair, repair) == [1, 1]
    assert len(events_of(inventory_db, "OfferChanged")) == told + 1


def test_one_that_failed_says_so(inventory_db, now):
    key = reconciliations.request(inventory_db, now)

    for _ in range(2):
        reconciliations.fail(inventory_db, key, now)

    assert reconciliations.by_id(inventory_db, key).status == "failed"


def test_a_request_is_told_and_listed_the_newest_first(inventory_db, now):
    keys = [reconciliations.request(inventory_db, now + timedelta(hours=n)) for n in range(3)]

    events = events_of(inventory_db, "ReconciliationRequested")
    assert [event["reconciliation_id"] for event in events] == [str(key) for key in keys]
    newest, next_ = reconciliations.listed(inventory_db, None, 2)
    assert (newest.reconciliation_id, next_.reconciliation_id) == (keys[2], keys[1])
    after = (next_.requested_at, next_.reconciliation_id)
    assert [r.reconciliation_id for r in reconciliations.listed(inventory_db, after, 2)] == [
        keys[0]
    ]


def test_what_nobody_asked_for_is_not_found(inventory_db, documents, now):
    with pytest.raises(NotFound):
        reconciliations.by_id(inventory_db, uuid4())
    with pytest.raises(NotFound):
        reconciliations.repair(inventory_db, documents, uuid4(), now)


def test_a_large_catalog_is_laid_out_in_parts_and_a_smaller_one_after_it_leaves_none_behind(
    documents, now
):
    rows = {f"SKU-{n:05}": [n, 1] for n in range(2 * parts.ROWS_MAX + 1)}

    parts.put_rows(documents, "r", "source of items", rows, now)
    assert parts.rows_of(documents, "r", "source of items") == rows
    assert documents[parts.PARTS].count_documents({}) == 3

    fewer = {"SKU-00001": [7, 2]}
    parts.put_rows(documents, "r", "source of items", fewer, now)
    assert parts.rows_of(documents, "r", "source of items") == fewer
    parts.put_rows(documents, "r", "source of items", {}, now)
    assert parts.rows_of(documents, "r", "source of items") == {}


def test_both_sides_lay_out_the_same_columns(
    package_id, shop, inventory_db, customer_db, now, settle
):
    put_item(inventory_db, shop.seller_id, "JUG", now)
    settle()

    source, copy = sources.catalog_copy(inventory_db), copies.catalog_copy(customer_db)

    assert source == copy
    assert {"JUG", SKU} == source["items"].keys()
