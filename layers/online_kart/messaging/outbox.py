"""The outbox: events are rows, committed together with the change they tell of, and sent afterwards by the relay.

So no event is lost between commit and publish, and none is told of a change that was rolled back. The drawback: a crash
between publishing and marking sends an event again. Consumers expect that (see `inbox`).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from .. import logs, metrics
from ..crashpoints import crashpoint
from ..domain.events import Event
from ..logs import CORRELATION_ID
from ..streaming import streamed
from .bus import EventBus, OutboxRow

BATCH_SIZE_MAX = 100
ROUNDS_MAX = 50
"""Batches that one run sends at most: the next run, a minute later or nudged, goes on."""


def append(conn: Connection[Any], *events: Event) -> None:
    """Join the caller's transaction. Appending an event id a second time changes nothing."""
    if not events:
        return
    conn.cursor().executemany(
        """
        INSERT INTO outbox (event_id, type, aggregate_id, payload, occurred_at)
        VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (event_id) DO NOTHING
        """,
        [(e.event_id, e.type, e.aggregate_id, Jsonb(_payload(e)), e.occurred_at) for e in events],
    )


def _payload(event: Event) -> dict[str, Any]:
    """As JSON, with the correlation id of what tells of it now."""
    payload = event.model_dump(mode="json", exclude={CORRELATION_ID})
    correlation_id = event.correlation_id or logs.correlation_id()
    return {**payload, CORRELATION_ID: correlation_id} if correlation_id else payload


def send_unsent(
    conn: Connection[Any],
    bus: EventBus,
    source: str,
    now: datetime,
    rounds_max: int = ROUNDS_MAX,
) -> int:
    """Publish unsent events in order, batch after batch, and mark those that the bus took. How many it took.

    Rows are locked while they are sent, and rows that another relay holds are skipped: two relays share the work.
    An event that the bus refuses stays unsent, is tried again by the next run, and holds up none behind it.
    """
    sent, after = 0, 0
    for _ in range(rounds_max):
        with conn.transaction():
            rows = _lock_unsent(conn, after)
            taken = bus.publish(source, [row[1:] for row in rows])
            _mark_sent(conn, taken, now)
        crashpoint("relay.marked")
        sent += len(taken)
        if len(rows) < BATCH_SIZE_MAX:
            break
        after = rows[-1][0]
    _measure(conn, source, now)
    return sent


def _measure(conn: Connection[Any], source: str, now: datetime) -> None:
    """What was left, and how long it has waited: 0 on a good day. It grows where the bus refuses or is away."""
    unsent, lag = backlog(conn, now)
    metrics.put({"unsent_events": (unsent, "Count"), "outbox_lag": (lag, "Seconds")}, outbox=source)


def _lock_unsent(conn: Connection[Any], after: int) -> list[tuple[int, *OutboxRow]]:
    """The next ones behind a position, which comes first in each."""
    return conn.execute(
        """
        SELECT position, event_id, type, payload, occurred_at
          FROM outbox
         WHERE sent_at IS NULL AND position > %(after)s
         ORDER BY position
         LIMIT %(batch_size_max)s
           FOR UPDATE SKIP LOCKED
        """,
        {"after": after, "batch_size_max": BATCH_SIZE_MAX},
    ).fetchall()


def _mark_sent(conn: Connection[Any], event_ids: Iterable[Any], now: datetime) -> None:
    conn.execute(
        "UPDATE outbox SET sent_at = %(now)s WHERE event_id = ANY(%(event_ids)s)",
        {"now": now, "event_ids": list(event_ids)},
    )


def send_again(conn: Connection[Any], event_id: UUID) -> bool:
    """Let the relay send an event once more, for who did not hear it. Its consumers know it by its id.

    False where it was not told here, or is forgotten.
    """
    return (
        conn.execute(
            "UPDATE outbox SET sent_at = NULL WHERE event_id = %(id)s", {"id": event_id}
        ).rowcount
        == 1
    )


class Backlog(NamedTuple):
    """Events that wait to be sent, and for how long the oldest has; 0 where none does."""

    unsent_events: int
    lag_seconds: float


def backlog(conn: Connection[Any], now: datetime) -> Backlog:
    row = conn.execute(
        "SELECT count(*), min(occurred_at) FROM outbox WHERE sent_at IS NULL"
    ).fetchone()
    assert row is not None
    unsent, oldest = row
    return Backlog(unsent, max((now - oldest).total_seconds(), 0.0) if oldest else 0.0)


# What was told, for who asks whether it was heard


class LastTold(NamedTuple):
    event_id: str
    payload: dict[str, Any]
    occurred_at: datetime


LOOKED_BACK_MAX = 20_000
"""Events of all types, among which the last of some types are looked for: a moment's work, and minutes of a busy day."""


def last_told(conn: Connection[Any], types: Iterable[str], limit: int) -> list[LastTold]:
    """The last events of those types that were sent, the newest first, as far as LOOKED_BACK_MAX events go back."""
    rows = conn.execute(
        """
        SELECT event_id::text, payload, occurred_at FROM outbox
         WHERE position > (SELECT max(position) FROM outbox) - %(back)s
           AND type = ANY(%(types)s) AND sent_at IS NOT NULL
         ORDER BY position DESC LIMIT %(limit)s
        """,
        {"back": LOOKED_BACK_MAX, "types": list(types), "limit": limit},
    ).fetchall()
    return [LastTold(*row) for row in rows]


def told(
    conn: Connection[Any], types: Iterable[str], since: datetime, before: datetime
) -> Iterator[tuple[str, list[Any]]]:
    """Event id → type, aggregate's id, payload, when it occurred; of events sent in that time, by id."""
    return streamed(
        conn,
        """
        SELECT event_id::text, type, aggregate_id, payload, occurred_at FROM outbox
         WHERE type = ANY(%(types)s) AND sent_at >= %(since)s AND sent_at < %(before)s
         ORDER BY event_id
        """,
        {"types": list(types), "since": since, "before": before},
    )


def known(conn: Connection[Any], event_ids: Iterable[str]) -> set[str]:
    """Those of them that were told here, as far as is remembered."""
    rows = conn.execute(
        "SELECT event_id::text FROM outbox WHERE event_id = ANY(%(ids)s::uuid[])",
        {"ids": list(event_ids)},
    )
    return {row[0] for row in rows}


class Told(NamedTuple):
    """An event, as it was told."""

    type: str
    payload: dict[str, Any]
    occurred_at: datetime


def by_id(conn: Connection[Any], event_id: str) -> Told | None:
    """None where it was not told here, or is forgotten."""
    row = conn.execute(
        "SELECT type, payload, occurred_at FROM outbox WHERE event_id = %(id)s", {"id": event_id}
    ).fetchone()
    return Told(*row) if row else None
