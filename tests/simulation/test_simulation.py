"""What a simulation must be able to do: find bugs, shrink what led to them, and do it all again."""

import re

import pytest

from local.apps import load_apps
from tests.simulation import variants
from tests.simulation.events import parsed
from tests.simulation.failures import explained
from tests.simulation.week import Stage

WEEKS_MAX = 8
TRIES_MAX = 60


@pytest.mark.parametrize(
    ("variant", "rule", "first"),
    [
        (variants.release_that_gives_back_twice, "only our own errors", 12),
        (variants.projection_that_ignores_versions, "invariant 12 at rest", 11),
    ],
)
def test_a_bug_is_found_within_some_weeks_and_told_in_a_few_events(ground, variant, rule, first):
    """From a week on that is known to be near, for the tests' sake."""
    stage = Stage(ground, load_apps(), variant(ground))
    weeks = (stage.week(seed) for seed in range(first, first + WEEKS_MAX))
    week = next((week for week in weeks if week.broken), None)
    assert week is not None, "Nobody noticed."
    assert week.rule == rule

    history, told = explained(stage, week, TRIES_MAX)

    assert len(history) <= 10
    command = re.search(r"--seed (\d+) --events (\S*)", told)
    assert command is not None
    again = stage.week(int(command[1]), parsed(command[2]))
    assert again.rule == rule, "The command that was printed repeats it."
    assert stage_of_ours(stage).week(week.seed, history).broken is None, "It is the variant's bug."


def stage_of_ours(stage: Stage) -> Stage:
    """Without the bug."""
    return Stage(stage.ground, stage.apps)


def test_the_same_seed_is_the_same_week(stage):
    first, ids = stage.week(5), ids_in(stage)
    second = stage.week(5)

    assert second == first
    assert ids_in(stage) == ids


def ids_in(stage: Stage) -> list[str]:
    """Of all events that both sides told, in order."""
    eyes = stage.ground.eyes
    return [
        str(event_id)
        for conn in (eyes.inventory, eyes.customer)
        for (event_id,) in conn.execute("SELECT event_id FROM outbox ORDER BY position")
    ]


def test_a_week_has_what_it_is_for(stage):
    counts = stage.week(3).counts

    assert counts.steps >= 100
    assert counts.looks >= 100
    assert counts.orders >= 5
    assert counts.kills >= 1
