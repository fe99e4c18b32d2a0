"""Makers of models: defaults for whatever a test does not care about."""

from itertools import pairwise

from online_kart.domain.network import Facility, FacilityKind, Leg, Mode, Network

FIRST_PINCODE = 110_000
PINCODES_PER_FC = 100


def an_fc(code: str, *ranges: tuple[int, int], handling_minutes: int = 0) -> Facility:
    return Facility(
        code=code,
        kind=FacilityKind.FC,
        handling_minutes=handling_minutes,
        latitude=12.9,
        longitude=77.5,
        pincode_ranges=ranges,
    )


def a_hub(
    code: str, kind: FacilityKind = FacilityKind.AIRPORT, handling_minutes: int = 0
) -> Facility:
    return Facility(
        code=code, kind=kind, handling_minutes=handling_minutes, latitude=13.2, longitude=77.7
    )


def a_leg(origin: str, destination: str, minutes: int, mode: Mode = Mode.ROAD) -> Leg:
    return Leg(origin=origin, destination=destination, mode=mode, transit_minutes=minutes)


def roads(*stops: str, minutes: int = 10) -> list[Leg]:
    """Legs from each stop to the next, one way: `roads("A", "B", "C")`."""
    return [a_leg(origin, to, minutes) for origin, to in pairwise(stops)]


def flights(*hubs: str, minutes: int = 60) -> list[Leg]:
    """Legs by air from each hub to the next, one way."""
    return [a_leg(origin, to, minutes, Mode.AIR) for origin, to in pairwise(hubs)]


def a_network(
    legs: list[Leg],
    *others: Facility,
    hubs: str = "",
    hop_limit: int = 4,
    handling_minutes: int = 0,
) -> Network:
    """A network of these legs. Their ends are FCs, but for `hubs`, which are airports: `"H I"`.

    Facilities given in full are taken as they are. Every other FC serves the hundred pincodes that
    `pincode_of` names the first of.
    """
    given = {facility.code: facility for facility in others}
    ends = {end for leg in legs for end in (leg.origin, leg.destination)} - given.keys()
    names = set(hubs.split())
    fcs = sorted(ends - names)
    made = [
        an_fc(
            code,
            (first := FIRST_PINCODE + place * PINCODES_PER_FC, first + PINCODES_PER_FC - 1),
            handling_minutes=handling_minutes,
        )
        for place, code in enumerate(fcs)
    ]
    airports = [
        a_hub(code, handling_minutes=handling_minutes) for code in sorted(names - given.keys())
    ]
    return Network(
        hop_limit=hop_limit, facilities=(*made, *airports, *given.values()), legs=tuple(legs)
    )


def changed(network: Network, code: str, **changes: object) -> Network:
    """The network with other fields of one facility."""
    return Network(
        hop_limit=network.hop_limit,
        facilities=tuple(
            each.model_copy(update=changes) if each.code == code else each
            for each in network.facilities
        ),
        legs=network.legs,
    )


def pincode_of(network: Network, code: str) -> int:
    """The first pincode that the FC serves."""
    return network.by_code[code].pincode_ranges[0][0]
