"""What the tests of two deaths have in common. They are in two files, which may run at the same time."""

from collections.abc import Mapping

from tests.crashes import plans
from tests.crashes.ground import Ground
from tests.crashes.plans import Passed
from tests.crashes.worlds import lived

PAIRS, PARTS = 150, 6
"""Of the flows of one file; tests of a moderate length, of worlds that share nothing."""


def die_twice(ground: Ground, passed: Mapping[str, Passed], part: int) -> None:
    """Every pair of this part. Raises AssertionError with the world's name where one is not done again."""
    for plan in plans.sampled_pairs(passed, PAIRS, "pairs in CI")[part::PARTS]:
        outcome = lived(ground, plan, passed[plan.flow].by_function)

        assert outcome.wrong == (), (plan.name, outcome.wrong)
        assert outcome.struck, plan.name
