"""Deaths that are planned: at which crash point, and at which of the times that somebody passes it."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, Self


class Kill(NamedTuple):
    """The process dies when a crash point is passed for the n-th time in its world, counted from 1."""

    point: str
    passing: int

    def __str__(self) -> str:
        return f"{self.point}@{self.passing}"

    @classmethod
    def parse(cls, text: str) -> Self:
        point, _, passing = text.partition("@")
        return cls(point, int(passing))


class Killed(BaseException):
    """The process dies here. Not an Exception: what catches those must not outlive it."""


class Reaper:
    """The watcher of one world's crash points: counts who passes, and kills as planned, each kill once.

    Who is dead stays dead: whatever its `finally` clauses still do ends at the next crash point.
    """

    def __init__(self, kills: Iterable[Kill]) -> None:
        self.planned = frozenset(kills)
        self.passed: Counter[str] = Counter()
        self.struck: list[Kill] = []
        self.is_dead = False

    def __call__(self, name: str) -> None:
        if self.is_dead:
            raise Killed(name)
        kill = self.note(name)
        if kill in self.planned:
            self.strike(kill)
            raise Killed(str(kill))

    def note(self, name: str) -> Kill:
        """Somebody passes, here or in a child."""
        self.passed[name] += 1
        return Kill(name, self.passed[name])

    def strike(self, kill: Kill) -> None:
        self.struck.append(kill)
        self.is_dead = True

    def to_come(self) -> list[Kill]:
        return sorted(self.planned.difference(self.struck))
