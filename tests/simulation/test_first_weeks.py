"""Weeks 1 to 10. (Several files share the weeks, so that processes can.)"""

import pytest

from tests.simulation.failures import holds


@pytest.mark.parametrize("seed", range(1, 11))
def test_everything_holds_all_week(stage, seed):
    holds(stage, seed)
