"""From a long history that breaks something to a short one that breaks the same: delta debugging.

Parts are left out, large ones first, as long as what is left still breaks it (Zeller and Hildebrandt, "Simplifying and
Isolating Failure-Inducing Input", 2002, without the step that tries parts alone: here a part seldom fails alone).
"""

from collections.abc import Callable, Sequence

from .events import Event

TRIES_MAX = 400
"""Each is a week, but a shorter and shorter one."""

Fails = Callable[[Sequence[Event]], bool]


class _Trials:
    """Counts them; when there were too many, nothing fails any more, and what was reached is the answer."""

    def __init__(self, fails: Fails, tries_max: int) -> None:
        self._fails, self._left = fails, tries_max

    def fail(self, history: Sequence[Event]) -> bool:
        self._left -= 1
        return self._left >= 0 and self._fails(history)


def shrunk(history: Sequence[Event], fails: Fails, tries_max: int = TRIES_MAX) -> list[Event]:
    """The shortest history that was found to fail as `history` does."""
    trials = _Trials(fails, tries_max)
    left, size = list(history), max(1, len(history) // 2)
    while True:
        shorter = _without_parts(left, size, trials)
        if size == 1 and len(shorter) == len(left):
            return _with_fewer_deaths(shorter, trials)
        left, size = shorter, max(1, size // 2)


def _without_parts(history: list[Event], size: int, trials: _Trials) -> list[Event]:
    """From the end: what came last mostly matters least."""
    left, end = history, len(history)
    while end > 0:
        start = max(0, end - size)
        candidate = left[:start] + left[end:]
        if trials.fail(candidate):
            left = candidate
        end = start
    return left


def _with_fewer_deaths(history: list[Event], trials: _Trials) -> list[Event]:
    left = history
    for place, event in enumerate(history):
        if event.dies_at:
            candidate = [*left[:place], event._replace(dies_at=0), *left[place + 1 :]]
            left = candidate if trials.fail(candidate) else left
    return left
