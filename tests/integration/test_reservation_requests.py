"""Reserving in turn: who finds an offer contended waits for whoever has its turn, and is held together with the others."""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from fulfillment_app.chalicelib.services import reservation_requests as service, stock
from online_kart.domain.errors import (
    NoRoute,
    OutOfStock,
    StockAlreadyReleased,
)
from online_kart.domain.sourcing import ReservationRequest
from online_kart.domain.stock import AdjustStock, Offer
from online_kart.inventory_db import reservation_requests as requests
from online_kart.messaging.idempotency import Keyed
from online_kart.postgres import KartConnection
from tests.identity import ADMIN
from tests.market import HOLD, open_market
from tests.shop import put_fc

SOON = 20.0
"""Seconds in which a thread that is no longer held up has ended, on a busy machine too."""


@pytest.fixture
def market(inventory_db, documents, now):
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 5)
    return market


@pytest.fixture
def mug(market):
    return Offer("MUG", market.seller_id)


def ask(market, offer, order, hold=HOLD):
    """As an asker does that dies then, or is not awake yet."""
    requests.insert(market.conn, offer, ReservationRequest(order, market.now + hold))


def waiting(market):
    return market.conn.execute("SELECT count(*) FROM reservation_requests").fetchone()[0]


def held_together(market):
    """Orders in each statement that took units, the smallest first."""
    rows = market.conn.execute(
        "SELECT count(DISTINCT order_id) FROM reservations GROUP BY xmin::text ORDER BY 1"
    ).fetchall()
    return [count for (count,) in rows]


def test_an_order_that_nobody_disputes_waits_for_nobody_and_asks_nobody(market):
    market.reserve(market.an_order(("MUG", 1)))

    numbers = market.conn.execute(
        "SELECT nextval(pg_get_serial_sequence('reservation_requests', 'request_no'))"
    ).fetchone()
    assert numbers == (1,)  # no row was ever written


def test_who_comes_to_others_that_wait_serves_them_all_in_one_statement(market, mug):
    orders = [market.an_order(("MUG", 1)) for _ in range(3)]
    for order in orders:
        ask(market, mug, order)

    last = market.an_order(("MUG", 1))
    market.reserve(last)

    assert [market.held_at(order) for order in (*orders, last)] == [{"BLR1": 1}] * 4
    assert held_together(market) == [4]
    assert waiting(market) == 0
    assert market.broken_invariants() == []


def test_an_order_whose_asker_died_finds_its_answer_when_it_is_tried_again(market, mug):
    order = market.an_order(("MUG", 2))
    ask(market, mug, order)
    market.reserve(market.an_order(("MUG", 1)))

    again = market.reserve(order)

    assert again.chosen.fc_codes == ("BLR1",)
    assert market.level("BLR1") == (5, 3)


def test_what_is_held_for_an_asker_that_died_is_released_at_its_deadline(market, mug, now):
    ask(market, mug, market.an_order(("MUG", 2)))
    market.confirm(market.served(("MUG", 1)))

    assert market.at(now + HOLD).release_expired() == 1
    assert market.level("BLR1") == (5, 1)


def test_who_waits_longest_is_served_first_and_who_gets_nothing_is_told_what_is_left(market, mug):
    first, second = market.an_order(("MUG", 2)), market.an_order(("MUG", 2))
    for order in (first, second):
        ask(market, mug, order)

    with pytest.raises(OutOfStock) as refusal:
        market.reserve(market.an_order(("MUG", 2)))

    (short,) = refusal.value.shortages
    assert (short["sku"], short["wanted"], short["free"]) == ("MUG", 2, 1)
    assert (market.held_at(first), market.held_at(second)) == ({"BLR1": 2}, {"BLR1": 2})
    assert waiting(market) == 0


def test_one_that_wants_too_much_holds_up_none_behind_it(market, mug):
    greedy, modest = market.an_order(("MUG", 5)), market.an_order(("MUG", 4))
    ask(market, mug, modest)
    ask(market, mug, greedy)

    market.reserve(market.an_order(("MUG", 1)))

    assert (market.held_at(modest), market.held_at(greedy)) == ({"BLR1": 4}, {})
    with pytest.raises(OutOfStock):  # it was not answered: its asker looks again
        market.reserve(greedy)


def test_a_release_that_comes_before_the_turn_is_kept(market, mug):
    cancelled = market.an_order(("MUG", 2))
    ask(market, mug, cancelled)
    assert market.release(cancelled) == 0

    market.reserve(market.an_order(("MUG", 1)))

    assert market.held_at(cancelled) == {}
    assert (market.level("BLR1"), waiting(market)) == ((5, 1), 0)
    with pytest.raises(StockAlreadyReleased):
        market.reserve(cancelled)


