"""How long a database remembers what it told and heard: long enough for every repeat that can still come."""

from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from ..crashpoints import crashpoint
from . import idempotency, inbox, outbox

EVENTS_KEPT_FOR = timedelta(days=14)  # twice the longest time that a queue or an archive replays


def prune(conn: Connection[Any], now: datetime) -> dict[str, int]:
    """Forget sent events, handled ids and old answers. How many of each."""
    sent = outbox.prune(conn, now - EVENTS_KEPT_FOR)
    crashpoint("retention.outbox_pruned")
    handled = inbox.prune(conn, now - EVENTS_KEPT_FOR)
    crashpoint("retention.inbox_pruned")
    answers = idempotency.prune(conn, now)
    crashpoint("retention.answers_pruned")
    return {"outbox": sent, "inbox": handled, "answers": answers}
