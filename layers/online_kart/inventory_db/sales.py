"""Sales and their totals by category (I11), by month (I12), and by month, FC and item.

Triggers only insert changes, so that no sale waits for another at a total's row; `roll_up_…` adds changes to totals. The
views show totals and changes together: they are exact at any commit, however late the roll-up is.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.sales import CategorySales, ItemSales, ItemSalesFilter, MonthSales, Sale


def record_package(conn: Connection[Any], package_id: UUID, now: datetime) -> list[Sale]:
    """A sale for each line of a delivered package. Those that were not recorded before."""
    with conn.cursor(row_factory=class_row(Sale)) as cur:
        return cur.execute(
            """
            INSERT INTO sales (sale_id, package_id, order_id, line_no, kind, sku, seller_id, fc_code,
                               category_id, quantity, amount_paise, sold_at)
            SELECT md5(format('sale %%s %%s', l.package_id, l.line_no))::uuid, l.package_id, p.order_id,
                   l.line_no, 'sale', l.sku, l.seller_id, p.origin_fc_code, i.category_id, l.quantity,
                   l.quantity * l.unit_price_paise, %(now)s
              FROM package_lines AS l
              JOIN packages AS p ON p.package_id = l.package_id
              JOIN items AS i ON i.sku = l.sku
             WHERE l.package_id = %(package_id)s
             ORDER BY l.line_no
            ON CONFLICT ON CONSTRAINT package_line_is_sold_once DO NOTHING
            RETURNING sale_id, package_id, order_id, line_no, kind, sku, seller_id, fc_code, category_id,
                      quantity, amount_paise, sold_at
            """,
            {"package_id": package_id, "now": now},
        ).fetchall()


def record_return(conn: Connection[Any], return_id: UUID, now: datetime) -> list[Sale]:
    """What the units that came back were sold for, with negative numbers, so totals go back. Those not recorded before."""
    with conn.cursor(row_factory=class_row(Sale)) as cur:
        return cur.execute(
            """
            INSERT INTO sales (sale_id, package_id, order_id, line_no, kind, sku, seller_id, fc_code,
                               category_id, quantity, amount_paise, sold_at, return_id)
            SELECT md5(format('return %%s %%s', r.return_id, l.line_no))::uuid, s.package_id, s.order_id,
                   s.line_no, 'return', s.sku, s.seller_id, s.fc_code, s.category_id,
                   -(l.sellable + l.unsellable),
                   -(l.sellable + l.unsellable) * (s.amount_paise / s.quantity), %(now)s, r.return_id
              FROM returns AS r
              JOIN return_lines AS l ON l.return_id = r.return_id
              JOIN sales AS s ON s.package_id = r.package_id AND s.line_no = l.line_no AND s.kind = 'sale'
             WHERE r.return_id = %(return_id)s
             ORDER BY s.line_no
            ON CONFLICT ON CONSTRAINT package_line_is_sold_once DO NOTHING
            RETURNING sale_id, package_id, order_id, line_no, kind, sku, seller_id, fc_code, category_id,
                      quantity, amount_paise, sold_at
            """,
            {"return_id": return_id, "now": now},
        ).fetchall()


def roll_up_categories(conn: Connection[Any], changes_max: int) -> int:
    """Add up to so many changes to the totals of their categories. How many; another roll-up takes others."""
    return conn.execute(
        """
        WITH taken AS (
            DELETE FROM category_sales_changes
             WHERE change_id IN (SELECT change_id FROM category_sales_changes
                                  ORDER BY change_id LIMIT %(changes_max)s FOR UPDATE SKIP LOCKED)
            RETURNING category_id, quantity, amount_paise
        ), added AS (
            INSERT INTO category_sales_totals AS t (category_id, quantity, amount_paise)
            SELECT category_id, sum(quantity), sum(amount_paise) FROM taken
             GROUP BY category_id ORDER BY category_id
            ON CONFLICT (category_id) DO UPDATE
               SET quantity = t.quantity + excluded.quantity,
                   amount_paise = t.amount_paise + excluded.amount_paise
        )
        SELECT FROM taken
        """,
        {"changes_max": changes_max},
    ).rowcount


def roll_up_months(conn: Connection[Any], changes_max: int) -> int:
    """As `roll_up_categories`, by month."""
    return conn.execute(
        """
        WITH taken AS (
            DELETE FROM month_sales_changes
             WHERE change_id IN (SELECT change_id FROM month_sales_changes
                                  ORDER BY change_id LIMIT %(changes_max)s FOR UPDATE SKIP LOCKED)
            RETURNING month, quantity, amount_paise
        ), added AS (
            INSERT INTO month_sales_totals AS t (month, quantity, amount_paise)
            SELECT month, sum(quantity), sum(amount_paise) FROM taken
             GROUP BY month ORDER BY month
            ON CONFLICT (month) DO UPDATE
               SET quantity = t.quantity + excluded.quantity,
                   amount_paise = t.amount_paise + excluded.amount_paise
        )
        SELECT FROM taken
        """,
        {"changes_max": changes_max},
    ).rowcount


def roll_up_items(conn: Connection[Any], changes_max: int) -> int:
    """As `roll_up_categories`, by month, FC and item."""
    return conn.execute(
        """
        WITH taken AS (
            DELETE FROM item_sales_changes
             WHERE change_id IN (SELECT change_id FROM item_sales_changes
                                  ORDER BY change_id LIMIT %(changes_max)s FOR UPDATE SKIP LOCKED)
            RETURNING month, fc_code, sku, quantity, amount_paise
        ), added AS (
            INSERT INTO item_sales_totals AS t (month, fc_code, sku, quantity, amount_paise)
            SELECT month, fc_code, sku, sum(quantity), sum(amount_paise) FROM taken
             GROUP BY month, fc_code, sku ORDER BY month, fc_code, sku
            ON CONFLICT (month, fc_code, sku) DO UPDATE
               SET quantity = t.quantity + excluded.quantity,
                   amount_paise = t.amount_paise + excluded.amount_paise
        )
        SELECT FROM taken
        """,
        {"changes_max": changes_max},
    ).rowcount


def by_item(
    conn: Connection[Any],
    wanted: ItemSalesFilter,
    after: tuple[date, str, str] | None,
    limit: int,
) -> list[ItemSales]:
    """The latest month first, then by FC and SKU, after the sort key (month, fc_code, sku)."""
    after_month, after_fc_code, after_sku = after or (None, None, None)
    with conn.cursor(row_factory=class_row(ItemSales)) as cur:
        return cur.execute(
            """
            SELECT s.month, s.fc_code, s.sku, i.name AS item_name, s.quantity, s.amount_paise
              FROM sales_by_item AS s
              JOIN items AS i ON i.sku = s.sku
             WHERE (%(month)s::date IS NULL OR s.month = %(month)s)
               AND (%(fc_code)s::text IS NULL OR s.fc_code = %(fc_code)s)
               AND (%(sku)s::text IS NULL OR s.sku = %(sku)s)
               AND (%(after_month)s::date IS NULL OR s.month < %(after_month)s
                    OR (s.month = %(after_month)s
                        AND (s.fc_code, s.sku) > (%(after_fc_code)s, %(after_sku)s)))
             ORDER BY s.month DESC, s.fc_code, s.sku LIMIT %(limit)s
            """,
            {
                **wanted._asdict(),
                "after_month": after_month,
                "after_fc_code": after_fc_code,
                "after_sku": after_sku,
                "limit": limit,
            },
        ).fetchall()


def by_category(conn: Connection[Any], after: str | None, limit: int) -> list[CategorySales]:
    """Those that sold anything, in the order of their ids, after the given one."""
    with conn.cursor(row_factory=class_row(CategorySales)) as cur:
        return cur.execute(
            """
            SELECT s.category_id, c.name, s.quantity, s.amount_paise
              FROM sales_by_category AS s
              JOIN item_categories AS c ON c.category_id = s.category_id
             WHERE %(after)s::text IS NULL OR s.category_id > %(after)s
             ORDER BY s.category_id LIMIT %(limit)s
            """,
            {"after": after, "limit": limit},
        ).fetchall()


def by_month(conn: Connection[Any], after: date | None, limit: int) -> list[MonthSales]:
    """The latest first, before the given one."""
    with conn.cursor(row_factory=class_row(MonthSales)) as cur:
        return cur.execute(
            """
            SELECT month, quantity, amount_paise FROM sales_by_month
             WHERE %(after)s::date IS NULL OR month < %(after)s
             ORDER BY month DESC LIMIT %(limit)s
            """,
            {"after": after, "limit": limit},
        ).fetchall()
