"""Fastest ways from hub to hub, over any number of legs: connecting flights, sailings, road trunks.

There is no hop limit between hubs, so these are plain shortest paths, which igraph finds for all
pairs at once.
"""

from collections.abc import Iterable
from itertools import chain
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
    then the fewest legs. Adding the place of the first stop in the last digit orders what is left.
    """
    if not flights:
        return {}
    base = len(flights)
    place_of = {hub: place for place, hub in enumerate(flights)}
    weights = [
        {place_of[to]: (minutes * base + 1) * base for to, minutes in legs.items()}
        for legs in flights.values()
    ]
    distances = _distances(weights)
    return {
        hub: _ways(list(flights), place, _lightest(weights[place], distances))
        for hub, place in place_of.items()
    }


def _distances(weights: list[dict[int, int]]) -> list[list[float]]:
    import igraph  # 42 ms: only where tables are built

    graph = igraph.Graph(
        n=len(weights),
        edges=[(origin, to) for origin, legs in enumerate(weights) for to in legs],
        directed=True,
    )
    distances: list[list[float]] = graph.distances(
        weights=list(chain.from_iterable(legs.values() for legs in weights))
    )
    return distances


def _lightest(weights: dict[int, int], distances: list[list[float]]) -> Iterable[float]:
    """To every hub, the weight of the best way with its first stop; infinite where there is none."""
    by_first_stop = [
        [distance + start for distance in distances[stop]]
        for stop, weight in weights.items()
        for start in [weight + stop]
    ]
    return map(min, *by_first_stop) if len(by_first_stop) > 1 else chain(*by_first_stop)


def _ways(hubs: list[str], origin: int, lightest: Iterable[float]) -> dict[str, Way]:
    base, square = len(hubs), len(hubs) ** 2
    return {
        hubs[to]: _row(Way, (hubs[digits % base], digits // base % base, digits // square))
        for to, weight in enumerate(lightest)
        if weight != inf and to != origin
        for digits in [int(weight)]
    }
