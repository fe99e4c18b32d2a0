"""Events that start runs and were heard by nobody: dead-lettered while the database was away, for instance.

A sweep of runs finds what was started and got lost. What never started has no run: it is found here, by what waits for
one, and told of again. Telling twice is harmless: a run has a name, and its steps are idempotent.
"""

from datetime import datetime
from typing import Any

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.domain.events import BatchOpened, Event, NetworkChanged, ShipmentArrived
from online_kart.inventory_db import batches, inbound, route_builds
from online_kart.messaging import outbox


def tell_again(conn: Connection[Any], since: datetime, limit: int, now: datetime) -> int:
    """Tell again of what waits for a run since then (business time). How many events, up to the limit of each kind."""
    with conn.transaction():
        events = _events(conn, since, limit, now)
        outbox.append(conn, *events)
        crashpoint("tell_unheard.written")
    crashpoint("tell_unheard.committed")
    return len(events)


def _events(conn: Connection[Any], since: datetime, limit: int, now: datetime) -> list[Event]:
    opened = [
        BatchOpened(
            occurred_at=now, batch_id=batch.batch_id, revision=batch.revision, due_at=batch.due_at
        )
        for batch in batches.without_run(conn, since, limit)
    ]
    arrived = [
        ShipmentArrived(occurred_at=now, asn=asn, fc_code=fc_code)
        for asn, fc_code in inbound.without_run(conn, since, limit)
    ]
    build = route_builds.newest_without_run(conn, since)
    changed = [NetworkChanged(occurred_at=now, version=build[0], reason=build[1])] if build else []
    return [*opened, *arrived, *changed]
