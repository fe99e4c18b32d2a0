"""SQS in one process: durable queues, each read by one function, with retries and dead letters.

A message that `send` has taken survives a kill -9: it is in an SQLite file, synced, before `send`
returns, and leaves it when its function has handled it. What was being handled when the process
died is delivered again by the next one. So delivery is at least once, as with SQS, and like SQS
the queues promise no order.
"""

import heapq
import random
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Condition, RLock

from online_kart.alarms import raise_alarm

RETRY_SECONDS = (0.2, 1.0, 4.0, 10.0, 20.0, 30.0, 30.0)
"""How long to wait before each retry. The try after the last one is the last: then dead letter. Together longer than a
minute, so that a store that is away for one makes no dead letters; each so short that all is handled a minute after."""
RECEIVE_COUNT_MAX = len(RETRY_SECONDS) + 1
JITTER = 0.3

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    queue         TEXT NOT NULL,
    message_id    TEXT NOT NULL,
    body          TEXT NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS dead_letters (
    position      INTEGER PRIMARY KEY,
    queue         TEXT NOT NULL,
    message_id    TEXT NOT NULL,
    body          TEXT NOT NULL,
    error         TEXT NOT NULL
);
"""


@dataclass(frozen=True, order=True)
class Message:
    """`receive_count` tries have failed so far."""

    visible_at: float  # time.monotonic()
    position: int
    queue: str = field(compare=False)
    message_id: str = field(compare=False)
    body: str = field(compare=False)
    receive_count: int = field(compare=False, default=0)


@dataclass(frozen=True)
class DeadLetter:
    queue: str
    message_id: str
    body: str
    error: str


class Queues:
    """All queues of one local system, in one file. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A lost note that something was handled only means a repeat, so it need not be synced.
        self._durable = _connect(path, synchronous="FULL")
        self._quick = _connect(path, synchronous="NORMAL")
        self._writing = RLock()
        self._changed = Condition()
        self._waiting: dict[str, list[Message]] = {}
        self._in_flight: dict[int, Message] = {}
        self._is_closed = False
        self._durable.executescript(SCHEMA)
        self._make_visible(self._stored())

    def send(self, bodies: Sequence[tuple[str, str]]) -> None:
        """Take all the (queue, body) pairs, or none. They are on the disk on return."""
        messages = []
        with self._transaction(self._durable) as cursor:
            for queue, body in bodies:
                message_id = str(uuid.uuid4())
                cursor.execute(
                    "INSERT INTO messages (queue, message_id, body) VALUES (?, ?, ?)",
                    (queue, message_id, body),
                )
                assert cursor.lastrowid is not None
                messages.append(
                    Message(time.monotonic(), cursor.lastrowid, queue, message_id, body)
                )
        self._make_visible(messages)

    def take(self, queue: str, count_max: int) -> list[Message]:
        """Wait for messages and take up to `count_max`. None are left to take once closed."""
        with self._changed:
            while not self._is_closed:
                waiting = self._waiting.get(queue, [])
                wait_seconds = waiting[0].visible_at - time.monotonic() if waiting else None
                if wait_seconds is None or wait_seconds > 0:
                    self._changed.wait(wait_seconds)
                else:
                    return self._take_visible(waiting, count_max)
        return []

    def done(self, messages: Iterable[Message]) -> None:
        """They were handled: forget them."""
        messages = list(messages)
        with self._transaction(self._quick) as cursor:
            cursor.executemany(
                "DELETE FROM messages WHERE position = ?", [(m.position,) for m in messages]
            )
        self._landed(messages)

    def failed(self, messages: Iterable[Message], error: str) -> None:
        """They were not handled: deliver them again later, or bury them after the last try."""
        for message in messages:
            tried = replace(message, receive_count=message.receive_count + 1)
            if tried.receive_count < RECEIVE_COUNT_MAX:
                self._postpone(tried)
            else:
                self._bury(tried, error)

    def redrive(self) -> int:
        """Deliver the dead letters once more, with all their tries. How many there were."""
        with self._transaction(self._durable) as cursor:
            cursor.execute(
                """
                INSERT INTO messages (position, queue, message_id, body)
                SELECT position, queue, message_id, body FROM dead_letters
                RETURNING position, queue, message_id, body, receive_count
                """
            )
            messages = [Message(time.monotonic(), *row) for row in cursor.fetchall()]
            cursor.execute("DELETE FROM dead_letters")
        self._make_visible(messages)
        return len(messages)

    def dead_letters(self) -> list[DeadLetter]:
        with self._writing:
            rows = self._quick.execute(
                "SELECT queue, message_id, body, error FROM dead_letters ORDER BY position"
            )
            return [DeadLetter(*row) for row in rows]

    def unhandled_count(self) -> int:
        """How many messages wait, wait for another try, or are being handled."""
        with self._changed:
            return len(self._in_flight) + sum(map(len, self._waiting.values()))

    def close(self) -> None:
        """Whoever waits in `take` gets nothing more. What isn't handled stays in the file."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def close_file(self) -> None:
        """After the last `done`."""
        with self._writing:
            self._durable.close()
            self._quick.close()

    def _stored(self) -> list[Message]:
        rows = self._durable.execute(
            "SELECT position, queue, message_id, body, receive_count FROM messages"
        )
        return [Message(time.monotonic(), *row) for row in rows]

    def _make_visible(self, messages: Iterable[Message]) -> None:
        with self._changed:
            for message in messages:
                heapq.heappush(self._waiting.setdefault(message.queue, []), message)
            self._changed.notify_all()

    def _take_visible(self, waiting: list[Message], count_max: int) -> list[Message]:
        taken: list[Message] = []
        now = time.monotonic()
        while waiting and waiting[0].visible_at <= now and len(taken) < count_max:
            message = heapq.heappop(waiting)
            self._in_flight[message.position] = message
            taken.append(message)
        return taken

    def _landed(self, messages: Iterable[Message]) -> None:
        with self._changed:
            for message in messages:
                self._in_flight.pop(message.position, None)

    def _postpone(self, message: Message) -> None:
        seconds = RETRY_SECONDS[message.receive_count - 1] * random.uniform(1 - JITTER, 1 + JITTER)
        with self._transaction(self._quick) as cursor:
            cursor.execute(
                "UPDATE messages SET receive_count = ? WHERE position = ?",
                (message.receive_count, message.position),
            )
        with self._changed:  # in one: a message is never seen neither waiting nor in flight
            self._landed([message])
            self._make_visible([replace(message, visible_at=time.monotonic() + seconds)])

    def _bury(self, message: Message, error: str) -> None:
        with self._transaction(self._durable) as cursor:
            cursor.execute(
                "INSERT INTO dead_letters (position, queue, message_id, body, error) "
                "VALUES (?, ?, ?, ?, ?)",
                (message.position, message.queue, message.message_id, message.body, error),
            )
            cursor.execute("DELETE FROM messages WHERE position = ?", (message.position,))
        raise_alarm(
            "DeadLetter",
            queue=message.queue,
            message_id=message.message_id,
            tries=message.receive_count,
            error=error,
            body=message.body,
        )
        self._landed([message])

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
        with self._writing:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection
