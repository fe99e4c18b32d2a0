"""The network: facilities, the legs between them, and the rules that every network keeps.

It is what the router takes and what the network file holds (`parse_network`). A broken rule is
reported with the entry that breaks it, such as `legs[17]: origin "XXX" is not a facility`, for the
file may be long and written by hand.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache, cached_property
from itertools import accumulate, islice
from operator import itemgetter
from typing import Annotated, Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, ValidationError, model_validator

from .base import Model, example
from .calendars import Calendar, ClosedWeekdays, Holidays
from .errors import InvalidNetwork, NotServed
from .timetables import DepartureTime
from .values import Latitude, LocalTime, Longitude, Minutes, PincodeRange

HOP_LIMIT_MAX = 16
HOP_LIMIT_DEFAULT = 4
PROBLEMS_MAX = 20
"""A file with more problems than this is told the first of them."""
TIME_ZONE_DEFAULT = "Asia/Kolkata"

NetworkCode = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"), Field(examples=["BLR1"])
]
"""A facility's code. Wider than the shop's own `FacilityCode`, for networks drawn on paper; ASCII,
so that codes sort alike everywhere."""

HopLimit = Annotated[int, Field(ge=1, le=HOP_LIMIT_MAX)]


class Mode(StrEnum):
    """How a leg is travelled."""

    ROAD = "road"
    AIR = "air"
    SEA = "sea"


class FacilityKind(StrEnum):
    """A fulfillment center, or one of the two kinds of hub."""

    FC = "fc"
    AIRPORT = "airport"
    SEAPORT = "seaport"


class Facility(Model):
    """A place where packages are handled. Only FCs serve pincodes.

    `handling_minutes` pass before a package may leave; an order after `cut_off` (local time) is
    handled the next day; `capacity_units` is how many units of stock find room. From an FC's door
    to its customers' it is `last_mile_minutes`, a day where it says nothing. It is closed on its
    `closed_weekdays` and `holidays` (local dates).
    """

    code: NetworkCode
    kind: FacilityKind
    handling_minutes: Minutes
    latitude: Latitude
    longitude: Longitude
    pincode_ranges: tuple[PincodeRange, ...] = ()
    name: str = ""
    state: str = ""
    time_zone: str = TIME_ZONE_DEFAULT
    capacity_units: Annotated[int, Field(ge=0)] | None = None
    cut_off: LocalTime | None = None
    last_mile_minutes: Minutes | None = None
    closed_weekdays: ClosedWeekdays = ()
    holidays: Holidays = ()

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.time_zone, self.closed_weekdays, self.holidays)

    @property
    def is_hub(self) -> bool:
        return self.kind is not FacilityKind.FC


class LegKey(NamedTuple):
    """What names a leg: there is at most one of a mode between two facilities."""

    origin: str
    destination: str
    mode: Mode


class Leg(Model):
    """A direct, directed connection. Without `departure_times` it leaves on the grid of its mode.

    `departure_times` are local at the origin, daily or by weekday. `transit_minutes` do not hold the origin's handling.
    """

    origin: NetworkCode
    destination: NetworkCode
    mode: Mode
    transit_minutes: Minutes
    distance_km: Annotated[float, Field(ge=0, le=50_000)] | None = None
    departure_times: tuple[DepartureTime, ...] = ()

    @property
    def key(self) -> LegKey:
        return LegKey(self.origin, self.destination, self.mode)


class BrokenRules(ValueError):
    """What is wrong with a network whose entries, one by one, are well formed."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class Network(Model):
    """Facilities and legs that fit together. `attribution` says where the data came from."""

    model_config = example(
        hop_limit=4,
        facilities=[
            {
                "code": "BLR1",
                "kind": "fc",
                "handling_minutes": 30,
                "latitude": 12.9,
                "longitude": 77.5,
                "pincode_ranges": [[560001, 560099]],
            },
            {
                "code": "BLR",
                "kind": "airport",
                "handling_minutes": 60,
                "latitude": 13.2,
                "longitude": 77.7,
            },
        ],
        legs=[{"origin": "BLR1", "destination": "BLR", "mode": "road", "transit_minutes": 50}],
    )

    hop_limit: HopLimit = HOP_LIMIT_DEFAULT
    facilities: tuple[Facility, ...]
    legs: tuple[Leg, ...]
    attribution: str = ""

    @model_validator(mode="after")
    def _keeps_its_rules(self) -> Self:
        problems = tuple(islice(_problems(self), PROBLEMS_MAX))
        if problems:
            raise BrokenRules(problems)
        return self

    @cached_property
    def by_code(self) -> dict[str, Facility]:
        return {facility.code: facility for facility in self.facilities}

    @cached_property
    def by_key(self) -> dict[LegKey, Leg]:
        return {leg.key: leg for leg in self.legs}

    @cached_property
    def fcs(self) -> tuple[Facility, ...]:
        """In the order of their codes."""
        return _sorted_by_code(facility for facility in self.facilities if not facility.is_hub)

    @cached_property
    def hubs(self) -> tuple[Facility, ...]:
        """In the order of their codes."""
        return _sorted_by_code(facility for facility in self.facilities if facility.is_hub)

    def cost_minutes(self, leg: Leg) -> int:
        """The origin's handling and the transit (ROUTING.md, "The network")."""
        return self.by_code[leg.origin].handling_minutes + leg.transit_minutes

    def fc_serving(self, pincode: int) -> str:
        """The code of the FC that serves the pincode. Raises NotServed."""
        place = bisect_right(self._served, pincode, key=itemgetter(0)) - 1
        _, last, code = self._served[place] if place >= 0 else (0, 0, "")
        if pincode > last:
            raise NotServed(pincode)
        return code

    @cached_property
    def _served(self) -> list[tuple[int, int, str]]:
        return sorted(
            (first, last, facility.code)
            for facility in self.facilities
            for first, last in facility.pincode_ranges
        )


