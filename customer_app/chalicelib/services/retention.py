"""What the customer side forgets: what it told, heard and answered, once no repeat can come. Orders are kept: LIMITS.md."""

from datetime import datetime
from typing import Any

from psycopg import Connection

from online_kart import retention
from online_kart.messaging.retention import ANSWERS, OUTBOX, inbox

RULES = (OUTBOX, inbox(), ANSWERS)


def prune(conn: Connection[Any], now: datetime) -> dict[str, int]:
    """How many rows of each table went. Safe to run twice, at once, and to be killed."""
    return retention.prune(conn, RULES, now)
