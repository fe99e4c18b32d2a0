"""Fastest ways from hub to hub, over any number of legs: connecting flights, sailings, road trunks.

There is no hop limit between hubs, so these are plain shortest paths, which igraph finds for all
pairs at once.
"""

from bisect import bisect_left
from math import inf
from typing import NamedTuple

from .steps import Steps


class AirWays(NamedTuple):
    """From one hub, by columns: every hub that can be reached in the order of their codes, and the way there."""

    hubs: tuple[str, ...]
    next_hops: tuple[str, ...]
    hops: tuple[int, ...]
    minutes: tuple[int, ...]

    def reaches(self, hub: str) -> bool:
        place = bisect_left(self.hubs, hub)
        return place < len(self.hubs) and self.hubs[place] == hub


Air = dict[str, AirWays]
"""By the hub where the ways begin."""

Flights = dict[str, dict[str, int]]
"""From each hub the minutes of the legs to other hubs, in the order of their codes."""


def flights(steps: Steps) -> Flights:
    hubs = steps.hubs
    return {
        hub: {to: minutes for to, (minutes, _) in sorted(steps.cheapest[hub].items()) if to in hubs}
        for hub in sorted(hubs)
    }


def air(flights: Flights) -> Air:
    """The fastest way from each hub to every other over legs from hub to hub.

    A leg weighs its minutes, then one for itself, then nothing: three digits, each of as many bits as
    the number of hubs takes. No path between hubs has as many legs, so the lightest has the fewest minutes
    and then the fewest legs. The place of the first stop in the last digit orders what is left.
    """
    if not flights:
        return {}
    hubs = list(flights)
    lightest = _lightest([_weights(legs, hubs) for legs in flights.values()])
    return {hub: _ways(hubs, place, lightest[place]) for place, hub in enumerate(hubs)}


def _weights(legs: dict[str, int], hubs: list[str]) -> dict[int, int]:
    """Of a hub's legs, by the place of the hub that each leads to."""
    bits = len(hubs).bit_length()
    one_leg = 1 << bits
    return {bisect_left(hubs, to): (minutes << 2 * bits) + one_leg for to, minutes in legs.items()}


def _lightest(weights: list[dict[int, int]]) -> list[list[float]]:
    """From every hub to every hub, the weight of the best way with its first stop; infinite where there is none.

    Each hub is there twice. Searches start at the second, whose legs weigh the first stop as well.
    """
    import igraph  # 42 ms: only where tables are built

    count = len(weights)
    legs = [
        (origin, to, weight) for origin, out in enumerate(weights) for to, weight in out.items()
    ]
    starts = [(count + origin, to, weight + to) for origin, to, weight in legs]
    graph = igraph.Graph(
        n=2 * count, edges=[(origin, to) for origin, to, _ in legs + starts], directed=True
    )
    lightest: list[list[float]] = graph.distances(
        source=range(count, 2 * count),
        target=range(count),
        weights=[weight for _, _, weight in legs + starts],
    )
    return lightest


def _ways(hubs: list[str], origin: int, lightest: list[float]) -> AirWays:
    """Digits are read column by column: there are as many as pairs of hubs."""
    bits = len(hubs).bit_length()
    mask = (1 << bits) - 1
    reached = [*hubs[:origin], *hubs[origin + 1 :]]  # a way back to it is no way
    weights = [*lightest[:origin], *lightest[origin + 1 :]]
    if inf in weights:
        reached = [hub for hub, weight in zip(reached, weights, strict=True) if weight != inf]
        weights = [weight for weight in weights if weight != inf]
    digits = list(map(int, weights))
    return AirWays(
        hubs=tuple(reached),
        next_hops=tuple([hubs[each & mask] for each in digits]),
        hops=tuple([each >> bits & mask for each in digits]),
        minutes=tuple([each >> 2 * bits for each in digits]),
    )
