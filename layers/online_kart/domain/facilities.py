"""What people who run the network see and change: hubs, fulfillment centers, legs (I1, I2, I2b).

`network` has the same things as the router needs them: without status, and only what is open.
"""

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from .base import Model, example
from .calendars import ClosedWeekdays
from .network import TIME_ZONE_DEFAULT, Leg, Mode
from .promises import LAST_MILE_MINUTES_DEFAULT
from .timetables import DepartureTime
from .values import (
    FacilityCode,
    Instant,
    Latitude,
    LocalTime,
    Longitude,
    Minutes,
    Name,
    Pincode,
    PincodeRange,
)

FacilityStatus = Literal["open", "draining", "closed"]
"""open: takes work. draining: refuses new work, what is there still leaves. closed: gone."""

HubKind = Literal["airport", "seaport"]
Units = Annotated[int, Field(ge=0, le=100_000_000)]
DistanceKm = Annotated[float, Field(ge=0, le=50_000)]
DepartureTimes = Annotated[tuple[DepartureTime, ...], Field(max_length=200)]

CAPACITY_UNITS_DEFAULT = 100_000
CUT_OFF_DEFAULT = time(18, 0)
RANGES_MAX = 2_000
"""PIN ranges that one request may hold."""


def _known_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("not a time zone of the IANA database") from error
    return name


TimeZone = Annotated[
    str, Field(max_length=64, examples=["Asia/Kolkata"]), AfterValidator(_known_time_zone)
]
State = Annotated[str, Field(max_length=100)]


class _Place(Model):
    name: Name
    state: State = ""
    latitude: Latitude
    longitude: Longitude
    time_zone: TimeZone = TIME_ZONE_DEFAULT
    handling_minutes: Minutes


class AddHub(_Place):
    """An airport or seaport that opens."""

    model_config = example(
        hub_code="BLR",
        kind="airport",
        name="Bengaluru airport",
        state="Karnataka",
        latitude=13.2,
        longitude=77.7,
        handling_minutes=60,
    )

    hub_code: FacilityCode
    kind: HubKind


class AddFulfillmentCenter(_Place):
    """An FC that opens. Legs to it are added by themselves."""

    model_config = example(
        fc_code="BLR1",
        name="Bengaluru",
        state="Karnataka",
        latitude=12.9,
        longitude=77.5,
        handling_minutes=30,
        cut_off="18:00:00",
        closed_weekdays=["sun"],
        pincode_ranges=[[560001, 560099]],
    )

    fc_code: FacilityCode
    capacity_units: Units = CAPACITY_UNITS_DEFAULT
    cut_off: LocalTime = CUT_OFF_DEFAULT
    last_mile_minutes: Minutes = LAST_MILE_MINUTES_DEFAULT
    closed_weekdays: ClosedWeekdays = ()
    pincode_ranges: Annotated[tuple[PincodeRange, ...], Field(max_length=RANGES_MAX)] = ()


class ChangeHub(Model):
    """What is to be changed; the rest is left out. `status` can only be `open`: it opens again."""

    model_config = example(handling_minutes=90)

    name: Name | None = None
    state: State | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    time_zone: TimeZone | None = None
    handling_minutes: Minutes | None = None
    status: Literal["open"] | None = None

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class ChangeFulfillmentCenter(ChangeHub):
    """As ChangeHub; a new cut-off counts for orders from now on, and so do a last mile and closed weekdays."""

    model_config = example(cut_off="16:30:00", closed_weekdays=["sun"])

    capacity_units: Units | None = None
    cut_off: LocalTime | None = None
    last_mile_minutes: Minutes | None = None
    closed_weekdays: ClosedWeekdays | None = None


class AddLeg(Leg):
    """A direct connection, in one direction."""

    model_config = example(
        origin="BLR1",
        destination="BLR",
        mode="road",
        transit_minutes=50,
        departure_times=["06:30", "mon,thu 21:15"],
    )

    origin: FacilityCode
    destination: FacilityCode
    departure_times: DepartureTimes = ()


class ChangeLeg(Model):
    """What is to be changed; an empty list of departure times takes the timetable away."""

    model_config = example(transit_minutes=55)

    transit_minutes: Minutes | None = None
    distance_km: DistanceKm | None = None
    departure_times: DepartureTimes | None = None

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class LegName(Model):
    """What names a leg in a request."""

    origin: FacilityCode
    destination: FacilityCode
    mode: Mode


class PincodeChange(Model):
    """A range for an FC. With `move` it is taken from whoever serves it now."""

    model_config = example(first=560001, last=560099, move=True)

    first: Pincode
    last: Pincode
    move: bool = False

    @model_validator(mode="after")
    def _is_forward(self) -> Self:
        if self.first > self.last:
            raise ValueError("the first pincode is after the last")
        return self


class RangeLine(PincodeChange):
    """A line of a file of ranges: as PincodeChange, of the FC that it names."""

    model_config = example(fc_code="BLR1", first=560001, last=560099, move=False)

    fc_code: FacilityCode


class KnownLeg(Leg):
    """A leg of the shop's network; `version` counts its changes."""

    version: int


class _Facility(_Place):
    """`version` counts the changes that people made."""

    status: FacilityStatus
    version: int
    created_at: Instant
    updated_at: Instant


class Hub(_Facility):
    """A registered airport or seaport (I1)."""

    hub_code: FacilityCode
    kind: HubKind


class FulfillmentCenter(_Facility):
    """An FC (I2). `home_hub_code` is as the current version of route tables has it."""

    fc_code: FacilityCode
    capacity_units: int
    cut_off: LocalTime
    last_mile_minutes: int
    closed_weekdays: ClosedWeekdays
    home_hub_code: str | None


class Held(NamedTuple):
    """What keeps a facility from being closed or deleted; each is a count."""

    stock_units: int
    open_batches: int
    packages: int
    receipts: int

    @property
    def is_nothing(self) -> bool:
        return not any(self)

    def counts(self) -> Mapping[str, int]:
        return {name: count for name, count in self._asdict().items() if count}
