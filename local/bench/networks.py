"""Networks of any size, drawn at random: roads to the nearest FCs, flights from hub to hub."""

import random
from collections.abc import Iterator, Sequence

from local.demo.positions import NearestPositions, Position, great_circle_km
from online_kart.domain.network import Facility, FacilityKind, Leg, Mode, Network

SOUTH, NORTH, WEST, EAST = 9.0, 33.0, 70.0, 94.0
ROADS_PER_FC = 6
FCS_PER_HUB = 8
FLIGHTS_TO_NEAREST, FLIGHTS_TO_ANY = 6, 4
ROAD_KM_PER_H = (25.0, 80.0)
DETOUR = 1.3
FLIGHT_KM_PER_H, FLIGHT_GROUND_MINUTES = 700.0, 120
HANDLING_MINUTES = (30, 60, 90)
FIRST_PINCODE, LAST_PINCODE = 100_000, 899_999


def drawn_network(fcs: int, hubs: int, seed: int = 1) -> Network:
    """The same network for the same numbers, always.

    Each FC has roads both ways to its nearest, each hub to the FCs nearest to it and flights both
    ways to the nearest hubs and some others. A road has a speed of its own, the same both ways.
    """
    rng = random.Random(seed)
    facilities = (*_fcs(fcs, rng), *_hubs(hubs, rng))
    legs = {leg.key: leg for leg in _legs(facilities, rng)}
    return Network(facilities=facilities, legs=tuple(legs.values()))


def _fcs(count: int, rng: random.Random) -> Iterator[Facility]:
    width = (LAST_PINCODE - FIRST_PINCODE + 1) // max(count, 1)
    for number in range(count):
        first = FIRST_PINCODE + number * width
        ranges = ((first, first + width // 2), (first + width // 2 + 2, first + width - 1))
        yield _facility(f"F{number:05}", FacilityKind.FC, rng, ranges if width > 4 else ranges[:1])


def _hubs(count: int, rng: random.Random) -> Iterator[Facility]:
    for number in range(count):
        yield _facility(f"H{number:04}", FacilityKind.AIRPORT, rng, ())


def _facility(
    code: str, kind: FacilityKind, rng: random.Random, ranges: tuple[tuple[int, int], ...]
) -> Facility:
    return Facility(
        code=code,
        kind=kind,
        handling_minutes=rng.choice(HANDLING_MINUTES),
        latitude=round(rng.uniform(SOUTH, NORTH), 4),
        longitude=round(rng.uniform(WEST, EAST), 4),
        pincode_ranges=ranges,
    )


def _legs(facilities: Sequence[Facility], rng: random.Random) -> Iterator[Leg]:
    fcs = [each for each in facilities if not each.is_hub]
    hubs = [each for each in facilities if each.is_hub]
    near_fcs = NearestPositions(map(_position, fcs))
    near_hubs = NearestPositions(map(_position, hubs))
    for fc in fcs:
        for _, index in near_fcs.nearest(_position(fc), ROADS_PER_FC + 1):
            yield from _road(fc, fcs[index], rng)
    for hub in hubs:
        for _, index in near_fcs.nearest(_position(hub), FCS_PER_HUB):
            yield from _road(hub, fcs[index], rng)
        others = [index for _, index in near_hubs.nearest(_position(hub), FLIGHTS_TO_NEAREST + 1)]
        others += rng.sample(range(len(hubs)), min(FLIGHTS_TO_ANY, len(hubs)))
        for index in others:
            yield from _flight(hub, hubs[index])


def _position(facility: Facility) -> Position:
    return Position(facility.latitude, facility.longitude)


def _road(one: Facility, other: Facility, rng: random.Random) -> Iterator[Leg]:
    km = great_circle_km(_position(one), _position(other)) * DETOUR
    yield from _both_ways(one, other, Mode.ROAD, km / rng.uniform(*ROAD_KM_PER_H) * 60)


def _flight(one: Facility, other: Facility) -> Iterator[Leg]:
    km = great_circle_km(_position(one), _position(other))
    yield from _both_ways(one, other, Mode.AIR, km / FLIGHT_KM_PER_H * 60 + FLIGHT_GROUND_MINUTES)


def _both_ways(one: Facility, other: Facility, mode: Mode, minutes: float) -> Iterator[Leg]:
    if one is not other:
        for origin, to in ((one, other), (other, one)):
            yield Leg(
                origin=origin.code,
                destination=to.code,
                mode=mode,
                transit_minutes=max(1, round(minutes)),
            )
