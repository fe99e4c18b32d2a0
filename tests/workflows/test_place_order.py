"""`place_order` run by the engine: all well, and a failure at each step."""

from datetime import timedelta

import pytest

from online_kart.documents import order_log, package_paths
from online_kart.inventory_db import packages, reservations, runs
from tests.buyers import a_buyer
from tests.faults import accept_writes, refuse_writes
from tests.market import open_market
from tests.shop import events_of

MACHINE = "place_order"


@pytest.fixture
def market(engine, inventory_db, documents, now):
    """Five mugs in BLR1, a lamp in DEL1; the customer app knows of them."""
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 5)
    market.put_stock("DEL1", "LAMP", 1)
    engine.settle()
    return market


@pytest.fixture
def buyer(market, customer_db):
    return a_buyer(customer_db, market)


@pytest.fixture
def run(engine, inventory_db):
    """Runs the machine for an order that was placed; the execution when it has ended."""

    def run(order_id):
        engine.settle()
        of_order = runs.by_key(inventory_db, MACHINE, str(order_id))[0]
        return execution_of(engine, of_order)

    return run


def execution_of(engine, of_order):
    arn = engine.aws.step_functions.start(MACHINE, f"{of_order.name}-again", of_order.input)
    return engine.aws.step_functions.wait_for(arn)


def run_status(market, order_id):
    return runs.by_key(market.conn, MACHINE, str(order_id))[0].status


def packages_of(market, order_id):
    with market.conn.transaction():
        return packages.lock_of_order(market.conn, order_id)


def held_for(market, order_id):
    return [each.status for each in reservations.of_order(market.conn, order_id)]


def why_rejected(buyer, order_id):
    rejection = buyer.order(order_id).rejection
    assert rejection is not None
    return rejection.error


def nothing_is_left_of(market, order_id):
    """No unit is held for the order, and none of its packages goes anywhere."""
    return (
        all(status == "released" for status in held_for(market, order_id))
        and all(package.status == "cancelled" for package in packages_of(market, order_id))
        and market.level("BLR1") == (5, 0)
        and market.level("DEL1", "LAMP") == (1, 0)
        and market.broken_invariants() == []
    )


# All well


def test_an_order_is_reserved_planned_and_confirmed(engine, market, buyer):
    order_id = buyer.place(("MUG", 2), ("LAMP", 1))
    engine.settle()

    order = buyer.order(order_id)
    assert order.status == "confirmed"
    assert order.sourcing["chosen"]["fc_codes"] == ["BLR1", "DEL1"]
    assert order.promise_date == max(package.promise_date for package in order.packages)
    assert {package.origin_fc_code: package.lines for package in order.packages} == {
        "BLR1": {1: 2},
        "DEL1": {2: 1},
    }
    assert held_for(market, order_id) == ["confirmed", "confirmed"]
    assert (market.level("BLR1"), market.level("DEL1", "LAMP")) == ((5, 2), (1, 1))
    assert run_status(market, order_id) == "succeeded"
    assert market.broken_invariants() == []


def test_the_log_has_the_orders_story(engine, market, buyer):
    order_id = buyer.place(("MUG", 1))
    engine.settle()

    told = [each.what for each in order_log.of_order(market.documents, order_id)]
    assert sorted(told) == ["OrderConfirmed", "OrderPlaced", "PackageChanged"]


def test_an_order_of_its_own_fc_is_out_for_delivery_once_it_is_confirmed(
    engine, market, customer_db
):
    neighbour = a_buyer(customer_db, market, lives_at="BLR1")
    order_id = neighbour.place(("MUG", 1))
    engine.settle()

    (package,) = neighbour.order(order_id).packages
    assert (neighbour.order(order_id).status, package.status) == ("confirmed", "out_for_delivery")
    assert market.level("BLR1") == (4, 0)


def test_a_second_run_of_a_confirmed_order_changes_nothing(engine, market, buyer, run):
    order_id = buyer.place(("MUG", 2))
    engine.settle()
    before = buyer.order(order_id), packages_of(market, order_id)

    assert run(order_id)["status"] == "SUCCEEDED"

    assert (buyer.order(order_id), packages_of(market, order_id)) == before
    assert market.level("BLR1") == (5, 2)
    assert len(events_of(buyer.conn, "OrderConfirmed")) == 1


def test_two_runs_of_one_order_at_once_serve_it_once(engine, market, buyer):
    order_id = buyer.place(("MUG", 2))
    event = events_of(buyer.conn, "OrderPlaced")[0]
    aws = engine.aws.step_functions

    arns = [aws.start(MACHINE, f"{order_id}-{revision}", event) for revision in (7, 8, 9)]

    assert {aws.wait_for(arn)["status"] for arn in arns} == {"SUCCEEDED"}
    assert buyer.order(order_id).status == "confirmed"
    assert (len(packages_of(market, order_id)), market.level("BLR1")) == (1, (5, 2))


