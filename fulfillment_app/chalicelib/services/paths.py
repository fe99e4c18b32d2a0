"""From a path that route tables name to one with times: the legs and facilities of its version, and when it passes them."""

from datetime import date, datetime

from online_kart.domain import promises
from online_kart.domain.network import Leg
from online_kart.domain.package_paths import Onward
from online_kart.domain.routes import PlannedPath

from .routes import Routes


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
