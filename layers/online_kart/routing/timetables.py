"""The fastest path from a facility at a given instant: waiting for departures counts.

Route tables hold minutes without waiting, for they are good at every instant. At one instant, a longer way may catch an
earlier departure. Any legs will do here that keep the hop rule (ROUTING.md, "Hop counter"), so the path is never later
than that of the tables.

Who is ready later never arrives earlier on a leg: so the earliest arrival at each state, which is a facility and the
budget left there, is all that a search has to know. It goes in layers, one more leg a layer, and finds the earliest
arrival and the fewest legs that reach it.

**Ties.** Paths compare by (arrival, legs), then at each step by (code of the next hop, mode). Many ways wait for the same
departure, and a way that reaches it late ties with one that waited long. So a second search goes back from the
destination: how late may one be at each state, with so many legs to go? The path then takes the first code that is in time.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from online_kart.domain.batches import arrival_of, last_departure, next_departure
from online_kart.domain.network import Leg, Network
from online_kart.domain.routes import PlannedLeg, PlannedPath

NEVER = datetime.max.replace(tzinfo=UTC)


class _State(NamedTuple):
    """At a facility with that budget; looked at from behind, with at least that budget."""

    code: str
    budget: int


_Layer = dict[_State, datetime]


class _Found(NamedTuple):
    """The best there is: when it arrives, in how many legs; and the earliest arrival at each facility on the way."""

    arrival: datetime
    hops: int
    earliest: dict[str, datetime]


class TimetableSearch:
    """Fastest paths at given instants over one network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._from: dict[str, list[Leg]] = defaultdict(list)
        self._to: dict[str, list[Leg]] = defaultdict(list)
        for leg in sorted(network.legs, key=lambda leg: (leg.destination, leg.mode)):
            self._from[leg.origin].append(leg)
            self._to[leg.destination].append(leg)

    def path(
        self, origin: str, destination: str, at: datetime, budget: int | None = None
    ) -> PlannedPath | None:
        """The path of a package that is at the origin then and is handled at once, None when there is none.

        `budget` is what a package under way has left; without it, or at a hub, it is the hop limit.
        """
        full = self._network.hop_limit
        start = _State(origin, full if budget is None or self._is_hub(origin) else budget)
        if origin == destination:
            return PlannedPath((origin,), (), (start.budget,))
        found = self._forward(start, destination, at)
        if found is None:
            return None
        return self._first_in_time(start, at, self._backward(destination, found))

    def _forward(self, start: _State, destination: str, at: datetime) -> _Found | None:
        """Layer after layer, until no state is reached earlier than with fewer legs."""
        best: _Layer = {start: at}
        layer, hops, found = best.copy(), 0, None
        while layer:
            bound = found.arrival if found else NEVER
            hops += 1
            layer = self._after(layer, best, bound)
            there = [arrival for state, arrival in layer.items() if state.code == destination]
            if there:
                found = _Found(min(there), hops, {})
        return found and found._replace(earliest=_earliest(best))

    def _after(self, layer: _Layer, best: _Layer, bound: datetime) -> _Layer:
        """What one more leg reaches before `bound`, and earlier than was known of it and of higher budgets there."""
        after: _Layer = {}
        for state, arrived_at in layer.items():
            for _, to, arrives_at in self._onward(state, arrived_at):
                if arrives_at < bound and self._is_news(to, arrives_at, best):
                    best[to] = after[to] = arrives_at
        return after

    def _is_news(self, state: _State, arrives_at: datetime, best: _Layer) -> bool:
        code, budget = state
        budgets = range(budget, self._network.hop_limit + 1)
        return all(arrives_at < best.get(_State(code, each), NEVER) for each in budgets)

    def _onward(
        self, state: _State, arrived_at: datetime
    ) -> Iterator[tuple[Leg, _State, datetime]]:
        """Each leg, where it leads to, and when it is there. By code and mode."""
        if state.budget == 0:
            return
        here = self._network.by_code[state.code]
        ready_at = arrived_at + timedelta(minutes=here.handling_minutes)
        for leg in self._from[state.code]:
            to = leg.destination
            left = self._network.hop_limit if self._is_hub(to) else state.budget - 1
            departs_at = next_departure(leg, ready_at, here.time_zone)
            yield leg, _State(to, left), arrival_of(departs_at, leg.transit_minutes)

    def _backward(self, destination: str, found: _Found) -> list[_Layer]:
        """For each number of legs to go: how late one may be at a state, to arrive no later than the best."""
        layers: list[_Layer] = [{_State(destination, 0): found.arrival}]
        for _ in range(found.hops):
            before: _Layer = {}
            for state, latest in layers[-1].items():
                for leg in self._to[state.code]:
                    here, in_time = self._in_time(leg, state, latest)
                    reachable = found.earliest.get(here.code, NEVER) <= in_time
                    if reachable and here.budget <= self._network.hop_limit:
                        before[here] = max(in_time, before.get(here, in_time))
            layers.append(before)
        return layers

    def _in_time(self, leg: Leg, state: _State, latest: datetime) -> tuple[_State, datetime]:
        """Where the leg comes from with the budget it takes, and how late one may be there."""
        origin = self._network.by_code[leg.origin]
        budget = 1 if self._is_hub(state.code) else state.budget + 1
        arrival_latest = latest - timedelta(minutes=leg.transit_minutes)
        departs_at = last_departure(leg, arrival_latest, origin.time_zone)
        return _State(leg.origin, budget), departs_at - timedelta(minutes=origin.handling_minutes)

    def _first_in_time(self, start: _State, at: datetime, layers: list[_Layer]) -> PlannedPath:
        """From the start, always the first leg after which one is still in time."""
        state, states, legs = start, [start], []
        for layer in reversed(layers[:-1]):
            leg, state, at = next(
                step for step in self._onward(state, at) if _is_in_time(layer, step[1], step[2])
            )
            minutes = self._network.cost_minutes(leg)
            legs.append(PlannedLeg(leg.origin, leg.destination, leg.mode, minutes))
            states.append(state)
        return PlannedPath(
            tuple(state.code for state in states),
            tuple(legs),
            tuple(state.budget for state in states),
        )

    def _is_hub(self, code: str) -> bool:
        return self._network.by_code[code].is_hub


def _earliest(best: _Layer) -> dict[str, datetime]:
    earliest: dict[str, datetime] = {}
    for state, arrival in best.items():
        earliest[state.code] = min(arrival, earliest.get(state.code, arrival))
    return earliest


def _is_in_time(layer: _Layer, state: _State, arrives_at: datetime) -> bool:
    code, budget = state
    return any(
        arrives_at <= layer[needed]
        for needed in (_State(code, each) for each in range(budget + 1))
        if needed in layer
    )
