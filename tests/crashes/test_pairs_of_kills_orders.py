"""Two deaths in one world, in the flows of orders: placed, cancelled, given back. `make crash` kills every pair."""

import pytest

from tests.crashes.pairs import PARTS, die_twice
from tests.crashes.plans import baseline

FLOWS = ("place", "cancel", "return")


@pytest.fixture(scope="module")
def passed(ground):
    return baseline(ground, FLOWS)


@pytest.mark.parametrize("part", range(PARTS))
def test_whoever_dies_twice_is_done_again(ground, passed, part):
    die_twice(ground, passed, part)
