"""Fastest ways from hub to hub, over any number of legs: connecting flights, sailings, road trunks.

There is no hop limit between hubs, so these are plain shortest paths, which igraph finds for all
pairs at once.
"""

from collections.abc import Iterator
from itertools import chain
from math import inf

from online_kart.domain.routes import Way

from .steps import Steps

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

    A leg weighs its minutes times the number of hubs, plus one: no path between hubs has as many
    legs as there are hubs, so the shortest has the fewest minutes and then the fewest legs.
    """
    if not flights:
        return {}
    hubs, scale = list(flights), len(flights)
    place_of = {hub: place for place, hub in enumerate(hubs)}
    weights = [
        {place_of[to]: minutes * scale + 1 for to, minutes in legs.items()}
        for legs in flights.values()
    ]
    distances = _distances(weights)
    return {
        hub: {
            hubs[to]: Way(hubs[first], legs, minutes)
            for to, first in _first_stops(place, weights[place], distances)
            for minutes, legs in [divmod(int(distances[place][to]), scale)]
        }
        for place, hub in enumerate(hubs)
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


def _first_stops(
    origin: int, weights: dict[int, int], distances: list[list[float]]
) -> Iterator[tuple[int, int]]:
    """Every hub that can be reached, and the first stop of the shortest way; of equals, the least.

    A shortest way starts with a leg that is itself a shortest way. Where such a leg ends at the
    destination, there is no other with as few legs.
    """
    here = distances[origin]
    first_legs = [(stop, weight) for stop, weight in weights.items() if here[stop] == weight]
    direct = {stop for stop, _ in first_legs}
    for to, distance in enumerate(here):
        if to in direct:
            yield to, to
        elif to != origin and distance != inf:
            yield to, next(s for s, weight in first_legs if weight + distances[s][to] == distance)
