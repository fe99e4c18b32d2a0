"""The copies in the customers' database: when each has last heard of its source, which this app doesn't see."""

from datetime import datetime
from typing import Any

from psycopg import Connection

from online_kart.domain.projections import Projection, Projections
from online_kart.messaging import inbox, outbox

COPIES = {
    "project_catalog": "C6, C7, of the catalog, prices and stock",
    "track_packages": "C5, of packages",
    "track_returns": "C4c, of returns",
}
"""Consumer → what it copies. How long each event took is the metric `event_lag`."""


def shown(conn: Connection[Any], now: datetime) -> Projections:
    """The outbox, and each copy with the moment of the last event that it has taken."""
    unsent, lag = outbox.backlog(conn, now)
    return Projections(
        now=now,
        looked_at_max=1,
        projections=(
            Projection(name="outbox", of="all events", waiting_count=unsent, behind_seconds=lag),
            *(
                Projection(
                    name=consumer,
                    of=of,
                    waiting_count=None,
                    behind_seconds=None,
                    last_heard_at=inbox.last_heard_at(conn, consumer),
                )
                for consumer, of in COPIES.items()
            ),
        ),
    )
