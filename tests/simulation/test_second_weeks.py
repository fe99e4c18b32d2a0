"""Weeks 11 to 20. (Several files share the weeks, so that processes can.)"""

import pytest

from tests.simulation.failures import holds


@pytest.mark.parametrize("seed", range(11, 21))
def test_everything_holds_all_week(stage, seed):
    holds(stage, seed)
