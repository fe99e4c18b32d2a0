"""Route tables (ROUTING.md, "Route tables"; D5 of each FC, D6 of each hub) and planned paths.

A table answers one question of forwarding: from here, with so many legs left before a hub, where
next? It holds nothing but what a facility needs to know:

- `routes`: the FCs reached by land (of a hub: those at home there), each with its pincodes;
- `hub_routes` (hubs only): every other hub within reach, with the pincodes of all FCs at home there;
- `default_routes` (FCs only): the ways to a hub, which for each budget name the gateway;
- `next_legs`: mode and cost of the leg to every next hop that a way names.

Several ways lead to one destination: with more legs, faster ones. They are kept as a Pareto front
of (hops, minutes) in the order of hops, so the last that the budget allows is the fastest.

Rows are plain tuples and slotted classes, not pydantic models: a network of 1,000 FCs has
hundreds of thousands of them, and they are made by the router or read from our own store.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
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
    routes: tuple[Route, ...]
    hub_routes: tuple[Route, ...] = ()
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
        return self._to_fc.get(code)

    def to_hub(self, code: str) -> Route | None:
        """A hub's route to another, None when it has none."""
        return self._to_hub.get(code)

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
    def _to_fc(self) -> dict[str, Route]:
        return {route.destination: route for route in self.routes}

    @cached_property
    def _to_hub(self) -> dict[str, Route]:
        return {route.destination: route for route in self.hub_routes}

    @cached_property
    def _leg_to(self) -> dict[str, NextLeg]:
        return {leg.next_hop: leg for leg in self.next_legs}

    @cached_property
    def _pincodes(self) -> tuple[list[int], list[int], list[str]]:
        """Firsts, lasts and facilities of all ranges, sorted. No pincode is in two of them."""
        rows = [(first, last, self.facility) for first, last in self.own_ranges]
        for routes in (self.routes, self.hub_routes):
            for route in routes:
                rows += [(first, last, route.destination) for first, last in route.pin_ranges]
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
            "routes": [_route_document(route) for route in self.routes],
            "hub_routes": [_route_document(route) for route in self.hub_routes],
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
            routes=tuple(_route_of(route) for route in document["routes"]),
            hub_routes=tuple(_route_of(route) for route in document["hub_routes"]),
            default_routes=tuple(DefaultRoute(**route) for route in document["default_routes"]),
        )

    def digest(self) -> str:
        """A hash of the content: equal for equal tables, in every process."""
        values = [getattr(self, each.name) for each in fields(self)]
        return sha256(json.dumps(values, separators=(",", ":")).encode()).hexdigest()


def _route_document(route: Route) -> dict[str, Any]:
    return {
        "destination": route.destination,
        "pin_ranges": route.pin_ranges,
        "ways": [
            {"next_hop": next_hop, "hops": hops, "minutes": minutes}
            for next_hop, hops, minutes in route.ways
        ],
    }


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