# ReserveStock fails


def test_an_order_for_more_than_there_is_is_rejected_with_what_is_left_of_each_item(
    engine, market, buyer
):
    order_id = buyer.place(("MUG", 6), ("LAMP", 3))
    engine.settle()

    order = buyer.order(order_id)
    assert order.status == "rejected"
    assert order.rejection.error == "OutOfStock"
    assert order.rejection.message == "A mug: 6 wanted, 5 left; A lamp: 3 wanted, 1 left."
    assert [(each.sku, each.left) for each in order.rejection.short_items] == [
        ("MUG", 5),
        ("LAMP", 1),
    ]
    assert run_status(market, order_id) == "succeeded"  # a refusal is an outcome
    assert nothing_is_left_of(market, order_id)


def test_an_order_to_where_nobody_delivers_is_rejected(engine, market, customer_db):
    far_away = a_buyer(customer_db, market, lives_at="744301")
    order_id = far_away.place(("MUG", 1))
    engine.settle()

    assert why_rejected(far_away, order_id) == "NotServed"
    assert nothing_is_left_of(market, order_id)


def test_stock_that_can_not_be_written_rejects_the_order_and_fails_the_run(
    engine, market, buyer, inventory_db
):
    refuse_writes(inventory_db, "reservations")
    order_id = buyer.place(("MUG", 1))
    engine.settle()

    assert why_rejected(buyer, order_id) == "DiskFull"
    assert run_status(market, order_id) == "failed"
    assert nothing_is_left_of(market, order_id)


def test_an_order_refused_once_is_not_served_by_a_late_run(engine, market, buyer, run):
    order_id = buyer.place(("MUG", 6))
    engine.settle()
    market.put_stock("BLR1", "MUG", 9)

    assert run(order_id)["status"] == "SUCCEEDED"

    assert why_rejected(buyer, order_id) == "OutOfStock"
    assert market.level("BLR1") == (14, 0)


# PlanPackages fails


def test_packages_that_can_not_be_planned_give_their_stock_back(
    engine, market, buyer, inventory_db
):
    refuse_writes(inventory_db, "packages")
    order_id = buyer.place(("MUG", 2), ("LAMP", 1))
    engine.settle()

    assert why_rejected(buyer, order_id) == "DiskFull"
    assert held_for(market, order_id) == ["released", "released"]
    assert nothing_is_left_of(market, order_id)


# ConfirmOrder fails


def test_an_order_that_can_not_be_confirmed_is_undone(engine, market, buyer, customer_db):
    refuse_writes(customer_db, "packages")
    order_id = buyer.place(("MUG", 2), ("LAMP", 1))
    engine.settle()

    assert why_rejected(buyer, order_id) == "DiskFull"
    assert len(packages_of(market, order_id)) == 2
    assert nothing_is_left_of(market, order_id)
    paths = package_paths.by_order(market.documents, order_id)
    assert [path.status for path in paths] == ["cancelled", "cancelled"]


def test_an_order_cancelled_while_it_is_placed_is_undone_by_its_cancellation(engine, market, buyer):
    order_id = buyer.place(("MUG", 2))
    buyer.cancel(order_id)
    engine.settle()

    assert buyer.order(order_id).status == "cancelled"
    assert nothing_is_left_of(market, order_id)
    assert run_status(market, order_id) == "succeeded"


# What undoes fails


def test_an_order_that_can_be_neither_confirmed_nor_rejected_is_tried_again(
    engine, market, buyer, customer_db
):
    order_id = buyer.place(("MUG", 2))
    refuse_writes(customer_db, "orders")
    engine.settle()
    assert buyer.order(order_id).status == "placed"

    accept_writes(customer_db)
    customer_db.execute("UPDATE orders SET updated_at = updated_at - interval '1 hour'")
    engine.invoke("sweep_orders")
    engine.settle()

    assert buyer.order(order_id).status == "confirmed"
    assert market.level("BLR1") == (5, 2)
    assert market.broken_invariants() == []


@pytest.mark.parametrize(
    ("table", "when"),
    [("packages", "NEW.status = 'cancelled'"), ("reservations", "NEW.status = 'released'")],
    ids=["discard_packages", "release_stock"],
)
def test_what_could_not_be_undone_is_given_back_at_its_deadline(
    engine, market, buyer, customer_db, inventory_db, table, when
):
    refuse_writes(customer_db, "packages")
    refuse_writes(inventory_db, table, when)
    order_id = buyer.place(("MUG", 2))
    engine.settle()
    assert buyer.order(order_id).status == "rejected"
    assert market.level("BLR1") == (5, 2)

    accept_writes(inventory_db)
    inventory_db.execute(
        "UPDATE reservations SET held_until = %s", [market.now - timedelta(minutes=1)]
    )
    assert engine.invoke("sweep_reservations") == {"released": 1, "confirmed": 0}

    assert nothing_is_left_of(market, order_id)
