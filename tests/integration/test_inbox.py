"""A consumer handles each event once, however often and at however many times at once it is delivered."""

from datetime import timedelta
from uuid import uuid4

from psycopg import Rollback

from online_kart.messaging import inbox, retention
from online_kart.retention import prune
from tests.together import run_together


def test_an_event_is_handled_for_the_first_time_once(inventory_db, now):
    event_id = uuid4()

    assert inbox.first_time(inventory_db, "log_orders", event_id, now)
    assert not inbox.first_time(inventory_db, "log_orders", event_id, now)


def test_each_consumer_handles_the_event(inventory_db, now):
    event_id = uuid4()

    assert inbox.first_time(inventory_db, "one", event_id, now)
    assert inbox.first_time(inventory_db, "other", event_id, now)


def test_an_effect_that_failed_leaves_no_memory_of_the_event(inventory_db, now):
    event_id = uuid4()
    with inventory_db.transaction():
        inbox.first_time(inventory_db, "log_orders", event_id, now)
        raise Rollback

    assert inbox.first_time(inventory_db, "log_orders", event_id, now)


def test_of_two_deliveries_at_once_one_is_the_first(inventory_db, inventory_dsn, now):
    event_id = uuid4()

    def handle(conn):
        with conn.transaction():
            first = inbox.first_time(conn, "log_orders", event_id, now)
            conn.execute("SELECT pg_sleep(0.05)")
        return first

    assert sorted(run_together(inventory_dsn, handle, handle, handle)) == [False, False, True]


def test_a_delivery_that_waited_for_one_that_failed_is_the_first(inventory_dsn, now):
    event_id = uuid4()

    def fail(conn):
        with conn.transaction():
            assert inbox.first_time(conn, "log_orders", event_id, now)
            conn.execute("SELECT pg_sleep(0.2)")
            raise ZeroDivisionError

    def handle(conn):
        conn.execute("SELECT pg_sleep(0.05)")
        return inbox.first_time(conn, "log_orders", event_id, now)

    failed, handled = run_together(inventory_dsn, fail, handle)

    assert isinstance(failed, ZeroDivisionError)
    assert handled is True


def test_a_repeat_finds_what_the_first_time_answered(inventory_db, now):
    event_id = uuid4()
    inbox.first_time(inventory_db, "reserve_stock", event_id, now)
    inbox.remember(inventory_db, "reserve_stock", event_id, {"fc": "BLR1"})

    assert inbox.answer(inventory_db, "reserve_stock", event_id) == {"fc": "BLR1"}


def test_there_is_no_answer_to_what_was_never_asked(inventory_db, now):
    assert inbox.answer(inventory_db, "reserve_stock", uuid4()) is None


def test_only_what_was_handled_long_ago_is_forgotten(inventory_db, now):
    old, new = uuid4(), uuid4()
    inbox.first_time(inventory_db, "log_orders", old, now - timedelta(days=36))
    inbox.first_time(inventory_db, "log_orders", new, now)

    assert prune(inventory_db, [retention.inbox()], now) == {"inbox": 1}
    assert inbox.first_time(inventory_db, "log_orders", old, now)
    assert not inbox.first_time(inventory_db, "log_orders", new, now)
