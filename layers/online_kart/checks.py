"""Running the invariants of a database: see `inventory_db.invariants` and `customer_db.invariants`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection, sql

from .domain.invariants import Check, Violation

VIOLATIONS_SHOWN_MAX = 50

CHECK_MS_MAX = 240_000
"""A check reads whole tables, once a day. Under the 300 s that the step of `reconcile` has for all of them."""

END_OF_TIME = "infinity"
"""Before which everything changed: at rest there is nothing to leave out."""


class Examined(NamedTuple):
    """What a check found: of so many rows so many are broken, and up to a bound of those, by key."""

    check: Check
    checked: int
    broken: int
    shown: list[Violation]


def violations(conn: Connection[Any], checks: Iterable[Check], *, at_rest: bool) -> list[Violation]:
    """What breaks an invariant, at most VIOLATIONS_SHOWN_MAX a check, all as of one moment. Changes nothing."""
    wanted = [check for check in checks if at_rest or not check.at_rest]
    return [each for found in examine(conn, wanted, None) for each in found.shown]


def examine(
    conn: Connection[Any],
    checks: Iterable[Check],
    before: datetime | None,
    shown_max: int = VIOLATIONS_SHOWN_MAX,
) -> list[Examined]:
    """Every check, all as of one moment. Changes nothing.

    Checks `at_rest` leave out what changed since `before`; None: nothing is under way, they leave out nothing.
    """
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        conn.execute(f"SET LOCAL statement_timeout = {CHECK_MS_MAX}")
        return [_examined(conn, check, before, shown_max) for check in checks]


def _examined(
    conn: Connection[Any], check: Check, before: datetime | None, shown_max: int
) -> Examined:
    statement = _composed(
        "WITH broken (key, detail) AS ({broken}) "
        "SELECT key, detail, count(*) OVER () FROM broken ORDER BY key LIMIT {shown_max}",
        broken=_composed(check.statement, before=sql.Literal(before or END_OF_TIME)),
        shown_max=sql.Literal(shown_max),
    )
    rows = conn.execute(statement).fetchall()
    return Examined(
        check,
        _count(conn, check),
        rows[0][2] if rows else 0,
        [
            Violation(invariant=check.invariant, key=key, detail=detail, subject=check.subject)
            for key, detail, _ in rows
        ],
    )


def _count(conn: Connection[Any], check: Check) -> int:
    """How many rows the check looks at. 0 where it does not say."""
    if not check.looks_at:
        return 0
    statement = _composed("SELECT count(*) FROM " + check.looks_at)
    row = conn.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


def _composed(statement: LiteralString, **parts: sql.Composable) -> sql.Composed:
    """Not by parameters: a check's `format('order %s', …)` would be taken for one."""
    return sql.SQL(statement).format(**parts)
