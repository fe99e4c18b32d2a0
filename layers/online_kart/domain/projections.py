"""How far copies are behind what they are made of: told to staff, and as metrics."""

from typing import NamedTuple

from .base import Model
from .values import Instant


class Projection(Model):
    """A copy, and what it has still to take.

    `waiting_count`: events or changes. `behind_seconds`: since when the oldest of them is known; null where it has no
    time of its own. `last_heard_at`: when the last event was taken; null where nobody keeps that, or none was.
    Where the app sees only one end, the other's fields are null.
    """

    name: str
    of: str
    waiting_count: int | None
    behind_seconds: float | None
    last_heard_at: Instant | None = None


class Projections(Model):
    """`looked_at_max`: of a kind of events only so many of the last are looked at, so the oldest that waits may be older."""

    now: Instant
    looked_at_max: int
    projections: tuple[Projection, ...]


class Waiting(NamedTuple):
    """Rows that wait to be taken, and since when the oldest has; None where they have no time, or there are none."""

    rows: int
    since: Instant | None
