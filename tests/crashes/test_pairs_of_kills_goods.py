"""Two deaths in one world, in the flows of goods and their ways: rebuilt, moved, received. `make crash` kills every pair."""

import pytest

from tests.crashes import plans
from tests.crashes.plans import baseline
from tests.crashes.worlds import lived

FLOWS = ("rebuild", "batch", "receive")
PAIRS, PARTS = 150, 6


@pytest.fixture(scope="module")
def passed(ground):
    return baseline(ground, FLOWS)


@pytest.mark.parametrize("part", range(PARTS))
def test_whoever_dies_twice_is_done_again(ground, passed, part):
    for plan in plans.sampled_pairs(passed, PAIRS, "pairs in CI")[part::PARTS]:
        outcome = lived(ground, plan, passed[plan.flow].by_function)

        assert outcome.wrong == (), plan.name
        assert outcome.struck, plan.name
