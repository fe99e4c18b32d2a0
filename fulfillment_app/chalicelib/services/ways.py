"""The ways that are open to a package where it can turn: on to its pincode's FC, or back.

A way back ends at its origin FC; where that can't be reached with the budget left, at the FC that is fastest to reach of
those that are open; and where none is, on the shelf of the FC where it is, which may be draining: its stock has to leave
it anyway.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg import Connection

from online_kart.domain.errors import NoRoute, NotFound, NotServed
from online_kart.domain.network import Facility, Leg, LegKey
from online_kart.domain.package_paths import Onward
from online_kart.domain.packages import Package
from online_kart.inventory_db import facilities
from online_kart.planning import paths
from online_kart.planning.routes import Routes

from .whereabouts import Position

NOWHERE = Onward(legs=(), facilities=(), budgets=())


class Way(NamedTuple):
    """Legs to come, and the FC they lead to."""

    onward: Onward
    destination: str


class _Near(NamedTuple):
    """An FC, and how long it takes to come there."""

    minutes: int
    fc_code: str


def has_leg(conn: Connection[Any], routes: Routes, leg: Leg) -> bool:
    """Whether the leg is there for what is at its origin, which may be draining."""
    if leg.key in routes.network.by_key:
        return True
    if leg.origin in routes or leg.destination not in routes:
        return False
    return any(each.key == leg.key for each in facilities.legs_from(conn, leg.origin))


def way_on(
    conn: Connection[Any], routes: Routes, package: Package, position: Position
) -> Way | None:
    """To the FC that serves its pincode. None where there is no way, or nobody serves it any more."""
    try:
        return _way_to(conn, routes, position, routes.network.fc_serving(package.to_pincode))
    except NotServed:
        return None


def way_back(
    conn: Connection[Any], routes: Routes, package: Package, position: Position
) -> Way | None:
    """To its origin FC, or the nearest FC that can be reached. None where there is no way at all."""
    ways = (
        _way_to(conn, routes, position, fc_code)
        for fc_code in _places_to_return(conn, routes, package, position)
    )
    return next((way for way in ways if way), None)


def _places_to_return(
    conn: Connection[Any], routes: Routes, package: Package, position: Position
) -> Iterator[str]:
    yield package.origin_fc_code
    if position.facility in routes:
        nearest = _nearest_fc(routes, position.facility)
        yield from [nearest.fc_code] if nearest else []
        return
    leaving = facilities.facility(conn, position.facility)
    nearest = _nearest_fc_outside(conn, routes, leaving, position.budget)
    yield from [nearest.fc_code] if nearest else []
    if not leaving.is_hub:
        yield leaving.code


def _nearest_fc(routes: Routes, code: str) -> _Near | None:
    """The FC itself; from a hub the FC that is fastest to reach, at home there or at another hub. None: no hub has one."""
    if not routes.facility(code).is_hub:
        return _Near(0, code)
    hubs = [(0, code)]
    hubs += [
        (route.ways[0].minutes, route.destination) for route in routes.table_of(code).hub_routes
    ]
    return min(
        (
            _Near(to_hub + route.ways[0].minutes, route.destination)
            for to_hub, hub in hubs
            for route in routes.table_of(hub).routes
        ),
        default=None,
    )


def _nearest_fc_outside(
    conn: Connection[Any], routes: Routes, leaving: Facility, budget: int
) -> _Near | None:
    """From a draining facility, by one of its legs. None where no FC can be reached."""
    if budget < 1:
        return None
    found = (
        (leg, _nearest_fc(routes, leg.destination))
        for leg in facilities.legs_from(conn, leaving.code)
        if leg.destination in routes
    )
    return min(
        (near._replace(minutes=near.minutes + leg.transit_minutes) for leg, near in found if near),
        default=None,
    )


def _way_to(conn: Connection[Any], routes: Routes, position: Position, fc_code: str) -> Way | None:
    if position.facility == fc_code:
        return Way(NOWHERE, fc_code)
    try:
        if position.facility in routes:
            path = routes.plan_to_fc(position.facility, fc_code, position.budget)
            return Way(paths.onward(routes, path), fc_code)
        leaving = facilities.facility(conn, position.facility)
        leg_of = {leg.key: leg for leg in facilities.legs_from(conn, position.facility)}
        path = routes.plan_out_of(leaving, leg_of.values(), fc_code, position.budget)
        return Way(paths.onward(routes, path, leg_of[LegKey(*path.legs[0].key)]), fc_code)
    except (NoRoute, NotFound):
        return None
