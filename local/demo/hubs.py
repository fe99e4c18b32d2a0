"""The airports and seaports the demo ships through, and who flies and sails to whom.

Hubs are chosen by hand from the data: its airports include air force stations, its ports some
that lie far inland. Flights follow a trunk: the metros fly to each other, everyone else to a few
of them, so that most journeys by air have a connecting flight.
"""

from collections.abc import Iterator
from functools import cache
from itertools import combinations

from online_kart.domain.network import Facility, FacilityKind

from .geography import LANDMASS_OF_STATE, MAINLAND, airports, seaports
from .positions import great_circle_km

METROS = ("DEL", "BOM", "BLR", "MAA", "CCU", "HYD")
METROS_PER_AIRPORT = 3

AIRPORTS = (
    *METROS,
    "AMD", "BDQ", "STV", "HSR", "BHJ", "PNQ", "NAG", "IXU", "GOX", "JAI", "JDH", "UDR", "BKB", "JSA",
    "IXC", "ATQ", "IXJ", "SXR", "IXL", "DED", "DHM", "AGR", "LKO", "VNS", "GOP", "IXD", "KNU", "BEK",
    "BHO", "IDR", "JLR", "GWL", "RPR", "AHA", "JGA", "PAT", "GAY", "DBR", "IXR", "BBI", "JRG", "PYB", "IXB",
    "GAU", "IXA", "IMF", "AJL", "DMU", "DIB", "HGI", "SHL", "IXS", "VTZ", "VGA", "TIR", "WGC", "HBX",
    "GBI", "IXE", "MYQ", "COK", "TRV", "CCJ", "CJB", "IXM", "TRZ", "AGX", "IXZ",
)  # fmt: skip

# Where geography is not the reason: the islands' and Leh's only flights, and the north-east, which
# is fed from Guwahati and Kolkata. Everyone else flies to the nearest metros.
FLIGHTS = {
    "AGX": ("COK",),
    "IXZ": ("MAA", "CCU"),
    "IXL": ("DEL", "IXC", "SXR"),
    "GAU": ("CCU", "DEL", "BLR"),
    "IXB": ("CCU", "DEL", "GAU"),
    "IXA": ("CCU", "GAU"),
    "IMF": ("CCU", "GAU"),
    "AJL": ("CCU", "GAU"),
    "DMU": ("CCU", "GAU"),
    "DIB": ("CCU", "GAU"),
    "HGI": ("CCU", "GAU"),
    "SHL": ("CCU", "GAU"),
    "IXS": ("CCU", "GAU"),
}

# What the data calls by the colonial name, or spells wrong.
CITY_OF_AIRPORT = {
    "AGR": "Agra", "AGX": "Agatti", "BEK": "Bareilly", "BLR": "Bengaluru", "CCJ": "Kozhikode",
    "COK": "Kochi", "DBR": "Darbhanga", "DHM": "Dharamsala", "GAY": "Gaya", "GBI": "Kalaburagi",
    "GOX": "Panaji", "HBX": "Hubballi", "IXD": "Prayagraj", "IXE": "Mangaluru",
    "IXJ": "Jammu", "IXU": "Chhatrapati Sambhajinagar", "JLR": "Jabalpur", "JRG": "Jharsuguda",
    "JSA": "Jaisalmer", "MYQ": "Mysuru", "NAG": "Nagpur", "STV": "Surat", "TRV": "Thiruvananthapuram",
    "TRZ": "Tiruchirappalli", "VGA": "Vijayawada", "WGC": "Warangal",
}  # fmt: skip

SEAPORTS = {
    "INIXY": "Kandla", "INNSA": "Nhava Sheva", "INMRM": "Mormugao", "INIXE": "New Mangalore",
    "INCOK": "Kochi", "INTUT": "Thoothukudi", "INMAA": "Chennai", "INVTZ": "Visakhapatnam",
    "INPRT": "Paradip", "INCCU": "Kolkata", "INIXZ": "Port Blair",
}  # fmt: skip
STATE_OF_SEAPORT = {
    "INIXY": "Gujarat", "INNSA": "Maharashtra", "INMRM": "Goa", "INIXE": "Karnataka",
    "INCOK": "Kerala", "INTUT": "Tamil Nadu", "INMAA": "Tamil Nadu", "INVTZ": "Andhra Pradesh",
    "INPRT": "Odisha", "INCCU": "West Bengal", "INIXZ": "Andaman and Nicobar Islands",
}  # fmt: skip
# Along the coast from west to east, and from three ports over to the Andamans, as the real ferries.
SAILINGS = (
    ("INIXY", "INNSA"), ("INNSA", "INMRM"), ("INMRM", "INIXE"), ("INIXE", "INCOK"),
    ("INCOK", "INTUT"), ("INTUT", "INMAA"), ("INMAA", "INVTZ"), ("INVTZ", "INPRT"),
    ("INPRT", "INCCU"), ("INMAA", "INIXZ"), ("INVTZ", "INIXZ"), ("INCCU", "INIXZ"),
)  # fmt: skip

AIRPORT_HANDLING_MINUTES = 90
"""Security screening, loading units and the airline's acceptance time before departure."""
SEAPORT_HANDLING_MINUTES = 180
"""Stuffing a container, customs' gate and the queue at the crane."""


def hubs() -> list[tuple[Facility, str]]:
    """Airports and seaports in the order of their codes, each with its landmass."""
    built = [_airport(iata) for iata in AIRPORTS] + [_seaport(locode) for locode in SEAPORTS]
    return [
        (hub, LANDMASS_OF_STATE.get(hub.state, MAINLAND))
        for hub in sorted(built, key=lambda hub: hub.code)
    ]


@cache
def airport_cities() -> dict[str, str]:
    """City by IATA code of our airports."""
    return {iata: CITY_OF_AIRPORT.get(iata, airports()[iata].city) for iata in AIRPORTS}


def _airport(iata: str) -> Facility:
    airport = airports()[iata]
    return Facility(
        code=iata,
        kind=FacilityKind.AIRPORT,
        name=f"{airport_cities()[iata]} Airport",
        state=airport.state,
        time_zone=airport.time_zone,
        handling_minutes=AIRPORT_HANDLING_MINUTES,
        latitude=airport.position.latitude,
        longitude=airport.position.longitude,
    )


def _seaport(locode: str) -> Facility:
    position = seaports()[locode]
    return Facility(
        code=locode,
        kind=FacilityKind.SEAPORT,
        name=f"{SEAPORTS[locode]} Port",
        state=STATE_OF_SEAPORT[locode],
        handling_minutes=SEAPORT_HANDLING_MINUTES,
        latitude=position.latitude,
        longitude=position.longitude,
    )


def flights() -> Iterator[tuple[str, str]]:
    """Pairs of airports with a flight both ways; each pair once."""
    pairs = {(min(pair), max(pair)) for pair in combinations(METROS, 2)}
    for iata in AIRPORTS:
        if iata not in METROS:
            pairs |= {(min(iata, other), max(iata, other)) for other in _flies_to(iata)}
    yield from sorted(pairs)


def _flies_to(iata: str) -> tuple[str, ...]:
    position = airports()[iata].position

    def distance_km(metro: str) -> float:
        return great_circle_km(position, airports()[metro].position)

    return FLIGHTS.get(iata) or tuple(sorted(METROS, key=distance_km)[:METROS_PER_AIRPORT])
