"""Connections to PostgreSQL: one a thread, kept, checked before use, opened on first use.

On Lambda there is one thread an execution environment, and therefore one connection. The local
server has a thread for each client; one that ends leaves its connection to the next, so that a new
client does not cost a new connection. Both are served by the same few lines, and by no pool whose
background threads would be frozen with a Lambda's environment.

What a lost connection raises becomes Unavailable, which state machines know to try again, and so does
what took longer than it may. Every time-out of PostgreSQL is here; migrations, which are run by hand,
have their own (`migrate`).
"""

import contextlib
import os
import random
import select
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar
from weakref import WeakSet

import psycopg
from psycopg.errors import (
    DeadlockDetected,
    IdleInTransactionSessionTimeout,
    LockNotAvailable,
    QueryCanceled,
    SerializationFailure,
)
from psycopg.pq import TransactionStatus
from psycopg.rows import Row, TupleRow

from .domain.errors import Unavailable

CONNECT_SECONDS_MAX = 5
"""A server in the same region answers within milliseconds; one that fails over takes longer than anybody waits."""

STATEMENT_MS_MAX = 15_000
"""Under the 20 s of an order's steps and API Gateway's 29 s: who waits hears from us, not from what gave up on us.

Every statement of a request or a step reads or writes a bounded number of rows by an index, in milliseconds. What is
meant to read whole tables says so for its own transaction (`checks`, `migrate`).
"""

LOCK_WAIT_MS_MAX = 10_000
"""Under STATEMENT_MS_MAX, so that the error tells what was waited for. A hot row is held for milliseconds, the network
for some seconds (a dry run of all of India): who waits for longer waits behind something that hangs."""

IDLE_IN_TRANSACTION_MS_MAX = 60_000
"""A Lambda function that was stopped in mid-transaction leaves its locks to nobody: the server takes them back. A
service that writes documents before it commits may wait for them (`documents.connection.ANSWER_MS_MAX`, twice)."""

SESSION_SETTINGS = {
    "statement_timeout": STATEMENT_MS_MAX,
    "lock_timeout": LOCK_WAIT_MS_MAX,
    "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS_MAX,
}
"""The server's name of each → milliseconds."""

IDLE_CONNECTIONS_MAX = 16
"""How many connections of threads that have ended are kept for others."""

TRUSTED_SECONDS = 30.0
"""A connection that was idle for longer is asked whether it still works."""

KEEPALIVES: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
"""A network that drops packets says nothing: a silent connection is given up after 45 s, an unanswered one after 10."""

ATTEMPTS_MAX = 6
"""Each deadlock lets one of two through, so six who met are through; more says that the order of locks is wrong."""

BACKOFF_SECONDS = 0.01
"""Before the second attempt; doubled for each further one."""

T = TypeVar("T")
Idle = tuple["KartConnection", float]
"""A connection nobody holds, and when it was last used."""


class KartCursor(psycopg.Cursor[Row]):
    """A cursor that raises Unavailable when the server is lost, or keeps us waiting for too long."""

    def execute(self, *args: Any, **kwargs: Any) -> Self:
        with _unavailable_when_lost(self.connection):
            return super().execute(*args, **kwargs)

    def executemany(self, *args: Any, **kwargs: Any) -> None:
        with _unavailable_when_lost(self.connection):
            super().executemany(*args, **kwargs)


