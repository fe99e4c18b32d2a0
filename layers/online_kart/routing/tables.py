"""The route tables of a network: of one facility, of a chunk of them, or of all.

What all tables rest on is computed once: home hubs, gateways, ways between hubs. Each FC's table
then needs one search by land, which reaches as many FCs in a large network as in a small one. So
the work grows linearly with the FCs, and a Lambda that builds a chunk does that chunk's share.

After a change of the network, a router makes the next one (`Router.changed_to`): what the change can't
reach is taken over, and the facilities are named whose tables differ.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from online_kart.domain.errors import NotFound
from online_kart.domain.network import Network
from online_kart.domain.routes import (
    DefaultRoute,
    NextLeg,
    PlannedPath,
    RouteColumns,
    RouteTable,
)

from .changes import difference
from .forwarding import path_to
from .garbage import no_collection
from .groundwork import Groundwork, Reach, changed
from .labels import Labels
from .nearest import front
from .paths import Land, land


class Router:
    """Route tables and paths of one network, by the rules of ROUTING.md."""

    def __init__(self, network: Network) -> None:
        self.network = network
        with no_collection():
            self._ground = Groundwork.of(network)
        self._tables: dict[str, RouteTable] = {}

    @classmethod
    def _on(cls, network: Network, ground: Groundwork, tables: dict[str, RouteTable]) -> "Router":
        router = cls.__new__(cls)
        router.network, router._ground, router._tables = network, ground, tables
        return router

    def tables(self, codes: Iterable[str] | None = None) -> Iterator[RouteTable]:
        """The tables of these facilities, or of all in the order of their codes. Keeps those of hubs."""
        for code in sorted(self.network.by_code) if codes is None else codes:
            if code in self._ground.steps.hubs:
                yield self.table(code)
            else:
                yield self._tables.get(code) or self._build(code)

    def all_tables(self) -> list[RouteTable]:
        """The tables of all facilities, in the order of their codes, at once. They take some memory."""
        with no_collection():
            made = {each.facility: each for each in self.tables(self._ground.steps.to_fcs)}
            return [made[code] for code in sorted(made)]

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

    def changed_to(self, network: Network) -> "Change":
        """The router of another network, made of this one, and the facilities whose tables differ.

        This one stays as it is. Both share what the change can't reach, and the tables kept so far.
        """
        if network.hop_limit != self.network.hop_limit:
            return Change(Router(network), frozenset(network.by_code))
        with no_collection():
            return self._changed_to(network)

    def _changed_to(self, network: Network) -> "Change":
        apart = difference(self.network, network)
        labels = self._ground.steps.labels
        labels_after = labels.changed_to(apart.gone, apart.put - labels.key_of.keys())
        if labels_after is None:
            return self._with_room_for(network)._changed_to(network)
        ground, reach = changed(self._ground, network, apart, labels_after)
        return self._change(Router._on(network, ground, {}), reach, apart.gone)

    def _with_room_for(self, network: Network) -> "Router":
        """This router, with labels in which there is room for the other network's codes."""
        codes = self.network.by_code.keys() | network.by_code.keys()
        ground = Groundwork.of(self.network, Labels(codes, network.hop_limit))
        return Router._on(self.network, ground, self._tables)

    def _change(self, router: "Router", reach: Reach, gone: frozenset[str]) -> "Change":
        """Compares the tables that the change may have reached, of which there are few."""
        router._tables |= self._tables
        for code in gone | reach.named | reach.fcs | reach.hubs:
            router._tables.pop(code, None)
        touched = {code for code in reach.fcs | reach.hubs if self._differs(router, code)}
        touched |= reach.named
        for hub in router._ground.steps.hubs - reach.hubs:
            rows = set(filter(router._ground.air[hub].reaches, reach.homes))
            if rows:
                touched.add(hub)
                router._renew_rows(hub, rows)
        return Change(router, frozenset(touched))

    def _differs(self, router: "Router", code: str) -> bool:
        if code not in self.network.by_code:
            return True
        return (self._tables.get(code) or self._build(code)) != router.table(code)

    def _renew_rows(self, hub: str, homes: Iterable[str]) -> None:
        """Put the pincodes of the FCs that are at home at some hubs now into a hub's kept table."""
        table = self._tables.get(hub)
        if table is None:
            return
        routes = table.hub_routes
        ranges = list(routes.pin_ranges)
        for home in homes:
            ranges[bisect_left(routes.destinations, home)] = self._ground.served_from(home)
        renewed = replace(routes, pin_ranges=tuple(ranges))
        self._tables[hub] = replace(table, hub_routes=renewed)

    def _build(self, code: str) -> RouteTable:
        facility = self.network.by_code.get(code)
        if facility is None:
            raise NotFound("facility", code)
        return self.hub_table(code) if facility.is_hub else self.fc_table(code)

    def fc_table(self, code: str) -> RouteTable:
        """D5: the FCs within the hop limit by land, and the ways to a hub."""
        ground = self._ground
        labels = ground.steps.labels
        gateways = front(ground.gateways, code)
        routes = self._routes(land(ground.steps, code))
        default_routes = tuple(
            DefaultRoute(gateway.hub, *labels.way(gateway.label)) for gateway in gateways
        )
        by_hub = {way.next_hop for way in default_routes}
        return RouteTable(
            facility=code,
            kind=self.network.by_code[code].kind,
            hop_limit=labels.hop_limit,
            own_ranges=ground.ranges[code],
            home_hub=ground.home(code),
            next_legs=self._next_legs(code, routes.all_next_hops() | by_hub),
            routes=routes,
            default_routes=default_routes,
        )

    def hub_table(self, code: str) -> RouteTable:
        """D6: the FCs at home here, and every other hub that can be reached."""
        ground = self._ground
        air, ranges = ground.air[code], ground.hub_ranges
        routes = self._routes(Land(ground.at_home.get(code, {}), {}))
        hub_routes = RouteColumns(
            air.hubs,
            tuple([ranges.get(hub, ()) for hub in air.hubs]),
            air.next_hops,
            air.hops,
            air.minutes,
        )
        return RouteTable(
            facility=code,
            kind=self.network.by_code[code].kind,
            hop_limit=ground.steps.labels.hop_limit,
            own_ranges=(),
            home_hub=None,
            next_legs=self._next_legs(code, routes.all_next_hops() | hub_routes.all_next_hops()),
            routes=routes,
            hub_routes=hub_routes,
        )

    def _routes(self, by_land: Land) -> RouteColumns:
        """By columns at once: a network of 10,000 FCs has near a million routes."""
        labels = self._ground.steps.labels
        key_mask, hops_mask = labels.key_mask, labels.hops_mask
        hops, minutes = labels.hops_shift, labels.minutes_shift
        fcs = sorted(by_land.fastest)
        ways = [by_land.fastest[fc] for fc in fcs]
        return RouteColumns(
            destinations=tuple(fcs),
            pin_ranges=tuple(map(self._ground.ranges.__getitem__, fcs)),
            next_hops=tuple([labels.code_of[label & key_mask] for label in ways]),
            hops=tuple([label >> hops & hops_mask for label in ways]),
            minutes=tuple([label >> minutes for label in ways]),
            slower={fc: tuple(map(labels.way, others)) for fc, others in by_land.shorter.items()},
        )

    def _next_legs(self, origin: str, next_hops: Iterable[str]) -> tuple[NextLeg, ...]:
        return tuple(self._ground.steps.leg(origin, next_hop) for next_hop in sorted(next_hops))


@dataclass(frozen=True)
class Change:
    """A router made of another one.

    `touched` are the facilities of its network that are new, or whose table differs from the one
    they had. Of every other facility both routers have the same table.
    """

    router: Router
    touched: frozenset[str]
