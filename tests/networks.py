"""Networks in the test's databases, and their route tables, built as the state machine builds them."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from pymongo.database import Database

from fulfillment_app.chalicelib.services import facilities, rebuilds
from online_kart.domain.network import Network
from tests.builders import a_network, flights, roads

HOP_LIMIT = 4


def put_network(conn: Connection[Any], network: Network, now: datetime) -> int:
    """The version of route tables that will have it."""
    return facilities.put_network(conn, network, HOP_LIMIT, now)


def build(
    conn: Connection[Any], documents: Database[dict[str, Any]], version: int, now: datetime
) -> str:
    """Every step in order; the outcome."""
    started = rebuilds.snapshot_network(conn, documents, version, HOP_LIMIT, now)
    if started.outcome == "superseded":
        return started.outcome
    for chunk in started.chunks:
        rebuilds.build_tables(documents, chunk)
    return rebuilds.publish_version(conn, documents, version, now).outcome


def two_cities() -> Network:
    """BLR1 and BLR2 by the airport BLR, DEL1 and DEL2 by the airport DEL; a road joins BLR1 and BLR2 only."""
    legs = [
        *roads("BLR1", "BLR2", minutes=40),
        *roads("BLR2", "BLR1", minutes=40),
        *roads("DEL1", "DEL2", minutes=50),
        *roads("DEL2", "DEL1", minutes=50),
        *roads("BLR1", "BLR", minutes=30),
        *roads("BLR", "BLR1", minutes=30),
        *roads("DEL1", "DEL", minutes=20),
        *roads("DEL", "DEL1", minutes=20),
        *flights("BLR", "DEL", minutes=170),
        *flights("DEL", "BLR", minutes=170),
    ]
    return a_network(legs, hubs="BLR DEL", handling_minutes=30)


def put_package(
    conn: Connection[Any],
    origin: str,
    at: str,
    destination: str,
    now: datetime,
    status: str = "in_transit",
) -> UUID:
    """A row of `packages`, without lines or a path: for what only asks where packages are."""
    package_id = uuid4()
    conn.execute(
        """
        INSERT INTO packages (package_id, order_id, origin_fc_code, destination_fc_code, to_pincode, status,
                              at_facility, budget, weight_grams, promise_date, table_version, created_at, updated_at)
        VALUES (%s, %s, %s, %s, 110000, %s, %s, 4, 300, %s, 1, %s, %s)
        """,
        [package_id, uuid4(), origin, destination, status, at, now.date(), now, now],
    )
    return package_id
