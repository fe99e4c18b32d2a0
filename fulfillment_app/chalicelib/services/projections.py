"""How far the copies are behind that this app sees both ends of: the inventory database, and the document store.

Copies in the customers' database are told of by the customer app; how long an event takes to each consumer is measured
where it is handled (`messaging.consumer`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import Connection
from pymongo.database import Database

from online_kart import metrics
from online_kart.documents import order_log, price_changes, seller_sales
from online_kart.documents.collection import known_ids
from online_kart.domain.batches import SHOP_TIME_ZONE
from online_kart.domain.projections import Projection, Projections, Waiting
from online_kart.inventory_db import projections
from online_kart.messaging import outbox
from online_kart.messaging.outbox import LastTold
from online_kart.messaging.rules import RULES

Documents = Database[dict[str, Any]]

LOOKED_AT_MAX = 200
"""Of the last events of a kind. What is further behind than so many events is told as this far, and is an alarm anyway."""


class _Log(NamedTuple):
    """A collection with a document for each event."""

    consumer: str
    of: str
    collection: str
    key: Callable[[LastTold], str]


def _event_id(told: LastTold) -> str:
    return told.event_id


LOGS = (
    _Log("log_orders", "D4, of packages and returns", order_log.LOG, _event_id),
    _Log("log_price_changes", "D7", price_changes.PRICE_CHANGES, _event_id),
    _Log(
        "project_seller_sales",
        "D8",
        seller_sales.SELLER_SALES,
        lambda told: str(told.payload["sale_id"]),
    ),
)


def shown(conn: Connection[Any], documents: Documents, now: datetime) -> Projections:
    """Each copy, and what it has still to take."""
    unsent, lag = outbox.backlog(conn, now)
    waiting = (
        ("availability", "I13, of stock", projections.availability_changes(conn)),
        ("sales totals", "I11, I12; shown with what waits", projections.sales_changes(conn)),
        ("route tables", "D5, D6, of the network", projections.route_builds(conn)),
        *((log.consumer, log.of, _unheard(conn, documents, log)) for log in LOGS),
    )
    return Projections(
        now=now,
        looked_at_max=LOOKED_AT_MAX,
        projections=(
            Projection(name="outbox", of="all events", waiting_count=unsent, behind_seconds=lag),
            *(_projection(name, of, each, now) for name, of, each in waiting),
        ),
    )


def _unheard(conn: Connection[Any], documents: Documents, log: _Log) -> Waiting:
    told = outbox.last_told(conn, RULES[log.consumer], LOOKED_AT_MAX)
    known = known_ids(documents, log.collection, [log.key(each) for each in told])
    missing = [each.occurred_at for each in told if log.key(each) not in known]
    return Waiting(len(missing), min(missing, default=None))


def _projection(name: str, of: str, waiting: Waiting, now: datetime) -> Projection:
    behind = max((now - waiting.since).total_seconds(), 0.0) if waiting.since else None
    if not waiting.rows:
        behind = 0.0
    return Projection(name=name, of=of, waiting_count=waiting.rows, behind_seconds=behind)


def measure(conn: Connection[Any], documents: Documents, now: datetime) -> dict[str, int]:
    """As metrics; and how many packages are late. What was measured."""
    measured: Sequence[Projection] = shown(conn, documents, now).projections
    for each in measured:
        if each.waiting_count is not None:
            behind = each.behind_seconds or 0.0
            values: dict[str, tuple[float, metrics.Unit]] = {
                "projection_waiting": (each.waiting_count, "Count"),
                "projection_behind": (behind, "Seconds"),
            }
            metrics.put(values, projection=each.name)
    today = now.astimezone(ZoneInfo(SHOP_TIME_ZONE)).date()
    late = projections.late_packages_count(conn, today)
    metrics.put({"packages_late": (late, "Count")}, app="fulfillment")
    return {"projections": len(measured), "packages_late": late}
