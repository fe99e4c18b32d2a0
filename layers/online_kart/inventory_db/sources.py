"""The sources of the customer side's copies: each function gives a row a new version and answers it as its event's fields."""

from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

Row = dict[str, Any]


def _one(conn: Connection[Any], statement: Any, values: Row) -> Row | None:
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(statement, values).fetchone()


def bump_category(conn: Connection[Any], category_id: str) -> Row | None:
    """None where there is no such category."""
    return _one(
        conn,
        """
        UPDATE item_categories SET version = version + 1 WHERE category_id = %(category_id)s
        RETURNING category_id, name, parent_id, version
        """,
        {"category_id": category_id},
    )


def bump_item(conn: Connection[Any], sku: str) -> Row | None:
    """None where there is no such item."""
    return _one(
        conn,
        """
        UPDATE items SET version = version + 1 WHERE sku = %(sku)s
        RETURNING sku, category_id, name, brand, weight_grams, status, version
        """,
        {"sku": sku},
    )


def bump_offer(conn: Connection[Any], sku: str, seller_id: UUID) -> Row | None:
    """None where there is no such offer."""
    return _one(
        conn,
        """
        UPDATE offers SET version = version + 1 WHERE sku = %(sku)s AND seller_id = %(seller_id)s
        RETURNING sku, seller_id, price_paise, status, version
        """,
        {"sku": sku, "seller_id": seller_id},
    )


def bump_availability(conn: Connection[Any], sku: str, seller_id: UUID) -> Row | None:
    """None where the offer never had stock."""
    return _one(
        conn,
        """
        UPDATE item_availability SET version = version + 1 WHERE sku = %(sku)s AND seller_id = %(seller_id)s
        RETURNING sku, seller_id, free_units, version
        """,
        {"sku": sku, "seller_id": seller_id},
    )
