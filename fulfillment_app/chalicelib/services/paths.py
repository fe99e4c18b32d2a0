"""From a path that route tables name to one with times: the legs and facilities of its version, and when it passes them."""

from datetime import date, datetime, timedelta

from online_kart.domain.batches import next_departure
from online_kart.domain.network import Leg
from online_kart.domain.package_paths import Onward
from online_kart.domain.promises import promise_date, ready_at
from online_kart.domain.routes import PlannedPath

from .routes import Routes


def ready_to_leave_at(routes: Routes, fc_code: str, ordered_at: datetime) -> datetime:
    """When an order of that moment is ready to leave its FC."""
    fc = routes.facility(fc_code)
    return ready_at(ordered_at, fc.cut_off, fc.handling_minutes, fc.time_zone)


def promise_of(routes: Routes, path: PlannedPath, ordered_at: datetime) -> date:
    """The promise date of a package that takes the path. As its planned stops would tell, without making them."""
    ready = ready_to_leave_at(routes, path.origin, ordered_at)
    for each in path.legs:
        leg, origin = routes.leg(*each.key), routes.facility(each.origin)
        arrives = next_departure(leg, ready, origin.time_zone) + timedelta(
            minutes=leg.transit_minutes
        )
        ready = arrives + timedelta(minutes=routes.facility(each.destination).handling_minutes)
    return promise_date(ready)


def onward(routes: Routes, path: PlannedPath, first_leg: Leg | None = None) -> Onward:
    """The way on from the path's first facility. `first_leg`: where that is not in the routes' network any more."""
    legs = [routes.leg(*each.key) for each in path.legs[bool(first_leg) :]]
    return Onward(
        legs=(first_leg, *legs) if first_leg else tuple(legs),
        facilities=tuple(routes.facility(code) for code in path.facilities[1:]),
        budgets=path.budgets[1:],
    )
