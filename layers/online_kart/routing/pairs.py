"""Pairs of FCs between two networks: which can't, or can, reach each other any more, and whose promise date moves.

A network of 400 FCs has 160,000 pairs, and most changes concern few of them. A pair can only differ where its packages
pass a facility that is a *suspect* on the way to the destination: one whose row to the destination, to a hub, or from
hub to hub on that way differs, or whose handling, calendar or legs do. So the ways to each destination are followed in
the first network only until a suspect is met; what passes none is as before.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import cache, cached_property
from heapq import nsmallest
from typing import NamedTuple

from online_kart.domain.differences import (
    FcPair,
    PromiseChange,
    PromisesDifference,
    ReachDifference,
    listed,
)
from online_kart.domain.network import Facility, LegKey, Network

from .comparison import Comparison, Planned
from .forwarding import Forwarding

WORST_MAX = 10
PAIRS_LOOKED_AT_MAX = 400_000
PROMISES_COMPARED_MAX = 200_000
"""More pairs than these are sampled, evenly: a request must be answered within half a minute."""

UNTIMED = frozenset({"pincode_ranges", "name", "state", "latitude", "longitude", "capacity_units"})
"""What a facility has that no time of a path depends on."""


def pair_differences(
    comparison: Comparison, listed_max: int
) -> tuple[ReachDifference, PromisesDifference]:
    """What differs for pairs of FCs that are in both networks."""
    outcome = _Outcome(comparison)
    return outcome.reach(listed_max), outcome.promises()


# -- which pairs may differ


class Suspects:
    """Facilities where packages to a destination may fare otherwise than before."""

    def __init__(self, comparison: Comparison) -> None:
        self._before, self._after = comparison.before, comparison.after
        self._are_all = self._before.network.hop_limit != self._after.network.hop_limit
        self.retimed = _retimed(self._before.network, self._after.network)
        self._always = set(self.retimed)
        self._by_land: dict[str, set[str]] = defaultdict(set)
        self._from_hubs: dict[str, set[str]] = defaultdict(set)
        kinds = self._before.network.by_code | self._after.network.by_code
        for facility, destination, _, _ in comparison.rows:
            if not kinds[destination].is_hub:
                self._by_land[destination].add(facility)
            elif kinds[facility].is_hub:
                self._from_hubs[destination].add(facility)
            else:
                self._always.add(facility)  # whatever it sends by hub

    def towards(self, fc_code: str) -> set[str] | None:
        """Those on the way to an FC. None: anywhere, for the last part of every way by hub differs."""
        home_hub = self._before.table_of(fc_code).home_hub
        by_land = self._by_land[fc_code]
        if self._are_all or home_hub in by_land:
            return None
        if home_hub != self._after.table_of(fc_code).home_hub:
            return None
        hubs = self._from_hubs[home_hub] if home_hub else set()
        return self._always | by_land | hubs | {fc for hub in hubs for fc in self._senders[hub]}

    @cached_property
    def _senders(self) -> dict[str, set[str]]:
        """The FCs that send to a hub, with some budget: they compare its way with theirs by land."""
        senders: dict[str, set[str]] = defaultdict(set)
        for code in self._before.fc_codes:
            for way in self._before.table_of(code).default_routes:
                senders[way.hub].add(code)
        return senders


def _retimed(before: Network, after: Network) -> set[str]:
    """Facilities of both networks where a package spends, or takes to go on, other times than before."""
    retimed = {
        leg.origin
        for key, leg in after.by_key.items()
        if (old := before.by_key.get(key)) is not None and old is not leg and old != leg
    }
    for code, facility in after.by_code.items():
        known = before.by_code.get(code)
        if known is not None and _times(known) != _times(facility):
            retimed.add(code)
    return retimed


def _times(facility: Facility) -> dict[str, object]:
    return {key: value for key, value in facility if key not in UNTIMED}


class _Ways:
    """The ways to one FC, followed until a suspect is met."""

    def __init__(self, planned: Planned, destination: str, suspects: set[str]) -> None:
        self._network, self._destination = planned.network, destination
        self.forwarding = Forwarding(planned.table_of, destination)
        self._suspects = suspects
        self._known: dict[tuple[str, int], bool] = {}

    def meets_a_suspect(self, origin: str) -> bool:
        """A way that another followed before is not followed again."""
        trail: list[tuple[str, int]] = []
        state = (origin, self._network.hop_limit)
        while (known := self._known.get(state, self._end(state))) is None:
            trail.append(state)
            state = self._next(state)
        self._known.update(dict.fromkeys([*trail, state], known))
        return known

    def _end(self, state: tuple[str, int]) -> bool | None:
        """Whether the way ends at a suspect. None where it goes on."""
        if state[0] in self._suspects:
            return True
        is_last = state[0] == self._destination or self.forwarding.choice(*state) is None
        return False if is_last else None

    def _next(self, state: tuple[str, int]) -> tuple[str, int]:
        choice = self.forwarding.choice(*state)
        assert choice is not None, "The way ends here."
        is_hub = self._network.by_code[choice.next_hop].is_hub
        return choice.next_hop, self._network.hop_limit if is_hub else state[1] - 1


class Affected(NamedTuple):
    """Origins from which the way to a destination may differ, and the ways in the first network."""

    destination: str
    origins: list[str]
    before: Forwarding


def destinations_looked_at(fcs: Sequence[str]) -> Sequence[str]:
    """All of them; of a network with too many pairs, every n-th."""
    step = -(-(len(fcs) ** 2) // PAIRS_LOOKED_AT_MAX) or 1
    return fcs[::step]


def affected_pairs(comparison: Comparison, suspects: Suspects) -> Iterator[Affected]:
    """By destination, of those that are looked at."""
    fcs = comparison.common_fcs()
    for destination in destinations_looked_at(fcs):
        others = [fc for fc in fcs if fc != destination]
        towards = suspects.towards(destination)
        ways = _Ways(comparison.before, destination, towards or set())
        if towards is not None:
            others = [fc for fc in others if ways.meets_a_suspect(fc)] if towards else []
        if others:
            yield Affected(destination, others, ways.forwarding)


# -- what differs


State = tuple[str, int, datetime]
"""Where a package is, the legs it has left, and when it is ready to go on."""


class _Dates:
    """The promise dates of one network's packages."""

    def __init__(self, planned: Planned) -> None:
        self._planned = planned
        self._ready_at = cache(planned.times.ready_at)
        self._onward = cache(
            planned.times.onward
        )  # departures are few, and many packages share them

    def to(self, forwarding: Forwarding, destination: str) -> Callable[[str], date]:
        """The promise date from an origin FC that has a way there. Ways that meet are followed on once."""
        known: dict[State, date] = {}
        hop_limit, times = self._planned.network.hop_limit, self._planned.times

        def from_(origin: str) -> date:
            state = (origin, hop_limit, self._ready_at(origin))
            trail = [state]
            while state not in known and state[0] != destination:
                state = self._next(forwarding, state)
                trail.append(state)
            if state not in known:
                known[state] = times.promise_date(destination, state[2])
            known.update(dict.fromkeys(trail, known[state]))
            return known[state]

        return from_

    def _next(self, forwarding: Forwarding, state: State) -> State:
        at, budget, ready_at = state
        choice = forwarding.choice(at, budget)
        assert choice is not None, "A way is known to there."
        next_hop = choice.next_hop
        leg = LegKey(at, next_hop, self._planned.table_of(at).leg_to(next_hop).mode)
        network = self._planned.network
        left = network.hop_limit if network.by_code[next_hop].is_hub else budget - 1
        return next_hop, left, self._onward(leg, ready_at)


