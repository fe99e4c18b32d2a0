"""What a change of the network changes for routing, and which paths of packages it breaks."""

from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple

from online_kart.domain.network import Facility, FacilityKind, LegKey, Network
from online_kart.domain.routes import Ranges, merged

from .alignment import apart


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

    Entries are compared by value. It is quicker where they are the same objects, as in a network that
    was made of another's entries, and where they are in the same order. Neither is assumed.
    """
    before, after = apart(old.facilities, new.facilities)
    known = {facility.code: _routed(facility) for facility in before}
    now = {facility.code: _routed(facility) for facility in after}
    legs_before, legs_after = apart(old.legs, new.legs)
    legs = set(map(_leg, legs_before)) ^ set(map(_leg, legs_after))
    return Difference(
        gone=frozenset(known.keys() - now.keys()),
        put=frozenset(code for code, facts in now.items() if known.get(code) != facts),
        origins=frozenset(origin for origin, *_ in legs),
    )


_leg = attrgetter("origin", "destination", "mode", "transit_minutes")


def _routed(facility: Facility) -> tuple[FacilityKind, int, Ranges]:
    """What of a facility is in route tables."""
    return facility.kind, facility.handling_minutes, merged(facility.pincode_ranges)
