"""Prices that start later. Whoever adds, ends or starts one holds the lock on its offer (`sellers.lock_offer`)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.prices import ComingPrice, ComingPriceStatus

COLUMNS = "price_id, seller_id, sku, price_paise, starts_at, status, set_by, set_at, ended_at"


def insert(conn: Connection[Any], price: ComingPrice) -> bool:
    """False where another price of the offer waits for that time."""
    return (
        conn.execute(
            f"""
            INSERT INTO coming_prices ({COLUMNS})
            VALUES (%(price_id)s, %(seller_id)s, %(sku)s, %(price_paise)s, %(starts_at)s, %(status)s,
                    %(set_by)s, %(set_at)s, %(ended_at)s)
            ON CONFLICT (seller_id, sku, starts_at) WHERE status = 'waiting' DO NOTHING
            """,
            price.model_dump(),
        ).rowcount
        == 1
    )


def by_id(conn: Connection[Any], seller_id: UUID, sku: str, price_id: UUID) -> ComingPrice | None:
    """None where the offer has no such price."""
    with conn.cursor(row_factory=class_row(ComingPrice)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM coming_prices
             WHERE price_id = %(price_id)s AND seller_id = %(seller_id)s AND sku = %(sku)s
            """,
            {"price_id": price_id, "seller_id": seller_id, "sku": sku},
        ).fetchone()


def waiting(
    conn: Connection[Any], seller_id: UUID, sku: str, until: datetime | None, limit: int
) -> Sequence[ComingPrice]:
    """What an offer has to come, the earliest first; with `until`, only what is due by then."""
    with conn.cursor(row_factory=class_row(ComingPrice)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM coming_prices
             WHERE seller_id = %(seller_id)s AND sku = %(sku)s AND status = 'waiting'
               AND (%(until)s::timestamptz IS NULL OR starts_at <= %(until)s)
             ORDER BY starts_at
             LIMIT %(limit)s
            """,
            {"seller_id": seller_id, "sku": sku, "until": until, "limit": limit},
        ).fetchall()


def listed(
    conn: Connection[Any],
    seller_id: UUID,
    sku: str,
    status: ComingPriceStatus | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[ComingPrice]:
    """Of an offer, the earliest first, beginning behind (starts_at, price_id)."""
    with conn.cursor(row_factory=class_row(ComingPrice)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM coming_prices
             WHERE seller_id = %(seller_id)s AND sku = %(sku)s
               AND (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(at)s::timestamptz IS NULL OR (starts_at, price_id) > (%(at)s, %(id)s))
             ORDER BY starts_at, price_id
             LIMIT %(limit)s
            """,
            {
                "seller_id": seller_id,
                "sku": sku,
                "status": status,
                "at": after[0] if after else None,
                "id": after[1] if after else None,
                "limit": limit,
            },
        ).fetchall()


def offers_due(conn: Connection[Any], now: datetime, limit: int) -> list[tuple[UUID, str]]:
    """(seller, SKU) of offers that have a price whose time has come, the longest waiting first."""
    return conn.execute(
        """
        SELECT seller_id, sku FROM coming_prices
         WHERE status = 'waiting' AND starts_at <= %(now)s
         GROUP BY seller_id, sku
         ORDER BY min(starts_at), seller_id, sku
         LIMIT %(limit)s
        """,
        {"now": now, "limit": limit},
    ).fetchall()


def end(conn: Connection[Any], price_id: UUID, status: ComingPriceStatus, now: datetime) -> None:
    """It was started, or cancelled."""
    conn.execute(
        """
        UPDATE coming_prices SET status = %(status)s, ended_at = %(now)s WHERE price_id = %(price_id)s
        """,
        {"price_id": price_id, "status": status, "now": now},
    )
