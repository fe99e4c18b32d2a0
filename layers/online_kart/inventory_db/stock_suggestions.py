"""What a seller's customers bought, by the FC that serves them, against that FC's stock."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.stock_suggestions import Need


def needs(
    conn: Connection[Any],
    seller_id: UUID,
    sku: str | None,
    fc_code: str | None,
    since: datetime,
    limit: int,
) -> list[Need]:
    """Of open FCs, what sold most first. `coming` is what other FCs have sent; what is announced is not in this database."""
    with conn.cursor(row_factory=class_row(Need)) as cur:
        return cur.execute(
            """
            WITH bought AS (
                SELECT s.sku, r.fc_code, sum(s.quantity)::integer AS sold,
                       coalesce(sum(s.quantity) FILTER (WHERE s.fc_code <> r.fc_code), 0)::integer
                           AS from_elsewhere
                  FROM sales AS s
                  JOIN packages AS p ON p.package_id = s.package_id
                  JOIN pincode_ranges AS r ON r.pincodes @> p.to_pincode
                  JOIN facilities AS f ON f.code = r.fc_code AND f.status = 'open'
                 WHERE s.seller_id = %(seller_id)s AND s.sold_at >= %(since)s
                   AND (%(sku)s::text IS NULL OR s.sku = %(sku)s)
                   AND (%(fc_code)s::text IS NULL OR r.fc_code = %(fc_code)s)
                 GROUP BY s.sku, r.fc_code
                HAVING sum(s.quantity) > 0
                 ORDER BY sum(s.quantity) DESC, s.sku, r.fc_code
                 LIMIT %(limit)s
            )
            SELECT b.sku, b.fc_code, b.sold, b.from_elsewhere,
                   coalesce(st.on_hand - st.reserved, 0) AS free,
                   coalesce((SELECT sum(u.quantity)
                               FROM batch_units AS u
                               JOIN batches AS t ON t.batch_id = u.batch_id
                              WHERE u.seller_id = %(seller_id)s AND u.sku = b.sku
                                AND t.destination = b.fc_code), 0)::integer AS coming
              FROM bought AS b
              LEFT JOIN stock AS st ON st.sku = b.sku AND st.fc_code = b.fc_code
                                   AND st.seller_id = %(seller_id)s
             ORDER BY b.sold DESC, b.sku, b.fc_code
            """,
            {
                "seller_id": seller_id,
                "sku": sku,
                "fc_code": fc_code,
                "since": since,
                "limit": limit,
            },
        ).fetchall()
