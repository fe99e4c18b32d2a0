"""Why a path is this one: the two candidates of ROUTING.md ("What is fastest"), and each leg with its times and budget.

The candidates compare by minutes without waiting, as route tables do. Where a path was asked for at an instant, the
fastest there and then (`timetables`) may be neither of them.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from online_kart.domain.base import Model
from online_kart.domain.network import Mode, Network
from online_kart.domain.planned_times import handled_at_end, timed_legs
from online_kart.domain.promises import promise_date
from online_kart.domain.routes import PlannedPath, RouteTable

from .forwarding import Choice, Forwarding, TableOf, path_to

Kind = Literal["land", "by_hub"]
MINUTE = timedelta(minutes=1)


class Candidate(Model):
    """One of the two ways that a facility chooses from. Where there is none, `why_not` says so, and the rest is None."""

    kind: Kind
    minutes: int | None = None
    hops: int | None = None
    next_hop: str | None = None
    gateway: str | None = None
    """Of the way by hub: the hub to which the facility sends with its budget; a hub is its own."""
    home_hub: str | None = None
    """Of the way by hub: the destination's."""
    why_not: str | None = None


class ExplainedLeg(Model):
    """A leg of the path. Its handling comes first, then the waiting for its departure, then the transit.

    Times are None on paper, where no instant is given. Waiting is in whole minutes; what is less is left out.
    """

    origin: str
    destination: str
    mode: Mode
    handling_minutes: int
    waiting_minutes: int | None
    transit_minutes: int
    ready_at: datetime | None
    departs_at: datetime | None
    arrives_at: datetime | None
    budget_after: int
    """The legs that the package may still take when it is at the leg's destination."""


class Start(NamedTuple):
    """When the package is at its path's origin (or its order was placed), and when it is ready to leave there."""

    starts_at: datetime
    ready_at: datetime


class Explanation(Model):
    """`chosen`: which candidate; `here` where the origin itself serves the pincode; `timetable` where waiting decided.

    It is None where there is no path, and the times are None where no instant was given.
    """

    chosen: Literal["land", "by_hub", "here", "timetable"] | None
    candidates: tuple[Candidate, ...]
    legs: tuple[ExplainedLeg, ...] = ()
    starts_at: datetime | None = None
    ready_at: datetime | None = None
    handled_at: datetime | None = None
    """When the destination has handled the package."""
    promise_date: date | None = None


def explain(
    network: Network, table_of: TableOf, path: PlannedPath, start: Start | None
) -> Explanation:
    """Of a path that the tables name, or that the search at an instant found; `start` is that instant."""
    destination, budget = path.destination, path.budgets[0]
    found = candidates(table_of, path.origin, destination, budget)
    by_tables = path_to(table_of, path.origin, destination, budget)
    explanation = Explanation(
        chosen=_chosen(found) if path == by_tables else "timetable",
        candidates=found,
        legs=tuple(_legs(network, path, start)),
    )
    if start is None:
        return explanation
    timed = timed_legs(network, (leg.key for leg in path.legs), start.ready_at)
    handled_at = handled_at_end(network, timed, start.ready_at)
    end = network.by_code[destination]
    times = {
        "starts_at": start.starts_at,
        "ready_at": start.ready_at,
        "handled_at": handled_at,
        "promise_date": promise_date(handled_at, end.calendar, end.last_mile_minutes),
    }
    return explanation.model_copy(update=times)


def _chosen(found: tuple[Candidate, ...]) -> Kind | Literal["here"]:
    there_are = [each for each in found if each.minutes is not None]
    if not there_are:
        return "here"
    return min(there_are, key=lambda each: (each.minutes, each.hops, each.next_hop)).kind


def _legs(network: Network, path: PlannedPath, start: Start | None) -> Iterator[ExplainedLeg]:
    keys = [leg.key for leg in path.legs]
    timed = timed_legs(network, keys, start.ready_at) if start else [None] * len(keys)
    for key, times, budget_after in zip(keys, timed, path.budgets[1:], strict=True):
        yield ExplainedLeg(
            origin=key.origin,
            destination=key.destination,
            mode=key.mode,
            handling_minutes=network.by_code[key.origin].handling_minutes,
            waiting_minutes=times and times.waiting // MINUTE,
            transit_minutes=network.by_key[key].transit_minutes,
            ready_at=times and times.ready_at,
            departs_at=times and times.departs_at,
            arrives_at=times and times.arrives_at,
            budget_after=budget_after,
        )


# -- the candidates


def candidates(
    table_of: TableOf, origin: str, destination: str, budget: int
) -> tuple[Candidate, ...]:
    """By land and by hub, also where there is no such way. None at all where the origin is the destination."""
    if origin == destination:
        return ()
    table, home_hub = table_of(origin), table_of(destination).home_hub
    ways = Forwarding(table_of, destination).ways(origin, budget)
    if table.is_hub:
        why_not = f"{origin} is a hub: from there one way leads, through the destination's home hub"
        land = Candidate(kind="land", why_not=why_not)
        return land, _by_hub(table, budget, home_hub, next(iter(ways), None))
    by_land = next((way for way in ways if not way.hub), None)
    by_hub = next((way for way in ways if way.hub), None)
    return _land(table, destination, budget, by_land), _by_hub(table, budget, home_hub, by_hub)


def _land(table: RouteTable, destination: str, budget: int, way: Choice | None) -> Candidate:
    if way:
        return Candidate(kind="land", minutes=way.minutes, hops=way.hops, next_hop=way.next_hop)
    route = table.to_fc(destination)
    why_not = (
        f"by land it takes {route.ways[0].hops} legs, and {budget} are left"
        if route
        else f"no way leads there by land in {table.hop_limit} legs"
    )
    return Candidate(kind="land", why_not=why_not)


def _by_hub(table: RouteTable, budget: int, home_hub: str | None, way: Choice | None) -> Candidate:
    route = None if table.is_hub else table.gateway(budget)
    gateway = table.facility if table.is_hub else route and route.hub
    if way:
        return Candidate(
            kind="by_hub",
            minutes=way.minutes,
            hops=way.hops,
            next_hop=way.next_hop,
            gateway=gateway,
            home_hub=home_hub,
        )
    return Candidate(kind="by_hub", why_not=_why_not_by_hub(table, budget, gateway, home_hub))


def _why_not_by_hub(
    table: RouteTable, budget: int, gateway: str | None, home_hub: str | None
) -> str:
    if gateway is None and table.default_routes:
        hops = table.default_routes[0].hops
        return f"the nearest hub is {hops} legs away, and {budget} are left"
    if gateway is None:
        return f"no hub is within {table.hop_limit} legs"
    if home_hub is None:
        return f"no hub is within {table.hop_limit} legs of the destination"
    return f"no way leads from hub {gateway} to {home_hub}, the destination's home hub"
