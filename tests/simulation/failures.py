"""A week that broke something, told so that it can be repeated."""

from collections.abc import Sequence

import pytest

from .events import Event, written
from .shrinking import TRIES_MAX, shrunk
from .week import Stage, Week


def explained(stage: Stage, week: Week, tries_max: int = TRIES_MAX) -> tuple[list[Event], str]:
    """The shortest history of the week that breaks the same rule, and what to tell of it."""
    seen = [week]

    def fails(history: Sequence[Event]) -> bool:
        tried = stage.week(week.seed, history)
        if tried.rule == week.rule:
            seen.append(tried)
        return tried.rule == week.rule

    history = shrunk(week.happened, fails, tries_max)
    shortest = seen[-1]
    return list(history), "\n".join(
        [
            f"Week {week.seed}: {week.broken}",
            f"{len(week.happened)} events, shrunk to {len(history)}: {shortest.broken}",
            f"    python -m tests.simulation --seed {week.seed} --events {written(history)}",
        ]
    )


def holds(stage: Stage, seed: int) -> None:
    """For a test: the week of the seed, which fails with what there is to tell."""
    week = stage.week(seed)
    if week.broken:
        pytest.fail(explained(stage, week)[1], pytrace=False)
