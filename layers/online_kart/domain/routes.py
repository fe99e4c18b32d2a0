"""Route tables (ROUTING.md, "Route tables"; D5 of each FC, D6 of each hub) and planned paths.

A table answers one question of forwarding: from here, with so many legs left before a hub, where
next? It holds nothing but what a facility needs to know:

- `routes`: the FCs reached by land (of a hub: those at home there), each with its pincodes;
- `hub_routes` (hubs only): every other hub within reach, with the pincodes of all FCs at home there;
- `default_routes` (FCs only): the ways to a hub, which for each budget name the gateway;
- `next_legs`: mode and cost of the leg to every next hop that a way names.

Several ways lead to one destination: with more legs, faster ones. They are kept as a Pareto front
of (hops, minutes) in the order of hops, so the last that the budget allows is the fastest.

Rows are plain tuples, not pydantic models: a network of 10,000 FCs has near a million of them, and
they are made by the router or read from our own store. A table holds its routes by columns
(`RouteColumns`), which take less memory and are nothing that Python's collector of cycles
has to look at; a row is made when somebody looks at it.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

from .network import FacilityKind, LegKey, Mode

Ranges = tuple[tuple[int, int], ...]
"""Pincode ranges, both ends inclusive, sorted, and merged where they touch."""


def merged(ranges: Iterable[Sequence[int]]) -> Ranges:
    """Sorted, with neighbours made one: 560001–560099 and 560100–560200 are 560001–560200."""
    result: list[tuple[int, int]] = []
    for first, last in sorted((first, last) for first, last in ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return tuple(result)


class Way(NamedTuple):
    """One way to a destination: its first step, its legs and its minutes."""

    next_hop: str
    hops: int
    minutes: int


class DefaultRoute(NamedTuple):
    """One way from an FC to a hub. With a budget from `hops` on, `hub` is the FC's gateway."""

    hub: str
    next_hop: str
    hops: int
    minutes: int


class NextLeg(NamedTuple):
    """The leg to a next hop. `minutes` is its cost: the handling here and the transit."""

    next_hop: str
    mode: Mode
    minutes: int


class Route(NamedTuple):
    """The ways to one destination, fewest hops first, and the pincodes that are reached by it."""

    destination: str
    pin_ranges: Ranges
    ways: tuple[Way, ...]

    def fastest(self, budget: int) -> Way | None:
        """The fastest way in at most `budget` legs, None when there is none."""
        for way in reversed(
            self.ways
        ):  # a generator takes twice as long, and paths ask at every stop
            if way.hops <= budget:
                return way
        return None


