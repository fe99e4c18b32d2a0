"""What an FC has to pick and to pack, by when it leaves."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.packing import PackageToPack, PickLine

# A package that waits for no batch, because no departure could be joined yet, counts as one that leaves at once.
_TO_PACK = """
    SELECT p.package_id, p.order_id, coalesce(b.due_at, d.out_at, p.created_at) AS leaves_at,
           b.batch_id, b.destination AS next_stop, p.weight_grams, p.picked_at
      FROM packages AS p
      LEFT JOIN batch_packages AS held ON held.package_id = p.package_id
      LEFT JOIN batches AS b ON b.batch_id = held.batch_id
      LEFT JOIN deliveries AS d ON d.package_id = p.package_id
     WHERE p.at_facility = %(fc_code)s AND p.origin_fc_code = %(fc_code)s AND p.packed_at IS NULL
       AND (p.status = 'out_for_delivery' AND d.attempt = 1
            OR p.status = 'planned' AND EXISTS (
                SELECT FROM reservations AS r
                 WHERE r.order_id = p.order_id AND r.fc_code = p.origin_fc_code
                   AND r.status = 'confirmed'))
"""


def lines_to_pick(
    conn: Connection[Any],
    fc_code: str,
    until: datetime | None,
    after: tuple[datetime, str, UUID] | None,
    limit: int,
) -> Sequence[PickLine]:
    """Units that nobody has picked, by when they leave, SKU and seller, beginning behind these three."""
    with conn.cursor(row_factory=class_row(PickLine)) as cur:
        return cur.execute(
            f"""
            SELECT t.leaves_at, l.sku, i.name, l.seller_id, sum(l.quantity)::integer AS quantity,
                   count(DISTINCT t.package_id)::integer AS packages_count
              FROM ({_TO_PACK}) AS t
              JOIN package_lines AS l ON l.package_id = t.package_id
              JOIN items AS i ON i.sku = l.sku
             WHERE t.picked_at IS NULL
               AND (%(until)s::timestamptz IS NULL OR t.leaves_at <= %(until)s)
               AND (%(at)s::timestamptz IS NULL
                    OR (t.leaves_at, l.sku, l.seller_id) > (%(at)s, %(sku)s, %(seller_id)s))
             GROUP BY t.leaves_at, l.sku, i.name, l.seller_id
             ORDER BY t.leaves_at, l.sku, l.seller_id
             LIMIT %(limit)s
            """,
            {
                "fc_code": fc_code,
                "until": until,
                "at": after[0] if after else None,
                "sku": after[1] if after else None,
                "seller_id": after[2] if after else None,
                "limit": limit,
            },
        ).fetchall()


def packages_to_pack(
    conn: Connection[Any],
    fc_code: str,
    until: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[PackageToPack]:
    """By when they leave and id, beginning behind these two. Their lines are `packages.lines_of`'s."""
    with conn.cursor(row_factory=class_row(PackageToPack)) as cur:
        return cur.execute(
            f"""
            SELECT package_id, order_id, leaves_at, batch_id, next_stop, weight_grams, picked_at
              FROM ({_TO_PACK}) AS t
             WHERE (%(until)s::timestamptz IS NULL OR leaves_at <= %(until)s)
               AND (%(at)s::timestamptz IS NULL OR (leaves_at, package_id) > (%(at)s, %(id)s))
             ORDER BY leaves_at, package_id
             LIMIT %(limit)s
            """,
            {
                "fc_code": fc_code,
                "until": until,
                "at": after[0] if after else None,
                "id": after[1] if after else None,
                "limit": limit,
            },
        ).fetchall()
