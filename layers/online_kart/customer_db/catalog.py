"""Copies of the catalog, fed by events only (C6, C7). An older version never overwrites a newer one."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, namedtuple_row

from ..domain.events import AvailabilityChanged, CategoryChanged, ItemChanged, OfferChanged
from ..domain.storefront import ShownCategory


class OfferRow(NamedTuple):
    """An offer of an active item, with the units left as far as this side knows."""

    sku: str
    seller_id: UUID
    item_name: str
    price_paise: int
    free_units: int


class ItemRow(NamedTuple):
    sku: str
    category_id: str
    name: str
    brand: str
    weight_grams: int


def put_category(conn: Connection[Any], event: CategoryChanged) -> bool:
    """False where what is here is as new."""
    return _changed(
        conn,
        """
        INSERT INTO item_categories AS known (category_id, name, parent_id, version)
        VALUES (%(category_id)s, %(name)s, %(parent_id)s, %(version)s)
        ON CONFLICT (category_id) DO UPDATE
           SET name = excluded.name, parent_id = excluded.parent_id, version = excluded.version
         WHERE known.version < excluded.version
        """,
        event.model_dump(),
    )


def put_item(conn: Connection[Any], event: ItemChanged) -> bool:
    """False where what is here is as new."""
    return _changed(
        conn,
        """
        INSERT INTO items AS known (sku, category_id, name, brand, weight_grams, status, version)
        VALUES (%(sku)s, %(category_id)s, %(name)s, %(brand)s, %(weight_grams)s, %(status)s,
                %(version)s)
        ON CONFLICT (sku) DO UPDATE
           SET category_id = excluded.category_id, name = excluded.name, brand = excluded.brand,
               weight_grams = excluded.weight_grams, status = excluded.status,
               version = excluded.version
         WHERE known.version < excluded.version
        """,
        event.model_dump(),
    )


def put_offer(conn: Connection[Any], event: OfferChanged) -> bool:
    """False where what is here is as new."""
    return _changed(
        conn,
        """
        INSERT INTO offers AS known (sku, seller_id, price_paise, status, version)
        VALUES (%(sku)s, %(seller_id)s, %(price_paise)s, %(status)s, %(version)s)
        ON CONFLICT (sku, seller_id) DO UPDATE
           SET price_paise = excluded.price_paise, status = excluded.status,
               version = excluded.version
         WHERE known.version < excluded.version
        """,
        event.model_dump(),
    )


def put_units_left(conn: Connection[Any], event: AvailabilityChanged) -> bool:
    """False where what is here is as new."""
    return _changed(
        conn,
        """
        INSERT INTO units_left AS known (sku, seller_id, free_units, version)
        VALUES (%(sku)s, %(seller_id)s, %(free_units)s, %(version)s)
        ON CONFLICT (sku, seller_id) DO UPDATE
           SET free_units = excluded.free_units, version = excluded.version
         WHERE known.version < excluded.version
        """,
        event.model_dump(),
    )


def _changed(conn: Connection[Any], statement: str, values: dict[str, Any]) -> bool:
    return conn.execute(statement, values).rowcount == 1


def categories(conn: Connection[Any], after: str | None, limit: int) -> list[ShownCategory]:
    with conn.cursor(row_factory=class_row(ShownCategory)) as cur:
        return cur.execute(
            """
            SELECT category_id, name, parent_id FROM item_categories
             WHERE %(after)s::text IS NULL OR category_id > %(after)s
             ORDER BY category_id LIMIT %(limit)s
            """,
            {"after": after, "limit": limit},
        ).fetchall()


def items(
    conn: Connection[Any], category_id: str | None, text: str | None, after: str | None, limit: int
) -> list[ItemRow]:
    """Active items in order of SKU; `text` is looked for in name and brand; a category includes those below it."""
    with conn.cursor(row_factory=namedtuple_row) as cur:
        rows = cur.execute(
            """
            WITH RECURSIVE wanted AS (
                SELECT category_id FROM item_categories WHERE category_id = %(category_id)s
                 UNION
                SELECT c.category_id FROM item_categories AS c JOIN wanted AS w ON c.parent_id = w.category_id
            )
            SELECT sku, category_id, name, brand, weight_grams FROM items
             WHERE status = 'active'
               AND (%(category_id)s::text IS NULL OR category_id IN (SELECT category_id FROM wanted))
               AND (%(pattern)s::text IS NULL OR name || ' ' || brand ILIKE %(pattern)s)
               AND (%(after)s::text IS NULL OR sku > %(after)s)
             ORDER BY sku LIMIT %(limit)s
            """,
            {
                "category_id": category_id,
                "pattern": _pattern(text),
                "after": after,
                "limit": limit,
            },
        ).fetchall()
    return [ItemRow(*row) for row in rows]


def _pattern(text: str | None) -> str | None:
    if text is None:
        return None
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def item(conn: Connection[Any], sku: str) -> ItemRow | None:
    """None where there is no such active item."""
    row = conn.execute(
        """
        SELECT sku, category_id, name, brand, weight_grams FROM items
         WHERE sku = %(sku)s AND status = 'active'
        """,
        {"sku": sku},
    ).fetchone()
    return ItemRow(*row) if row else None


def offers_of(conn: Connection[Any], skus: Sequence[str]) -> list[OfferRow]:
    """Active offers of active items: by SKU, then the cheapest first."""
    rows = conn.execute(
        """
        SELECT o.sku, o.seller_id, i.name, o.price_paise, coalesce(u.free_units, 0)
          FROM offers AS o
          JOIN items AS i ON i.sku = o.sku AND i.status = 'active'
          LEFT JOIN units_left AS u ON u.sku = o.sku AND u.seller_id = o.seller_id
         WHERE o.sku = ANY(%(skus)s) AND o.status = 'active'
         ORDER BY o.sku, o.price_paise, o.seller_id
        """,
        {"skus": list(skus)},
    ).fetchall()
    return [OfferRow(*row) for row in rows]
