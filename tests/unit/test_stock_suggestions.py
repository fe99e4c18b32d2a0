"""How many units an FC wants of an item, and why."""

import pytest

from online_kart.domain.stock_suggestions import Need, suggestion

BOUGHT = Need(sku="MUG", fc_code="DEL2", sold=56, from_elsewhere=40, free=3, coming=4)


def suggested(**changes):
    """Of what is bought, but for the changes; there is one."""
    made = suggestion(BOUGHT._replace(**changes))
    assert made is not None
    return made


def test_what_is_wanted_is_two_weeks_of_sales_and_a_reserve():
    """56 in 28 days are 2 a day: 28 in 14 days, and 1.28 × √28 = 6.8 more."""
    made = suggested()
    assert (made.units_a_day, made.wanted_units, made.suggested_units) == (2.0, 35, 28)
    assert made.days_of_cover == 3.5


def test_the_reason_has_the_figures_in_words():
    assert suggested().reason == (
        "In 28 days 56 units went to places that DEL2 serves (2.0 a day), 40 of them from other FCs. "
        "3 are free in DEL2 and 4 on their way: enough for 3.5 days. 14 days, with a reserve, need 35."
    )


@pytest.mark.parametrize("enough", [{"free": 35}, {"coming": 40}, {"sold": 0}, {"sold": -2}])
def test_nothing_is_suggested_where_enough_is_there_or_nothing_is_bought(enough):
    assert suggestion(BOUGHT._replace(**enough)) is None


def test_a_seldom_bought_item_wants_a_reserve_rather_than_none():
    assert suggested(sold=1, free=0, coming=0).suggested_units == 2
