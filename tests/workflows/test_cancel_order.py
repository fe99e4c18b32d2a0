"""`cancel_order` run by the engine: all well, and a failure at each step."""

import pytest

from fulfillment_app.chalicelib.services import deliveries, line_haul
from online_kart.domain.packages import package_id_of
from online_kart.inventory_db import batches, packages, runs
from tests.buyers import a_buyer
from tests.faults import accept_writes, refuse_writes
from tests.identity import ADMIN
from tests.market import open_market
from tests.networks import HOP_LIMIT
from tests.shop import events_of

MACHINE = "cancel_order"


@pytest.fixture
def market(engine, inventory_db, documents, now):
    """Five mugs in BLR1, a lamp in DEL2, where the buyer lives."""
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 5)
    market.put_stock("DEL2", "LAMP", 1)
    engine.settle()
    return market


@pytest.fixture
def buyer(market, customer_db):
    return a_buyer(customer_db, market)


@pytest.fixture
def order_id(engine, buyer):
    """A confirmed order of two mugs from BLR1."""
    order_id = buyer.place(("MUG", 2))
    engine.settle()
    assert buyer.order(order_id).status == "confirmed"
    return order_id


def cancel(engine, buyer, order_id):
    buyer.cancel(order_id)
    engine.settle()


def cancel_again(engine, buyer):
    """The sweep tells of orders that are not done with."""
    buyer.conn.execute("UPDATE orders SET updated_at = updated_at - interval '1 hour'")
    engine.invoke("sweep_orders")
    engine.settle()


def status_of(market, order_id, fc_code="BLR1"):
    package = packages.by_id(market.conn, package_id_of(order_id, fc_code))
    assert package is not None
    return package.status


def run_of(market, order_id):
    """The latest."""
    return runs.by_key(market.conn, MACHINE, str(order_id))[0]


def test_an_order_not_left_is_cancelled_and_its_stock_is_free_again(
    engine, market, buyer, order_id
):
    cancel(engine, buyer, order_id)

    assert buyer.order(order_id).status == "cancelled"
    assert [package.status for package in buyer.order(order_id).packages] == ["cancelled"]
    assert market.level("BLR1") == (5, 0)
    assert run_of(market, order_id).status == "succeeded"
    assert market.broken_invariants() == []


def test_what_has_left_returns_and_keeps_its_stock_until_it_is_back(
    engine, market, buyer, order_id
):
    batch = batches.share_of_package(market.conn, package_id_of(order_id, "BLR1"))
    assert batch is not None
    line_haul.close(market.conn, batch.batch_id, batch.revision, batch.due_at)
    line_haul.depart(
        market.conn, market.documents, batch.batch_id, batch.revision, HOP_LIMIT, batch.due_at
    )

    cancel(engine, buyer, order_id)

    assert buyer.order(order_id).status == "cancelled"
    assert status_of(market, order_id) == "returning"
    assert market.level("BLR1") == (3, 0)
    assert market.broken_invariants() == []


def test_cancelling_twice_is_cancelling_once(engine, market, buyer, order_id):
    buyer.cancel(order_id)
    cancel(engine, buyer, order_id)
    cancel(engine, buyer, order_id)

    assert len(events_of(buyer.conn, "OrderCancelled")) == 1
    assert market.level("BLR1") == (5, 0)


def test_a_second_run_of_a_cancelled_order_changes_nothing(engine, market, buyer, order_id):
    cancel(engine, buyer, order_id)
    aws = engine.aws.step_functions

    again = aws.wait_for(aws.start(MACHINE, f"{order_id}-9", {"order_id": str(order_id)}))

    assert again["status"] == "SUCCEEDED"
    assert market.level("BLR1") == (5, 0)


# BeginCancellation: the order is not cancelling


def test_an_order_that_goes_on_is_left_alone(engine, market, buyer, order_id):
    aws = engine.aws.step_functions

    run = aws.wait_for(aws.start(MACHINE, f"{order_id}-9", {"order_id": str(order_id)}))

    assert run["status"] == "SUCCEEDED"
    assert (buyer.order(order_id).status, status_of(market, order_id)) == ("confirmed", "planned")


def test_an_order_that_nobody_knows_fails_the_run(engine, market):
    aws = engine.aws.step_functions
    unknown = package_id_of(market.seller_id, "BLR1")

    run = aws.wait_for(aws.start(MACHINE, f"{unknown}-1", {"order_id": str(unknown)}))

    assert (run["status"], run["error"]) == ("FAILED", "NotCancelled")


# RecallPackages fails


def test_an_order_delivered_before_it_could_be_recalled_goes_on(engine, market, buyer):
    order_id = buyer.place(("MUG", 1), ("LAMP", 1))
    engine.settle()
    buyer.cancel(order_id)
    deliveries.delivered(
        market.conn, market.documents, ADMIN, package_id_of(order_id, "DEL2"), "signed", market.now
    )
    engine.settle()

    assert buyer.order(order_id).status == "confirmed"
    assert status_of(market, order_id) == "planned"
    assert run_of(market, order_id).status == "succeeded"
    assert len(events_of(buyer.conn, "CancellationRefused")) == 1


@pytest.mark.parametrize(
    ("table", "when"),
    [("packages", "NEW.status = 'cancelled'"), ("reservations", "NEW.status = 'released'")],
    ids=["recall_packages", "release_stock"],
)
def test_what_could_not_be_taken_back_is_tried_again(
    engine, market, buyer, order_id, inventory_db, table, when
):
    refuse_writes(inventory_db, table, when)
    cancel(engine, buyer, order_id)
    assert buyer.order(order_id).status == "cancelling"
    assert market.level("BLR1") == (5, 2)
    assert market.broken_invariants() == []

    accept_writes(inventory_db)
    cancel_again(engine, buyer)

    assert buyer.order(order_id).status == "cancelled"
    assert market.level("BLR1") == (5, 0)
    assert market.broken_invariants() == []


# FinishCancellation fails


def test_a_cancellation_that_could_not_be_noted_is_noted_by_the_next_run(
    engine, market, buyer, order_id, customer_db
):
    refuse_writes(customer_db, "orders", "NEW.status = 'cancelled'")
    cancel(engine, buyer, order_id)
    assert buyer.order(order_id).status == "cancelling"
    assert market.level("BLR1") == (5, 0)

    accept_writes(customer_db)
    cancel_again(engine, buyer)

    assert buyer.order(order_id).status == "cancelled"
    assert run_of(market, order_id).revision == 2
    assert market.broken_invariants() == []