def test_a_request_past_its_deadline_is_forgotten(market, mug):
    late = market.an_order(("MUG", 2))
    ask(market, mug, late, hold=timedelta(0))

    market.reserve(market.an_order(("MUG", 1)))

    assert (market.held_at(late), waiting(market)) == ({}, 0)


def test_requests_past_their_deadline_are_pruned_though_nobody_wants_the_item(market, mug, now):
    ask(market, mug, market.an_order(("MUG", 2)))

    assert service.prune(market.conn, now) == 0
    assert service.prune(market.conn, now + HOLD) == 1


def test_a_turn_serves_a_bounded_number_and_the_next_the_others(market, mug, monkeypatch):
    monkeypatch.setattr(service, "SERVED_AT_ONCE_MAX", 2)
    for _ in range(3):
        ask(market, mug, market.an_order(("MUG", 1)))

    market.reserve(market.an_order(("MUG", 1)))

    assert held_together(market) == [2, 2]
    assert market.level("BLR1") == (5, 4)


def test_carts_with_other_items_are_held_whole_or_not_at_all(market, mug):
    market.put_stock("DEL1", "LAMP", 1)
    whole, short = (market.an_order(("MUG", 1), ("LAMP", 1)) for _ in range(2))
    for order in (whole, short):
        ask(market, mug, order)

    market.reserve(market.an_order(("MUG", 1)))

    assert market.held_at(whole) == {"BLR1": 1, "DEL1": 1}
    assert market.held_at(short) == {}
    assert market.broken_invariants() == []


def test_an_order_that_no_way_leads_to_holds_up_nobody_and_is_told(market, now):
    put_fc(market.conn, "GOA1", now)
    market.put_stock("GOA1", "LAMP", 5)  # before any route table knows the FC
    lamp = Offer("LAMP", market.seller_id)
    stranded = market.an_order(("LAMP", 1))
    ask(market, lamp, stranded)

    with pytest.raises(NoRoute):
        market.reserve(stranded)
    assert waiting(market) == 0


def test_an_order_that_finds_the_turn_taken_is_served_when_the_round_has_ended(
    market, mug, inventory_dsn
):
    order = market.an_order(("MUG", 1))

    def reserve():
        with KartConnection.connect(inventory_dsn, autocommit=True) as conn:
            return market.on(conn).reserve(order)

    with ThreadPoolExecutor(1) as thread, psycopg.connect(inventory_dsn) as holder:
        assert requests.take_turn(holder, mug)
        reserving = thread.submit(reserve)
        while not waiting(market):
            assert not reserving.done(), "It did not wait."
        holder.rollback()
        assert reserving.result(SOON).chosen.fc_codes == ("BLR1",)
    assert market.level("BLR1") == (5, 1)


def test_a_turn_is_one_offers_and_ends_with_its_transaction(market, mug, inventory_dsn):
    lamp = Offer("LAMP", market.seller_id)
    with psycopg.connect(inventory_dsn) as holder:
        assert requests.take_turn(holder, mug)
        with market.conn.transaction():
            assert not requests.take_turn(market.conn, mug)
            assert requests.take_turn(market.conn, lamp)
            assert requests.take_turns(market.conn, [mug, lamp]) == mug
        holder.rollback()
        with market.conn.transaction():
            assert requests.take_turn(market.conn, mug)


class Disturbed(KartConnection):
    """After units were read and before they are held, where a savepoint is set, somebody writes one off: so many times."""

    disturb: Callable[[], object]
    times = 0

    @contextlib.contextmanager
    def transaction(self, *args, **kwargs):
        if self.info.transaction_status == TransactionStatus.INTRANS and self.times:
            self.times -= 1
            self.disturb()
        with super().transaction(*args, **kwargs) as tx:
            yield tx


def test_units_that_go_while_a_turn_is_served_are_not_sold(market, mug, inventory_dsn, now):
    """Each time that they are read, until the rows are locked."""
    orders = [market.an_order(("MUG", 1)) for _ in range(5)]
    for order in orders:
        ask(market, mug, order)

    one_less = AdjustStock(sku="MUG", seller_id=mug.seller_id, change=-1, reason="It was broken.")

    def write_off():
        stock.adjust_stock(
            market.conn, ADMIN, "BLR1", one_less, Keyed("Ravi", str(uuid4()), "digest"), now
        )

    with Disturbed.connect(inventory_dsn, autocommit=True) as conn:
        conn.disturb, conn.times = write_off, service.OPTIMISTIC_ATTEMPTS_MAX
        service.serve(conn, market.routes, mug, now)

    assert conn.times == 0
    assert [bool(market.held_at(order)) for order in orders] == [True, True, False, False, False]
    assert market.level("BLR1") == (2, 2)
    assert market.broken_invariants() == []
