"""Prepaid orders run by the engine: whatever a run fails at, who was rejected has paid nothing."""

import pytest

from customer_app.chalicelib.services import orders
from local.payment_server import Books, payment_server
from online_kart.domain.orders import LineWanted, Order
from tests.buyers import a_buyer
from tests.faults import accept_writes, refuse_writes
from tests.market import open_market
from tests.shop import PRICE_PAISE
from tests.storefront import an_order_of, place

LIMIT_PAISE = 10 * PRICE_PAISE


@pytest.fixture(autouse=True)
def books(tmp_path, monkeypatch):
    """Before the engine starts: the apps read their settings then."""
    books = Books(tmp_path / "books.sqlite", LIMIT_PAISE)
    with payment_server(books) as url:
        monkeypatch.setenv("KART_PAYMENTS_URL", url)
        yield books


@pytest.fixture
def market(engine, inventory_db, documents, now):
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 20)
    engine.settle()
    return market


@pytest.fixture
def served(engine, market, customer_db):
    """Places a prepaid order of so many mugs, lets it run, and settles payments; the order as it is then."""

    def served(mugs=2, lives_at="DEL2"):
        buyer = a_buyer(customer_db, market, lives_at)
        command = an_order_of(buyer.address, LineWanted(sku="MUG", quantity=mugs))
        answer = place(customer_db, command.model_copy(update={"payment": "prepaid"}), market.now)
        engine.settle()
        engine.invoke("settle_payments")
        return orders.by_id(customer_db, Order.model_validate_json(answer.body).order_id)

    return served


def test_a_prepaid_order_is_charged_once_it_is_confirmed(engine, served, books):
    order = served()

    assert order.status == "confirmed"
    assert books.charged_paise() == order.total_paise == 2 * PRICE_PAISE
    assert engine.invoke("settle_payments") == {"settled": 0}


def test_a_cancelled_order_gets_its_money_back(engine, served, books, customer_db, market):
    order = served()
    a_buyer(customer_db, market, "BLR2").cancel(order.order_id)
    engine.settle()
    engine.invoke("settle_payments")

    assert orders.by_id(customer_db, order.order_id).status == "cancelled"
    assert (books.charged_paise(), books.of(str(order.order_id)).refunds_count) == (0, 1)


@pytest.mark.parametrize(
    ("mugs", "lives_at", "error"),
    [
        pytest.param(21, "DEL2", "OutOfStock", id="too few"),
        pytest.param(1, "744301", "NotServed", id="nobody delivers there"),
        pytest.param(11, "DEL2", "PaymentDeclined", id="the bank declines"),
    ],
)
def test_an_order_that_can_not_be_served_costs_nothing(
    served, books, market, mugs, lives_at, error
):
    order = served(mugs, lives_at)

    assert (order.status, order.rejection.error) == ("rejected", error)
    assert books.charged_paise() == 0
    assert books.of(str(order.order_id)).status == "released"
    assert market.level("BLR1") == (20, 0)


@pytest.mark.parametrize(
    ("side", "table"),
    [("inventory", "reservations"), ("inventory", "packages"), ("customer", "packages")],
)
def test_an_order_at_which_we_fail_costs_nothing(
    served, books, market, customer_db, inventory_db, side, table
):
    refuse_writes({"inventory": inventory_db, "customer": customer_db}[side], table)

    order = served()

    assert (order.status, order.rejection.error) == ("rejected", "DiskFull")
    assert books.charged_paise() == 0
    assert market.level("BLR1") == (20, 0)


def test_an_order_that_can_not_be_decided_now_is_charged_once_it_is(
    engine, served, books, customer_db
):
    refuse_writes(customer_db, "orders", "NEW.status <> 'placed'")
    order = served()
    assert (order.status, books.charged_paise()) == ("placed", 0)

    accept_writes(customer_db)
    customer_db.execute("UPDATE orders SET updated_at = updated_at - interval '1 hour'")
    engine.invoke("sweep_orders")
    engine.settle()
    engine.invoke("settle_payments")

    assert orders.by_id(customer_db, order.order_id).status == "confirmed"
    assert books.charged_paise() == order.total_paise
