"""The inbox: what a consumer, or a step of a state machine, has handled already.

The row is written in the transaction of the effect, so effect and memory of it are one. Two that handle the same event
at once: the second waits for the first's commit at the unique key, then sees that it was handled.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from ..streaming import streamed


def first_time(conn: Connection[Any], consumer: str, event_id: UUID, now: datetime) -> bool:
    """Note the event as handled. False where it was handled before: then nothing may be changed."""
    return (
        conn.execute(
            """
            INSERT INTO inbox (consumer, event_id, handled_at)
            VALUES (%(consumer)s, %(event_id)s, %(now)s)
            ON CONFLICT DO NOTHING
            """,
            {"consumer": consumer, "event_id": event_id, "now": now},
        ).rowcount
        == 1
    )


def remember(conn: Connection[Any], consumer: str, event_id: UUID, result: Any) -> None:
    """Keep what the first time answered, for repeats."""
    conn.execute(
        "UPDATE inbox SET result = %(result)s WHERE consumer = %(consumer)s AND event_id = %(event_id)s",
        {"consumer": consumer, "event_id": event_id, "result": Jsonb(result)},
    )


def first_times(
    conn: Connection[Any], consumer: str, event_ids: Collection[UUID], now: datetime
) -> set[UUID]:
    """Note many events as handled, in the order of their ids. Those that were not handled before."""
    rows = conn.execute(
        """
        INSERT INTO inbox (consumer, event_id, handled_at)
        SELECT %(consumer)s, event_id, %(now)s FROM unnest(%(event_ids)s::uuid[]) AS e (event_id)
         ORDER BY event_id
        ON CONFLICT DO NOTHING
        RETURNING event_id
        """,
        {"consumer": consumer, "event_ids": list(event_ids), "now": now},
    ).fetchall()
    return {row[0] for row in rows}


def remember_each(conn: Connection[Any], consumer: str, results: Mapping[UUID, str]) -> None:
    """Keep what each of many events was answered, as JSON."""
    by_id = ",".join(f'"{event_id}":{result}' for event_id, result in results.items())
    conn.execute(
        """
        UPDATE inbox AS i SET result = r.value
          FROM jsonb_each(%(results)s::jsonb) AS r
         WHERE i.consumer = %(consumer)s AND i.event_id = ANY(%(event_ids)s) AND i.event_id = r.key::uuid
        """,
        {"consumer": consumer, "event_ids": list(results), "results": f"{{{by_id}}}"},
    )


def forget(conn: Connection[Any], consumer: str, event_ids: Collection[UUID]) -> None:
    """As if they had not come: in the transaction that noted them, for those without an effect."""
    conn.execute(
        "DELETE FROM inbox WHERE consumer = %(consumer)s AND event_id = ANY(%(event_ids)s)",
        {"consumer": consumer, "event_ids": list(event_ids)},
    )


def answer(conn: Connection[Any], consumer: str, event_id: UUID) -> Any:
    """What the first time answered. None where it left no answer or was never there."""
    row = conn.execute(
        "SELECT result FROM inbox WHERE consumer = %(consumer)s AND event_id = %(event_id)s",
        {"consumer": consumer, "event_id": event_id},
    ).fetchone()
    return row[0] if row else None


def last_heard_at(conn: Connection[Any], consumer: str) -> datetime | None:
    """When it handled its last event. None where there was none of late: what was handled is forgotten some day."""
    row = conn.execute(
        """
        SELECT handled_at FROM inbox WHERE consumer = %(consumer)s
         ORDER BY handled_at DESC LIMIT 1
        """,
        {"consumer": consumer},
    ).fetchone()
    return row[0] if row else None


def heard(
    conn: Connection[Any], consumers: Iterable[str], since: datetime
) -> Iterator[tuple[str, list[Any]]]:
    """ "<consumer> <event id>" → when it was handled; of what was handled since, in the order of the keys' characters."""
    return streamed(
        conn,
        """
        SELECT consumer || ' ' || event_id AS key, handled_at FROM inbox
         WHERE consumer = ANY(%(consumers)s) AND handled_at >= %(since)s
         ORDER BY (consumer || ' ' || event_id) COLLATE "C"
        """,
        {"consumers": list(consumers), "since": since},
    )
