"""Where a seller should send stock, and why: what each FC's customers buy, against what is there and on its way.

The rule is the order-up-to level of a periodic review: whoever looks at stock every R days, and waits L days for what was
ordered, needs the demand of R + L days and a reserve of z standard deviations of it (Silver, Pyke and Thomas, Inventory and
Production Management in Supply Chains, 4th edition 2017, chapter 6, the (R, S) policy). Here R and L are a week each: sellers
look weekly, and goods are announced and received within a week. Units sold are taken for Poisson, whose variance is
its mean. z = 1.28 lets stock last in nine of ten such times.

Demand counts where customers live, not where goods came from: a unit that came from afar is demand of the FC that serves
the customer's pincode. What was returned is taken off.
"""

import math
from typing import NamedTuple

from .base import Model
from .values import FacilityCode, Sku

WINDOW_DAYS = 28
"""Four whole weeks: no weekday counts more than another."""

COVER_DAYS = 14
RESERVE_DEVIATIONS = 1.28


class Need(NamedTuple):
    """What is known of an item and an FC. `sold` in WINDOW_DAYS to pincodes that the FC serves, `from_elsewhere` of it."""

    sku: str
    fc_code: str
    sold: int
    from_elsewhere: int
    free: int
    coming: int


class StockSuggestion(Model):
    """To send so many units to an FC. `days_of_cover`: how long what is there and on its way lasts at `units_a_day`."""

    sku: Sku
    fc_code: FacilityCode
    suggested_units: int
    sold_units: int
    sold_from_elsewhere_units: int
    units_a_day: float
    free_units: int
    coming_units: int
    days_of_cover: float
    wanted_units: int
    reason: str

    @property
    def urgency(self) -> tuple[float, str, str]:
        """What lasts shortest is first."""
        return self.days_of_cover, self.sku, self.fc_code


def suggestion(need: Need) -> StockSuggestion | None:
    """None where enough is there or on its way, or nothing is bought."""
    if need.sold <= 0:
        return None
    a_day = need.sold / WINDOW_DAYS
    expected = a_day * COVER_DAYS
    wanted = math.ceil(expected + RESERVE_DEVIATIONS * math.sqrt(expected))
    there = need.free + need.coming
    if there >= wanted:
        return None
    return StockSuggestion(
        sku=need.sku,
        fc_code=need.fc_code,
        suggested_units=wanted - there,
        sold_units=need.sold,
        sold_from_elsewhere_units=need.from_elsewhere,
        units_a_day=round(a_day, 2),
        free_units=need.free,
        coming_units=need.coming,
        days_of_cover=round(there / a_day, 1),
        wanted_units=wanted,
        reason=_reason(need, a_day, wanted),
    )


def _reason(need: Need, a_day: float, wanted: int) -> str:
    fc = need.fc_code
    days = (need.free + need.coming) / a_day
    return (
        f"In {WINDOW_DAYS} days {need.sold} units went to places that {fc} serves ({a_day:.1f} a day),"
        f" {need.from_elsewhere} of them from other FCs. {need.free} are free in {fc} and {need.coming} on their way:"
        f" enough for {days:.1f} days. {COVER_DAYS} days, with a reserve, need {wanted}."
    )
