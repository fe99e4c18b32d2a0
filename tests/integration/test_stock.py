"""Stock, its ledger and what orders hold: each change once, all or none, and never more than there is."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from uuid import uuid4

import psycopg
import pytest
from psycopg import Rollback
from psycopg.errors import RestrictViolation

from fulfillment_app.chalicelib.services import availability, stock as stock_service
from online_kart.crashpoints import watched
from online_kart.domain.batches import Units
from online_kart.domain.errors import (
    InvalidRequest,
    NoRoute,
    NotFound,
    NotServed,
    OutOfStock,
    ReservationExpired,
    StockAlreadyReleased,
    StockTooLow,
)
from online_kart.domain.stock import AdjustStock, Offer, StockChange, StockFilter
from online_kart.inventory_db import reservations, stock
from online_kart.messaging.idempotency import Keyed
from tests.identity import ADMIN
from tests.market import HOLD, open_market
from tests.shop import an_approved_seller, events_of, put_fc
from tests.together import run_together

TRIALS = 30


@pytest.fixture
def market(inventory_db, documents, now):
    return open_market(inventory_db, documents, now)


def ledger(market, fc_code="BLR1"):
    """(cause, on hand, reserved), the oldest first."""
    entries = stock.ledger_of_fc(market.conn, fc_code, None, 100)
    return [(e.cause, e.on_hand_change, e.reserved_change) for e in reversed(entries)]


def outcomes(answers):
    """How often each kind of answer came."""
    return Counter(type(answer).__name__ for answer in answers)


# The ledger


def test_every_change_of_stock_is_in_the_ledger(market):
    market.put_stock("BLR1", "MUG", 10)
    order = market.an_order(("MUG", 3), to="BLR2")
    market.reserve(order)
    market.release(order)

    assert ledger(market) == [("receipt", 10, 0), ("reserve", 0, 3), ("release", 0, -3)]
    assert market.level("BLR1") == (10, 0)


def test_the_ledger_can_only_be_added_to(market):
    market.put_stock("BLR1", "MUG", 1)

    with pytest.raises(RestrictViolation):
        market.conn.execute("UPDATE stock_ledger SET on_hand_change = 2")
    with pytest.raises(RestrictViolation):
        market.conn.execute("DELETE FROM stock_ledger")


def test_a_receipt_that_is_booked_twice_counts_once(market, now):
    for _ in range(2):
        stock.receive(market.conn, "BLR1", market.seller_id, "MUG", 5, "ASN-1", "Ravi", now)

    assert market.level("BLR1") == (5, 0)


def test_units_of_an_offer_that_is_not_there_are_not_received(market, now):
    stranger = an_approved_seller(market.conn, now, "Vikram Stores").seller_id

    with pytest.raises(NotFound):
        stock.receive(market.conn, "BLR1", stranger, "MUG", 5, "ASN-1", "Ravi", now)


def test_restocking_units_leave_one_fc_once_and_come_to_another_once(market, now):
    market.put_stock("BLR1", "MUG", 10)
    units = Units(transfer_id=uuid4(), sku="MUG", seller_id=market.seller_id, quantity=4)

    for _ in range(2):
        assert stock.transfer_out(market.conn, "BLR1", units, "move_batch", now)
    assert market.level("BLR1") == (6, 0)
    for _ in range(2):
        stock.transfer_in(market.conn, "DEL1", units, "move_batch", now)
    assert market.level("DEL1") == (4, 0)
    assert market.broken_invariants() == []


def test_restocking_units_that_are_reserved_stay(market, now):
    market.put_stock("BLR1", "MUG", 10)
    market.reserve(market.an_order(("MUG", 8)))
    units = Units(transfer_id=uuid4(), sku="MUG", seller_id=market.seller_id, quantity=4)

    assert not stock.transfer_out(market.conn, "BLR1", units, "move_batch", now)
    assert market.level("BLR1") == (10, 8)
    assert [cause for cause, _, _ in ledger(market)] == ["receipt", "reserve"]


# Adjustments


def adjust(market, change, key="monday", fc_code="BLR1", digest="digest"):
    command = AdjustStock(
        sku="MUG", seller_id=market.seller_id, change=change, reason="Two were broken."
    )
    return stock_service.adjust_stock(
        market.conn, ADMIN, fc_code, command, Keyed(ADMIN.name, key, digest), market.now
    )


def test_an_adjustment_says_who_and_why(market):
    market.put_stock("BLR1", "MUG", 10)

    adjust(market, -2)

    entry = stock.ledger_of_fc(market.conn, "BLR1", None, 1, StockFilter("MUG"))[0]
    assert (entry.cause, entry.on_hand_change) == ("adjustment", -2)
    assert (entry.changed_by, entry.reason) == (ADMIN.name, "Two were broken.")
    assert market.level("BLR1") == (8, 0)


def test_the_same_adjustment_twice_is_one_and_answers_the_same(market):
    market.put_stock("BLR1", "MUG", 10)

    assert adjust(market, -2).body == adjust(market, -2).body
    assert market.level("BLR1") == (8, 0)
    with pytest.raises(InvalidRequest):
        adjust(market, -3, digest="another")


def test_found_units_may_be_the_first_in_an_fc(market):
    adjust(market, 2, fc_code="DEL2")

    assert market.level("DEL2") == (2, 0)


def test_no_adjustment_takes_what_is_reserved(market):
    market.put_stock("BLR1", "MUG", 3)
    market.reserve(market.an_order(("MUG", 2)))

    with pytest.raises(StockTooLow):
        adjust(market, -2)
    assert market.level("BLR1") == (3, 2)
    assert len(ledger(market)) == 2
    assert adjust(market, -1, key="another").status_code == 201


def test_what_is_not_there_is_not_adjusted(market):
    with pytest.raises(NotFound):
        adjust(market, -1)
    with pytest.raises(NotFound):
        adjust(market, 1, fc_code="GOA1")


# Reserving


def test_a_reservation_holds_the_units_until_its_deadline(market, now):
    market.put_stock("BLR1", "MUG", 5)
    order = market.an_order(("MUG", 2))

    sourcing = market.reserve(order)

    (held,) = reservations.of_order(market.conn, order.order_id)
    assert (held.fc_code, held.quantity, held.status) == ("BLR1", 2, "held")
    assert held.held_until == now + HOLD
    assert market.level("BLR1") == (5, 2)
    assert sourcing.chosen.fc_codes == ("BLR1",)


def test_the_fc_nearest_in_time_serves_and_the_answer_says_so(market):
    for fc_code in ("BLR1", "DEL1"):
        market.put_stock(fc_code, "MUG", 5)

    why = market.reserve(market.an_order(("MUG", 1), to="DEL2"))

    assert why.chosen.fc_codes == ("DEL1",)
    assert [plan.fc_codes for plan in why.next_best] == [("BLR1",)]
    assert why.considered[0].promise_date <= why.considered[1].promise_date


def test_a_line_that_no_fc_has_whole_is_split_over_two(market):
    market.put_stock("BLR1", "MUG", 3)
    market.put_stock("DEL1", "MUG", 2)
    order = market.an_order(("MUG", 4), to="DEL1")

    market.reserve(order)

    assert market.held_at(order) == {"DEL1": 2, "BLR1": 2}


def test_all_lines_are_held_or_none(market):
    market.put_stock("BLR1", "MUG", 3)
    market.put_stock("BLR1", "LAMP", 1)
    order = market.an_order(("MUG", 2), ("LAMP", 2))

    with pytest.raises(OutOfStock) as refusal:
        market.reserve(order)

    (short,) = refusal.value.shortages
    assert (short["sku"], short["wanted"], short["free"]) == ("LAMP", 2, 1)
    assert market.held_at(order) == {}
    assert market.level("BLR1") == (3, 0)


def test_a_repeat_holds_nothing_more_and_answers_as_the_first_time(market):
    market.put_stock("BLR1", "MUG", 5)
    order = market.an_order(("MUG", 2))

    first = market.reserve(order)
    market.put_stock("DEL1", "MUG", 5)

    assert market.reserve(order) == first
    assert market.level("BLR1") == (5, 2)
    assert market.level("DEL1") == (5, 0)


def test_a_repeat_after_a_refusal_tries_again(market):
    order = market.an_order(("MUG", 2))
    with pytest.raises(OutOfStock):
        market.reserve(order)
    market.put_stock("BLR1", "MUG", 2)

    assert market.reserve(order).chosen.fc_codes == ("BLR1",)


def test_stock_of_a_draining_fc_is_for_orders_it_has_only(market):
    market.put_stock("BLR1", "MUG", 5)
    market.conn.execute("UPDATE facilities SET status = 'draining' WHERE code = 'BLR1'")

    with pytest.raises(OutOfStock):
        market.reserve(market.an_order(("MUG", 1)))


def test_a_pincode_that_no_fc_serves_is_told(market):
    market.put_stock("BLR1", "MUG", 5)
    order = market.an_order().model_copy(update={"to_pincode": 999_999})

    with pytest.raises(NotServed):
        market.reserve(order)


def test_stock_that_no_way_leads_from_is_told_apart_from_none(market, now):
    put_fc(market.conn, "GOA1", now)
    market.put_stock("GOA1", "MUG", 5)  # it has stock before any route table knows it

    with pytest.raises(NoRoute) as refusal:
        market.reserve(market.an_order(("MUG", 1)))
    assert refusal.value.origin == "GOA1"


# Giving back


def test_releasing_twice_gives_back_once(market):
    market.put_stock("BLR1", "MUG", 5)
    order = market.an_order(("MUG", 2))
    market.reserve(order)

    assert (market.release(order), market.release(order)) == (1, 0)
    assert market.level("BLR1") == (5, 0)


def test_a_reservation_that_comes_after_its_release_is_refused(market):
    market.put_stock("BLR1", "MUG", 5)
    order = market.an_order(("MUG", 2))

    assert market.release(order) == 0  # it never ran
    with pytest.raises(StockAlreadyReleased):
        market.reserve(order)
    assert market.level("BLR1") == (5, 0)


def test_a_hold_past_its_deadline_is_released_by_the_sweep(market, now):
    market.put_stock("BLR1", "MUG", 5)
    order = market.an_order(("MUG", 2))
    market.reserve(order)

    assert market.at(now + HOLD - timedelta(seconds=1)).release_expired() == 0
    assert market.at(now + HOLD).release_expired() == 1
    assert market.level("BLR1") == (5, 0)
    with pytest.raises(ReservationExpired):
        market.reserve(order)
    assert market.broken_invariants() == []


def test_a_confirmed_order_has_no_deadline(market, now):
    market.put_stock("BLR1", "MUG", 5)
    order = market.an_order(("MUG", 2))
    market.reserve(order)

    market.confirm(order)

    assert market.at(now + timedelta(days=9)).release_expired() == 0
    assert market.level("BLR1") == (5, 2)


@pytest.mark.parametrize(
    ("status", "error", "released"),
    [
        ("running", None, 0),
        ("succeeded", None, 0),
        ("succeeded", "OutOfStock", 1),
        ("failed", "x", 1),
    ],
)
def test_the_deadline_is_for_orders_that_nobody_works_on(market, now, status, error, released):
    market.put_stock("BLR1", "MUG", 5)
    order = market.an_order(("MUG", 2))
    market.reserve(order)
    put_run(market, order, status, error)

    assert market.at(now + HOLD).release_expired() == released


def test_an_order_that_is_confirmed_while_the_sweep_is_under_way_keeps_its_stock(market, now):
    market.put_stock("BLR1", "MUG", 5)
    first, second = market.an_order(("MUG", 2)), market.an_order(("MUG", 1))
    market.reserve(first)
    market.at(now + timedelta(seconds=1)).reserve(second)

    def confirm_the_second(crash_point):
        if crash_point == "release_expired.written":
            put_run(market, second, "succeeded", None)

    with watched(confirm_the_second):
        assert market.at(now + 2 * HOLD).release_expired() == 1

    assert (market.held_at(first), market.held_at(second)) == ({}, {"BLR1": 1})


def put_run(market, order, status, error):
    market.conn.execute(
        """
        INSERT INTO runs (machine, business_id, revision, status, error, input, started_at, checked_at)
        VALUES ('place_order', %s, 1, %s, %s, '{}', %s, %s)
        """,
        [str(order.order_id), status, error, market.now, market.now],
    )


def test_a_confirmation_that_was_not_heard_is_found_by_its_run(market, now):
    for fc_code in ("BLR1", "DEL1"):
        market.put_stock(fc_code, "MUG", 5)
    local, far, undecided = (market.an_order(("MUG", 2), to=to) for to in ("BLR1", "DEL2", "DEL2"))
    for order, status in ((local, "succeeded"), (far, "succeeded"), (undecided, "running")):
        market.reserve(order)
        market.plan(order)
        put_run(market, order, status, None)

    def sweep(at):
        return stock_service.confirm_unheard(market.conn, market.documents, at, 10)

    assert sweep(now + HOLD - timedelta(seconds=1)) == 0
    assert [sweep(now + HOLD), sweep(now + HOLD)] == [2, 0]

    statuses = [
        each.status
        for order in (local, far, undecided)
        for each in reservations.of_order(market.conn, order.order_id)
    ]
    assert statuses == ["shipped", "confirmed", "held"]  # the first went out from its own FC
    assert market.broken_invariants() == []


# Races, each on its own connections


def test_the_last_unit_goes_to_one_of_many(market, inventory_dsn):
    for _ in range(TRIALS):
        market.put_stock("BLR1", "MUG", 1)
        orders = [market.an_order(("MUG", 1)) for _ in range(4)]

        answers = run_together(
            inventory_dsn, *(partial(_reserve_on, market, order) for order in orders)
        )

        assert outcomes(answers) == {"Sourcing": 1, "OutOfStock": 3}
    assert market.level("BLR1") == (TRIALS, TRIALS)
    assert market.broken_invariants() == []


def _reserve_on(market, order, conn):
    return market.on(conn).reserve(order)


def _release_on(market, order, conn):
    return market.on(conn).release(order)


def _release_expired_on(market, conn):
    return market.on(conn).release_expired()


def _confirm_on(market, order, conn):
    return reservations.confirm(conn, order.order_id, market.now)


def test_the_same_item_on_two_lines_never_takes_more_than_there_is(market, inventory_dsn):
    for _ in range(TRIALS):
        market.put_stock("BLR1", "MUG", 3)
        orders = [market.an_order(("MUG", 1), ("MUG", 1)) for _ in range(3)]

        answers = run_together(
            inventory_dsn, *(partial(_reserve_on, market, order) for order in orders)
        )

        assert outcomes(answers) == {"Sourcing": 1, "OutOfStock": 2}
        for order in orders:
            market.release(order)
        adjust(market, -3, key=str(uuid4()))
    assert market.broken_invariants() == []


def test_orders_that_name_the_same_items_in_opposite_order_all_get_through(market, inventory_dsn):
    for fc_code in ("BLR1", "DEL1"):
        for sku in ("MUG", "LAMP"):
            market.put_stock(fc_code, sku, 2 * TRIALS)
    for _ in range(TRIALS):
        one = market.an_order(("MUG", 1), ("LAMP", 1), to="BLR1")
        other = market.an_order(("LAMP", 1), ("MUG", 1), to="DEL1")
        both = market.an_order(("LAMP", 1), ("MUG", 1), to="BLR1")

        answers = run_together(
            inventory_dsn, *(partial(_reserve_on, market, order) for order in (one, other, both))
        )

        assert outcomes(answers) == {"Sourcing": 3}
    assert market.broken_invariants() == []


def test_orders_over_two_fcs_lock_them_in_one_order(market, inventory_dsn):
    for _ in range(TRIALS):
        market.put_stock("BLR1", "MUG", 3)
        market.put_stock("DEL1", "MUG", 3)
        orders = [market.an_order(("MUG", 5), to=to) for to in ("BLR1", "DEL1", "BLR2", "DEL2")]

        answers = run_together(
            inventory_dsn, *(partial(_reserve_on, market, order) for order in orders)
        )

        assert outcomes(answers) == {"Sourcing": 1, "OutOfStock": 3}
        for order in orders:
            market.release(order)
        adjust(market, -3, key=str(uuid4()))
        adjust(market, -3, key=str(uuid4()), fc_code="DEL1")
    assert market.broken_invariants() == []


@pytest.mark.parametrize("held", [0, 4, 9])
def test_rows_are_locked_in_their_order_however_a_change_names_them(
    market, inventory_dsn, now, held
):
    """Seen from outside: it waits for a row that is held, with all rows before it locked and none behind.

    The rows lie in the table in the opposite order, in which a scan meets them.
    """
    codes = [f"FC{n}" for n in range(10)]
    for code in reversed(codes):
        put_fc(market.conn, code, now)
        market.put_stock(code, "MUG", 1)
    named = codes[::2] + codes[::-2]
    changes = [StockChange(code, "MUG", market.seller_id, 1, 0, "found") for code in named]

    def change_all():
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            return stock.change(conn, changes, "adjustment", "Ravi", now, "found")

    with ThreadPoolExecutor(1) as thread, psycopg.connect(inventory_dsn) as holder:
        holder.execute("SELECT FROM stock WHERE fc_code = %s FOR UPDATE", [codes[held]])
        changed = thread.submit(change_all)
        wait_until_one_waits(market.conn)
        free = market.conn.execute(
            "SELECT fc_code FROM stock ORDER BY fc_code FOR UPDATE SKIP LOCKED"
        ).fetchall()
        holder.rollback()
        assert changed.result(10)

    assert [code for (code,) in free] == codes[held + 1 :]
    assert market.level("FC7") == (2, 0)


def wait_until_one_waits(conn):
    """Until a statement of this database waits for a lock."""
    for _ in range(500):
        waiting = conn.execute(
            """
            SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'
            """
        ).fetchone()
        if waiting != (0,):
            return
        time.sleep(0.01)
    raise AssertionError("Nothing waits.")


def test_who_finds_less_than_was_read_is_served_by_the_next_plan(market, inventory_dsn):
    for _ in range(TRIALS):
        market.put_stock("DEL1", "MUG", 2)  # the best for all of them, but not enough
        market.put_stock("BLR1", "MUG", 2)
        orders = [market.an_order(("MUG", 2), to="DEL1") for _ in range(2)]

        answers = run_together(
            inventory_dsn, *(partial(_reserve_on, market, order) for order in orders)
        )

        assert outcomes(answers) == {"Sourcing": 2}
        assert {a.chosen.fc_codes for a in answers} == {("BLR1",), ("DEL1",)}
    assert market.broken_invariants() == []


def test_one_order_reserved_twice_at_once_is_reserved_once(market, inventory_dsn):
    for _ in range(TRIALS):
        market.put_stock("BLR1", "MUG", 2)
        reserve = partial(_reserve_on, market, market.an_order(("MUG", 1)))

        first, *others = run_together(inventory_dsn, reserve, reserve, reserve)

        assert others == [first] * 2
    assert market.level("BLR1")[1] == TRIALS


def test_a_reservation_and_its_release_at_once_leave_nothing_held(market, inventory_dsn):
    market.put_stock("BLR1", "MUG", 5)
    for _ in range(TRIALS):
        order = market.an_order(("MUG", 2))

        reserved, _ = run_together(
            inventory_dsn,
            partial(_reserve_on, market, order),
            partial(_release_on, market, order),
        )

        assert outcomes([reserved]).keys() <= {"Sourcing", "StockAlreadyReleased"}
        assert market.level("BLR1") == (5, 0)
    assert market.broken_invariants() == []


def test_a_hold_that_expires_while_it_is_confirmed_is_either_but_never_both(market, inventory_dsn):
    market.put_stock("BLR1", "MUG", 2 * TRIALS)
    kept = 0
    for _ in range(TRIALS):
        order = market.an_order(("MUG", 2))
        market.reserve(order)
        later = market.at(market.now + HOLD)

        released, confirmed = run_together(
            inventory_dsn,
            partial(_release_expired_on, later),
            partial(_confirm_on, later, order),
        )

        assert released + confirmed == 1
        kept += 2 * confirmed
    assert market.level("BLR1") == (2 * TRIALS, kept)
    assert market.broken_invariants() == []


def test_many_orders_for_one_item_end_with_exactly_what_there_was(market, inventory_dsn):
    market.put_stock("BLR1", "MUG", 20)
    market.put_stock("DEL1", "MUG", 13)

    def order_some(conn):
        got = 0
        for _ in range(10):
            try:
                market.on(conn).reserve(market.an_order(("MUG", 1)))
                got += 1
            except OutOfStock:
                pass
        return got

    assert sum(run_together(inventory_dsn, *[order_some] * 4)) == 33
    assert (market.level("BLR1"), market.level("DEL1")) == ((20, 20), (13, 13))


# Units left over all FCs (I13)


def units_left(market, sku="MUG"):
    return market.conn.execute(
        "SELECT free_units, version FROM item_availability WHERE sku = %s", [sku]
    ).fetchone()


def test_units_left_are_those_free_over_all_fcs(market, now):
    market.put_stock("BLR1", "MUG", 10)
    market.put_stock("DEL1", "MUG", 5)
    market.reserve(market.an_order(("MUG", 4)))

    assert availability.project(market.conn, now) == 1

    assert units_left(market) == (11, 1)
    (told,) = events_of(market.conn, "AvailabilityChanged")
    assert (told["sku"], told["free_units"], told["version"]) == ("MUG", 11, 1)


def test_units_left_are_told_by_fc_also_where_their_sum_stays(market, now):
    market.put_stock("BLR1", "MUG", 10)
    market.put_stock("DEL1", "MUG", 5)
    availability.project(market.conn, now)
    for fc_code, units in (("BLR1", -10), ("DEL1", 10)):
        change = StockChange(fc_code, "MUG", market.seller_id, units, 0, "moved")
        stock.adjust(market.conn, change, "moved by hand", "Ravi", now)

    assert availability.project(market.conn, now) == 1

    told = events_of(market.conn, "AvailabilityChanged")
    assert [each["free_units"] for each in told] == [15, 15]
    assert [each["free_by_fc"] for each in told] == [{"BLR1": 10, "DEL1": 5}, {"DEL1": 15}]


def test_what_comes_and_goes_between_two_looks_is_not_told(market, now):
    market.put_stock("BLR1", "MUG", 10)
    availability.project(market.conn, now)
    order = market.an_order(("MUG", 4))
    market.reserve(order)
    market.release(order)

    assert availability.project(market.conn, now) == 0
    assert units_left(market) == (10, 1)


def test_projecting_while_orders_come_and_go_ends_at_the_truth(market, inventory_dsn, now):
    market.put_stock("BLR1", "MUG", 50)

    def trade(conn):
        here = market.on(conn)
        for number in range(15):
            order = here.an_order(("MUG", 2))
            here.reserve(order)
            if number % 3:
                here.release(order)

    def project(conn):
        for _ in range(30):
            availability.project(conn, now)

    assert run_together(inventory_dsn, trade, trade, project, project) == [None] * 4
    availability.project(market.conn, now)

    on_hand, reserved = market.level("BLR1")
    assert units_left(market)[0] == on_hand - reserved == 50 - 20


# Reading


def test_stock_is_read_page_by_page(market):
    for sku in ("MUG", "LAMP"):
        market.put_stock("BLR1", sku, 1)

    first = stock.of_fc(market.conn, "BLR1", None, 1)
    second = stock.of_fc(market.conn, "BLR1", (first[0].sku, first[0].seller_id), 1)

    assert [each.sku for each in (*first, *second)] == ["LAMP", "MUG"]


def test_a_change_that_was_rolled_back_can_be_made(market, now):
    change = StockChange("BLR1", "MUG", market.seller_id, 3, 0, "found-1")
    with market.conn.transaction() as attempt:
        stock.adjust(market.conn, change, "found", "Ravi", now)
        raise Rollback(attempt)
    assert stock.level(market.conn, "BLR1", Offer("MUG", market.seller_id)) is None

    stock.adjust(market.conn, change, "found", "Ravi", now)

    assert market.level("BLR1") == (3, 0)
