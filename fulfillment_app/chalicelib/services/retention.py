"""What the inventory side forgets, in its database and in the document store. Why so, and what is kept: LIMITS.md."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from psycopg import Connection
from pymongo.database import Database

from online_kart import retention
from online_kart.documents import order_log, reconciliations, upcoming_shipments
from online_kart.inventory_db.retention import NO_LIVE_ORDER, RULES as OWN_RULES, RUNS
from online_kart.messaging.retention import ANSWERS, OUTBOX, inbox
from online_kart.retention import DocumentRule

Documents = Database[dict[str, Any]]

RULES = (OUTBOX, inbox(NO_LIVE_ORDER), ANSWERS, *OWN_RULES)

BOOKS_FOR = timedelta(days=9 * 365 + 3)
"""Books are kept for the eight financial years before the current one (Companies Act 2013, section 128; GST asks for six)."""

PARTS_FOR = timedelta(days=7)
"""Of a reconciliation that failed: time for a person to look at what it had found."""


def prune(
    conn: Connection[Any], documents: Documents, now: datetime, wall_now: datetime
) -> dict[str, int]:
    """How many rows and documents of each went. Safe to run twice, at once, and to be killed."""
    return {
        **retention.prune(conn, RULES, now),
        **retention.prune(conn, (RUNS,), wall_now),
        **retention.prune_documents(document_rules(documents), now),
    }


def document_rules(documents: Documents) -> tuple[DocumentRule, ...]:
    return (
        DocumentRule(order_log.LOG, BOOKS_FOR, partial(order_log.forget, documents)),
        DocumentRule(
            upcoming_shipments.LOG, BOOKS_FOR, partial(upcoming_shipments.forget_log, documents)
        ),
        DocumentRule(
            reconciliations.PARTS, PARTS_FOR, partial(reconciliations.forget_old, documents)
        ),
    )
