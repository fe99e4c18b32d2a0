"""Fastest paths under the hop limit: by land to FCs, by land to a hub, and from hub to hub.

The three searches of ROUTING.md, "What is fastest". A path may take at most `hop_limit` legs
between hubs, so the fastest way to a place depends on the legs one may still take. A search by
land goes in layers: layer k holds what is reached in exactly k legs and faster than with fewer.
So the layers are the Pareto front of (legs, minutes), and only what a layer improved is expanded.

**Labels.** A way is one integer: minutes, then legs, then the rank of its next hop among the
sorted codes. Integers compare as ROUTING.md orders ways: (minutes, legs, code of the next hop). A
leg adds its minutes and one to the legs, in one addition, and keeps the next hop.

**Ties between hubs.** A hub is preferred by (minutes, legs, code of the next hop, code of the hub).
A neighbour offers one way for each budget: its own. So a way to a gateway through a neighbour leads
to the neighbour's gateway; were it to name another hub, as near but with a smaller code, the
neighbour would forward elsewhere, and a table would promise what the next one does not keep.

Between hubs any number of legs is allowed: plain shortest paths, which igraph finds for all pairs
at once. The hop-limited search reaches some hundred FCs whatever the network's size; there, plain
Python is faster than building a graph of layers for igraph.
"""

from collections.abc import Iterator
from itertools import chain
from math import inf
from typing import NamedTuple

from online_kart.domain.network import Network
from online_kart.domain.routes import NextLeg, Way

Steps = list[list[tuple[int, int]]]
"""For each rank, the neighbours' ranks and what the leg between adds to a label."""


class Gateway(NamedTuple):
    """A way to a hub, by ranks: its label and the hub."""

    label: int
    hub: int


