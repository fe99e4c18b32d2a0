"""Who did what, when and why, as people read it: of a row of stock, an order, a package, a price."""

from uuid import uuid4

import pytest

from fulfillment_app.chalicelib.services import order_log, packages
from online_kart.domain.events import CancellationRequested, OrderConfirmed, OrderPlaced
from tests.api.test_stock_api import all_pages, ok, problem
from tests.market import open_market
from tests.storefront import enveloped


@pytest.fixture
def market(inventory_db, documents, now):
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 5)
    return market


@pytest.fixture
def served(market, documents):
    """An order, which is confirmed and logged, and its package."""
    order = market.served(("MUG", 2))
    (package,) = packages.listed(market.conn, None, None, None, 2)
    by = {"placed": "customer Asha", "confirmed": "confirm_order"}
    facts = {"occurred_at": market.now, "order_id": order.order_id}
    for event in (
        OrderPlaced(
            **facts,
            by=by["placed"],
            version=1,
            to_pincode=order.to_pincode,
            placed_at=order.placed_at,
            lines=order.lines,
        ),
        OrderConfirmed(
            **facts,
            by=by["confirmed"],
            version=2,
            promise_date=market.now.date(),
            package_ids=(package.package_id,),
        ),
        CancellationRequested(**facts, by=by["placed"], version=3),
    ):
        order_log.append(documents, enveloped(event))
    return order, package.package_id


def test_an_order_s_history_comes_in_pages(fulfillment, served):
    order, _ = served
    path = f"/orders/{order.order_id}/history"

    pages = all_pages(fulfillment, f"{path}?limit=1")

    assert [len(page) for page in pages] == [1, 1, 1]
    entries = {entry["what"]: entry for page in pages for entry in page}
    assert entries.keys() == {"OrderPlaced", "OrderConfirmed", "CancellationRequested"}
    assert entries["OrderConfirmed"]["by"] == "confirm_order"
    assert entries["OrderConfirmed"]["detail"]["version"] == 2
    assert entries["OrderPlaced"]["by"] == "customer Asha"
    assert ok(fulfillment.get(path))["next_cursor"] is None


def test_an_order_that_nobody_knows_has_no_history(fulfillment, served):
    problem(fulfillment.get(f"/orders/{uuid4()}/history"), 404)
    problem(fulfillment.get("/orders/x/history"), 422)
    problem(fulfillment.get(f"/orders/{served[0].order_id}/history?cursor=x"), 422)


def test_a_package_s_history_comes_in_pages(fulfillment, served, market):
    order, package_id = served
    market.recall(order)
    path = f"/packages/{package_id}/events"

    pages = all_pages(fulfillment, f"{path}?limit=1")

    assert [[(each["what"], each["happened_by"]) for each in page] for page in pages] == [
        [("planned", "plan_packages")],
        [("cancelled", "recall_packages")],
    ]
    assert pages[1][0]["detail"] == {"reason": "cancelled"}
    problem(fulfillment.get(f"/packages/{uuid4()}/events"), 404)


def test_the_ledger_of_one_seller_says_who_and_why(fulfillment, served, market):
    order, _ = served
    path = f"/fulfillment-centers/BLR1/stock-ledger?sku=MUG&seller_id={market.seller_id}"

    reserved, received = ok(fulfillment.get(path))["items"]

    assert (reserved["cause"], reserved["changed_by"]) == ("reserve", "reserve_stock")
    assert reserved["reference"] == str(order.order_id)
    assert (received["cause"], received["changed_by"]) == ("receipt", "dock")
    others = f"/fulfillment-centers/BLR1/stock-ledger?seller_id={uuid4()}"
    assert ok(fulfillment.get(others))["items"] == []
