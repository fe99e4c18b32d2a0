"""What must hold at any time, and what a check of it found. The numbers are CONSISTENCY's."""

from typing import LiteralString, NamedTuple

from .base import Model

INVARIANTS: dict[int, str] = {
    1: "Reserved is within on hand, and equals what is held for orders",
    2: "No unit appears or vanishes: what was received is somewhere",
    3: "The stock ledger's sum equals the stock",
    4: "Every order line is finished or has exactly one live holder",
    5: "An order line's quantity is the sum over its packages",
    6: "One idempotency key, at most one order",
    7: "Every committed change has its event, and every consumer heard it once",
    8: "Walking the route tables reaches every destination within the hop limit, no later than promised",
    9: "Pincode ranges are disjoint, and the databases and documents agree on them",
    10: "No package under way points at a facility or leg that is gone",
    11: "Totals by category and month equal the recount of the sales",
    12: "Copies equal their source",
}


class Violation(Model):
    """One row that breaks an invariant: `key` says which row of `subject`, `detail` what is wrong with it."""

    invariant: int
    key: str
    detail: str
    subject: str = ""


class Check(NamedTuple):
    """A query that returns (key, detail) of every row that breaks the invariant.

    `at_rest`: it holds only for what nobody works on. Its statement leaves out what changed since `{before}`; at rest
    (no unsent event, no message in a queue, no run between two steps) that is the end of time, and it leaves out nothing.
    `subject` names what is checked; whoever repairs it looks by that name. `looks_at` is what follows FROM in a count
    of the rows that the check looks at.
    """

    invariant: int
    statement: LiteralString
    at_rest: bool = False
    subject: str = ""
    looks_at: LiteralString = ""
