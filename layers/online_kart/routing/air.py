"""Fastest ways from hub to hub, over any number of legs: connecting flights, sailings, road trunks.

There is no hop limit between hubs, so these are plain shortest paths, which igraph finds for all
pairs at once.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import repeat
from math import inf

from online_kart.domain.routes import Way

from .steps import Steps

_row = tuple.__new__  # see tables.py

Air = dict[str, dict[str, Way]]
"""From each hub the way to every other that can be reached, in the order of their codes."""

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

    A leg weighs its minutes, then one for itself, then nothing: three digits whose base is the
    number of hubs. No path between hubs has as many legs, so the lightest has the fewest minutes and
    then the fewest legs. The place of the first stop in the last digit orders what is left.
    """
    if not flights:
        return {}
    hubs = list(flights)
    lightest = _lightest([_weights(legs, hubs) for legs in flights.values()])
    return {hub: _ways(hubs, place, lightest[place]) for place, hub in enumerate(hubs)}


def _weights(legs: dict[str, int], hubs: list[str]) -> dict[int, int]:
    """Of a hub's legs, by the place of the hub that each leads to."""
    base = len(hubs)
    return {bisect_left(hubs, to): (minutes * base + 1) * base for to, minutes in legs.items()}


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


def _ways(hubs: list[str], origin: int, lightest: Iterable[float]) -> dict[str, Way]:
    """Columns are made into rows in C: there are as many as pairs of hubs."""
    base, square = len(hubs), len(hubs) ** 2
    found = [(to, int(weight)) for to, weight in enumerate(lightest) if weight != inf]
    reached, digits = [hubs[to] for to, _ in found], [weight for _, weight in found]
    first_stops = [hubs[each % base] for each in digits]
    hops, minutes = [each // base % base for each in digits], [each // square for each in digits]
    rows = map(_row, repeat(Way), zip(first_stops, hops, minutes, strict=True))
    ways = dict(zip(reached, rows, strict=True))
    ways.pop(hubs[origin], None)
    return ways
