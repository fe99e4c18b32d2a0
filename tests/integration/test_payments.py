"""What is charged: nothing for an order that is rejected, a confirmed one once, and a refund once; whatever dies."""

from collections.abc import Callable
from datetime import date
from functools import partial
from uuid import UUID, uuid4

import pytest

from customer_app.chalicelib.services import cancellations, orders, payments
from local.payment_server import Books, payment_server
from online_kart.customer_db import payments as store
from online_kart.domain.errors import OrderStatusConflict, PaymentDeclined, Unavailable
from online_kart.domain.orders import Order
from online_kart.payment_provider import HttpPaymentProvider
from tests.faults import Crash
from tests.identity import ADMIN
from tests.storefront import an_order_of, confirm, place, put_customer, put_offer, put_paths

LIMIT_PAISE = 100_000
"""Two mugs are under it, three are not."""

PAISE = 2 * 49_900


@pytest.fixture
def books(tmp_path):
    return Books(tmp_path / "books.sqlite", LIMIT_PAISE)


@pytest.fixture
def provider(books):
    with payment_server(books) as url:
        yield HttpPaymentProvider(url)


class Dying:
    """The provider behind which the process dies: before the n-th call reaches it, or after that, before the answer."""

    def __init__(self, provider: HttpPaymentProvider, moment: int) -> None:
        self._provider, self._left = provider, moment

    def _call(self, act: Callable[[], None]) -> None:
        self._glow()
        act()
        self._glow()

    def _glow(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Crash

    def authorize(self, order_id: UUID, amount_paise: int) -> None:
        self._call(partial(self._provider.authorize, order_id, amount_paise))

    def capture(self, order_id: UUID) -> None:
        self._call(partial(self._provider.capture, order_id))

    def refund(self, order_id: UUID, return_id: UUID, amount_paise: int) -> None:
        self._call(partial(self._provider.refund, order_id, return_id, amount_paise))

    def release(self, order_id: UUID) -> None:
        self._call(partial(self._provider.release, order_id))


@pytest.fixture
def prepaid(customer_db, now):
    """Places an order of two mugs, prepaid."""
    put_offer(customer_db, now)

    def prepaid():
        command = an_order_of(put_customer(customer_db, now))
        answer = place(customer_db, command.model_copy(update={"payment": "prepaid"}), now)
        return Order.model_validate_json(answer.body)

    return prepaid


@pytest.fixture
def confirmed(customer_db, documents, prepaid, provider, now):
    order = prepaid()
    payments.authorize(customer_db, provider, order.order_id, now)
    confirm(customer_db, documents, order, put_paths(documents, order, now), now)
    return order


def settle(conn, provider, now):
    return payments.settle(conn, provider, 100, now)


def reject(conn, order, now):
    return orders.reject_order(conn, order.order_id, "OutOfStock", "", now)


def cancel(conn, order, now):
    cancellations.request(conn, ADMIN, order.order_id, now)
    return cancellations.finish(conn, order.order_id, now)


def test_a_confirmed_order_is_charged_once_and_only_then(
    customer_db, documents, prepaid, provider, books, now
):
    order = prepaid()
    assert settle(customer_db, provider, now) == 0
    payments.authorize(customer_db, provider, order.order_id, now)
    payments.authorize(customer_db, provider, order.order_id, now)
    assert settle(customer_db, provider, now) == 0
    assert books.charged_paise() == 0

    confirm(customer_db, documents, order, put_paths(documents, order, now), now)

    assert settle(customer_db, provider, now) == 1
    assert settle(customer_db, provider, now) == 0
    assert books.charged_paise() == PAISE
    assert books.of(str(order.order_id)).captures_count == 1


def test_an_order_paid_on_delivery_asks_nobody_for_money(customer_db, prepaid, books, now):
    put_offer(customer_db, now)
    answer = place(customer_db, an_order_of(put_customer(customer_db, now)), now)
    order = Order.model_validate_json(answer.body)
    nobody = HttpPaymentProvider("http://127.0.0.1:1")

    payments.authorize(customer_db, nobody, order.order_id, now)
    reject(customer_db, order, now)

    assert settle(customer_db, nobody, now) == 0


@pytest.mark.parametrize("was_authorized", [True, False])
def test_a_rejected_order_is_never_charged_and_what_was_set_aside_is_free(
    customer_db, prepaid, provider, books, now, was_authorized
):
    order = prepaid()
    if was_authorized:
        payments.authorize(customer_db, provider, order.order_id, now)

    assert reject(customer_db, order, now)
    assert settle(customer_db, provider, now) == 1
    assert reject(customer_db, order, now)
    assert settle(customer_db, provider, now) == 0

    entry = books.of(str(order.order_id))
    assert (entry.status, entry.captures_count, entry.refunds_count) == ("released", 0, 0)


def test_what_is_authorized_after_it_was_rejected_is_declined(
    customer_db, prepaid, provider, books, now
):
    """A step that was slow, or runs twice, must not set money aside for an order that is over."""
    order = prepaid()
    reject(customer_db, order, now)
    settle(customer_db, provider, now)

    with pytest.raises(PaymentDeclined):
        provider.authorize(order.order_id, PAISE)
    with pytest.raises(PaymentDeclined):
        provider.capture(order.order_id)
    assert books.charged_paise() == 0


def test_an_order_whose_money_was_not_set_aside_is_not_confirmed(
    customer_db, documents, prepaid, now
):
    order = prepaid()

    with pytest.raises(PaymentDeclined):
        confirm(customer_db, documents, order, put_paths(documents, order, now), now)

    assert orders.by_id(customer_db, order.order_id).status == "placed"


def test_a_rejected_order_can_not_be_confirmed_and_so_not_be_captured(
    customer_db, documents, prepaid, provider, books, now
):
    order = prepaid()
    payments.authorize(customer_db, provider, order.order_id, now)
    reject(customer_db, order, now)

    with pytest.raises(OrderStatusConflict):
        confirm(customer_db, documents, order, put_paths(documents, order, now), now)

    settle(customer_db, provider, now)
    assert books.charged_paise() == 0


def test_a_declined_payment_says_so_and_a_repeat_is_declined_as_well(provider, books):
    order_id = uuid4()
    for _ in range(2):
        with pytest.raises(PaymentDeclined, match="Nothing was charged"):
            provider.authorize(order_id, LIMIT_PAISE + 1)
    assert books.of(str(order_id)) is None


def test_a_provider_that_does_not_answer_or_answers_nonsense_is_worth_another_try(provider):
    with pytest.raises(Unavailable):
        HttpPaymentProvider("http://127.0.0.1:1").capture(uuid4())
    with pytest.raises(Unavailable):
        HttpPaymentProvider(f"{provider._url}/nowhere").capture(uuid4())


def test_a_cancelled_order_is_refunded_once(customer_db, confirmed, provider, books, now):
    settle(customer_db, provider, now)
    assert books.charged_paise() == PAISE

    assert cancel(customer_db, confirmed, now) == PAISE
    assert cancellations.finish(customer_db, confirmed.order_id, now) == PAISE
    assert settle(customer_db, provider, now) == 1
    assert settle(customer_db, provider, now) == 0

    entry = books.of(str(confirmed.order_id))
    assert (entry.charged_paise, entry.refunds_count) == (0, 1)


def test_what_is_cancelled_before_it_was_captured_is_never_charged(
    customer_db, confirmed, provider, books, now
):
    cancel(customer_db, confirmed, now)
    settle(customer_db, provider, now)

    entry = books.of(str(confirmed.order_id))
    assert (entry.charged_paise, entry.captures_count) == (0, 0)


def test_a_capture_that_was_under_way_when_the_order_was_cancelled_is_refunded(
    customer_db, confirmed, provider, books, now
):
    (under_way,) = store.unsettled(customer_db, 1)
    assert under_way.wanted == "captured"
    cancel(customer_db, confirmed, now)

    assert payments._settle(customer_db, provider, under_way, now)
    assert books.charged_paise() == PAISE
    settle(customer_db, provider, now)

    assert books.charged_paise() == 0
    assert not payments._settle(customer_db, provider, under_way, now), "It comes once more, late."
    assert books.charged_paise() == 0


def test_what_can_not_be_captured_keeps_no_other_from_it(
    customer_db, documents, confirmed, prepaid, provider, books, now
):
    provider.release(confirmed.order_id)  # as a bank does by itself after some weeks
    other = prepaid()
    payments.authorize(customer_db, provider, other.order_id, now)
    later = now + (date(2026, 1, 2) - date(2026, 1, 1))
    confirm(customer_db, documents, other, put_paths(documents, other, now), later)

    assert payments.settle(customer_db, provider, 1, later + (later - now)) == 0
    assert payments.settle(customer_db, provider, 1, later) == 1
    assert books.of(str(other.order_id)).captures_count == 1


@pytest.mark.parametrize("moment", [1, 2])
@pytest.mark.parametrize("end", ["rejected", "captured", "cancelled"])
def test_money_moves_once_though_the_process_dies_beside_the_call(
    customer_db, documents, prepaid, provider, books, now, end, moment
):
    """Before the provider hears of it, and after that, before we note it: the next run brings it to the same end."""
    order = prepaid()
    payments.authorize(customer_db, provider, order.order_id, now)
    if end == "rejected":
        reject(customer_db, order, now)
    else:
        confirm(customer_db, documents, order, put_paths(documents, order, now), now)
    if end == "cancelled":
        settle(customer_db, provider, now)
        cancel(customer_db, order, now)

    with pytest.raises(Crash):
        settle(customer_db, Dying(provider, moment), now)
    settle(customer_db, provider, now)

    entry = books.of(str(order.order_id))
    wanted = {"rejected": (0, 0), "captured": (1, 0), "cancelled": (1, 1)}
    assert (entry.captures_count, entry.refunds_count) == wanted[end]
    assert settle(customer_db, provider, now) == 0


@pytest.mark.parametrize("moment", [1, 2])
def test_an_order_is_rejected_without_a_charge_though_the_process_died_while_authorizing(
    customer_db, prepaid, provider, books, now, moment
):
    order = prepaid()
    with pytest.raises(Crash):
        payments.authorize(customer_db, Dying(provider, moment), order.order_id, now)

    reject(customer_db, order, now)
    settle(customer_db, provider, now)

    entry = books.of(str(order.order_id))
    assert (entry.status, entry.captures_count) == ("released", 0)


def test_a_refused_cancellation_leaves_the_order_paid(customer_db, confirmed, provider, books, now):
    settle(customer_db, provider, now)
    cancellations.request(customer_db, ADMIN, confirmed.order_id, now)
    cancellations.refuse(customer_db, confirmed.order_id, now)

    assert settle(customer_db, provider, now) == 0
    assert books.charged_paise() == PAISE
