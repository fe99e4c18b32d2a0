"""How long a database remembers what it told and heard: long enough for every repeat that can still come."""

from datetime import timedelta
from typing import LiteralString

from ..retention import Rule
from .idempotency import KEPT_FOR

TOLD_FOR = timedelta(days=14)
"""Two weeks to notice that a consumer was wrong: until then an event can be told again."""

HANDLED_FOR = timedelta(days=35)
"""An event told again on its last day may wait 4 days in a queue and 14 in the dead-letter queue: 32, and some to spare."""

OUTBOX = Rule(
    "outbox", "position", "greatest(sent_at, occurred_at)", TOLD_FOR, only="sent_at IS NOT NULL"
)
ANSWERS = Rule("idempotency_keys", "principal, key", "created_at", KEPT_FOR)


def inbox(only: LiteralString = "true") -> Rule:
    """`only` keeps what is remembered of things that are still under way."""
    return Rule("inbox", "consumer, event_id", "handled_at", HANDLED_FOR, only)
