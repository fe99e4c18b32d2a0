"""Copies of the catalog, fed by events only (C6, C7). An older version never overwrites a newer one."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from ..domain.events import AvailabilityChanged, CategoryChanged, ItemChanged, OfferChanged
from ..domain.storefront import ShownCategory


class OfferRow(NamedTuple):
    """An offer of an active item, with the units left as far as this side knows, and the FCs that have them."""

    sku: str
    seller_id: UUID
    item_name: str
    price_paise: int
    free_units: int
    free_by_fc: dict[str, int]


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
        INSERT INTO units_left AS known (sku, seller_id, free_units, free_by_fc, version)
        VALUES (%(sku)s, %(seller_id)s, %(free_units)s, %(free_by_fc)s, %(version)s)
        ON CONFLICT (sku, seller_id) DO UPDATE
           SET free_units = excluded.free_units, free_by_fc = excluded.free_by_fc,
               version = excluded.version
         WHERE known.version < excluded.version
        """,
        {**event.model_dump(), "free_by_fc": Jsonb(event.free_by_fc)},
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
        SELECT o.sku, o.seller_id, i.name, o.price_paise, coalesce(u.free_units, 0),
               coalesce(u.free_by_fc, '{}')
          FROM offers AS o
          JOIN items AS i ON i.sku = o.sku AND i.status = 'active'
          LEFT JOIN units_left AS u ON u.sku = o.sku AND u.seller_id = o.seller_id
         WHERE o.sku = ANY(%(skus)s) AND o.status = 'active'
         ORDER BY o.sku, o.price_paise, o.seller_id
        """,
        {"skus": list(skus)},
    ).fetchall()
    return [OfferRow(*row) for row in rows]
