"""The routing rules by their definitions (ROUTING.md, "What is fastest"), slow and plain.

Written apart from the router, to compare it with: no labels, no layers, no igraph, no tables. A
way is (minutes, legs, code of the next hop, code of the hub), so ways compare as the rules say.
"""

from collections.abc import Callable
from functools import cache, cached_property
from typing import NamedTuple

from online_kart.domain.network import Network


class SlowWay(NamedTuple):
    minutes: int
    legs: int
    next_hop: str
    hub: str = ""


class BruteForce:
    def __init__(self, network: Network) -> None:
        self.hop_limit = network.hop_limit
        self.fcs = [facility.code for facility in network.fcs]
        self.hubs = [facility.code for facility in network.hubs]
        self._costs: dict[str, dict[str, int]] = {facility: {} for facility in network.by_code}
        for leg in network.legs:
            cost = network.by_code[leg.origin].handling_minutes + leg.transit_minutes
            known = self._costs[leg.origin].get(leg.destination, cost)
            self._costs[leg.origin][leg.destination] = min(cost, known)

    def land(self, origin: str, to: str, legs_max: int) -> SlowWay | None:
        return self._land(origin, to, legs_max)

    def air(self, origin: str, to: str) -> SlowWay | None:
        return self._air(origin, to, len(self.hubs))

    @cached_property
    def _land(self) -> Callable[[str, str, int], SlowWay | None]:
        return self._ways_with(self.fcs, self.fcs + self.hubs)

    @cached_property
    def _air(self) -> Callable[[str, str, int], SlowWay | None]:
        return self._ways_with(self.hubs, self.hubs)

    def _ways_with(
        self, between: list[str], ends: list[str]
    ) -> Callable[[str, str, int], SlowWay | None]:
        """The fastest way in at most so many legs, with none but these in between."""

        @cache
        def fastest(origin: str, to: str, legs_max: int) -> SlowWay | None:
            ways = []
            for neighbour, cost in self._costs[origin].items():
                if neighbour == to and to in ends:
                    ways.append(SlowWay(cost, 1, neighbour))
                elif neighbour in between and legs_max > 1:
                    rest = fastest(neighbour, to, legs_max - 1)
                    if rest:
                        ways.append(SlowWay(cost + rest.minutes, 1 + rest.legs, neighbour))
            return min(ways, default=None) if legs_max else None

        return fastest

    def nearest_hubs(self, fc: str, budget: int) -> list[SlowWay]:
        """The fastest way to each hub, best first; the first three fields are the gateway's."""
        ways = [(self.land(fc, hub, budget), hub) for hub in self.hubs]
        return sorted(way._replace(hub=hub) for way, hub in ways if way)

    def gateway(self, fc: str, budget: int) -> SlowWay | None:
        """Each neighbour offers a way to one hub: itself, or its own gateway with a leg less."""
        ways = []
        for neighbour, cost in self._costs[fc].items() if budget else ():
            if neighbour in self.hubs:
                ways.append(SlowWay(cost, 1, neighbour, neighbour))
            elif onward := self.gateway(neighbour, budget - 1):
                way = SlowWay(cost + onward.minutes, 1 + onward.legs, neighbour, onward.hub)
                ways.append(way)
        return min(ways, default=None)

    def home(self, fc: str) -> SlowWay | None:
        ways = [(self.land(hub, fc, self.hop_limit), hub) for hub in self.hubs]
        return min((way._replace(hub=hub) for way, hub in ways if way), default=None)

    def from_hub(self, hub: str, fc: str) -> SlowWay | None:
        home = self.home(fc)
        if home is None or home.hub == hub:
            return home and home._replace(hub="")
        air = self.air(hub, home.hub)
        return air and SlowWay(air.minutes + home.minutes, air.legs + home.legs, air.next_hop)

    def choice(self, at: str, fc: str, budget: int) -> SlowWay | None:
        """The fastest way from a facility to an FC with this budget, None if unreachable."""
        if at in self.hubs:
            return self.from_hub(at, fc)
        ways = [self.land(at, fc, budget)]
        gateway = self.gateway(at, budget)
        onward = gateway and self.from_hub(gateway.hub, fc)
        if gateway and onward:
            minutes, legs = gateway.minutes + onward.minutes, gateway.legs + onward.legs
            ways.append(SlowWay(minutes, legs, gateway.next_hop, gateway.hub))
        return min((way for way in ways if way), default=None)
