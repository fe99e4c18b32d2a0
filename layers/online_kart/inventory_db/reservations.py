"""What orders hold of the stock: which units of which FC are for which line, and until when.

A reservation is held, then confirmed with its order, then shipped with its package; or it is released. Here its row and
the stock it holds change together. Locks: reservations that there are, then stock, then reservations that are new.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from pydantic import TypeAdapter

from ..domain.stock import Reservation, StockChange
from . import stock

COLUMNS = "order_id, line_no, fc_code, sku, seller_id, quantity, status, held_until"
RESERVATIONS = TypeAdapter(list[Reservation])


def of_order(conn: Connection[Any], order_id: UUID) -> list[Reservation]:
    """In the order of lines, then FCs; those that were released as well."""
    with conn.cursor(row_factory=class_row(Reservation)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM reservations
             WHERE order_id = %(id)s ORDER BY line_no, fc_code
            """,
            {"id": order_id},
        ).fetchall()


def reserve(
    conn: Connection[Any],
    reservations: Sequence[Reservation],
    now: datetime,
    by: str = "reserve_stock",
) -> bool:
    """Take the units of all reservations, of one order or of many. False where an FC has fewer free: then roll back.

    Locks the rows of stock until the transaction ends: it comes late in it. They are locked before reservations refer to
    them: a foreign key's lock, taken first by two who then change the row, has made deadlocks on that one row.
    """
    if not stock.change(conn, _changes_of(reservations, 0, 1), "reserve", by, now):
        return False
    _insert(conn, reservations, now)
    return True


def _insert(conn: Connection[Any], reservations: Sequence[Reservation], now: datetime) -> None:
    conn.execute(
        f"""
        INSERT INTO reservations ({COLUMNS}, created_at, updated_at)
        SELECT {COLUMNS}, %(now)s, %(now)s
          FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
              order_id uuid, line_no int, fc_code text, sku text, seller_id uuid, quantity int, status text,
              held_until timestamptz
          )
        """,
        {"rows": RESERVATIONS.dump_json(list(reservations)).decode(), "now": now},
    )


def extend(conn: Connection[Any], order_id: UUID, held_until: datetime, now: datetime) -> None:
    """Give an order that makes progress more time. A deadline never moves forward to an earlier time."""
    conn.execute(
        """
        UPDATE reservations SET held_until = greatest(held_until, %(held_until)s), updated_at = %(now)s
         WHERE order_id = %(id)s AND status = 'held'
        """,
        {"id": order_id, "held_until": held_until, "now": now},
    )


def confirm(conn: Connection[Any], order_id: UUID, now: datetime) -> int:
    """What the order holds has no deadline any more. How many reservations."""
    return conn.execute(
        """
        UPDATE reservations SET status = 'confirmed', updated_at = %(now)s
         WHERE order_id = %(id)s AND status = 'held'
        """,
        {"id": order_id, "now": now},
    ).rowcount


def release(
    conn: Connection[Any], order_id: UUID, now: datetime, by: str = "release_stock"
) -> list[Reservation]:
    """Give back what the order holds and what has not left its FC. What was given back."""
    with conn.cursor(row_factory=class_row(Reservation)) as cur:
        released = cur.execute(
            f"""
            UPDATE reservations SET status = 'released', updated_at = %(now)s
             WHERE order_id = %(id)s AND status IN ('held', 'confirmed')
            RETURNING {COLUMNS}
            """,
            {"id": order_id, "now": now},
        ).fetchall()
    stock.must_change(conn, _changes_of(released, 0, -1), "release", by, now)
    return released


NOBODY_WORKS_ON_IT: LiteralString = """
    NOT EXISTS (
        SELECT FROM runs
         WHERE machine = 'place_order' AND business_id = r.order_id::text
           AND (status = 'running' OR (status = 'succeeded' AND error IS NULL)))
"""
"""Of a reservation `r`: no run of its order is alive, nor has one told that the order is confirmed."""


def lock_expired(conn: Connection[Any], order_id: UUID, now: datetime) -> bool:
    """Whether the order is still one of `expired_orders`. If so it can't be confirmed until the transaction ends."""
    return bool(
        conn.execute(
            f"""
            SELECT FROM reservations AS r
             WHERE order_id = %(id)s AND status = 'held' AND held_until <= %(now)s
               AND {NOBODY_WORKS_ON_IT}
             ORDER BY line_no, fc_code FOR UPDATE OF r
            """,
            {"id": order_id, "now": now},
        ).rowcount
    )


def expired_orders(conn: Connection[Any], now: datetime, limit: int) -> list[UUID]:
    """Orders that hold stock past its deadline and that nobody works on, the oldest deadline first.

    An order whose run is alive, or was confirmed a moment ago, is not among them: the deadline is for what got lost.
    """
    rows = conn.execute(
        f"""
        SELECT order_id FROM reservations AS r
         WHERE status = 'held' AND held_until <= %(now)s
           AND {NOBODY_WORKS_ON_IT}
         GROUP BY order_id ORDER BY min(held_until), order_id LIMIT %(limit)s
        """,
        {"now": now, "limit": limit},
    ).fetchall()
    return [row[0] for row in rows]


def confirmed_orders(conn: Connection[Any], now: datetime, limit: int) -> list[UUID]:
    """Orders that hold stock past its deadline and whose run has told that they are confirmed, the oldest deadline first."""
    rows = conn.execute(
        """
        SELECT order_id FROM reservations AS r
         WHERE status = 'held' AND held_until <= %(now)s
           AND EXISTS (
               SELECT FROM runs
                WHERE machine = 'place_order' AND business_id = r.order_id::text
                  AND status = 'succeeded' AND error IS NULL)
         GROUP BY order_id ORDER BY min(held_until), order_id LIMIT %(limit)s
        """,
        {"now": now, "limit": limit},
    ).fetchall()
    return [row[0] for row in rows]


def _changes_of(
    reservations: Sequence[Reservation], on_hand: int, reserved: int
) -> list[StockChange]:
    """One change for each order in a row of stock: its lines with the same offer are one sum."""
    sums: dict[tuple[str, str, UUID, UUID], int] = {}
    for each in reservations:
        key = (each.fc_code, each.sku, each.seller_id, each.order_id)
        sums[key] = sums.get(key, 0) + each.quantity
    return [
        StockChange(fc_code, sku, seller_id, units * on_hand, units * reserved, str(order_id))
        for (fc_code, sku, seller_id, order_id), units in sums.items()
    ]