@dataclass(frozen=True, slots=True)
class RouteColumns:
    """Routes in the order of their destinations' codes, held by columns.

    The columns have the fastest way to each destination. To most there is no other; to the rest
    `slower` has those with fewer hops and more minutes, fewest hops first.
    """

    destinations: tuple[str, ...] = ()
    pin_ranges: tuple[Ranges, ...] = ()
    next_hops: tuple[str, ...] = ()
    hops: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    slower: Mapping[str, tuple[Way, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, routes: Iterable[Route]) -> "RouteColumns":
        """Of rows, which are in the order of their destinations' codes."""
        rows = list(routes)
        fastest = [route.ways[-1] for route in rows]
        return cls(
            destinations=tuple(route.destination for route in rows),
            pin_ranges=tuple(route.pin_ranges for route in rows),
            next_hops=tuple(way.next_hop for way in fastest),
            hops=tuple(way.hops for way in fastest),
            minutes=tuple(way.minutes for way in fastest),
            slower={route.destination: route.ways[:-1] for route in rows if len(route.ways) > 1},
        )

    def __len__(self) -> int:
        return len(self.destinations)

    def __getitem__(self, place: int) -> Route:
        destination = self.destinations[place]
        fastest = Way(self.next_hops[place], self.hops[place], self.minutes[place])
        ways = (*self.slower.get(destination, ()), fastest)
        return Route(destination, self.pin_ranges[place], ways)

    def __iter__(self) -> Iterator[Route]:
        return map(self.__getitem__, range(len(self)))

    def to(self, destination: str) -> Route | None:
        """None where no row leads there."""
        place = bisect_left(self.destinations, destination)
        known = place < len(self.destinations) and self.destinations[place] == destination
        return self[place] if known else None

    def all_next_hops(self) -> set[str]:
        """Those that any of the ways begins with."""
        slower = {way.next_hop for ways in self.slower.values() for way in ways}
        return slower.union(self.next_hops)

    def columns(self) -> list[object]:
        """Plain values, equal for equal routes."""
        return [getattr(self, each.name) for each in fields(self)]


NO_ROUTES = RouteColumns()


@dataclass(frozen=True)
class RouteTable:
    """All routes of one facility. Its content alone: versions are the store's concern.

    `own_ranges` are the pincodes an FC itself serves; `home_hub` is the hub nearest to an FC, None
    of a hub and of an FC that no hub reaches. Rows are in the order of their destinations' codes.
    """

    facility: str
    kind: FacilityKind
    hop_limit: int
    own_ranges: Ranges
    home_hub: str | None
    next_legs: tuple[NextLeg, ...]
    routes: RouteColumns
    hub_routes: RouteColumns = NO_ROUTES
    default_routes: tuple[DefaultRoute, ...] = ()

    @property
    def is_hub(self) -> bool:
        return self.kind is not FacilityKind.FC

    def gateway(self, budget: int) -> DefaultRoute | None:
        """The fastest way to a hub in at most `budget` legs, None when there is none."""
        for way in reversed(self.default_routes):
            if way.hops <= budget:
                return way
        return None

    def to_fc(self, code: str) -> Route | None:
        """The route by land to an FC, None when it has none."""
        return self.routes.to(code)

    def to_hub(self, code: str) -> Route | None:
        """A hub's route to another, None when it has none."""
        return self.hub_routes.to(code)

    def leg_to(self, next_hop: str) -> NextLeg:
        return self._leg_to[next_hop]

    def facility_for(self, pincode: int) -> str | None:
        """The facility that the pincode's row leads to, None when no row holds it.

        That is this FC itself, another FC, or the hub where the FC that serves it is at home.
        A binary search over all ranges of the table.
        """
        firsts, lasts, codes = self._pincodes
        place = bisect_right(firsts, pincode) - 1
        return codes[place] if place >= 0 and pincode <= lasts[place] else None

    @cached_property
    def _leg_to(self) -> dict[str, NextLeg]:
        return {leg.next_hop: leg for leg in self.next_legs}

    @cached_property
    def _pincodes(self) -> tuple[list[int], list[int], list[str]]:
        """Firsts, lasts and facilities of all ranges, sorted. No pincode is in two of them."""
        rows = [(first, last, self.facility) for first, last in self.own_ranges]
        for routes in (self.routes, self.hub_routes):
            for code, ranges in zip(routes.destinations, routes.pin_ranges, strict=True):
                rows += [(first, last, code) for first, last in ranges]
        rows.sort()
        return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]

    def as_document(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and integers, as MongoDB and JSON hold them.

        Ranges stay tuples, which both write as arrays: to copy them was a third of the cost of a build.
        """
        return {
            "facility": self.facility,
            "kind": self.kind.value,
            "hop_limit": self.hop_limit,
            "own_ranges": self.own_ranges,
            "home_hub": self.home_hub,
            "next_legs": [
                {"next_hop": leg.next_hop, "mode": leg.mode.value, "minutes": leg.minutes}
                for leg in self.next_legs
            ],
            "routes": _route_documents(self.routes),
            "hub_routes": _route_documents(self.hub_routes),
            "default_routes": [route._asdict() for route in self.default_routes],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "RouteTable":
        """The table that `as_document` was made of. Fields the store added are left alone."""
        return cls(
            facility=document["facility"],
            kind=FacilityKind(document["kind"]),
            hop_limit=document["hop_limit"],
            own_ranges=_tuples(document["own_ranges"]),
            home_hub=document["home_hub"],
            next_legs=tuple(
                NextLeg(leg["next_hop"], Mode(leg["mode"]), leg["minutes"])
                for leg in document["next_legs"]
            ),
            routes=RouteColumns.of(map(_route_of, document["routes"])),
            hub_routes=RouteColumns.of(map(_route_of, document["hub_routes"])),
            default_routes=tuple(DefaultRoute(**route) for route in document["default_routes"]),
        )

    def digest(self) -> str:
        """A hash of the content: equal for equal tables, in every process."""
        values = [getattr(self, each.name) for each in fields(self)]
        content = json.dumps(
            values, separators=(",", ":"), sort_keys=True, default=RouteColumns.columns
        )
        return sha256(content.encode()).hexdigest()


def _route_documents(routes: RouteColumns) -> list[dict[str, Any]]:
    slower = {to: [way._asdict() for way in ways] for to, ways in routes.slower.items()}
    columns = (
        routes.destinations,
        routes.pin_ranges,
        routes.next_hops,
        routes.hops,
        routes.minutes,
    )
    return [
        {
            "destination": to,
            "pin_ranges": pin_ranges,
            "ways": [
                *slower.get(to, ()),
                {"next_hop": next_hop, "hops": hops, "minutes": minutes},
            ],
        }
        for to, pin_ranges, next_hop, hops, minutes in zip(*columns, strict=True)
    ]


def _route_of(document: dict[str, Any]) -> Route:
    return Route(
        document["destination"],
        _tuples(document["pin_ranges"]),
        tuple(Way(way["next_hop"], way["hops"], way["minutes"]) for way in document["ways"]),
    )


def _tuples(ranges: Iterable[Sequence[int]]) -> Ranges:
    return tuple((first, last) for first, last in ranges)


class PlannedLeg(NamedTuple):
    """One leg of a path. `minutes` is its cost: the origin's handling and the transit."""

    origin: str
    destination: str
    mode: Mode
    minutes: int

    @property
    def key(self) -> LegKey:
        return LegKey(self.origin, self.destination, self.mode)


@dataclass(frozen=True, slots=True)
class PlannedPath:
    """Facilities from origin to destination FC, the legs between them, the budget at each.

    `budgets[i]` are the legs a package may still take before a hub when it is at `facilities[i]`.
    """

    facilities: tuple[str, ...]
    legs: tuple[PlannedLeg, ...]
    budgets: tuple[int, ...]

    @property
    def origin(self) -> str:
        return self.facilities[0]

    @property
    def destination(self) -> str:
        return self.facilities[-1]

    @property
    def minutes(self) -> int:
        return sum(leg.minutes for leg in self.legs)

    @property
    def hops(self) -> int:
        return len(self.legs)
