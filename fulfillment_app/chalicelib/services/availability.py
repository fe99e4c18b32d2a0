"""Free units of each offer over all FCs (I13), and the events from which the customer app shows "only N left"."""

from datetime import datetime
from typing import Any

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.domain.events import AvailabilityChanged
from online_kart.inventory_db import availability
from online_kart.messaging import outbox

CHANGES_AT_ONCE_MAX = 2_000
ROUNDS_MAX = 10


def project(conn: Connection[Any], now: datetime) -> int:
    """Add up what changed in stock, and tell of it. How many offers, counted once a round.

    Nothing where another is at it. What a run leaves, the next one takes.
    """
    told = 0
    for _ in range(ROUNDS_MAX):
        taken, changed = _project_some(conn, now)
        told += changed
        if taken < CHANGES_AT_ONCE_MAX:
            break
    return told


def _project_some(conn: Connection[Any], now: datetime) -> tuple[int, int]:
    with conn.transaction():
        if not availability.try_lock(conn):
            return 0, 0
        taken, changed = availability.take_changes(conn, CHANGES_AT_ONCE_MAX, now)
        outbox.append(
            conn, *(AvailabilityChanged(occurred_at=now, **each._asdict()) for each in changed)
        )
        crashpoint("project_availability.written")
    crashpoint("project_availability.committed")
    return taken, len(changed)
