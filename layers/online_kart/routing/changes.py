"""What a change of the network changes for routing, and which paths of packages it breaks."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from online_kart.domain.network import LegKey, Network
from online_kart.domain.routes import merged

Entry = TypeVar("Entry")


class Gone(NamedTuple):
    """Facilities and legs that were there before. A facility takes its legs with it."""

    facilities: frozenset[str]
    legs: frozenset[LegKey]

    @property
    def is_nothing(self) -> bool:
        return not (self.facilities or self.legs)


def gone(old: Network, new: Network) -> Gone:
    """What the old network has and the new one has not."""
    return Gone(
        frozenset(old.by_code.keys() - new.by_code.keys()),
        frozenset(old.by_key.keys() - new.by_key.keys()),
    )


def is_broken(remaining: Iterable[tuple[str, str, str]], network: Network) -> bool:
    """Whether a package can't travel the rest of its path: (origin, destination, mode) of each leg.

    A leg is no more when one of its ends is not, so the legs say it all.
    """
    return any(leg not in network.by_key for leg in remaining)


class Difference(NamedTuple):
    """What routing sees of a change, by codes of facilities.

    `gone` are no more; `put` are new, or differ in kind, handling minutes or pincodes; from
    `origins` start legs that are new, gone, or take another time. Names, positions, capacities,
    cut-offs and departure times are in no route table, so they make no difference.
    """

    gone: frozenset[str]
    put: frozenset[str]
    origins: frozenset[str]

    @property
    def is_nothing(self) -> bool:
        return not any(self)


def difference(old: Network, new: Network) -> Difference:
    """What routing sees of a change from one network to another with the same hop limit.

    Facilities and legs that are the same object in both are not looked into, so it is quick for a
    network that was made of another's entries; one that was read anew is compared by value.
    """
    before, after = _apart(old.facilities, new.facilities)
    known = {facility.code: _routed(facility) for facility in before}
    now = {facility.code: _routed(facility) for facility in after}
    legs_before, legs_after = _apart(old.legs, new.legs)
    legs = set(map(_leg, legs_before)) ^ set(map(_leg, legs_after))
    return Difference(
        gone=frozenset(known.keys() - now.keys()),
        put=frozenset(code for code, facts in now.items() if known.get(code) != facts),
        origins=frozenset(origin for origin, *_ in legs),
    )


def _apart(old: Sequence[Entry], new: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The entries of each that are no objects of the other."""
    olds, news = set(map(id, old)), set(map(id, new))
    return (
        [entry for entry in old if id(entry) not in news],
        [entry for entry in new if id(entry) not in olds],
    )


_leg = attrgetter("origin", "destination", "mode", "transit_minutes")


def _routed(facility: Any) -> tuple[Any, ...]:
    """What of a facility is in route tables."""
    return facility.kind, facility.handling_minutes, merged(facility.pincode_ranges)
