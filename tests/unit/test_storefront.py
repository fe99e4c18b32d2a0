"""What customers are shown of the units left."""

import pytest

from online_kart.domain.storefront import SHOWN_UNITS_MAX, shown_units


@pytest.mark.parametrize("free_units", [0, 1, 7, SHOWN_UNITS_MAX])
def test_few_units_are_told_exactly(free_units):
    assert shown_units(free_units) == free_units


def test_more_than_thirty_units_are_simply_in_stock():
    assert SHOWN_UNITS_MAX == 30
    assert shown_units(31) is None
    assert shown_units(10**9) is None