class _Outcome:
    """What differs for the pairs that may."""

    def __init__(self, comparison: Comparison) -> None:
        self._before, self._after = comparison.before, comparison.after
        suspects = Suspects(comparison)
        self._destinations = comparison.common_fcs()
        self._lost: list[FcPair] = []
        self._gained: list[FcPair] = []
        self._unreachable_fcs: list[str] = []
        self._moved: list[PromiseChange] = []
        self._pairs_count = self._compared_count = 0
        self._dates = _Dates(self._before), _Dates(self._after)
        affected = list(affected_pairs(comparison, suspects))
        self._step = -(-sum(len(each.origins) for each in affected) // PROMISES_COMPARED_MAX) or 1
        for each in affected:
            self._look_at(each)

    def _look_at(self, affected: Affected) -> None:
        destination, before = affected.destination, affected.before
        after = Forwarding(self._after.table_of, destination)
        both, loses = [], False
        for origin in affected.origins:
            was = before.choice(origin, self._before.network.hop_limit) is not None
            will_be = after.choice(origin, self._after.network.hop_limit) is not None
            if was and will_be:
                both.append(origin)
            elif was != will_be:
                (self._lost if was else self._gained).append(_pair(origin, destination))
                loses |= was
        if loses and not self._is_reached(destination, after):
            self._unreachable_fcs.append(destination)
        self._compare_promises(destination, both, before, after)

    def _is_reached(self, destination: str, after: Forwarding) -> bool:
        hop_limit = self._after.network.hop_limit
        return any(
            after.choice(origin, hop_limit) is not None
            for origin in self._after.fc_codes
            if origin != destination
        )

    def _compare_promises(
        self, destination: str, origins: list[str], before: Forwarding, after: Forwarding
    ) -> None:
        date_before = self._dates[0].to(before, destination)
        date_after = self._dates[1].to(after, destination)
        first = -self._pairs_count % self._step  # every n-th of all pairs
        compared = origins[first :: self._step]
        self._pairs_count += len(origins)
        self._compared_count += len(compared)
        for origin in compared:
            dates = date_before(origin), date_after(origin)
            if dates[0] != dates[1]:
                self._moved.append(_promise_change(origin, destination, *dates))

    def reach(self, listed_max: int) -> ReachDifference:
        return ReachDifference(
            destinations_count=len(self._destinations),
            looked_at_count=len(destinations_looked_at(self._destinations)),
            unreachable_fcs=listed(self._unreachable_fcs, listed_max),
            unreachable=listed(sorted(self._lost, key=_in_order), listed_max),
            reachable=listed(sorted(self._gained, key=_in_order), listed_max),
        )

    def promises(self) -> PromisesDifference:
        by_days = Counter(change.days for change in self._moved)
        return PromisesDifference(
            pairs_count=self._pairs_count,
            compared_count=self._compared_count,
            moved_count=len(self._moved),
            by_days=dict(sorted(by_days.items())),
            worst=tuple(
                nsmallest(WORST_MAX, self._moved, key=lambda each: (-each.days, *_in_order(each)))
            ),
        )


def _pair(origin: str, destination: str) -> FcPair:
    return FcPair(origin=origin, destination=destination)


def _in_order(pair: FcPair) -> tuple[str, str]:
    return pair.origin, pair.destination


def _promise_change(origin: str, destination: str, before: date, after: date) -> PromiseChange:
    return PromiseChange(
        origin=origin,
        destination=destination,
        before=before,
        after=after,
        days=(after - before).days,
    )
