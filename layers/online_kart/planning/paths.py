"""From a path that route tables name to one with times: the legs and facilities of its version, and when it passes them."""

from datetime import UTC, date, datetime
from typing import NamedTuple
from weakref import WeakKeyDictionary

from ..domain import promises
from ..domain.network import Leg
from ..domain.package_paths import Onward
from ..domain.routes import PlannedPath
from .routes import Routes

QUARTER_SECONDS = 15 * 60
"""Short, so that most have one date; long, so that most orders find it remembered."""

PROSPECTS_KEPT_MAX = 50_000
"""Of one version: pairs of FCs, each in some quarters of an hour. When there are more, all are forgotten."""


class Prospect(NamedTuple):
    """What an FC can promise for a pincode, and how many minutes its packages are under way, without waiting."""

    promise_date: date
    minutes: int


class _Quarter(NamedTuple):
    """What is the same for all orders of a quarter of an hour. No date where that changes within it."""

    path: PlannedPath
    minutes: int
    promise_date: date | None


_quarters: WeakKeyDictionary[Routes, dict[tuple[str, str, int], _Quarter]] = WeakKeyDictionary()


def prospect(routes: Routes, origin: str, pincode: int, ordered_at: datetime) -> Prospect:
    """Of an order of that moment. Raises NotServed, NoRoute.

    Who orders later is never promised an earlier date. So the date that both ends of a quarter of an hour have is that of
    every moment in it, and is remembered.
    """
    known = _quarters.setdefault(routes, {})
    number = int(ordered_at.timestamp()) // QUARTER_SECONDS
    key = (origin, routes.network.fc_serving(pincode), number)
    quarter = known.get(key)
    if quarter is None:
        if len(known) >= PROSPECTS_KEPT_MAX:
            known.clear()
        quarter = known[key] = _quarter_of(routes, routes.plan(origin, pincode), number)
    promised = quarter.promise_date or promise_of(routes, quarter.path, ordered_at)
    return Prospect(promised, quarter.minutes)


def _quarter_of(routes: Routes, path: PlannedPath, number: int) -> _Quarter:
    first, last = (
        promise_of(routes, path, datetime.fromtimestamp(each * QUARTER_SECONDS, UTC))
        for each in (number, number + 1)
    )
    return _Quarter(path, path.minutes, first if first == last else None)


def ready_to_leave_at(routes: Routes, fc_code: str, ordered_at: datetime) -> datetime:
    """When an order of that moment is ready to leave its FC."""
    return promises.ready_at(ordered_at, routes.facility(fc_code))


def promise_of(routes: Routes, path: PlannedPath, ordered_at: datetime) -> date:
    """The promise date of a package that takes the path. As its planned stops would tell, without making them."""
    ready_at = ready_to_leave_at(routes, path.origin, ordered_at)
    return promises.promise_of(routes.network, path, ready_at)


def onward(routes: Routes, path: PlannedPath, first_leg: Leg | None = None) -> Onward:
    """The way on from the path's first facility. `first_leg`: where that is not in the routes' network any more."""
    legs = [routes.leg(*each.key) for each in path.legs[bool(first_leg) :]]
    return Onward(
        legs=(first_leg, *legs) if first_leg else tuple(legs),
        facilities=tuple(routes.facility(code) for code in path.facilities[1:]),
        budgets=path.budgets[1:],
    )
