"""Returns of delivered packages, as FCs expect and receive them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.events import ReturnedUnits
from ..domain.returns import ExpectedReturn, ExpectedStatus, ReturnedLine

COLUMNS = """return_id, package_id, order_id, fc_code, reason, status, pickup_on, attempt, failure_reason,
             requested_at, received_at, received_by"""


def insert(conn: Connection[Any], expected: ExpectedReturn) -> None:
    conn.execute(
        f"""
        INSERT INTO returns ({COLUMNS})
        VALUES (%(return_id)s, %(package_id)s, %(order_id)s, %(fc_code)s, %(reason)s, %(status)s,
                %(pickup_on)s, %(attempt)s, %(failure_reason)s, %(requested_at)s, %(received_at)s,
                %(received_by)s)
        """,
        expected.model_dump(exclude={"lines", "units"}),
    )
    conn.execute(
        """
        INSERT INTO return_units (return_id, line_no, quantity)
        SELECT %(return_id)s, line_no, quantity
          FROM unnest(%(line_nos)s::int[], %(quantities)s::int[]) AS l (line_no, quantity)
        """,
        {
            "return_id": expected.return_id,
            "line_nos": [each.line_no for each in expected.units],
            "quantities": [each.quantity for each in expected.units],
        },
    )


def by_id(conn: Connection[Any], return_id: UUID) -> ExpectedReturn | None:
    """With its units and lines. None where there is no such return."""
    with conn.cursor(row_factory=class_row(ExpectedReturn)) as cur:
        found = cur.execute(
            f"SELECT {COLUMNS} FROM returns WHERE return_id = %(id)s", {"id": return_id}
        ).fetchone()
    if found is None:
        return None
    units, lines = _units_of(conn, return_id), _lines_of(conn, return_id)
    return found.model_copy(update={"units": units, "lines": lines})


def _units_of(conn: Connection[Any], return_id: UUID) -> tuple[ReturnedUnits, ...]:
    with conn.cursor(row_factory=class_row(ReturnedUnits)) as cur:
        return tuple(
            cur.execute(
                "SELECT line_no, quantity FROM return_units WHERE return_id = %(id)s ORDER BY line_no",
                {"id": return_id},
            )
        )


def sent_by_line(conn: Connection[Any], package_id: UUID) -> dict[int, int]:
    """Line → units of the package that its customer sends, or has sent, back. The caller has locked the package."""
    rows = conn.execute(
        """
        SELECT u.line_no, sum(u.quantity)::int
          FROM returns AS r JOIN return_units AS u ON u.return_id = r.return_id
         WHERE r.package_id = %(id)s AND r.status <> 'cancelled'
         GROUP BY u.line_no
        """,
        {"id": package_id},
    ).fetchall()
    return dict(rows)


def back_by_line(conn: Connection[Any], package_id: UUID) -> dict[int, int]:
    """Line → units of the package that are back, sellable or not. The caller has locked the package."""
    rows = conn.execute(
        """
        SELECT l.line_no, sum(l.sellable + l.unsellable)::int
          FROM returns AS r JOIN return_lines AS l ON l.return_id = r.return_id
         WHERE r.package_id = %(id)s
         GROUP BY l.line_no
        """,
        {"id": package_id},
    ).fetchall()
    return dict(rows)


def _lines_of(conn: Connection[Any], return_id: UUID) -> tuple[ReturnedLine, ...]:
    with conn.cursor(row_factory=class_row(ReturnedLine)) as cur:
        return tuple(
            cur.execute(
                """
                SELECT line_no, sku, seller_id, sellable, unsellable FROM return_lines
                 WHERE return_id = %(id)s ORDER BY line_no
                """,
                {"id": return_id},
            )
        )


def listed(
    conn: Connection[Any],
    fc_codes: Sequence[str] | None,
    status: ExpectedStatus | None,
    after: tuple[str, str, date, UUID] | None,
    limit: int,
) -> list[ExpectedReturn]:
    """Without units and lines, after the sort key (fc_code, status, pickup_on, return_id)."""
    after_fc, after_status, after_day, after_id = after or (None, None, None, None)
    with conn.cursor(row_factory=class_row(ExpectedReturn)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM returns
             WHERE (%(fc_codes)s::text[] IS NULL OR fc_code = ANY(%(fc_codes)s))
               AND (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(after_id)s::uuid IS NULL
                    OR (fc_code, status, pickup_on, return_id)
                       > (%(after_fc)s, %(after_status)s, %(after_day)s, %(after_id)s))
             ORDER BY fc_code, status, pickup_on, return_id LIMIT %(limit)s
            """,
            {
                "fc_codes": None if fc_codes is None else list(fc_codes),
                "status": status,
                "after_fc": after_fc,
                "after_status": after_status,
                "after_day": after_day,
                "after_id": after_id,
                "limit": limit,
            },
        ).fetchall()


def plan_again(conn: Connection[Any], return_id: UUID, reason: str, pickup_on: date) -> None:
    """A pickup was in vain; the next one is on that day. The caller has locked its package."""
    conn.execute(
        """
        UPDATE returns
           SET attempt = attempt + 1, failure_reason = %(reason)s, pickup_on = %(pickup_on)s
         WHERE return_id = %(id)s
        """,
        {"id": return_id, "reason": reason, "pickup_on": pickup_on},
    )


def cancel(conn: Connection[Any], return_id: UUID, reason: str) -> None:
    """The last pickup was in vain. The caller has locked its package."""
    conn.execute(
        """
        UPDATE returns SET status = 'cancelled', failure_reason = %(reason)s
         WHERE return_id = %(id)s
        """,
        {"id": return_id, "reason": reason},
    )


def set_received(
    conn: Connection[Any],
    return_id: UUID,
    fc_code: str,
    lines: Iterable[ReturnedLine],
    by: str,
    now: datetime,
) -> None:
    """With what was counted. The caller has locked its package, and it was not received before."""
    conn.execute(
        """
        UPDATE returns
           SET status = 'received', fc_code = %(fc_code)s, received_at = %(now)s, received_by = %(by)s
         WHERE return_id = %(id)s
        """,
        {"id": return_id, "fc_code": fc_code, "by": by, "now": now},
    )
    conn.cursor().executemany(
        """
        INSERT INTO return_lines (return_id, line_no, sku, seller_id, sellable, unsellable)
        VALUES (%(return_id)s, %(line_no)s, %(sku)s, %(seller_id)s, %(sellable)s, %(unsellable)s)
        """,
        [{"return_id": return_id, **line.model_dump()} for line in lines],
    )
