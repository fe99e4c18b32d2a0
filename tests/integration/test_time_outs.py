"""Time-outs of the database, seen to work: what hangs ends with an error that says so and is worth another try."""

import contextlib
import time
from collections.abc import Iterator

import psycopg
import pytest

from online_kart import postgres
from online_kart.checks import CHECK_MS_MAX, violations
from online_kart.domain.errors import Unavailable
from online_kart.domain.invariants import Check
from online_kart.postgres import Database, retrying

MANY_SECONDS = 60


@pytest.fixture
def database(inventory_dsn: str) -> Iterator[Database]:
    """A table of mugs in it."""
    with contextlib.closing(Database(inventory_dsn)) as database:
        database.connection().execute("CREATE TABLE mugs (size integer PRIMARY KEY, count integer)")
        database.connection().execute("INSERT INTO mugs VALUES (1, 0)")
        database.close()
        yield database


@pytest.fixture
def allow(monkeypatch):
    """Sets one of the time-outs of connections opened from now on, in milliseconds."""
    return lambda name, ms: monkeypatch.setitem(postgres.SESSION_SETTINGS, name, ms)


def fill(conn):
    conn.execute("UPDATE mugs SET count = count + 1 WHERE size = 1")


@contextlib.contextmanager
def somebody_who_fills_and_never_commits(dsn: str) -> Iterator[None]:
    with psycopg.connect(dsn) as conn:
        fill(conn)
        yield
        conn.rollback()


def test_every_connection_has_the_time_outs(database):
    conn = database.connection()

    for name, ms in postgres.SESSION_SETTINGS.items():
        row = conn.execute("SELECT setting FROM pg_settings WHERE name = %s", [name]).fetchone()
        assert row == (str(ms),)


def test_a_statement_that_takes_too_long_is_ended_and_worth_another_try(database, allow):
    allow("statement_timeout", 50)
    began = time.monotonic()

    with pytest.raises(Unavailable, match="took too long"):
        database.connection().execute(f"SELECT pg_sleep({MANY_SECONDS})")

    assert time.monotonic() - began < MANY_SECONDS
    assert database.connection().execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("in_transaction", [True, False])
def test_who_waits_for_a_lock_for_too_long_is_told_so_and_changes_nothing(
    database, inventory_dsn, allow, in_transaction
):
    allow("lock_timeout", 50)
    conn = database.connection()

    def wait():
        with conn.transaction() if in_transaction else contextlib.nullcontext():
            fill(conn)

    somebody = somebody_who_fills_and_never_commits(inventory_dsn)
    with somebody, pytest.raises(Unavailable, match="held what was waited for"):
        wait()

    wait()
    assert conn.execute("SELECT count FROM mugs").fetchone() == (1,)


def test_waiting_in_vain_is_not_tried_again_at_once(database, inventory_dsn, allow):
    """A deadlock is: whoever met it gave way. A lock that is never given back would be waited for six times."""
    allow("lock_timeout", 50)
    tried: list[None] = []

    def wait():
        tried.append(None)
        fill(database.connection())

    with somebody_who_fills_and_never_commits(inventory_dsn), pytest.raises(Unavailable):
        retrying(wait)

    assert len(tried) == 1


def test_who_stops_in_mid_transaction_gives_its_locks_back(database, inventory_dsn, allow):
    """As a Lambda function does that ran into its time-out."""
    allow("idle_in_transaction_session_timeout", 50)
    conn = database.connection()

    def stop_in_the_middle():
        with conn.transaction():
            fill(conn)
            with psycopg.connect(inventory_dsn) as other:
                fill(other)  # waits until the server has ended the transaction above
            fill(conn)

    with pytest.raises(Unavailable):
        stop_in_the_middle()

    assert database.connection().execute("SELECT count FROM mugs").fetchone() == (1,)


def test_an_error_through_a_cursor_of_its_own_is_told_as_well(database, allow):
    """Stores that read models open cursors: outside of a transaction nothing else would translate it."""
    allow("statement_timeout", 50)

    with database.connection().cursor() as cursor, pytest.raises(Unavailable):
        cursor.execute(f"SELECT pg_sleep({MANY_SECONDS})")
    with database.connection().cursor() as cursor, pytest.raises(Unavailable):
        cursor.executemany("SELECT pg_sleep(%s)", [(MANY_SECONDS,)])


def test_a_check_of_whole_tables_may_take_longer(database, allow):
    allow("statement_timeout", 50)
    slow = Check(1, "SELECT 'a key', 'slow' || pg_sleep(0.2)::text")
    conn = database.connection()

    assert [found.detail for found in violations(conn, [slow], at_rest=True)] == ["slow"]
    assert conn.execute("SHOW statement_timeout").fetchone() == ("50ms",)
    assert CHECK_MS_MAX > postgres.STATEMENT_MS_MAX
