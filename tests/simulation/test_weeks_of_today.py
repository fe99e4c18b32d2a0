"""Weeks that nobody has seen: their seeds are drawn from the day. pytest names them, also where all is well (`-v`)."""

import pytest

from online_kart.clock import Clock
from tests.simulation.failures import holds

TODAY = int(f"{Clock().now():%Y%m%d}")
WEEKS = 10


@pytest.mark.parametrize("seed", range(TODAY * 100, TODAY * 100 + WEEKS))
def test_everything_holds_all_week(stage, seed):
    holds(stage, seed)
