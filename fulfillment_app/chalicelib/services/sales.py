"""Sales by category (I11), by month (I12), and by month, FC and item. Sales are recorded by `deliveries`, on delivery."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.domain.sales import CategorySales, ItemSales, ItemSalesFilter, MonthSales
from online_kart.inventory_db import sales

CHANGES_AT_ONCE_MAX = 5_000
ROUNDS_MAX = 20


def roll_up(conn: Connection[Any]) -> int:
    """Add changes to totals, in short transactions. How many; what is left is taken by the next run."""
    rolled_up = 0
    for _ in range(ROUNDS_MAX):
        of_categories = sales.roll_up_categories(conn, CHANGES_AT_ONCE_MAX)
        crashpoint("roll_up_sales.categories_committed")
        of_months = sales.roll_up_months(conn, CHANGES_AT_ONCE_MAX)
        crashpoint("roll_up_sales.months_committed")
        of_items = sales.roll_up_items(conn, CHANGES_AT_ONCE_MAX)
        crashpoint("roll_up_sales.items_committed")
        rolled_up += of_categories + of_months + of_items
        if max(of_categories, of_months, of_items) < CHANGES_AT_ONCE_MAX:
            break
    return rolled_up


def by_category(conn: Connection[Any], after: str | None, limit: int) -> Sequence[CategorySales]:
    """In the order of their ids, after the given one."""
    return sales.by_category(conn, after, limit)


def by_item(
    conn: Connection[Any],
    wanted: ItemSalesFilter,
    after: tuple[date, str, str] | None,
    limit: int,
) -> Sequence[ItemSales]:
    """The latest month first, then by FC and SKU, after the sort key (month, fc_code, sku)."""
    return sales.by_item(conn, wanted, after, limit)


def by_month(conn: Connection[Any], after: date | None, limit: int) -> Sequence[MonthSales]:
    """The latest first, before the given one."""
    return sales.by_month(conn, after, limit)
