"""The legs of a network as searches take them: by origin, and by what a leg adds to a label.

Of parallel legs the searches know one, the cheapest. What is known of one facility is never changed
but replaced, so the steps of a network that differs in some legs share the rest with those before.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import compress
from operator import attrgetter
from typing import NamedTuple

from online_kart.domain.network import Leg, Mode, Network
from online_kart.domain.routes import NextLeg

from .changes import Difference
from .labels import Labels

Cheapest = dict[str, tuple[int, Mode]]
"""Of an origin, to each neighbour: minutes of cost and mode of the leg."""


class Moved(NamedTuple):
    """Where the steps of two networks differ: facilities they start from, FCs they lead to."""

    origins: frozenset[str]
    targets: frozenset[str]


class Steps:
    """The steps between the facilities of one network. Never changed once it is made.

    `from_any` has the FCs for keys, each with the facilities that have a leg to it; `to_fcs` has
    all facilities, each with the FCs next to it. Both hold what the leg adds to a label. `first`
    holds the same as labels: those of ways that start with the leg.

    Facilities are in `to_fcs` each followed by one next to it where there was one left. Searches from
    neighbours read much the same: one after another, they find it in the processor's cache.
    """

    def __init__(self, network: Network, labels: Labels) -> None:
        self.labels = labels
        self.hubs = {facility.code for facility in network.facilities if facility.is_hub}
        self.cheapest: dict[str, Cheapest] = {}
        self.to_fcs: dict[str, dict[str, int]] = {}
        self.first: dict[str, dict[str, int]] = {}
        self.from_any: dict[str, dict[str, int]] = {
            code: {} for code in network.by_code if code not in self.hubs
        }
        found = _cheapest_legs(network, network.by_code)
        for origin in _by_neighbour(found):
            self._put(origin, found[origin])
            for fc, step in self.to_fcs[origin].items():
                self.from_any[fc][origin] = step

    def leg(self, origin: str, destination: str) -> NextLeg:
        """The cheapest leg between two neighbours; of equals, the first mode by name."""
        minutes, mode = self.cheapest[origin][destination]
        return NextLeg(destination, mode, minutes)

    def changed_to(
        self, network: Network, labels: Labels, difference: Difference
    ) -> tuple["Steps", Moved]:
        """The steps of another network, and where they differ from these.

        `labels` are these steps' own with room made for the other network's codes.
        """
        steps = self._copy(labels)
        steps.hubs = self.hubs - difference.gone - difference.put
        steps.hubs |= {code for code in difference.put if network.by_code[code].is_hub}
        turned = steps.hubs ^ self.hubs  # a hub that is new, is gone, or takes the place of an FC
        beside = {o for o, legs in self.cheapest.items() if turned & legs.keys()} if turned else ()
        origins = (difference.origins | difference.put).union(beside)
        for code in difference.gone | turned:
            steps._forget(code)
        for code in difference.put - steps.hubs:
            steps.from_any.setdefault(code, {})
        found = _cheapest_legs(network, origins & network.by_code.keys())
        for origin, cheapest in found.items():
            steps._replace(origin, cheapest)
        return steps, self._moved(steps, origins | difference.gone | turned, turned)

    def _copy(self, labels: Labels) -> "Steps":
        steps = object.__new__(Steps)
        steps.labels = labels
        steps.cheapest, steps.to_fcs = dict(self.cheapest), dict(self.to_fcs)
        steps.first, steps.from_any = dict(self.first), dict(self.from_any)
        return steps

    def _put(self, origin: str, cheapest: Cheapest) -> None:
        step, key_of, hubs = self.labels.step, self.labels.key_of, self.hubs
        steps = {to: step(minutes) for to, (minutes, _) in cheapest.items() if to not in hubs}
        self.cheapest[origin] = cheapest
        self.to_fcs[origin] = steps
        self.first[origin] = {fc: step + key_of[fc] for fc, step in steps.items()}

    def _forget(self, code: str) -> None:
        self._replace(code, {})
        for known in (self.cheapest, self.to_fcs, self.first, self.from_any):
            known.pop(code, None)

    def _replace(self, origin: str, cheapest: Cheapest) -> None:
        """Put other legs of a facility in place of those it had."""
        for fc in self.to_fcs.get(origin, ()):
            if fc in self.from_any:
                self.from_any[fc] = {o: s for o, s in self.from_any[fc].items() if o != origin}
        self._put(origin, cheapest)
        for fc, step in self.to_fcs[origin].items():
            self.from_any[fc] = self.from_any[fc] | {origin: step}

    def _moved(self, other: "Steps", origins: Iterable[str], turned: set[str]) -> Moved:
        """Among these origins, which `other` may know differently."""
        moved: set[str] = set()
        targets: set[str] = set()
        for origin in origins:
            before, after = self.first.get(origin, {}), other.first.get(origin, {})
            fcs = before.keys() | after.keys() if origin in turned else set()
            fcs |= {fc for fc, _ in before.items() ^ after.items()}
            targets |= fcs
            apart = self.cheapest.get(origin) != other.cheapest.get(origin)
            if fcs or apart or origin in turned:
                moved.add(origin)
        return Moved(frozenset(moved), frozenset(targets))

    def upstream(self, facilities: Iterable[str], legs: int) -> set[str]:
        """The FCs of these, and those from which one of them is reached by land in so many legs."""
        from_any, hubs = self.from_any, self.hubs
        reached = layer = from_any.keys() & set(facilities)
        for _ in range(legs):
            layer = {origin for fc in layer for origin in from_any[fc]} - hubs - reached
            reached = reached | layer
        return reached

    def downstream(self, facilities: Iterable[str], legs: int) -> set[str]:
        """The FCs of these, and those that are reached from one of them by land in so many legs."""
        to_fcs = self.to_fcs
        reached = layer = self.from_any.keys() & set(facilities)
        for _ in range(legs):
            layer = {fc for origin in layer for fc in to_fcs[origin]} - reached
            reached = reached | layer
        return reached


def _by_neighbour(next_to: Mapping[str, Iterable[str]]) -> list[str]:
    """All facilities, which are the keys, each followed by one next to it where there is one left."""
    order: dict[str, None] = {}
    for code in next_to:
        ahead = [code]
        while ahead:
            here = ahead.pop()
            if here not in order:
                order[here] = None
                ahead += [code for code in next_to[here] if code not in order]
    return list(order)


_ENDS_AND_COST = attrgetter("origin", "destination", "transit_minutes", "mode")


def _cheapest_legs(network: Network, origins: Collection[str]) -> dict[str, Cheapest]:
    """Of parallel legs, the one with the fewest minutes, then with the first mode by name."""
    cheapest_of: dict[str, Cheapest] = {code: {} for code in origins}
    handling = {code: network.by_code[code].handling_minutes for code in origins}
    legs: Iterable[Leg] = network.legs
    if len(cheapest_of) < len(network.by_code):  # after a change: a few of very many
        legs = compress(legs, map(cheapest_of.__contains__, map(attrgetter("origin"), legs)))
    for origin, destination, minutes, mode in map(_ENDS_AND_COST, legs):
        cheapest, candidate = cheapest_of[origin], (handling[origin] + minutes, mode)
        known = cheapest.get(destination)
        if known is None or candidate < known:
            cheapest[destination] = candidate
    return cheapest_of
