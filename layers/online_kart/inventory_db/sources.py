"""The sources of the customer side's copies: each function gives a row a new version and answers it as its event's fields.

The version is later than `above`, too: a copy that has a later one than its source is wrong, and must hear of it.
"""

from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

Row = dict[str, Any]


def _one(conn: Connection[Any], statement: Any, values: Row) -> Row | None:
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(statement, values).fetchone()


def bump_category(conn: Connection[Any], category_id: str, above: int) -> Row | None:
    """None where there is no such category."""
    return _one(
        conn,
        """
        UPDATE item_categories SET version = greatest(version, %(above)s) + 1 WHERE category_id = %(category_id)s
        RETURNING category_id, name, parent_id, version
        """,
        {"category_id": category_id, "above": above},
    )


def bump_item(conn: Connection[Any], sku: str, above: int) -> Row | None:
    """None where there is no such item."""
    return _one(
        conn,
        """
        UPDATE items SET version = greatest(version, %(above)s) + 1 WHERE sku = %(sku)s
        RETURNING sku, category_id, name, brand, weight_grams, status, version
        """,
        {"sku": sku, "above": above},
    )


def bump_offer(conn: Connection[Any], sku: str, seller_id: UUID, above: int) -> Row | None:
    """None where there is no such offer."""
    return _one(
        conn,
        """
        UPDATE offers SET version = greatest(version, %(above)s) + 1 WHERE sku = %(sku)s AND seller_id = %(seller_id)s
        RETURNING sku, seller_id, price_paise, status, version
        """,
        {"sku": sku, "seller_id": seller_id, "above": above},
    )


def bump_availability(conn: Connection[Any], sku: str, seller_id: UUID, above: int) -> Row | None:
    """None where the offer never had stock."""
    return _one(
        conn,
        """
        UPDATE item_availability SET version = greatest(version, %(above)s) + 1
         WHERE sku = %(sku)s AND seller_id = %(seller_id)s
        RETURNING sku, seller_id, free_units, free_by_fc, version
        """,
        {"sku": sku, "seller_id": seller_id, "above": above},
    )


VERSION_OF: dict[str, LiteralString] = {
    "categories": "SELECT version FROM item_categories WHERE category_id = %(key)s",
    "items": "SELECT version FROM items WHERE sku = %(key)s",
    "offers": "SELECT version FROM offers WHERE sku || ' ' || seller_id = %(key)s",
    "units_left": "SELECT version FROM item_availability WHERE sku || ' ' || seller_id = %(key)s",
    "packages": "SELECT version FROM packages WHERE package_id::text = %(key)s",
}


def version_of(conn: Connection[Any], table: str, key: str) -> int:
    """0 where there is no such row."""
    row = conn.execute(VERSION_OF[table], {"key": key}).fetchone()
    return int(row[0]) if row else 0
