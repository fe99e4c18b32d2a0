"""What people see of routes: a table as rows, and a path with its stops and why it is this one."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Literal, NamedTuple

from online_kart.documents import route_tables
from online_kart.documents.collection import Documents
from online_kart.domain.base import Model
from online_kart.domain.errors import NoRoute
from online_kart.domain.network import Facility, FacilityKind, Mode
from online_kart.domain.promises import ready_at
from online_kart.domain.routes import PlannedPath, RouteColumns, RouteTable
from online_kart.planning.routes import Routes, current_routes
from online_kart.routing.explanations import Explanation, Start, candidates, explain
from online_kart.routing.timetables import TimetableSearch


class Row(Model):
    """One way of a table, for people. `hub` rows are a hub's, `default` ones lead an FC to a hub."""

    kind: Literal["route", "hub", "default"]
    destination: str
    next_hop: str
    mode: Mode
    hops: int
    minutes: int
    pin_ranges: tuple[tuple[int, int], ...] = ()


class TableView(NamedTuple):
    version: int
    table: RouteTable
    rows: Sequence[Row]


def table_view(documents: Documents, code: str, version: int | None) -> TableView:
    """A facility's table in the version in force, or in one that is kept, as rows. Raises NotFound."""
    read = version or current_routes(documents).version
    table = route_tables.table(documents, code, read)
    return TableView(read, table, tuple(_rows(table)))


def _rows(table: RouteTable) -> Iterator[Row]:
    kinds: tuple[tuple[Literal["route", "hub"], RouteColumns], ...] = (
        ("route", table.routes),
        ("hub", table.hub_routes),
    )
    for kind, routes in kinds:
        for route in routes:
            for way in route.ways:
                yield Row(
                    kind=kind,
                    destination=route.destination,
                    mode=table.leg_to(way.next_hop).mode,
                    pin_ranges=route.pin_ranges,
                    **way._asdict(),
                )
    for default in table.default_routes:
        yield Row(
            kind="default",
            destination=default.hub,
            next_hop=default.next_hop,
            mode=table.leg_to(default.next_hop).mode,
            hops=default.hops,
            minutes=default.minutes,
        )


class PathStop(Model):
    """`minutes` are those from the start until its door, without waiting for departures."""

    facility: str
    name: str
    kind: FacilityKind
    minutes: int
    budget: int


class PathLeg(Model):
    """`minutes` is its cost: the handling at its origin and the transit."""

    origin: str
    destination: str
    mode: Mode
    minutes: int


class Way(Model):
    """A way that the first facility chose from; without a hub it goes by land alone."""

    minutes: int
    hops: int
    next_hop: str
    hub: str | None


class PathView(Model):
    """A path and why it is this one: `ways` are what its first facility chose from, the best first.

    `minutes` never hold the waiting for departures; `why` does.
    """

    origin: str
    to_pincode: int
    destination: str
    table_version: int
    minutes: int
    hops: int
    stops: tuple[PathStop, ...]
    legs: tuple[PathLeg, ...]
    ways: tuple[Way, ...]
    why: Explanation


def path_view(
    documents: Documents,
    origin: str,
    pincode: int,
    budget: int | None,
    depart_at: datetime | None,
    now: datetime,
) -> PathView:
    """The path by the version in force; at `depart_at`, the fastest for a package that is at the origin then.

    Without it, times are those of an order of now, or of a package under way that is at the origin now, which has a
    budget. Raises NotFound, NotServed, and NoRoute with the candidates.
    """
    routes = current_routes(documents)
    at_origin = routes.facility(origin)
    path = _path(routes, origin, pincode, budget, depart_at)
    left = path.budgets[0]
    ways = [] if path.hops == 0 else routes.forwarding(path.destination).ways(origin, left)
    start = _start(at_origin, depart_at or now, is_order=depart_at is None and budget is None)
    return PathView(
        origin=origin,
        to_pincode=pincode,
        destination=path.destination,
        table_version=routes.version,
        minutes=path.minutes,
        hops=path.hops,
        stops=tuple(_stops(routes, path)),
        legs=tuple(PathLeg(**leg._asdict()) for leg in path.legs),
        ways=tuple(
            Way(minutes=w.minutes, hops=w.hops, next_hop=w.next_hop, hub=w.hub or None)
            for w in ways
        ),
        why=explain(routes.network, routes.table_of, path, start),
    )


def _path(
    routes: Routes, origin: str, pincode: int, budget: int | None, depart_at: datetime | None
) -> PlannedPath:
    """Raises NotServed, NoRoute."""
    destination = routes.network.fc_serving(pincode)
    if depart_at is None:
        path = routes.forwarding(destination).path(origin, budget)
    else:
        path = TimetableSearch(routes.network).path(origin, destination, depart_at, budget)
    if path is None:
        left = routes.network.hop_limit if budget is None else budget
        found = candidates(routes.table_of, origin, destination, left)
        raise NoRoute(origin, pincode, [each.model_dump() for each in found])
    return path


def _start(at_origin: Facility, at: datetime, is_order: bool) -> Start:
    if is_order:
        return Start(at, ready_at(at, at_origin))
    return Start(at, at + timedelta(minutes=at_origin.handling_minutes))


def _stops(routes: Routes, path: PlannedPath) -> Iterator[PathStop]:
    minutes = accumulate((leg.minutes for leg in path.legs), initial=0)
    for code, at, budget in zip(path.facilities, minutes, path.budgets, strict=True):
        facility = routes.facility(code)
        yield PathStop(
            facility=code, name=facility.name, kind=facility.kind, minutes=at, budget=budget
        )
