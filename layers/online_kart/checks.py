"""Running the invariants of a database: see `inventory_db.invariants` and `customer_db.invariants`."""

from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from .domain.invariants import Check, Violation

VIOLATIONS_SHOWN_MAX = 50

CHECK_MS_MAX = 240_000
"""A check reads whole tables, once a day. Under the 300 s that the step of `reconcile` has for all of them."""


def violations(conn: Connection[Any], checks: Iterable[Check], *, at_rest: bool) -> list[Violation]:
    """What breaks an invariant, at most VIOLATIONS_SHOWN_MAX a check, all as of one moment. Changes nothing."""
    found: list[Violation] = []
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        conn.execute(f"SET LOCAL statement_timeout = {CHECK_MS_MAX}")
        for check in checks:
            if check.at_rest and not at_rest:
                continue
            rows = conn.execute(check.statement).fetchmany(VIOLATIONS_SHOWN_MAX)
            found += [
                Violation(invariant=check.invariant, key=key, detail=detail) for key, detail in rows
            ]
    return found
