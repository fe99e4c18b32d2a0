"""What must hold: after each step what every commit must keep, at rest everything.

The checks are the shop's own (`inventory_db.invariants`, `customer_db.invariants`, `local.invariants`). Those of one
database are asked in one statement that is prepared once: they are asked some hundred times a week.
"""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import Connection

from local.invariants import check_all
from local.reading import Stores
from online_kart.customer_db import invariants as customer_invariants
from online_kart.domain.invariants import Check, Violation
from online_kart.inventory_db import invariants as inventory_invariants

SHOWN_MAX = 10


def _together(checks: Sequence[Check]) -> LiteralString:
    """One statement: (invariant, key, detail) of whatever breaks what every commit must keep."""
    parts: list[LiteralString] = [
        # The number is of our own table; a comment may end the statement.
        f"(SELECT {check.invariant}, * FROM ({check.statement}\n) AS broken LIMIT {SHOWN_MAX})"
        for check in checks
        if not check.at_rest
    ]
    return "\nUNION ALL\n".join(parts)


INVENTORY = _together(inventory_invariants.CHECKS)
CUSTOMER = _together(customer_invariants.CHECKS)


def broken_now(conn: Connection[Any], statement: LiteralString) -> list[Violation]:
    """What a commit must never leave behind, in a database: `INVENTORY` or `CUSTOMER`."""
    rows = conn.execute(statement, prepare=True)
    return [
        Violation(invariant=invariant, key=key, detail=detail) for invariant, key, detail in rows
    ]


def broken_at_rest(eyes: Stores) -> list[Violation]:
    """What must hold when nothing is under way but trucks."""
    return [each for outcome in check_all(eyes) for each in outcome.violations]
