"""Every crash point of the source is passed, and kills: what died is done again, and nothing is lost or doubled."""

import pytest

from tests.crashes import plans
from tests.crashes.plans import baseline
from tests.crashes.worlds import lived
from tests.test_tidy import crashpoints

PARTS = 6
"""Tests of a moderate length, of worlds that share nothing."""


@pytest.fixture(scope="module")
def passed(ground):
    return baseline(ground)


def test_no_crash_point_is_dead(passed):
    points = {point for each in passed.values() for point in each.points}

    assert {name for name, _ in crashpoints()} - points == set(), "No flow passes them."


@pytest.mark.parametrize("part", range(PARTS))
def test_whoever_dies_once_is_done_again(ground, passed, part):
    for plan in plans.each_once(passed)[part::PARTS]:
        outcome = lived(ground, plan, passed[plan.flow].by_function)

        assert outcome.wrong == (), plan.name
        assert outcome.struck == plan.kills, plan.name
        if plan.is_real:
            assert outcome.real_kills_count == 1, plan.name


def test_a_world_comes_out_the_same_each_time(ground, passed):
    plan = plans.triples(passed, 1, "twice")[0]._replace(is_real=False)

    first, second = lived(ground, plan), lived(ground, plan)

    assert (first.struck, first.wrong) == (second.struck, second.wrong)