class PathFinder:
    """The searches over one network. Facilities are ranks: places in the sorted list of codes."""

    def __init__(self, network: Network) -> None:
        self.hop_limit = network.hop_limit
        self.codes = sorted(facility.code for facility in network.facilities)
        self.rank_of = {code: rank for rank, code in enumerate(self.codes)}
        self.hubs = [self.rank_of[hub.code] for hub in network.hubs]
        self._rank_bits = len(self.codes).bit_length()
        self._minutes_shift = self._rank_bits + self.hop_limit.bit_length()
        self._rank_mask = (1 << self._rank_bits) - 1
        self._hops_mask = (1 << self.hop_limit.bit_length()) - 1
        self._legs = _cheapest_legs(network, self.rank_of)
        self._to_fcs, self._to_hubs = self._steps(set(self.hubs))

    def _steps(self, hubs: set[int]) -> tuple[Steps, Steps]:
        """What a label grows by: from any facility to FCs, and from FCs to hubs."""
        to_fcs: Steps = [[] for _ in self.codes]
        to_hubs: Steps = [[] for _ in self.codes]
        for origin, legs in enumerate(self._legs):
            for destination, leg in legs.items():
                step = (leg.minutes << self._minutes_shift) + (1 << self._rank_bits)
                if destination not in hubs:
                    to_fcs[origin].append((destination, step))
                elif origin not in hubs:
                    to_hubs[origin].append((destination, step))
        return to_fcs, to_hubs

    def leg(self, origin: int, destination: int) -> NextLeg:
        """The cheapest leg between two neighbours; of equals, the first mode by name."""
        return self._legs[origin][destination]

    def way(self, label: int) -> Way:
        return Way(
            self.codes[label & self._rank_mask],
            label >> self._rank_bits & self._hops_mask,
            label >> self._minutes_shift,
        )

    def next_hop(self, label: int) -> int:
        return label & self._rank_mask

    def land(self, source: int) -> dict[int, list[int]]:
        """Labels of the ways to every FC in at most `hop_limit` legs, with only FCs in between.

        Each list is a Pareto front: every label has more legs and fewer minutes than the last.
        """
        steps = self._to_fcs
        best = {fc: step + fc for fc, step in steps[source]}
        fronts = {fc: [label] for fc, label in best.items()}
        best[source] = -1  # never improved: a way back to the source is no way
        layer = {fc: front[0] for fc, front in fronts.items()}
        for _ in range(self.hop_limit - 1):
            after: dict[int, int] = {}
            for fc, label in layer.items():
                for neighbour, step in steps[fc]:
                    reached = label + step
                    if reached < best.get(neighbour, inf):
                        best[neighbour] = after[neighbour] = reached
            for fc, label in after.items():
                fronts.setdefault(fc, []).append(label)
            layer = after
        return fronts

    def gateways(self) -> dict[int, list[Gateway]]:
        """For each FC with a hub in `hop_limit` legs, the Pareto front of its ways to a hub."""
        arriving: Steps = [[] for _ in self.codes]
        for origin, steps in enumerate(self._to_fcs):
            for destination, step in steps:
                arriving[destination].append((origin, step))
        fronts: dict[int, list[Gateway]] = {}
        layer = {
            fc: min(Gateway(step + hub, hub) for hub, step in steps)
            for fc, steps in enumerate(self._to_hubs)
            if steps
        }
        for _ in range(self.hop_limit):
            for fc, gateway in layer.items():
                fronts.setdefault(fc, []).append(gateway)
            layer = self._farther(layer, fronts, arriving)
        return fronts

    def _farther(
        self, layer: dict[int, Gateway], fronts: dict[int, list[Gateway]], arriving: Steps
    ) -> dict[int, Gateway]:
        """The gateways that FCs one leg away from the layer reach through it, and faster so."""
        after: dict[int, Gateway] = {}
        for fc, (label, hub) in layer.items():
            from_here = label - (label & self._rank_mask) + fc
            for origin, step in arriving[fc]:
                known = after.get(origin) or (fronts[origin][-1] if origin in fronts else None)
                if known is None or from_here + step < known.label:
                    after[origin] = Gateway(from_here + step, hub)
        return after

    def air(self) -> dict[int, dict[int, Way]]:
        """The fastest way from each hub to every other over legs from hub to hub.

        A leg weighs its minutes times the number of hubs, plus one: no path between hubs has as
        many legs as there are hubs, so the shortest has the fewest minutes and then the fewest legs.
        """
        scale = len(self.hubs)
        if scale == 0:
            return {}
        place_of = {hub: place for place, hub in enumerate(self.hubs)}
        flights = [
            {
                place_of[to]: leg.minutes * scale + 1
                for to, leg in self._legs[hub].items()
                if to in place_of
            }
            for hub in self.hubs
        ]
        import igraph  # 42 ms: only where tables are built

        graph = igraph.Graph(
            n=scale,
            edges=[(origin, to) for origin, legs in enumerate(flights) for to in legs],
            directed=True,
        )
        weights = list(chain.from_iterable(legs.values() for legs in flights))
        distances: list[list[float]] = graph.distances(weights=weights)
        return {
            hub: {
                self.hubs[to]: Way(self.codes[self.hubs[first]], legs, minutes)
                for to, first in _first_stops(place, flights[place], distances)
                for minutes, legs in [divmod(int(distances[place][to]), scale)]
            }
            for hub, place in place_of.items()
        }


def _cheapest_legs(network: Network, rank_of: dict[str, int]) -> list[dict[int, NextLeg]]:
    """Of parallel legs, the one with the fewest minutes, then with the first mode by name."""
    cheapest: list[dict[int, NextLeg]] = [{} for _ in rank_of]
    for leg in network.legs:
        legs, destination = cheapest[rank_of[leg.origin]], rank_of[leg.destination]
        candidate = NextLeg(leg.destination, leg.mode, network.cost_minutes(leg))
        known = legs.get(destination)
        if known is None or (candidate.minutes, candidate.mode) < (known.minutes, known.mode):
            legs[destination] = candidate
    return cheapest


def _first_stops(
    origin: int, flights: dict[int, int], distances: list[list[float]]
) -> Iterator[tuple[int, int]]:
    """Every hub that can be reached, and the first stop of the shortest way; of equals, the least.

    A shortest way starts with a leg that is itself a shortest way. Where such a leg ends at the
    destination, there is no other with as few legs.
    """
    here = distances[origin]
    first_legs = [
        (stop, weight) for stop, weight in sorted(flights.items()) if here[stop] == weight
    ]
    direct = {stop for stop, _ in first_legs}
    for to, distance in enumerate(here):
        if to in direct:
            yield to, to
        elif to != origin and distance != inf:
            yield to, next(s for s, weight in first_legs if weight + distances[s][to] == distance)
