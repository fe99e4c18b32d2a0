"""The copies of this side as they are, to be compared with their source: (key, values), in the order of the keys."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection

from ..domain.orders import PackageOfOrder
from ..domain.reconciliation import Row
from ..streaming import streamed

CATALOG: dict[str, LiteralString] = {
    "categories": """
        SELECT category_id, name, parent_id, version FROM item_categories ORDER BY category_id COLLATE "C"
    """,
    "items": """
        SELECT sku, category_id, name, brand, weight_grams, status, version FROM items ORDER BY sku COLLATE "C"
    """,
    "offers": """
        SELECT sku || ' ' || seller_id AS key, price_paise, status, version FROM offers
         ORDER BY (sku || ' ' || seller_id) COLLATE "C"
    """,
    "units_left": """
        SELECT sku || ' ' || seller_id AS key, free_units, free_by_fc, version FROM units_left
         ORDER BY (sku || ' ' || seller_id) COLLATE "C"
    """,
}
"""C6 and C7: table → its rows, the version last."""


def catalog_rows(conn: Connection[Any], table: str) -> Iterator[Row]:
    """Of a table of CATALOG."""
    return streamed(conn, CATALOG[table])


def packages(conn: Connection[Any], since: datetime) -> Iterator[Row]:
    """C5, of packages under way, or changed since.

    Package id → order id, origin FC, promise date, quantities by line, status, version.
    """
    return streamed(
        conn,
        """
        SELECT package_id::text, order_id::text, origin_fc_code, promise_date::text,
               (SELECT jsonb_object_agg(line_no, quantity) FROM package_lines AS l WHERE l.package_id = p.package_id),
               status, version
          FROM packages AS p
         WHERE status IN ('planned', 'in_transit', 'out_for_delivery', 'returning') OR updated_at >= %(since)s
         ORDER BY package_id
        """,
        {"since": since},
    )


def ordered(conn: Connection[Any], since: datetime, before: datetime) -> Iterator[Row]:
    """ "<order id> <line>" → units, whether packages must hold them all by now. Of orders placed since."""
    return streamed(
        conn,
        """
        SELECT order_id || ' ' || line_no AS key, quantity::bigint,
               status IN ('confirmed', 'finished') AND updated_at < %(before)s
          FROM orders JOIN order_lines USING (order_id)
         WHERE placed_at >= %(since)s ORDER BY (order_id || ' ' || line_no) COLLATE "C"
        """,
        {"since": since, "before": before},
    )


def statuses(conn: Connection[Any], order_ids: Sequence[str]) -> dict[str, tuple[str, datetime]]:
    """Order id → its status, and since when it has it. Unknown ones are left out."""
    rows = conn.execute(
        "SELECT order_id::text, status, updated_at FROM orders WHERE order_id = ANY(%(ids)s::uuid[])",
        {"ids": list(order_ids)},
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def restore_package(conn: Connection[Any], order_id: UUID, package: PackageOfOrder) -> None:
    """Give a package of C5 its order, its facts and its lines, and no others. In the caller's transaction."""
    conn.execute(
        """
        UPDATE packages SET order_id = %(order_id)s, origin_fc_code = %(origin_fc_code)s,
                            promise_date = %(promise_date)s
         WHERE package_id = %(package_id)s
        """,
        {**package.model_dump(exclude={"lines"}), "order_id": order_id},
    )
    conn.execute(
        "DELETE FROM package_lines WHERE package_id = %(id)s AND NOT line_no = ANY(%(line_nos)s)",
        {"id": package.package_id, "line_nos": list(package.lines)},
    )
    conn.cursor().executemany(
        """
        INSERT INTO package_lines (package_id, line_no, quantity)
        VALUES (%(id)s, %(line_no)s, %(quantity)s)
        ON CONFLICT (package_id, line_no) DO UPDATE SET quantity = excluded.quantity
        """,
        [
            {"id": package.package_id, "line_no": line_no, "quantity": quantity}
            for line_no, quantity in package.lines.items()
        ],
    )
