"""Which towns have a fulfillment center, what it is called, and which PIN codes it serves.

An FC stands in a head post office: India Post has one in every larger town, so their map is a
map of where people live.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import time
from itertools import combinations, count
from typing import NamedTuple

from online_kart.domain.network import Facility, FacilityKind

from .geography import (
    POSTAL_REGION_SIZE,
    HeadOffice,
    Place,
    airports,
    head_offices,
    known_places,
    town_name,
)
from .hubs import airport_cities
from .positions import NearestPositions, Position, great_circle_km

FC_DISTANCE_KM_MIN = 48.0
"""As close as two FCs may be: some 80 minutes by road. It leaves about 390 of 773 head offices."""
CATCHMENT_KM = 25.0
AIRPORT_OF_TOWN_KM_MAX = 60.0

FC_HANDLING_MINUTES = 60
"""Picked, packed, labelled and at the dock within the hour, as marketplaces ask of their sellers."""
CAPACITY_UNITS_BASE, CAPACITY_UNITS_PER_OFFICE = 20_000, 100
CUT_OFF_TIMES = (time(20, 0), time(19, 0), time(18, 0), time(17, 0))
"""From the quarter of FCs that serve most post offices, which run a late shift, to the smallest."""

# These have no head post office with sound coordinates; a sub-office in the main town stands in.
SUB_OFFICES = {682553: "Agatti", 396230: "Silvassa"}
ALWAYS_CHOSEN = (744101, 682553, 194101)

# Towns whose head office is not simply called after them.
TOWN_OF_PINCODE = {
    110001: "New Delhi", 121001: "Faridabad", 174001: "Bilaspur", 188001: "Hamirpur",
    250001: "Meerut", 250002: "Meerut", 224001: "Ayodhya", 228001: "Sultanpur", 245101: "Hapur",
    229001: "Rae Bareli", 229206: "Lalganj", 305801: "Kishangarh", 306401: "Pali", 304001: "Tonk",
    175019: "Sundernagar", 382010: "Gandhinagar", 395001: "Surat", 415605: "Chiplun",
    421301: "Kalyan", 431001: "Chhatrapati Sambhajinagar", 461001: "Narmadapuram",
    470001: "Sagar", 474001: "Gwalior", 495001: "Bilaspur", 507101: "Kothagudem",
    509301: "Jadcherla", 605001: "Puducherry", 643001: "Ooty", 673001: "Kozhikode",
    676101: "Tirur", 676121: "Manjeri", 678541: "Alathur", 680582: "Wadakkanchery",
    691523: "Adoor", 721636: "Tamluk", 742101: "Baharampur", 799120: "Udaipur", 814112: "Deoghar",
    824101: "Aurangabad", 144001: "Jalandhar", 133001: "Ambala", 134003: "Ambala",
    829122: "Ramgarh", 628001: "Thoothukudi", 516001: "Kadapa", 413501: "Dharashiv",
    605602: "Villupuram", 683101: "Aluva", 122001: "Gurugram", 805110: "Nawada", 414001: "Ahilyanagar",
}  # fmt: skip


class Site(NamedTuple):
    """A post office where an FC may stand. `weight` is the number of PIN codes around it."""

    place: Place
    town: str
    position: Position
    rank: int
    weight: int


def _sites() -> list[Site]:
    places = known_places()
    around = NearestPositions(place.position for place in places)

    def site(office: HeadOffice) -> Site:
        place, name, position = office
        town = TOWN_OF_PINCODE.get(place.pincode, town_name(name))
        weight = len(around.within(position, CATCHMENT_KM))
        return Site(place, town, position, _rank(office, town), weight)

    sub_offices = [
        HeadOffice(place, SUB_OFFICES[place.pincode], place.position)
        for place in places
        if place.pincode in SUB_OFFICES
    ]
    return sorted(map(site, [*head_offices(), *sub_offices]), key=_importance)


def _importance(site: Site) -> tuple[int, int, int]:
    return site.rank, -site.weight, site.place.pincode


def _rank(office: HeadOffice, town: str) -> int:
    """0 for a big city, 1 for the first office of a district, 2 for the others.

    A big city has one of our airports or a General Post Office. The first office of a district has
    a code that ends in 001, or stands in the town the district is called after.
    """
    is_general = office.name.upper().replace(".", "").endswith("GPO")
    if is_general or _airport_of(town, office.position):
        return 0
    is_first = office.place.pincode % 1_000 == 1 or town == office.place.district
    return 1 if is_first else 2


def _airport_of(town: str, position: Position) -> str | None:
    """The IATA code of the town's own airport, if it is one of our hubs, or None.

    By name and place, for there is an Udaipur in Rajasthan and one in Tripura.
    """
    for iata, city in airport_cities().items():
        if city == town:
            distance_km = great_circle_km(position, airports()[iata].position)
            return iata if distance_km <= AIRPORT_OF_TOWN_KM_MAX else None
    return None


def chosen_sites() -> list[Site]:
    """Port Blair, Agatti and Leh, the first of each state, then all that keep their distance."""
    sites = _sites()
    first_of_state: dict[str, Site] = {}
    for site in sites:
        first_of_state.setdefault(site.place.state, site)
    firsts = [site for site in sites if site.place.pincode in ALWAYS_CHOSEN]
    firsts += [site for site in first_of_state.values() if site not in firsts]
    chosen: list[Site] = []
    for site in firsts + sites:
        required = site in firsts and site not in chosen
        if required or all(_keeps_distance(site, other) for other in chosen):
            chosen.append(site)
    return chosen


def _keeps_distance(site: Site, other: Site) -> bool:
    return great_circle_km(site.position, other.position) >= FC_DISTANCE_KM_MIN


def served_by(sites: Sequence[Site]) -> list[list[Place]]:
    """For each site the PIN codes nearest to it, of its own landmass: no last mile crosses a sea."""
    by_landmass: dict[str, list[int]] = defaultdict(list)
    for index, site in enumerate(sites):
        by_landmass[site.place.landmass].append(index)
    searches = {
        landmass: NearestPositions(sites[index].position for index in indexes)
        for landmass, indexes in by_landmass.items()
    }
    served: list[list[Place]] = [[] for _ in sites]
    for place in known_places():
        [(_, nearest)] = searches[place.landmass].nearest(place.position, 1)
        served[by_landmass[place.landmass][nearest]].append(place)
    return served


def codes_of(sites: Sequence[Site]) -> list[str]:
    """The town's airport and a digit (`BLR1`), or three letters of the town and a digit (`KRN1`)."""
    taken = set(airports())
    codes: list[str] = []
    for site in sites:
        letters = _airport_of(site.town, site.position)
        letters = letters or next(each for each in _abbreviations(site.town) if each not in taken)
        taken.add(letters)
        codes.append(f"{letters}1")
    return codes


