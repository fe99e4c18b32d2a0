"""Sending a delivered package back: goods, totals and money, on both sides, with every invariant at the end."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from customer_app.chalicelib.services import cancellations, payments, returns as customers_returns
from fulfillment_app.chalicelib.services import returns, sales
from local.invariants import check_all
from local.payment_server import Books, payment_server
from local.reading import Stores
from online_kart.domain.errors import (
    InvalidRequest,
    NotFound,
    OrderStatusConflict,
    PackageStatusConflict,
    PaymentDeclined,
    ReturnRefused,
    Unavailable,
)
from online_kart.domain.events import ReturnedUnits, ReturnRequested
from online_kart.domain.returns import (
    RETURN_WITHIN,
    ReceiveReturn,
    RequestReturn,
    UnsellableUnits,
    return_id_of,
)
from online_kart.payment_provider import HttpPaymentProvider
from tests.both_sides import NEIGHBOUR, open_both_sides
from tests.faults import Crash
from tests.identity import ADMIN
from tests.shop import PRICE_PAISE
from tests.storefront import enveloped
from tests.together import run_together

DELIVERED_AFTER = timedelta(days=2)
"""As `BothSides.deliver` has it."""


@pytest.fixture
def sides(inventory_db, customer_db, documents, now):
    """Fifty mugs in BLR1."""
    return open_both_sides(Stores(inventory_db, customer_db, documents), now)


@pytest.fixture
def package_id(sides):
    """Three mugs, delivered in BLR2."""
    package_id = sides.confirmed(sides.buyer(NEIGHBOUR), ("MUG", 3))
    sides.depart(package_id)
    sides.hand_over(package_id)
    sides.deliver(package_id)
    sides.tell()
    return package_id


def order_of(sides, package_id):
    row = sides.stores.customer.execute(
        "SELECT order_id FROM packages WHERE package_id = %s", [package_id]
    ).fetchone()
    return UUID(str(row[0]))


def ask(sides, package_id, at=None, units=None):
    """`units`: of the first line; None: all that is left."""
    lines = units and (ReturnedUnits(line_no=1, quantity=units),)
    command = RequestReturn(package_id=package_id, reason="too blue", lines=lines)
    at = at or sides.market.now + DELIVERED_AFTER
    return customers_returns.request(
        sides.stores.customer, ADMIN, order_of(sides, package_id), command, at
    )


def receive(sides, package_id, unsellable=0, number=1, **changes):
    bad = (UnsellableUnits(line_no=1, quantity=unsellable),) if unsellable else ()
    command = ReceiveReturn(unsellable=bad, **changes)
    return returns.receive(
        sides.stores.inventory,
        sides.stores.documents,
        ADMIN,
        return_id_of(package_id, number),
        command,
        sides.market.now,
    )


def returned(sides, package_id, unsellable=0):
    asked = ask(sides, package_id)
    sides.tell()
    receive(sides, package_id, unsellable)
    sides.tell()
    return customers_returns.by_id(sides.stores.customer, asked.order_id, asked.return_id)


def prepay(sides, package_id):
    """As if the order had been prepaid, and the provider had captured it."""
    conn, order_id = sides.stores.customer, order_of(sides, package_id)
    conn.execute("UPDATE orders SET payment = 'prepaid' WHERE order_id = %s", [order_id])
    conn.execute(
        """
        INSERT INTO payments (order_id, amount_paise, status, wanted, updated_at)
        SELECT order_id, total_paise, 'captured', 'captured', placed_at FROM orders
         WHERE order_id = %s
        """,
        [order_id],
    )
    return order_id


def level(sides, fc_code):
    return sides.market.level(fc_code)


def totals(sides):
    found = sales.by_category(sides.stores.inventory, None, 10)
    return [(each.quantity, each.amount_paise) for each in found]


def broken(sides):
    return [violation for outcome in check_all(sides.stores) for violation in outcome.violations]


def at_rest(sides):
    """`check_all` is for a world in which each batch has its run."""
    return [each for each in broken(sides) if not each.key.startswith("batch ")]


def test_what_comes_back_is_in_stock_where_it_came_in_and_off_the_totals(sides, package_id):
    assert totals(sides)[0][0] == 3

    asked = ask(sides, package_id)
    sides.tell()
    planned = customers_returns.by_id(sides.stores.customer, asked.order_id, asked.return_id)
    assert (asked.status, planned.status) == ("requested", "planned")
    assert planned.pickup_on > sides.market.now.date()

    received = receive(sides, package_id)
    sides.tell()
    after = customers_returns.by_id(sides.stores.customer, asked.order_id, asked.return_id)

    assert (received.status, received.fc_code) == ("received", NEIGHBOUR)
    assert (after.status, after.refund_paise) == ("owed", asked.refund_paise)
    assert level(sides, NEIGHBOUR) == (3, 0)
    assert level(sides, "BLR1") == (47, 0)
    assert totals(sides) == [(0, 0)]
    assert at_rest(sides) == []


def test_what_is_damaged_is_written_off_and_nothing_is_lost_count_of(sides, package_id):
    after = returned(sides, package_id, unsellable=2)

    assert level(sides, NEIGHBOUR) == (1, 0)
    assert after.refund_paise == ask(sides, package_id).refund_paise  # the whole price
    assert totals(sides) == [(0, 0)]
    assert at_rest(sides) == []


def test_all_may_be_damaged(sides, package_id):
    returned(sides, package_id, unsellable=3)

    assert level(sides, NEIGHBOUR) == (0, 0)
    assert at_rest(sides) == []


def test_the_ledger_and_the_histories_tell_of_a_return(sides, package_id):
    returned(sides, package_id, unsellable=1)

    entries = sides.stores.inventory.execute(
        "SELECT on_hand_change, changed_by FROM stock_ledger WHERE cause = 'return'"
    ).fetchall()
    assert entries == [(2, "staff admin")]
    events = sides.stores.inventory.execute(
        "SELECT what FROM package_events WHERE package_id = %s ORDER BY version DESC LIMIT 3",
        [package_id],
    ).fetchall()
    assert events == [("returned",), ("return_planned",), ("delivered",)]
    told = {entry["what"] for entry in sides.stores.documents.order_log.find({})}
    assert {"ReturnRequested", "ReturnPlanned", "ReturnReceived", "ReturnSettled"} <= told


def test_asking_and_receiving_again_change_nothing(sides, package_id):
    first = returned(sides, package_id, unsellable=1)

    assert ask(sides, package_id) == first
    assert receive(sides, package_id, unsellable=3).lines[0].unsellable == 1
    sides.tell()

    assert level(sides, NEIGHBOUR) == (2, 0)
    assert at_rest(sides) == []


def test_two_who_receive_at_once_book_it_once(sides, package_id, inventory_dsn):
    ask(sides, package_id)
    sides.tell()

    def receive_over(conn):
        stores = Stores(conn, sides.stores.customer, sides.stores.documents)
        return receive(sides._replace(stores=stores), package_id).status

    assert run_together(inventory_dsn, *[receive_over] * 4) == ["received"] * 4
    assert level(sides, NEIGHBOUR) == (3, 0)


def test_a_package_is_returned_within_ten_days_of_its_delivery(sides, package_id):
    last = sides.market.now + DELIVERED_AFTER + RETURN_WITHIN

    with pytest.raises(ReturnRefused) as refused:
        ask(sides, package_id, at=last + timedelta(seconds=1))
    assert refused.value.why == "too_late"
    assert ask(sides, package_id, at=last).status == "requested"


def test_what_is_not_delivered_can_not_be_returned(sides):
    package_id = sides.confirmed(sides.buyer(NEIGHBOUR), ("MUG", 1))

    with pytest.raises(ReturnRefused) as refused:
        ask(sides, package_id)
    assert refused.value.why == "not_delivered"


def test_a_package_of_another_order_is_not_found(sides, package_id):
    command = RequestReturn(package_id=uuid4(), reason="too blue")

    with pytest.raises(NotFound):
        customers_returns.request(
            sides.stores.customer, ADMIN, order_of(sides, package_id), command, sides.market.now
        )


def test_the_other_side_takes_no_return_of_what_is_not_with_its_customer(sides):
    package_id = sides.confirmed(sides.buyer(NEIGHBOUR), ("MUG", 1))
    event = ReturnRequested(
        occurred_at=sides.market.now,
        return_id=return_id_of(package_id),
        order_id=order_of(sides, package_id),
        package_id=package_id,
        reason="too blue",
    )

    with pytest.raises(PackageStatusConflict):
        returns.take(
            sides.stores.inventory, sides.stores.documents, enveloped(event), sides.market.now
        )


def test_more_units_than_were_sent_can_not_be_damaged(sides, package_id):
    ask(sides, package_id)
    sides.tell()

    with pytest.raises(InvalidRequest):
        receive(sides, package_id, unsellable=4)
    with pytest.raises(NotFound):
        receive(sides, package_id, fc_code="BLR")
    assert level(sides, NEIGHBOUR) == (0, 0)


def test_an_order_of_which_something_was_returned_is_not_cancelled_too(sides, package_id):
    order_id = order_of(sides, package_id)
    returned(sides, package_id)
    sides.stores.customer.execute("UPDATE orders SET status = 'confirmed'")

    with pytest.raises(OrderStatusConflict) as refused:
        cancellations.request(sides.stores.customer, ADMIN, order_id, sides.market.now)
    assert refused.value.order_status == "partly returned"


# -- parts of a package


def test_units_are_sent_back_bit_by_bit_until_all_are_and_each_refund_is_their_price(
    sides, package_id
):
    whole_paise = PRICE_PAISE * 3
    two = ask(sides, package_id, units=2)
    sides.tell()
    assert [(each.line_no, each.quantity) for each in two.lines] == [(1, 2)]
    with pytest.raises(ReturnRefused) as refused:
        ask(sides, package_id, units=2)
    assert refused.value.why == "nothing_left"

    receive(sides, package_id, unsellable=1)
    sides.tell()
    assert (level(sides, NEIGHBOUR), totals(sides)) == ((1, 0), [(1, PRICE_PAISE)])
    assert package_status(sides, package_id) == ("delivered", "delivered")
    assert at_rest(sides) == []

    rest = ask(sides, package_id)
    assert (rest.lines[0].quantity, rest.return_id) == (1, return_id_of(package_id, 2))
    assert ask(sides, package_id) == rest
    sides.tell()
    receive(sides, package_id, number=2)
    sides.tell()
    assert two.refund_paise + rest.refund_paise == whole_paise == 3 * rest.refund_paise
    assert (level(sides, NEIGHBOUR), totals(sides)) == ((2, 0), [(0, 0)])
    assert package_status(sides, package_id) == ("returned", "returned")
    assert at_rest(sides) == []


def package_status(sides, package_id):
    """On both sides."""
    query = "SELECT status FROM packages WHERE package_id = %s"
    conns = (sides.stores.inventory, sides.stores.customer)
    return tuple(conn.execute(query, [package_id]).fetchone()[0] for conn in conns)


def test_two_returns_of_a_package_may_be_under_way_at_once_and_come_in_any_order(sides, package_id):
    ask(sides, package_id, units=1)
    ask(sides, package_id, units=1)
    sides.tell()
    for number in (2, 1):
        receive(sides, package_id, number=number)
    sides.tell()

    assert level(sides, NEIGHBOUR) == (2, 0)
    assert package_status(sides, package_id) == ("delivered", "delivered")
    assert at_rest(sides) == []


def test_of_many_who_ask_at_once_nobody_gets_more_than_the_package_had(
    sides, package_id, customer_dsn
):
    def ask_over(conn):
        stores = Stores(sides.stores.inventory, conn, sides.stores.documents)
        try:
            return ask(sides._replace(stores=stores), package_id, units=1).refund_paise
        except ReturnRefused:
            return 0

    assert sorted(run_together(customer_dsn, *[ask_over] * 5)) == [0, 0, *[PRICE_PAISE] * 3]


# -- money


@pytest.fixture
def books(tmp_path):
    return Books(tmp_path / "books.sqlite")


@pytest.fixture
def provider(books):
    with payment_server(books) as url:
        yield HttpPaymentProvider(url)


class DyingAfter:
    """The provider behind which the process dies, once it has refunded."""

    def __init__(self, provider):
        self._provider = provider

    def refund(self, *call):
        self._provider.refund(*call)
        raise Crash


def settle(sides, provider):
    return customers_returns.settle(sides.stores.customer, provider, 10, sides.market.now)


def test_what_was_prepaid_is_refunded_once_whatever_dies(sides, package_id, provider, books):
    order_id = prepay(sides, package_id)
    after = returned(sides, package_id)
    provider.authorize(order_id, after.refund_paise + 100)
    provider.capture(order_id)
    assert after.status == "received"

    with pytest.raises(Crash):
        settle(sides, DyingAfter(provider))
    assert settle(sides, provider) == 1
    assert settle(sides, provider) == 0

    done = customers_returns.by_id(sides.stores.customer, order_id, after.return_id)
    assert done.status == "refunded"
    assert books.of(str(order_id)).charged_paise == books.charged_paise() == 100
    sides.tell()
    assert at_rest(sides) == []


def test_a_refund_waits_until_the_payment_is_captured(sides, package_id, provider, books):
    order_id = prepay(sides, package_id)
    after = returned(sides, package_id)
    provider.authorize(order_id, after.refund_paise)

    assert settle(sides, provider) == 0
    provider.capture(order_id)
    assert settle(sides, provider) == 1
    assert books.charged_paise() == 0


def test_a_provider_gives_back_no_more_than_was_captured(provider):
    order_id, return_id = uuid4(), uuid4()
    with pytest.raises(PaymentDeclined):
        provider.refund(order_id, return_id, 1)
    provider.authorize(order_id, 100)
    provider.capture(order_id)
    provider.refund(order_id, return_id, 60)
    provider.refund(order_id, return_id, 60)

    with pytest.raises(PaymentDeclined):
        provider.refund(order_id, uuid4(), 41)
    provider.refund(order_id, uuid4(), 40)


def test_a_return_stays_to_be_refunded_while_the_provider_is_away(sides, package_id):
    order_id = prepay(sides, package_id)
    after = returned(sides, package_id)

    with pytest.raises(Unavailable):
        settle(sides, HttpPaymentProvider("http://127.0.0.1:1"))
    assert customers_returns.by_id(sides.stores.customer, order_id, after.return_id) == after


def test_payments_of_orders_are_left_alone(sides, package_id, provider):
    """Those of the order as a whole have a job of their own."""
    returned(sides, package_id)

    assert payments.settle(sides.stores.customer, provider, 10, sides.market.now) == 0
