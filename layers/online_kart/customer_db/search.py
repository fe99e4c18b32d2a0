"""Finding items in the copies of the catalog (C6, C7): pages of them, and how many there are of each kind."""

import re
from collections.abc import Mapping
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection

from ..domain.storefront import (
    FACETED_ITEMS_MAX,
    PRICE_BANDS_PAISE,
    ItemSort,
    Place,
    Search,
    ShownFacets,
)
from .catalog import ItemRow

_FOUND: LiteralString = """
    WITH RECURSIVE wanted AS (
        SELECT category_id FROM item_categories WHERE category_id = %(category_id)s
         UNION
        SELECT c.category_id FROM item_categories AS c JOIN wanted AS w ON c.parent_id = w.category_id
    ), found AS (
        SELECT i.sku, i.category_id, i.name, i.brand, i.weight_grams, b.lowest_price_paise AS price,
               coalesce(b.in_stock, false) AS in_stock
          FROM items AS i LEFT JOIN best_offers AS b USING (sku)
         WHERE i.status = 'active'
           AND (%(category_id)s::text IS NULL OR i.category_id IN (SELECT category_id FROM wanted))
           AND (%(words)s::text IS NULL OR to_tsvector('simple', i.name || ' ' || i.brand) @@ to_tsquery('simple', %(words)s))
           AND (%(price_from)s::bigint IS NULL OR b.lowest_price_paise >= %(price_from)s)
           AND (%(price_to)s::bigint IS NULL OR b.lowest_price_paise <= %(price_to)s)
           AND (NOT %(in_stock)s OR b.in_stock)
    )
"""
"""Active items that a search is for: a category includes those below it, and a word is found where one begins with it."""

_IN_ORDER: Mapping[ItemSort, tuple[LiteralString, LiteralString]] = {
    "sku": ("sku > %(after_sku)s", "sku"),
    "name": ("(name, sku) > (%(after)s, %(after_sku)s)", "name, sku"),
    "price": ("(price, sku) > (%(after)s, %(after_sku)s)", "price, sku"),
    "-price": ("(price, sku) < (%(after)s, %(after_sku)s)", "price DESC, sku DESC"),
}
"""Sort → what is behind a row, and the order."""


class FoundItem(NamedTuple):
    """`price_paise` is the lowest one; None where nobody offers the item."""

    item: ItemRow
    price_paise: int | None

    def place(self, sort: ItemSort) -> Place:
        """Where it is in the order of the sort."""
        values = {"sku": None, "name": self.item.name}
        return Place(values.get(sort, self.price_paise), self.item.sku)


def items(
    conn: Connection[Any], search: Search, sort: ItemSort, after: Place | None, limit: int
) -> list[FoundItem]:
    """In the order of the sort. Sorted by price, an item that nobody offers has no place and is left out."""
    behind, order = _IN_ORDER[sort]
    rows = conn.execute(
        f"""
        {_FOUND}
        SELECT sku, category_id, name, brand, weight_grams, price FROM found
         WHERE (%(after_sku)s::text IS NULL OR {behind})
           AND (price IS NOT NULL OR NOT %(by_price)s)
         ORDER BY {order} LIMIT %(limit)s
        """,
        {
            **_values(search),
            "after": after.value if after else None,
            "after_sku": after.sku if after else None,
            "by_price": sort in ("price", "-price"),
            "limit": limit,
        },
    ).fetchall()
    return [FoundItem(ItemRow(*row[:-1]), row[-1]) for row in rows]


def _values(search: Search) -> dict[str, Any]:
    return {**search.model_dump(), "words": _words(search.text)}


def _words(text: str | None) -> str | None:
    """As a query of PostgreSQL's: every word has to be found, or the beginning of one."""
    if text is None:
        return None
    return " & ".join(f"{word}:*" for word in re.findall(r"[^\W_]+", text))


def facets(conn: Connection[Any], search: Search, categories_max: int) -> ShownFacets:
    """Of the items found, of FACETED_ITEMS_MAX at most. The categories that have the most come first."""
    row = conn.execute(
        f"""
        {_FOUND}, counted AS MATERIALIZED (
            SELECT sku, category_id, price, in_stock FROM found ORDER BY sku LIMIT %(counted_max)s
        ), above AS ( -- an item counts for its category and for each above it; UNION ends where a copy has a circle
            SELECT DISTINCT category_id, category_id AS above_id FROM counted
             UNION
            SELECT a.category_id, c.parent_id
              FROM above AS a JOIN item_categories AS c ON c.category_id = a.above_id
             WHERE c.parent_id IS NOT NULL
        ), of_categories AS (
            SELECT c.category_id, c.name, c.parent_id, count(*) AS items_count
              FROM counted
              JOIN above AS a USING (category_id)
              JOIN item_categories AS c ON c.category_id = a.above_id
             GROUP BY c.category_id ORDER BY items_count DESC, c.category_id LIMIT %(categories_max)s
        ), of_bands AS (
            SELECT b.from_paise, b.below_paise, count(counted.sku) AS items_count
              FROM unnest(%(from_paise)s::bigint[], %(below_paise)s::bigint[]) AS b (from_paise, below_paise)
              LEFT JOIN counted ON price >= b.from_paise AND (b.below_paise IS NULL OR price < b.below_paise)
             GROUP BY b.from_paise, b.below_paise ORDER BY b.from_paise
        )
        SELECT (SELECT count(*) FROM counted), (SELECT count(*) FROM counted WHERE in_stock),
               (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY items_count DESC, category_id), '[]')
                  FROM of_categories AS c),
               (SELECT jsonb_agg(to_jsonb(b) ORDER BY from_paise) FROM of_bands AS b)
        """,
        {
            **_values(search),
            "counted_max": FACETED_ITEMS_MAX,
            "categories_max": categories_max,
            "from_paise": list(PRICE_BANDS_PAISE),
            "below_paise": [*PRICE_BANDS_PAISE[1:], None],
        },
    ).fetchone()
    assert row is not None, "it counts"
    return ShownFacets(
        items_count=row[0],
        in_stock_count=row[1],
        categories=row[2],
        price_bands=row[3],
    )
