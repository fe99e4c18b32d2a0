"""The route tables of a network: of one facility, of a chunk of them, or of all.

What all tables rest on is computed once: home hubs, gateways, ways between hubs. Each FC's table
then needs one search by land, which reaches as many FCs in a large network as in a small one. So
the work grows linearly with the FCs, and a Lambda that builds a chunk does that chunk's share.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from online_kart.domain.errors import NotFound
from online_kart.domain.network import Network
from online_kart.domain.routes import (
    DefaultRoute,
    NextLeg,
    PlannedPath,
    Ranges,
    Route,
    RouteTable,
    merged,
)

from .forwarding import path_to
from .paths import PathFinder


class Router:
    """Route tables and paths of one network, by the rules of ROUTING.md."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._finder = PathFinder(network)
        self._gateways = self._finder.gateways()
        self._air = self._finder.air()
        self._home_of, self._at_home = self._home_hubs()
        self._ranges = {
            self._finder.rank_of[fc.code]: merged(fc.pincode_ranges) for fc in network.fcs
        }
        self._hub_ranges = {
            hub: merged(each for fc in fcs for each in self._ranges[fc])
            for hub, fcs in self._at_home.items()
        }
        self._tables: dict[str, RouteTable] = {}

    def _home_hubs(self) -> tuple[dict[int, int], dict[int, dict[int, int]]]:
        """The home hub of each FC that has one; for each hub, the labels to the FCs at home there.

        Ways compare by label, then by hub: (minutes, legs, next hop, hub).
        """
        nearest: dict[int, tuple[int, int]] = {}
        for hub in self._finder.hubs:
            for fc, front in self._finder.land(hub).items():
                offered = (front[-1], hub)
                nearest[fc] = min(nearest.get(fc, offered), offered)
        at_home: dict[int, dict[int, int]] = defaultdict(dict)
        for fc, (label, hub) in nearest.items():
            at_home[hub][fc] = label
        return {fc: hub for fc, (_, hub) in nearest.items()}, at_home

    def tables(self, codes: Iterable[str] | None = None) -> Iterator[RouteTable]:
        """The tables of these facilities, or of all in the order of their codes. Keeps none."""
        for code in self._finder.codes if codes is None else codes:
            yield self._build(code)

    def table(self, code: str) -> RouteTable:
        """One facility's table, kept for the next call. Raises NotFound."""
        if code not in self._tables:
            self._tables[code] = self._build(code)
        return self._tables[code]

    def plan(self, origin: str, destination: str, budget: int | None = None) -> PlannedPath | None:
        """The path from a facility to an FC, None when there is none. Raises NotFound.

        `budget` is what the package may still take before a hub; without it, the hop limit.
        """
        return path_to(self.table, origin, destination, budget)

    def _build(self, code: str) -> RouteTable:
        facility = self.network.by_code.get(code)
        if facility is None:
            raise NotFound("facility", code)
        return self.hub_table(code) if facility.is_hub else self.fc_table(code)

    def fc_table(self, code: str) -> RouteTable:
        """D5: the FCs within the hop limit by land, and the ways to a hub."""
        finder, fc = self._finder, self._finder.rank_of[code]
        fronts = finder.land(fc)
        gateways = self._gateways.get(fc, [])
        labels = [label for front in fronts.values() for label in front]
        labels += [gateway.label for gateway in gateways]
        home = self._home_of.get(fc)
        return RouteTable(
            facility=code,
            kind=self.network.by_code[code].kind,
            hop_limit=finder.hop_limit,
            own_ranges=self._ranges[fc],
            home_hub=None if home is None else finder.codes[home],
            next_legs=self._next_legs(fc, {finder.next_hop(label) for label in labels}),
            routes=tuple(self._route(to, fronts[to]) for to in sorted(fronts)),
            default_routes=tuple(
                DefaultRoute(finder.codes[hub], *finder.way(label)) for label, hub in gateways
            ),
        )

    def hub_table(self, code: str) -> RouteTable:
        """D6: the FCs at home here, and every other hub that can be reached."""
        finder, hub = self._finder, self._finder.rank_of[code]
        at_home, air = self._at_home.get(hub, {}), self._air[hub]
        next_hops = {finder.next_hop(label) for label in at_home.values()}
        next_hops |= {finder.rank_of[way.next_hop] for way in air.values()}
        return RouteTable(
            facility=code,
            kind=self.network.by_code[code].kind,
            hop_limit=finder.hop_limit,
            own_ranges=(),
            home_hub=None,
            next_legs=self._next_legs(hub, next_hops),
            routes=tuple(self._route(fc, [at_home[fc]]) for fc in sorted(at_home)),
            hub_routes=tuple(
                Route(finder.codes[to], self._served_from(to), (air[to],)) for to in sorted(air)
            ),
        )

    def _route(self, fc: int, front: list[int]) -> Route:
        way = self._finder.way
        return Route(
            self._finder.codes[fc], self._ranges[fc], tuple([way(label) for label in front])
        )

    def _next_legs(self, origin: int, next_hops: set[int]) -> tuple[NextLeg, ...]:
        return tuple(self._finder.leg(origin, next_hop) for next_hop in sorted(next_hops))

    def _served_from(self, hub: int) -> Ranges:
        """The pincodes of all FCs at home at the hub."""
        return self._hub_ranges.get(hub, ())
