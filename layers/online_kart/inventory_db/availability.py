"""How many units of each offer are free over all FCs (I13): a sum of changes that a trigger of `stock` noted.

Changes are taken by one at a time, in their order. A row of stock never has less than nothing free, and its changes are
numbered under its lock: so the sum of the first ones is never below zero either, whichever of them are visible.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

PROJECTION_LOCK = 7_301_847
"""The key of PostgreSQL's advisory lock; any number that nobody else uses."""


class Availability(NamedTuple):
    sku: str
    seller_id: UUID
    free_units: int
    version: int


def try_lock(conn: Connection[Any]) -> bool:
    """Be the only one to project until the transaction ends. False where another does."""
    row = conn.execute(
        "SELECT pg_try_advisory_xact_lock(%(key)s)", {"key": PROJECTION_LOCK}
    ).fetchone()
    return bool(row and row[0])


def take_changes(
    conn: Connection[Any], limit: int, now: datetime
) -> tuple[int, list[Availability]]:
    """Add up to `limit` changes to the sums. How many there were, and the offers whose sum is another now."""
    rows = conn.execute(
        """
        WITH taken AS (
            DELETE FROM item_availability_changes
             WHERE change_id IN (
                   SELECT change_id FROM item_availability_changes ORDER BY change_id LIMIT %(limit)s)
            RETURNING sku, seller_id, free_units_change
        ), summed AS (
            INSERT INTO item_availability AS a (sku, seller_id, free_units, version, updated_at)
            SELECT sku, seller_id, sum(free_units_change), 1, %(now)s
              FROM taken GROUP BY sku, seller_id HAVING sum(free_units_change) <> 0
            ON CONFLICT (sku, seller_id) DO UPDATE
               SET free_units = a.free_units + excluded.free_units, version = a.version + 1,
                   updated_at = excluded.updated_at
            RETURNING sku, seller_id, free_units, version
        )
        SELECT (SELECT count(*) FROM taken), s.sku, s.seller_id, s.free_units, s.version
          FROM (SELECT) AS one LEFT JOIN summed AS s ON true
         ORDER BY s.sku, s.seller_id
        """,
        {"limit": limit, "now": now},
    ).fetchall()
    return rows[0][0], [Availability(*row[1:]) for row in rows if row[1] is not None]
