"""The inbox: what a consumer, or a step of a state machine, has handled already.

The row is written in the transaction of the effect, so effect and memory of it are one. Two that handle the same event
at once: the second waits for the first's commit at the unique key, then sees that it was handled.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb


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


def answer(conn: Connection[Any], consumer: str, event_id: UUID) -> Any:
    """What the first time answered. None where it left no answer or was never there."""
    row = conn.execute(
        "SELECT result FROM inbox WHERE consumer = %(consumer)s AND event_id = %(event_id)s",
        {"consumer": consumer, "event_id": event_id},
    ).fetchone()
    return row[0] if row else None
