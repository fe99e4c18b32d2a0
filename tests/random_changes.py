"""Changes of a network at random, in the ways people change it."""

import random
from collections.abc import Iterable
from itertools import count
from typing import Any

from online_kart.domain.network import Facility, FacilityKind, Leg, Mode, Network
from tests.builders import a_hub, a_leg, an_fc

KINDS = list(FacilityKind)
FREE_PINCODES = 900_000
"""From here on, no network of the tests or the demo serves any."""


class Changes:
    """A network that changes at random, in the ways people change it. Names are drawn of `codes`."""

    def __init__(self, network: Network, rng: random.Random) -> None:
        self.network, self._rng = network, rng
        self._numbers = count(100)
        self._minutes_max = max((leg.transit_minutes for leg in network.legs), default=3) or 1

    def several(self) -> Network:
        """Mostly one change, sometimes a burst."""
        for _ in range(self._rng.choice([1, 1, 1, 2, 2, 5])):
            self._one()
        if self._rng.random() < 0.3:
            self.network = Network.model_validate(self.network.model_dump())
        return self.network

    def _one(self) -> None:
        kinds = [
            self._add_facility, self._delete_facility, self._handle, self._turn, self._rename,
            self._add_leg, self._add_leg, self._delete_leg, self._change_leg, self._change_leg, self._change_mode,
            self._add_range, self._delete_range, self._move_range, self._reorder,
        ]  # fmt: skip
        self._rng.choice(kinds)()

    def _put(
        self,
        facilities: Iterable[Facility] | None = None,
        legs: Iterable[Leg] | None = None,
    ) -> None:
        self.network = Network(
            hop_limit=self.network.hop_limit,
            facilities=tuple(self.network.facilities if facilities is None else facilities),
            legs=tuple(self.network.legs if legs is None else legs),
        )

    def _minutes(self) -> int:
        return self._rng.randint(0, self._minutes_max)

    def _facility(self) -> Facility:
        return self._rng.choice(self.network.facilities)

    def _fc(self) -> Facility | None:
        return self._rng.choice(self.network.fcs) if self.network.fcs else None

    def _in_place_of(self, facility: Facility, **fields: Any) -> list[Facility]:
        new = facility.model_copy(update=fields)
        return [new if each is facility else each for each in self.network.facilities]

    def _add_facility(self) -> None:
        code = f"{self._rng.choice('ABCKXYZ')}{next(self._numbers)}"
        kind = self._rng.choice([FacilityKind.FC, FacilityKind.FC, FacilityKind.AIRPORT])
        if kind is FacilityKind.FC:
            first = FREE_PINCODES + 10 * next(self._numbers)
            facility = an_fc(code, (first, first + 9), handling_minutes=self._minutes())
        else:
            facility = a_hub(code, handling_minutes=self._minutes())
        self._put([*self.network.facilities, facility])
        for _ in range(self._rng.randint(0, 6)):
            self._add_leg(code)

    def _delete_facility(self) -> None:
        facility = self._facility()
        if len(self.network.facilities) > 2:
            self.network = without(self.network, facility.code)

    def _handle(self) -> None:
        self._put(self._in_place_of(self._facility(), handling_minutes=self._minutes()))

    def _turn(self) -> None:
        """A facility of the code of another kind: what was an FC is a hub, or the other way round."""
        facility = self._facility()
        kind = self._rng.choice([each for each in KINDS if each is not facility.kind])
        legs: Iterable[Leg] = self.network.legs
        if kind is FacilityKind.FC:
            legs = [leg for leg in legs if leg.mode is Mode.ROAD or facility.code not in leg.key]
        ranges = () if kind is not FacilityKind.FC else facility.pincode_ranges
        self._put(self._in_place_of(facility, kind=kind, pincode_ranges=ranges), legs)

    def _rename(self) -> None:
        self._put(
            self._in_place_of(self._facility(), name=f"{self._rng.random()}", capacity_units=7)
        )

    def _add_leg(self, end: str | None = None) -> None:
        codes = list(self.network.by_code)
        origin, to = end or self._rng.choice(codes), self._rng.choice(codes)
        if self._rng.random() < 0.5:
            origin, to = to, origin
        between_hubs = all(self.network.by_code[code].is_hub for code in (origin, to))
        mode = self._rng.choice(list(Mode)) if between_hubs else Mode.ROAD
        leg = a_leg(origin, to, self._minutes(), mode)
        if origin != to and leg.key not in self.network.by_key:
            self._put(legs=[*self.network.legs, leg])

    def _delete_leg(self) -> None:
        if self.network.legs:
            gone = self._rng.choice(self.network.legs)
            self._put(legs=[leg for leg in self.network.legs if leg is not gone])

    def _change_leg(self) -> None:
        if self.network.legs:
            leg = self._rng.choice(self.network.legs)
            new = leg.model_copy(update={"transit_minutes": self._minutes()})
            self._put(legs=[new if each is leg else each for each in self.network.legs])

    def _change_mode(self) -> None:
        flown = [leg for leg in self.network.legs if self._between_hubs(leg)]
        if flown:
            leg = self._rng.choice(flown)
            new = leg.model_copy(update={"mode": self._rng.choice(list(Mode))})
            if new.key not in self.network.by_key:
                self._put(legs=[new if each is leg else each for each in self.network.legs])

    def _between_hubs(self, leg: Leg) -> bool:
        return all(self.network.by_code[code].is_hub for code in (leg.origin, leg.destination))

    def _add_range(self) -> None:
        facility, first = self._fc(), FREE_PINCODES + 10 * next(self._numbers)
        if facility:
            ranges = (*facility.pincode_ranges, (first, first + 9))
            self._put(self._in_place_of(facility, pincode_ranges=ranges))

    def _delete_range(self) -> None:
        facility = self._fc()
        if facility:
            self._put(self._in_place_of(facility, pincode_ranges=facility.pincode_ranges[1:]))

    def _move_range(self) -> None:
        one, other = self._fc(), self._fc()
        if one and other and one is not other and one.pincode_ranges:
            *left, moved = one.pincode_ranges
            facilities = self._in_place_of(one, pincode_ranges=tuple(left))
            new = other.model_copy(update={"pincode_ranges": (*other.pincode_ranges, moved)})
            self._put([new if each is other else each for each in facilities])

    def _reorder(self) -> None:
        sample = self._rng.sample
        facilities, legs = self.network.facilities, self.network.legs
        self._put(sample(facilities, len(facilities)), sample(legs, len(legs)))


def without(network: Network, code: str) -> Network:
    """The network when a facility has left it, and its legs with it."""
    return Network(
        hop_limit=network.hop_limit,
        facilities=tuple(each for each in network.facilities if each.code != code),
        legs=tuple(leg for leg in network.legs if code not in (leg.origin, leg.destination)),
    )
