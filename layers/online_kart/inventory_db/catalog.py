"""Categories (I7) and items (I8)."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.catalog import Category, Item

CATEGORY_COLUMNS = "category_id, name, parent_id, version"
ITEM_COLUMNS = (
    "sku, category_id, name, brand, weight_grams, registered_by, status, version, created_at"
)


def insert_category(conn: Connection[Any], category: Category) -> bool:
    """False where there is one of this id."""
    return (
        conn.execute(
            f"""
            INSERT INTO item_categories ({CATEGORY_COLUMNS})
            VALUES (%(category_id)s, %(name)s, %(parent_id)s, %(version)s)
            ON CONFLICT (category_id) DO NOTHING
            """,
            category.model_dump(),
        ).rowcount
        == 1
    )


def category_by_id(conn: Connection[Any], category_id: str) -> Category | None:
    """None where there is none."""
    with conn.cursor(row_factory=class_row(Category)) as cur:
        return cur.execute(
            f"SELECT {CATEGORY_COLUMNS} FROM item_categories WHERE category_id = %(category_id)s",
            {"category_id": category_id},
        ).fetchone()


def categories_listed(conn: Connection[Any], after: str | None, limit: int) -> Sequence[Category]:
    """By id, beginning behind `after`."""
    with conn.cursor(row_factory=class_row(Category)) as cur:
        return cur.execute(
            f"""
            SELECT {CATEGORY_COLUMNS} FROM item_categories
             WHERE %(after)s::text IS NULL OR category_id > %(after)s
             ORDER BY category_id
             LIMIT %(limit)s
            """,
            {"after": after, "limit": limit},
        ).fetchall()


def lock_tree(conn: Connection[Any]) -> None:
    """Let nobody else move a category until the transaction ends: two moves could close a circle."""
    conn.execute("LOCK TABLE item_categories IN SHARE ROW EXCLUSIVE MODE")


def is_in_subtree(conn: Connection[Any], category_id: str, top_id: str) -> bool:
    """Whether the category is `top_id`, or below it."""
    row = conn.execute(
        """
        WITH RECURSIVE ancestors AS (
            SELECT category_id, parent_id FROM item_categories WHERE category_id = %(category_id)s
             UNION
            SELECT c.category_id, c.parent_id
              FROM item_categories AS c
              JOIN ancestors AS a ON c.category_id = a.parent_id)
        SELECT EXISTS (SELECT FROM ancestors WHERE category_id = %(top_id)s)
        """,
        {"category_id": category_id, "top_id": top_id},
    ).fetchone()
    assert row is not None
    return bool(row[0])


def update_category(conn: Connection[Any], category: Category) -> None:
    conn.execute(
        """
        UPDATE item_categories
           SET name = %(name)s, parent_id = %(parent_id)s, version = %(version)s
         WHERE category_id = %(category_id)s
        """,
        category.model_dump(),
    )


def insert_item(conn: Connection[Any], item: Item) -> bool:
    """False where the SKU is registered. Waits for others that register the same one."""
    return (
        conn.execute(
            f"""
            INSERT INTO items ({ITEM_COLUMNS})
            VALUES (%(sku)s, %(category_id)s, %(name)s, %(brand)s, %(weight_grams)s,
                    %(registered_by)s, %(status)s, %(version)s, %(created_at)s)
            ON CONFLICT (sku) DO NOTHING
            """,
            item.model_dump(),
        ).rowcount
        == 1
    )


def item_by_sku(conn: Connection[Any], sku: str) -> Item | None:
    """None where it is not registered."""
    with conn.cursor(row_factory=class_row(Item)) as cur:
        return cur.execute(
            f"SELECT {ITEM_COLUMNS} FROM items WHERE sku = %(sku)s", {"sku": sku}
        ).fetchone()