def _sorted_by_code(facilities: Iterable[Facility]) -> tuple[Facility, ...]:
    return tuple(sorted(facilities, key=lambda facility: facility.code))


def parse_network(text: str | bytes) -> Network:
    """Read a network file. Raises InvalidNetwork, which names each entry that breaks a rule.

    Types are strict: `"50"` is not 50 minutes.
    """
    try:
        return Network.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidNetwork(_problems_of(error)) from None


def _problems_of(error: ValidationError) -> tuple[str, ...]:
    problems: list[str] = []
    for details in islice(error.errors(include_url=False), PROBLEMS_MAX):
        broken = details.get("ctx", {}).get("error")
        if isinstance(broken, BrokenRules):
            problems += broken.problems
        else:
            problems.append(_described(details["loc"], details["msg"], details["input"]))
    return tuple(problems)


def _described(location: tuple[int | str, ...], message: str, value: Any) -> str:
    """Where and what: `legs[17].transit_minutes: Input should be a valid integer, not "50"`."""
    entry = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    shown = f", not {value!r}" if isinstance(value, str | int | float) and location else ""
    return f"{entry.removeprefix('.') or 'the file'}: {message}{shown}"


def _problems(network: Network) -> Iterator[str]:
    """What breaks a rule, in the order of the entries. Legs are judged once facilities are well."""
    facilities = list(_facility_problems(network))
    yield from facilities
    if not facilities:
        yield from _range_problems(network)
        yield from _leg_problems(network)


def _facility_problems(network: Network) -> Iterator[str]:
    index_of: dict[str, int] = {}
    for index, facility in enumerate(network.facilities):
        entry = f"facilities[{index}]"
        first = index_of.setdefault(facility.code, index)
        if first != index:
            yield f'{entry}: code "{facility.code}" is already that of facilities[{first}]'
        if facility.is_hub and facility.pincode_ranges:
            yield f'{entry}: "{facility.code}" is a hub, and a hub serves no pincodes'
        if facility.is_hub and (facility.closed_weekdays or facility.holidays):
            yield f'{entry}: "{facility.code}" is a hub, and a hub is never closed'
        if not _is_time_zone(facility.time_zone):
            yield f'{entry}: "{facility.time_zone}" is not a time zone'


@cache
def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no zone's name; a path; a folder of the data
        return False
    return True


class _Range(NamedTuple):
    first: int
    last: int
    code: str
    entry: str

    def __str__(self) -> str:
        return f'{self.entry} ({self.first}–{self.last} of "{self.code}")'


def _range_problems(network: Network) -> Iterator[str]:
    ranges = sorted(
        _Range(first, last, facility.code, f"facilities[{index}].pincode_ranges[{place}]")
        for index, facility in enumerate(network.facilities)
        for place, (first, last) in enumerate(facility.pincode_ranges)
    )
    backward = [each for each in ranges if each.first > each.last]
    if backward:
        yield from (f"{each}: the first pincode is after the last" for each in backward)
        return
    for before, after in zip(accumulate(ranges, _later_end), ranges[1:], strict=False):
        if after.first <= before.last:
            yield f"{after}: overlaps {before}"


def _later_end(one: _Range, other: _Range) -> _Range:
    return one if one.last >= other.last else other


def _leg_problems(network: Network) -> Iterator[str]:
    seen: dict[tuple[str, str, Mode], int] = {}
    hub_of = {facility.code: facility.is_hub for facility in network.facilities}
    for index, leg in enumerate(network.legs):
        first = seen.setdefault((leg.origin, leg.destination, leg.mode), index)
        if first != index:
            yield (
                f"legs[{index}]: there is already a {leg.mode} leg "
                f'from "{leg.origin}" to "{leg.destination}", legs[{first}]'
            )
        yield from (f"legs[{index}]: {problem}" for problem in _end_problems(leg, hub_of))


def _end_problems(leg: Leg, hub_of: dict[str, bool]) -> Iterator[str]:
    from_hub, to_hub = hub_of.get(leg.origin), hub_of.get(leg.destination)
    if from_hub is None:
        yield f'origin "{leg.origin}" is not a facility'
    if to_hub is None:
        yield f'destination "{leg.destination}" is not a facility'
    if leg.origin == leg.destination:
        yield f'origin and destination are both "{leg.origin}"'
    if leg.mode is not Mode.ROAD and (from_hub is False or to_hub is False):
        yield (
            f'{leg.mode} from "{leg.origin}" to "{leg.destination}": '
            "only hub to hub goes by air or sea; to and from an FC is road"
        )
