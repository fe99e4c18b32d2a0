"""Connections by thread, and what becomes of them when the server drops them."""

import contextlib
import os
import random
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.errors import DeadlockDetected
from psycopg.rows import dict_row

from online_kart import postgres
from online_kart.domain.errors import OutOfStock, Unavailable
from online_kart.postgres import Database, retrying


@pytest.fixture
def database(inventory_dsn: str) -> Iterator[Database]:
    with contextlib.closing(Database(inventory_dsn)) as database:
        yield database


def backend(database: Database) -> int:
    return database.connection().info.backend_pid


def in_a_thread(ask: Any) -> Any:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(ask()))
    thread.start()
    thread.join()
    return answers[0]


def disconnect_all(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(
            """
            SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )


def test_a_thread_keeps_its_connection(database):
    assert backend(database) == backend(database)


def test_two_threads_have_two_connections(database):
    assert backend(database) != in_a_thread(lambda: backend(database))


def test_a_thread_that_ends_leaves_its_connection_to_the_next(database):
    assert in_a_thread(lambda: backend(database)) == in_a_thread(lambda: backend(database))


def test_a_connection_that_the_server_dropped_is_replaced_before_it_is_used(
    database, inventory_dsn
):
    before = backend(database)
    in_a_thread(lambda: backend(database))  # leaves one behind, which is dropped as well
    disconnect_all(inventory_dsn)

    assert backend(database) != before
    assert database.connection().execute("SELECT 1").fetchone() == (1,)
    assert in_a_thread(lambda: database.connection().execute("SELECT 1").fetchone()) == (1,)


def test_within_a_transaction_the_connection_stays_the_same(database):
    with database.connection().transaction():
        inner = database.connection()
        assert inner is database.connection()
        assert inner.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS


def test_a_transaction_whose_server_is_lost_is_unavailable(database, inventory_dsn):
    conn = database.connection()

    def lose_it() -> None:
        with conn.transaction():
            conn.execute("SELECT 1")
            disconnect_all(inventory_dsn)
            conn.execute("SELECT 1")

    with pytest.raises(Unavailable):
        lose_it()
    assert database.connection().execute("SELECT 1").fetchone() == (1,)


def test_a_commit_whose_server_is_lost_is_unavailable(database, inventory_dsn):
    conn = database.connection()

    def lose_it() -> None:
        with conn.transaction():
            conn.execute("SELECT 1")
            disconnect_all(inventory_dsn)

    with pytest.raises(Unavailable):
        lose_it()


def test_an_error_of_the_business_passes_a_transaction_unchanged(database):
    def sell_out() -> None:
        with database.connection().transaction():
            raise OutOfStock([])

    with pytest.raises(OutOfStock):
        sell_out()


def test_a_server_that_does_not_answer_is_unavailable():
    with pytest.raises(Unavailable):
        Database("postgresql://kart@127.0.0.1:1/inventory").connection()


def test_a_forked_process_opens_a_connection_of_its_own(database):
    parents = backend(database)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(backend(database)).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert int(os.read(read, 20)) != parents
    assert backend(database) == parents
    os.close(read)
    os.close(write)


def test_what_deadlocks_is_tried_again(database, inventory_dsn):
    database.connection().execute("CREATE TABLE mugs (size integer PRIMARY KEY, count integer)")
    database.connection().execute("INSERT INTO mugs VALUES (1, 0), (2, 0)")
    both_hold_one = threading.Barrier(2)
    attempts: list[int] = []

    def fill(first: int, second: int) -> None:
        attempts.append(first)
        conn = database.connection()
        with conn.transaction():
            conn.execute("UPDATE mugs SET count = count + 1 WHERE size = %s", [first])
            if len(attempts) <= 2:
                both_hold_one.wait()
            conn.execute("UPDATE mugs SET count = count + 1 WHERE size = %s", [second])

    threads = [
        threading.Thread(target=lambda order=order: retrying(lambda: fill(*order)))
        for order in [(1, 2), (2, 1)]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counts = database.connection().execute("SELECT count FROM mugs").fetchall()
    assert counts == [(2,), (2,)]
    assert len(attempts) == 3


def test_what_deadlocks_for_ever_is_unavailable(monkeypatch):
    monkeypatch.setattr(postgres, "BACKOFF_SECONDS", 0.0)
    attempts: list[None] = []

    def deadlock() -> None:
        attempts.append(None)
        raise DeadlockDetected

    with pytest.raises(Unavailable):
        retrying(deadlock, random.Random(1))
    assert len(attempts) == postgres.ATTEMPTS_MAX


def test_a_statement_outside_a_transaction_whose_server_is_lost_is_unavailable(
    database, inventory_dsn
):
    for ask in (
        lambda conn: conn.execute("SELECT 1"),
        lambda conn: conn.cursor(row_factory=dict_row).execute("SELECT 1"),
        lambda conn: conn.cursor().executemany("SELECT %s", [(1,), (2,)]),
    ):
        conn = database.connection()
        disconnect_all(inventory_dsn)
        with pytest.raises(Unavailable):
            ask(conn)