class KartConnection(psycopg.Connection[TupleRow]):
    """A connection whose statements and transactions raise Unavailable when the server is lost."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cursor_factory = KartCursor

    @contextlib.contextmanager
    def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> Iterator[psycopg.Transaction]:
        with (
            _unavailable_when_lost(self),
            super().transaction(savepoint_name, force_rollback) as tx,
        ):
            yield tx


@contextlib.contextmanager
def _unavailable_when_lost(conn: psycopg.Connection[Any]) -> Iterator[None]:
    try:
        yield
    except QueryCanceled as error:
        raise Unavailable("The database took too long for a statement.") from error
    except LockNotAvailable as error:
        raise Unavailable("Others held what was waited for.") from error
    except (psycopg.OperationalError, IdleInTransactionSessionTimeout) as error:
        if not conn.closed:
            raise
        raise Unavailable("The connection to the database was lost.") from error


class Database:
    """One database's connections. Thread-safe; opens nothing until it is asked for one."""

    def __init__(self, dsn: str, password: Callable[[], str] | None = None) -> None:
        """`password` makes one for each new connection, where the DSN has none."""
        self._dsn, self._password = dsn, password
        self._forget_all()

    def connection(self) -> KartConnection:
        """This thread's connection, in autocommit. Raises Unavailable.

        It stays the same one while a transaction is open; between transactions a broken one is
        replaced.
        """
        if self._process_id != os.getpid():
            self._forget_all()  # a fork: the connections are the parent's
        lease: _Lease | None = getattr(self._of_thread, "lease", None)
        if lease is None or not lease.is_good():
            lease = self._of_thread.lease = self._idle_lease() or self._open()
        lease.used_at = time.monotonic()
        return lease.conn

    def close(self) -> None:
        """Close every connection, also those other threads hold. The next use opens new ones."""
        for conn in list(self._all):
            conn.close()

    def _forget_all(self) -> None:
        self._process_id = os.getpid()
        self._of_thread = threading.local()
        self._idle: deque[Idle] = deque(maxlen=IDLE_CONNECTIONS_MAX)
        self._all: WeakSet[KartConnection] = WeakSet()
        weakref.finalize(self, _close, self._all, self._process_id)

    def _idle_lease(self) -> "_Lease | None":
        """What a thread that has ended left; None if nothing that works."""
        while self._idle:
            with contextlib.suppress(IndexError):  # another thread was faster
                conn, used_at = self._idle.pop()
                lease = _Lease(conn, self._idle, used_at)
                if lease.is_good():
                    return lease
        return None

    def _open(self) -> "_Lease":
        try:
            conn = KartConnection.connect(
                self._dsn,
                autocommit=True,
                prepare_threshold=None,  # a proxy between us and the server would have to pin us
                connect_timeout=CONNECT_SECONDS_MAX,
                password=self._password() if self._password else None,
                # As part of connecting: a SET would cost a round trip, and pin a proxy's connection.
                options=" ".join(f"-c {name}={ms}" for name, ms in SESSION_SETTINGS.items()),
                **KEEPALIVES,
            )
        except psycopg.OperationalError as error:
            raise Unavailable("The database does not answer.") from error
        self._all.add(conn)
        return _Lease(conn, self._idle, time.monotonic())


class _Lease:
    """A thread's hold on a connection. Python drops it when the thread ends."""

    def __init__(self, conn: KartConnection, idle: "deque[Idle]", used_at: float) -> None:
        self.conn, self.used_at = conn, used_at
        self._idle = idle
        self._process_id = os.getpid()

    def __del__(self) -> None:
        if self._process_id != os.getpid():
            return  # of a parent process, which still uses it
        if _is_at_rest(self.conn) and len(self._idle) < IDLE_CONNECTIONS_MAX:
            self._idle.append((self.conn, self.used_at))
        else:
            self.conn.close()

    def is_good(self) -> bool:
        """Whether the connection works, as far as can be told without a round trip, mostly.

        A server that ended has told so: something is there to be read. A network that forgot us
        tells nothing: after a while of silence we ask.
        """
        if self.conn.closed:
            return False
        if not _is_at_rest(self.conn):
            return True  # the caller is in a transaction
        if time.monotonic() - self.used_at < TRUSTED_SECONDS and not _has_unread(self.conn):
            return True
        try:
            self.conn.execute("SELECT 1")
        except (psycopg.Error, Unavailable):
            self.conn.close()
            return False
        return True


def _is_at_rest(conn: KartConnection) -> bool:
    return conn.info.transaction_status == TransactionStatus.IDLE


def _has_unread(conn: KartConnection) -> bool:
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _close(connections: WeakSet[KartConnection], process_id: int) -> None:
    if process_id == os.getpid():
        for conn in list(connections):
            conn.close()


def retrying(attempt: Callable[[], T], rng: random.Random | None = None) -> T:
    """Call until it neither deadlocks nor meets a concurrent change; `attempt` is a transaction.

    Waits a random time between, growing from attempt to attempt, so that two that met don't meet
    again. Raises Unavailable after ATTEMPTS_MAX.
    """
    rng = rng or random.Random()
    for attempts_before in range(ATTEMPTS_MAX):
        if attempts_before:
            time.sleep(rng.uniform(0, BACKOFF_SECONDS * 2**attempts_before))
        try:
            return attempt()
        except (DeadlockDetected, SerializationFailure) as error:
            last = error
    raise Unavailable(f"Others were in the way {ATTEMPTS_MAX} times.") from last
