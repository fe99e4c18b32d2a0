"""What is done at the same moment ends as if one came after the other: nothing is sold twice, nobody meets a deadlock."""

from functools import partial

import pytest

from . import worlds
from .races import RACES
from .trials import run_trials

TRIALS = 25
"""`make races` runs 1,000 of each."""


@pytest.fixture
def new_world(servers, inventory_copies):
    return partial(worlds.fresh, servers.mongodb_uri, inventory_copies)


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_whoever_wins_a_race_the_answers_are_right_and_the_stock_is_whole(race, new_world, now):
    tally = run_trials(race, TRIALS, 1, new_world, now)

    assert tally.faults == []
    assert (tally.oversold, tally.unhandled_deadlocks) == (0, 0)
    assert tally.trials == TRIALS
