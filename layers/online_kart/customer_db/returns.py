"""Returns of delivered packages, as their customers see them (C4c)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.returns import Return, ReturnStatus

COLUMNS = """return_id, order_id, package_id, reason, status, refund_paise, pickup_on, requested_at, received_at,
             updated_at"""


def insert(conn: Connection[Any], wanted: Return) -> None:
    conn.execute(
        f"""
        INSERT INTO returns ({COLUMNS})
        VALUES (%(return_id)s, %(order_id)s, %(package_id)s, %(reason)s, %(status)s, %(refund_paise)s,
                %(pickup_on)s, %(requested_at)s, %(received_at)s, %(updated_at)s)
        """,
        wanted.model_dump(),
    )


def by_id(conn: Connection[Any], return_id: UUID) -> Return | None:
    """None where there is no such return."""
    with conn.cursor(row_factory=class_row(Return)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM returns WHERE return_id = %(id)s", {"id": return_id}
        ).fetchone()


def lock(conn: Connection[Any], return_id: UUID) -> Return | None:
    """As `by_id`, locked until the transaction ends."""
    with conn.cursor(row_factory=class_row(Return)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM returns WHERE return_id = %(id)s FOR UPDATE", {"id": return_id}
        ).fetchone()


def of_order(conn: Connection[Any], order_id: UUID, after: UUID | None, limit: int) -> list[Return]:
    """By id."""
    with conn.cursor(row_factory=class_row(Return)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM returns
             WHERE order_id = %(order_id)s AND (%(after)s::uuid IS NULL OR return_id > %(after)s)
             ORDER BY return_id LIMIT %(limit)s
            """,
            {"order_id": order_id, "after": after, "limit": limit},
        ).fetchall()


def plan(conn: Connection[Any], return_id: UUID, pickup_on: date, now: datetime) -> None:
    """The pickup has a day. One that was received before this was heard of stays so."""
    conn.execute(
        """
        UPDATE returns
           SET pickup_on = %(pickup_on)s, updated_at = %(now)s,
               status = CASE status WHEN 'requested' THEN 'planned' ELSE status END
         WHERE return_id = %(id)s
        """,
        {"id": return_id, "pickup_on": pickup_on, "now": now},
    )


def set_received(
    conn: Connection[Any],
    return_id: UUID,
    status: ReturnStatus,
    received_at: datetime,
    now: datetime,
) -> None:
    """The caller has locked it; it was not received before."""
    conn.execute(
        """
        UPDATE returns SET status = %(status)s, received_at = %(received_at)s, updated_at = %(now)s
         WHERE return_id = %(id)s
        """,
        {"id": return_id, "status": status, "received_at": received_at, "now": now},
    )


def set_refunded(conn: Connection[Any], return_id: UUID, now: datetime) -> bool:
    """False where another has noted it."""
    return (
        conn.execute(
            """
            UPDATE returns SET status = 'refunded', updated_at = %(now)s
             WHERE return_id = %(id)s AND status = 'received'
            """,
            {"id": return_id, "now": now},
        ).rowcount
        == 1
    )


def put_back(conn: Connection[Any], return_id: UUID, now: datetime) -> None:
    """Behind the others that wait: what can't be refunded must not keep those from it that can."""
    conn.execute(
        "UPDATE returns SET updated_at = %(now)s WHERE return_id = %(id)s",
        {"id": return_id, "now": now},
    )


def to_refund(conn: Connection[Any], limit: int) -> list[Return]:
    """The longest waiting first."""
    with conn.cursor(row_factory=class_row(Return)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM returns WHERE status = 'received'
             ORDER BY updated_at LIMIT %(limit)s
            """,
            {"limit": limit},
        ).fetchall()
