"""Payments of prepaid orders: how far the provider is known to be, and what is wanted of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.payments import Payment, PaymentStatus

COLUMNS = "order_id, amount_paise, status, wanted, refund_paise"


def insert(conn: Connection[Any], order_id: UUID, amount_paise: int, now: datetime) -> None:
    """To be authorized. In the transaction that places the order."""
    conn.execute(
        """
        INSERT INTO payments (order_id, amount_paise, status, wanted, updated_at)
        VALUES (%(order_id)s, %(amount)s, 'requested', 'authorized', %(now)s)
        """,
        {"order_id": order_id, "amount": amount_paise, "now": now},
    )


def of_order(conn: Connection[Any], order_id: UUID) -> Payment | None:
    """None where it is paid on delivery."""
    with conn.cursor(row_factory=class_row(Payment)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM payments WHERE order_id = %(id)s", {"id": order_id}
        ).fetchone()


def want_captured(conn: Connection[Any], order_id: UUID, now: datetime) -> bool:
    """In the transaction that confirms the order. False where the amount is not set aside."""
    return (
        conn.execute(
            """
            UPDATE payments SET wanted = 'captured', updated_at = %(now)s
             WHERE order_id = %(id)s AND status = 'authorized' AND wanted <> 'released'
            """,
            {"id": order_id, "now": now},
        ).rowcount
        == 1
    )


def want_released(conn: Connection[Any], order_id: UUID, now: datetime) -> None:
    """In the transaction that rejects or cancels the order. What was to be captured is refunded. A repeat changes nothing."""
    conn.execute(
        """
        UPDATE payments
           SET wanted = 'released', updated_at = %(now)s,
               refund_paise = CASE wanted WHEN 'captured' THEN amount_paise ELSE 0 END
         WHERE order_id = %(id)s AND wanted <> 'released'
        """,
        {"id": order_id, "now": now},
    )


def note(conn: Connection[Any], order_id: UUID, status: PaymentStatus, now: datetime) -> None:
    """What the provider has done. It only ever goes forward: what comes late changes nothing."""
    conn.execute(
        """
        UPDATE payments SET status = %(status)s, updated_at = %(now)s
         WHERE order_id = %(id)s
           AND array_position(ARRAY['requested', 'authorized', 'captured', 'released'], status)
               < array_position(ARRAY['requested', 'authorized', 'captured', 'released'], %(status)s)
        """,
        {"id": order_id, "status": status, "now": now},
    )


def put_back(conn: Connection[Any], order_id: UUID, now: datetime) -> None:
    """Behind the others that wait: what can't be settled must not keep those from it that can."""
    conn.execute(
        "UPDATE payments SET updated_at = %(now)s WHERE order_id = %(id)s",
        {"id": order_id, "now": now},
    )


def unsettled(conn: Connection[Any], limit: int) -> list[Payment]:
    """Whose provider is not known to be where it is wanted, the longest waiting first."""
    with conn.cursor(row_factory=class_row(Payment)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM payments
             WHERE wanted IN ('captured', 'released') AND status <> wanted
             ORDER BY updated_at LIMIT %(limit)s
            """,
            {"limit": limit},
        ).fetchall()
