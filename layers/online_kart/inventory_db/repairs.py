"""Sums that drifted from what they are the sum of, made right under the locks of those who change them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from .availability import PROJECTION_LOCK, Availability


def restore_reserved(conn: Connection[Any], sku: str, fc_code: str, seller_id: UUID) -> bool:
    """What is reserved is what is held for orders. False where the ledger says otherwise, or fewer are on hand.

    In the caller's transaction.
    """
    key = {"sku": sku, "fc_code": fc_code, "seller_id": seller_id}
    conn.execute(
        """
        SELECT FROM stock WHERE sku = %(sku)s AND fc_code = %(fc_code)s AND seller_id = %(seller_id)s
           FOR NO KEY UPDATE
        """,
        key,
    )
    restored = conn.execute(
        """
        UPDATE stock AS s SET reserved = held.units
          FROM (SELECT coalesce(sum(quantity), 0) AS units FROM reservations
                 WHERE sku = %(sku)s AND fc_code = %(fc_code)s AND seller_id = %(seller_id)s
                   AND status IN ('held', 'confirmed')) AS held,
               (SELECT coalesce(sum(reserved_change), 0) AS units FROM stock_ledger
                 WHERE sku = %(sku)s AND fc_code = %(fc_code)s AND seller_id = %(seller_id)s) AS noted
         WHERE s.sku = %(sku)s AND s.fc_code = %(fc_code)s AND s.seller_id = %(seller_id)s
           AND held.units = noted.units AND held.units <= s.on_hand
        """,
        key,
    )
    return restored.rowcount == 1


def restore_availability(
    conn: Connection[Any], sku: str, seller_id: UUID, now: datetime
) -> Availability | None:
    """Free units are those of the stock, but for changes that are still to be added. None where that is less than nothing.

    In the caller's transaction; nobody else adds up changes until it ends.
    """
    conn.execute("SELECT pg_advisory_xact_lock(%(key)s)", {"key": PROJECTION_LOCK})
    row = conn.execute(
        """
        INSERT INTO item_availability AS a (sku, seller_id, free_units, free_by_fc, version, updated_at)
        SELECT %(sku)s, %(seller_id)s, free.units - waiting.units, free.by_fc, 1, %(now)s
          FROM (SELECT coalesce(sum(on_hand - reserved), 0) AS units,
                       coalesce(jsonb_object_agg(fc_code, on_hand - reserved) FILTER (WHERE on_hand > reserved), '{}')
                           AS by_fc
                  FROM stock WHERE sku = %(sku)s AND seller_id = %(seller_id)s) AS free,
               (SELECT coalesce(sum(free_units_change), 0) AS units FROM item_availability_changes
                 WHERE sku = %(sku)s AND seller_id = %(seller_id)s) AS waiting
         WHERE free.units >= waiting.units
        ON CONFLICT (sku, seller_id) DO UPDATE
           SET free_units = excluded.free_units, free_by_fc = excluded.free_by_fc, version = a.version + 1,
               updated_at = %(now)s
        RETURNING sku, seller_id, free_units, free_by_fc, version
        """,
        {"sku": sku, "seller_id": seller_id, "now": now},
    ).fetchone()
    return Availability(*row) if row else None


def restore_category_total(conn: Connection[Any], category_id: str) -> None:
    """The total is that of the sales, but for changes that are still to be added. In the caller's transaction.

    The row is locked first: a roll-up that has taken changes waits for it, and adds them afterwards.
    """
    key = {"category_id": category_id}
    conn.execute(
        """
        INSERT INTO category_sales_totals (category_id, quantity, amount_paise)
        VALUES (%(category_id)s, 0, 0) ON CONFLICT DO NOTHING
        """,
        key,
    )
    conn.execute(
        "SELECT FROM category_sales_totals WHERE category_id = %(category_id)s FOR UPDATE", key
    )
    conn.execute(
        """
        UPDATE category_sales_totals SET (quantity, amount_paise) = (
               SELECT coalesce(sum(quantity), 0), coalesce(sum(amount_paise), 0)
                 FROM (SELECT quantity, amount_paise FROM sales WHERE category_id = %(category_id)s
                       UNION ALL
                       SELECT -quantity, -amount_paise FROM category_sales_changes
                        WHERE category_id = %(category_id)s) AS parts)
         WHERE category_id = %(category_id)s
        """,
        key,
    )


def restore_month_total(conn: Connection[Any], month: str) -> None:
    """As `restore_category_total`, of a month of the shop's time zone, given by its first day."""
    key = {"month": month}
    conn.execute(
        """
        INSERT INTO month_sales_totals (month, quantity, amount_paise)
        VALUES (%(month)s::date, 0, 0) ON CONFLICT DO NOTHING
        """,
        key,
    )
    conn.execute("SELECT FROM month_sales_totals WHERE month = %(month)s::date FOR UPDATE", key)
    conn.execute(
        """
        UPDATE month_sales_totals SET (quantity, amount_paise) = (
               SELECT coalesce(sum(quantity), 0), coalesce(sum(amount_paise), 0)
                 FROM (SELECT quantity, amount_paise FROM sales
                        WHERE date_trunc('month', sold_at AT TIME ZONE 'Asia/Kolkata')::date = %(month)s::date
                       UNION ALL
                       SELECT -quantity, -amount_paise FROM month_sales_changes
                        WHERE month = %(month)s::date) AS parts)
         WHERE month = %(month)s::date
        """,
        key,
    )


def restore_item_total(conn: Connection[Any], month: str, fc_code: str, sku: str) -> None:
    """As `restore_month_total`, of an item from an FC."""
    key = {"month": month, "fc_code": fc_code, "sku": sku}
    conn.execute(
        """
        INSERT INTO item_sales_totals (month, fc_code, sku, quantity, amount_paise)
        VALUES (%(month)s::date, %(fc_code)s, %(sku)s, 0, 0) ON CONFLICT DO NOTHING
        """,
        key,
    )
    conn.execute(
        """
        SELECT FROM item_sales_totals
         WHERE month = %(month)s::date AND fc_code = %(fc_code)s AND sku = %(sku)s
           FOR UPDATE
        """,
        key,
    )
    conn.execute(
        """
        UPDATE item_sales_totals SET (quantity, amount_paise) = (
               SELECT coalesce(sum(quantity), 0), coalesce(sum(amount_paise), 0)
                 FROM (SELECT quantity, amount_paise FROM sales
                        WHERE fc_code = %(fc_code)s AND sku = %(sku)s
                          AND date_trunc('month', sold_at AT TIME ZONE 'Asia/Kolkata')::date = %(month)s::date
                       UNION ALL
                       SELECT -quantity, -amount_paise FROM item_sales_changes
                        WHERE month = %(month)s::date AND fc_code = %(fc_code)s AND sku = %(sku)s) AS parts)
         WHERE month = %(month)s::date AND fc_code = %(fc_code)s AND sku = %(sku)s
        """,
        key,
    )
