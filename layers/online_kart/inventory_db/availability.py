"""How many units of each offer are free over all FCs (I13): a sum of changes that a trigger of `stock` noted.

Changes are taken by one at a time, in their order. A row of stock never has less than nothing free, and its changes are
numbered under its lock: so the sum of the first ones is never below zero either, whichever of them are visible.

Which FCs have them is read from the stock as it is when changes are taken. That may be ahead of the sum: then the change
that it is ahead by is still to be taken, and the offer is told of again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

PROJECTION_LOCK = 7_301_847
"""The key of PostgreSQL's advisory lock; any number that nobody else uses."""


class Availability(NamedTuple):
    """`free_by_fc`: FC code → free units there, for FCs that have any."""

    sku: str
    seller_id: UUID
    free_units: int
    free_by_fc: dict[str, int]
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
    """Add up to `limit` changes to the sums. How many there were, and the offers whose sum, or FCs, are others now."""
    rows = conn.execute(
        """
        WITH taken AS (
            DELETE FROM item_availability_changes
             WHERE change_id IN (
                   SELECT change_id FROM item_availability_changes ORDER BY change_id LIMIT %(limit)s)
            RETURNING sku, seller_id, free_units_change
        ), sums AS (
            SELECT sku, seller_id, sum(free_units_change) AS change
              FROM taken GROUP BY sku, seller_id
        ), looked_at AS (
            SELECT sku, seller_id, change,
                   coalesce((SELECT jsonb_object_agg(s.fc_code, s.on_hand - s.reserved) FROM stock AS s
                              WHERE s.sku = sums.sku AND s.seller_id = sums.seller_id AND s.on_hand > s.reserved),
                            '{}') AS free_by_fc
              FROM sums
        ), known AS ( -- not ON CONFLICT: that would hold the change, often negative, to the row's constraint first
            UPDATE item_availability AS a
               SET free_units = a.free_units + l.change, free_by_fc = l.free_by_fc, version = a.version + 1,
                   updated_at = %(now)s
              FROM looked_at AS l
             WHERE a.sku = l.sku AND a.seller_id = l.seller_id
               AND (l.change <> 0 OR a.free_by_fc <> l.free_by_fc)
            RETURNING a.sku, a.seller_id, a.free_units, a.free_by_fc, a.version
        ), new AS (
            INSERT INTO item_availability (sku, seller_id, free_units, free_by_fc, version, updated_at)
            SELECT sku, seller_id, change, free_by_fc, 1, %(now)s FROM looked_at AS l
             WHERE (change <> 0 OR free_by_fc <> '{}')
               AND NOT EXISTS (SELECT FROM item_availability AS a
                                WHERE a.sku = l.sku AND a.seller_id = l.seller_id)
            RETURNING sku, seller_id, free_units, free_by_fc, version
        ), summed AS (
            SELECT * FROM known UNION ALL SELECT * FROM new
        )
        SELECT (SELECT count(*) FROM taken), s.sku, s.seller_id, s.free_units, s.free_by_fc, s.version
          FROM (SELECT) AS one LEFT JOIN summed AS s ON true
         ORDER BY s.sku, s.seller_id
        """,
        {"limit": limit, "now": now},
    ).fetchall()
    return rows[0][0], [Availability(*row[1:]) for row in rows if row[1] is not None]


# What a promise asks


class FreeUnits(NamedTuple):
    """Of an item in an FC: the active offer with the most free units there, and how many."""

    sku: str
    fc_code: str
    seller_id: UUID
    free_units: int


def free_units(conn: Connection[Any], skus: Sequence[str]) -> list[FreeUnits]:
    """Where units of the items are free, in open FCs only. By item and FC."""
    rows = conn.execute(
        """
        SELECT DISTINCT ON (s.sku, s.fc_code) s.sku, s.fc_code, s.seller_id, s.on_hand - s.reserved
          FROM stock AS s
          JOIN offers AS o ON o.seller_id = s.seller_id AND o.sku = s.sku AND o.status = 'active'
          JOIN items AS i ON i.sku = s.sku AND i.status = 'active'
          JOIN facilities AS f ON f.code = s.fc_code AND f.status = 'open'
         WHERE s.sku = ANY(%(skus)s) AND s.on_hand > s.reserved
         ORDER BY s.sku, s.fc_code, s.on_hand - s.reserved DESC, s.seller_id
        """,
        {"skus": list(skus)},
    ).fetchall()
    return [FreeUnits._make(row) for row in rows]
