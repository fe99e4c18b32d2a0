"""Returns of delivered packages, as their customers see them (C4c)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.returns import Return, ReturnStatus

COLUMNS = """return_id, order_id, package_id, reason, status, refund_paise, pickup_on, requested_at, received_at,
             updated_at"""
SHOWN = f"""{COLUMNS}, cancelled_because,
             (SELECT to_jsonb(p) - 'return_id' FROM payouts AS p WHERE p.return_id = returns.return_id) AS payout,
             (SELECT coalesce(jsonb_agg(jsonb_build_object('line_no', l.line_no, 'quantity', l.quantity)
                                        ORDER BY l.line_no), '[]')
                FROM return_lines AS l WHERE l.return_id = returns.return_id) AS lines"""


def insert(conn: Connection[Any], wanted: Return) -> None:
    """With its lines. Raises CheckViolation where the package has not so many units that are not sent back yet."""
    conn.execute(
        f"""
        INSERT INTO returns ({COLUMNS})
        VALUES (%(return_id)s, %(order_id)s, %(package_id)s, %(reason)s, %(status)s, %(refund_paise)s,
                %(pickup_on)s, %(requested_at)s, %(received_at)s, %(updated_at)s)
        """,
        wanted.model_dump(exclude={"lines", "payout", "cancelled_because"}),
    )
    lines = {
        "return_id": wanted.return_id,
        "package_id": wanted.package_id,
        "line_nos": [each.line_no for each in wanted.lines],
        "quantities": [each.quantity for each in wanted.lines],
    }
    conn.execute(
        """
        INSERT INTO return_lines (return_id, line_no, quantity)
        SELECT %(return_id)s, line_no, quantity
          FROM unnest(%(line_nos)s::int[], %(quantities)s::int[]) AS l (line_no, quantity)
        """,
        lines,
    )
    conn.execute(
        """
        UPDATE package_lines AS p SET returned = p.returned + l.quantity
          FROM unnest(%(line_nos)s::int[], %(quantities)s::int[]) AS l (line_no, quantity)
         WHERE p.package_id = %(package_id)s AND p.line_no = l.line_no
        """,
        lines,
    )


def left_of(conn: Connection[Any], package_id: UUID) -> dict[int, int]:
    """Line → units of the package that are not sent back yet. The caller has locked its order."""
    rows = conn.execute(
        "SELECT line_no, quantity - returned FROM package_lines WHERE package_id = %(id)s",
        {"id": package_id},
    ).fetchall()
    return dict(rows)


def count_of(conn: Connection[Any], package_id: UUID) -> int:
    """How many returns the package has."""
    row = conn.execute(
        "SELECT count(*) FROM returns WHERE package_id = %(id)s", {"id": package_id}
    ).fetchone()
    assert row is not None
    return int(row[0])


def by_id(conn: Connection[Any], return_id: UUID) -> Return | None:
    """None where there is no such return."""
    with conn.cursor(row_factory=class_row(Return)) as cur:
        return cur.execute(
            f"SELECT {SHOWN} FROM returns WHERE return_id = %(id)s", {"id": return_id}
        ).fetchone()


def lock(conn: Connection[Any], return_id: UUID) -> Return | None:
    """As `by_id`, locked until the transaction ends."""
    with conn.cursor(row_factory=class_row(Return)) as cur:
        return cur.execute(
            f"SELECT {SHOWN} FROM returns WHERE return_id = %(id)s FOR UPDATE", {"id": return_id}
        ).fetchone()


def of_order(conn: Connection[Any], order_id: UUID, after: UUID | None, limit: int) -> list[Return]:
    """By id."""
    with conn.cursor(row_factory=class_row(Return)) as cur:
        return cur.execute(
            f"""
            SELECT {SHOWN} FROM returns
             WHERE order_id = %(order_id)s AND (%(after)s::uuid IS NULL OR return_id > %(after)s)
             ORDER BY return_id LIMIT %(limit)s
            """,
            {"order_id": order_id, "after": after, "limit": limit},
        ).fetchall()


def listed(
    conn: Connection[Any], status: ReturnStatus, after: tuple[datetime, UUID] | None, limit: int
) -> list[Return]:
    """Of all customers, the longest waiting first, after the sort key (requested_at, return_id)."""
    after_at, after_id = after or (None, None)
    with conn.cursor(row_factory=class_row(Return)) as cur:
        return cur.execute(
            f"""
            SELECT {SHOWN} FROM returns
             WHERE status = %(status)s
               AND (%(after_at)s::timestamptz IS NULL
                    OR (requested_at, return_id) > (%(after_at)s, %(after_id)s))
             ORDER BY requested_at, return_id LIMIT %(limit)s
            """,
            {"status": status, "after_at": after_at, "after_id": after_id, "limit": limit},
        ).fetchall()


def plan(conn: Connection[Any], return_id: UUID, pickup_on: date, now: datetime) -> None:
    """The pickup has a day, or another. One that was received, or cancelled, before this was heard of stays so."""
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


def set_paid(conn: Connection[Any], return_id: UUID, now: datetime) -> None:
    """The caller has locked it; it was owed."""
    conn.execute(
        "UPDATE returns SET status = 'paid', updated_at = %(now)s WHERE return_id = %(id)s",
        {"id": return_id, "now": now},
    )


def cancel(conn: Connection[Any], return_id: UUID, reason: str, now: datetime) -> None:
    """Its units are its customer's again. One that is received, or was cancelled, stays as it is."""
    conn.execute(
        """
        WITH cancelled AS (
            UPDATE returns SET status = 'cancelled', cancelled_because = %(reason)s, updated_at = %(now)s
             WHERE return_id = %(id)s AND status IN ('requested', 'planned')
            RETURNING return_id, package_id
        )
        UPDATE package_lines AS p SET returned = p.returned - l.quantity
          FROM cancelled AS c JOIN return_lines AS l ON l.return_id = c.return_id
         WHERE p.package_id = c.package_id AND p.line_no = l.line_no
        """,
        {"id": return_id, "reason": reason, "now": now},
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
            SELECT {SHOWN} FROM returns WHERE status = 'received'
             ORDER BY updated_at LIMIT %(limit)s
            """,
            {"limit": limit},
        ).fetchall()