def _abbreviations(town: str) -> Iterator[str]:
    """Three letters in the order of the name, consonants first: Karnal is KRN, then KRL, KNL …"""
    letters = [letter for letter in town.upper() if "A" <= letter <= "Z"]
    consonants = [letter for letter in letters[1:] if letter not in "AEIOU"]
    for source in (consonants, letters[1:]):
        for pair in combinations(source, 2):
            yield letters[0] + "".join(pair)
    for number in count():  # not reached by any town of India; it ends the search all the same
        yield f"{letters[0]}{number:02}"


def merged_ranges(served: Sequence[Sequence[Place]]) -> list[list[tuple[int, int]]]:
    """For each FC its PIN codes as inclusive ranges.

    A range goes on over codes that are not assigned, up to the next known PIN code of the same FC,
    but not into another postal region.
    """
    owners = sorted((place.pincode, fc) for fc, places in enumerate(served) for place in places)
    ranges: list[list[tuple[int, int]]] = [[] for _ in served]
    last_owner = last_pincode = -1
    for pincode, owner in owners:
        same_region = pincode // POSTAL_REGION_SIZE == last_pincode // POSTAL_REGION_SIZE
        if owner == last_owner and same_region:
            ranges[owner][-1] = (ranges[owner][-1][0], pincode)
        else:
            ranges[owner].append((pincode, pincode))
        last_owner, last_pincode = owner, pincode
    return ranges


def centers() -> list[tuple[Facility, str]]:
    """The FCs in the order of their codes, each with its landmass."""
    sites = chosen_sites()
    served = served_by(sites)
    ranges = merged_ranges(served)
    offices = [sum(place.office_count for place in places) for places in served]
    ranking = sorted(range(len(sites)), key=lambda index: (-offices[index], index))
    quarter_of = {
        index: rank * len(CUT_OFF_TIMES) // len(sites) for rank, index in enumerate(ranking)
    }
    built = [
        Facility(
            code=code,
            kind=FacilityKind.FC,
            name=site.town,
            state=site.place.state,
            handling_minutes=FC_HANDLING_MINUTES,
            latitude=site.position.latitude,
            longitude=site.position.longitude,
            capacity_units=CAPACITY_UNITS_BASE + CAPACITY_UNITS_PER_OFFICE * offices[index],
            cut_off=CUT_OFF_TIMES[quarter_of[index]],
            pincode_ranges=tuple(ranges[index]),
        )
        for index, (site, code) in enumerate(zip(sites, codes_of(sites), strict=True))
    ]
    landmasses = [site.place.landmass for site in sites]
    return sorted(zip(built, landmasses, strict=True), key=lambda pair: pair[0].code)
