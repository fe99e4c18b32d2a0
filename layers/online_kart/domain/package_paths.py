"""The paths of packages (D3): the stops that one is supposed to make, and what became of them.

A path is pinned on its package when it is planned. Each stop has three times of arrival and of departure: *planned*
(when the path was made), *expected* (as far as is known now) and *actual* (as scanned). A scan that is early or late
moves the expected times of every later stop, because the next timetable departure is then another (ROUTING.md, "Times").
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from .base import Model
from .batches import next_departure
from .calendars import Calendar, ClosedWeekdays, Holidays
from .errors import NotOnPath
from .events import PackageStatus
from .network import Facility, Leg
from .packages import PackageLine
from .promises import goes_out_at, promise_date
from .values import FacilityCode, Instant, Minutes, Pincode

Health = Literal["green", "amber", "red"]
"""green: as planned. amber: late, the promise is still held. red: the promise is broken."""


class Stop(Model):
    """A facility on a path, and the leg on which the package leaves it: none at the last stop.

    It holds all that is needed to expect times anew, also when the facility is gone from the network.
    """

    facility: FacilityCode
    handling_minutes: Minutes
    time_zone: str
    budget: Annotated[int, Field(ge=0)]
    last_mile_minutes: Minutes | None = None
    closed_weekdays: ClosedWeekdays = ()
    holidays: Holidays = ()
    leg: Leg | None = None
    planned_arrival_at: Instant | None = None
    planned_departure_at: Instant | None = None
    expected_arrival_at: Instant | None = None
    expected_departure_at: Instant | None = None
    actual_arrival_at: Instant | None = None
    actual_departure_at: Instant | None = None

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.time_zone, self.closed_weekdays, self.holidays)

    @property
    def is_passed(self) -> bool:
        return self.actual_departure_at is not None

    @property
    def known_arrival_at(self) -> datetime | None:
        """None at the origin."""
        return self.actual_arrival_at or self.expected_arrival_at

    @property
    def delay(self) -> timedelta:
        """How much later than planned it is expected, or was, here. Never negative."""
        if self.planned_arrival_at is None or self.known_arrival_at is None:
            return timedelta()
        return max(self.known_arrival_at - self.planned_arrival_at, timedelta())


class Onward(Model):
    """The way on from a stop: legs, the facility each one leads to, and the budget there."""

    legs: tuple[Leg, ...]
    facilities: tuple[Facility, ...]
    budgets: tuple[int, ...]


class PackagePath(Model):
    """The path of a package (D3), with what its customer may see of it."""

    package_id: UUID
    order_id: UUID
    origin_fc_code: FacilityCode
    to_pincode: Pincode
    status: PackageStatus
    promise_date: date
    table_version: int
    path_revision: int = 1
    version: int = 1
    """The package's version when this was written: an older one never overwrites a newer one."""
    ready_at: Instant
    """When the package is ready at its origin."""
    lines: tuple[PackageLine, ...]
    stops: Annotated[tuple[Stop, ...], Field(min_length=1)]

    @property
    def facilities(self) -> tuple[str, ...]:
        return tuple(stop.facility for stop in self.stops)

    @property
    def current(self) -> int:
        """The index of the first stop not yet left: where the package is, or arrives next."""
        return next(i for i, stop in enumerate(self.stops) if not stop.is_passed)

    @property
    def current_stop(self) -> Stop:
        return self.stops[self.current]

    @property
    def remaining_legs(self) -> tuple[Leg, ...]:
        """Legs not begun."""
        return tuple(stop.leg for stop in self.stops[self.current :] if stop.leg)

    def next_leg(self, facility: str) -> Leg | None:
        """The leg on which the package leaves the facility; None where its path ends. Raises NotOnPath."""
        return self.stops[self._index_of(facility)].leg

    def ready_to_leave_at(self, facility: str) -> datetime:
        """When the package has been handled there. Raises NotOnPath."""
        return self._ready_at(self.stops[self._index_of(facility)])

    @property
    def expected_on(self) -> date:
        """The date on which it is now expected at the customer's door."""
        last = self.stops[-1]
        return promise_date(self._ready_at(last), last.calendar, last.last_mile_minutes)

    def goes_out_at(self, facility: str) -> datetime:
        """When it leaves there for its customer: handled, and on a working day. Raises NotOnPath."""
        calendar = self.stops[self._index_of(facility)].calendar
        return goes_out_at(self.ready_to_leave_at(facility), calendar)

    @property
    def health(self) -> Health:
        """Of the path as a whole; a package that returns can't keep its promise."""
        if self.status in ("returning", "returned") or self.expected_on > self.promise_date:
            return "red"
        return "amber" if self.stops[-1].delay else "green"

    def leg_health(self, index: int) -> Health:
        """Of the leg that leads to stop `index`."""
        if not self.stops[index].delay:
            return "green"
        return "red" if self.health == "red" else "amber"

    def depart(self, facility: str, at: datetime) -> Self:
        """It left the facility. A repeat changes nothing. Raises NotOnPath."""
        index = self._leaving_index(facility)
        stop = self.stops[index]
        if stop.is_passed:
            return self
        if stop.leg is None:
            raise NotOnPath(self.package_id, facility)
        left = stop.model_copy(update={"actual_departure_at": at, "expected_departure_at": at})
        return self._with(index, (left, *_expected(left, at, self.stops[index + 1 :])))

    def arrive(self, facility: str, at: datetime) -> Self:
        """It came to the facility. A repeat changes nothing. Raises NotOnPath."""
        index = self._index_of(facility)
        stop = self.stops[index]
        if stop.actual_arrival_at is not None:
            return self
        arrived = stop.model_copy(update={"actual_arrival_at": at, "expected_arrival_at": at})
        return self._with(index, _onward(arrived, self._ready_at(arrived), self.stops[index + 1 :]))

    def expect_departure(self, facility: str, at: datetime) -> Self:
        """Its batch leaves at another time than expected. Raises NotOnPath."""
        index = self._index_of(facility)
        leaving = self.stops[index].model_copy(update={"expected_departure_at": at})
        return self._with(index, (leaving, *_expected(leaving, at, self.stops[index + 1 :])))

    def leaving_at(self, facility: str, at: datetime) -> Self:
        """It leaves there with a batch of that time, and everything further on is planned from it. Raises NotOnPath."""
        index = self._index_of(facility)
        path = self.expect_departure(facility, at)
        return self._with(index, _as_expected(path.stops[index:]))

    def stop_after(self, leg: Leg) -> int | None:
        """The number of the stop to which the leg leads that the package takes next, or has just taken. None: another."""
        for index in (self.current - 1, self.current):
            taken = self.stops[index].leg if index >= 0 else None
            if taken is not None and taken.key == leg.key:
                return index + 1
        return None

    def found_at(self, here: Stop) -> Self:
        """It is there, or comes there next. Where the path says otherwise, it ends there until it is planned anew."""
        index = self.current
        if self.stops[index].facility == here.facility:
            return self
        return self._with(index, (here,))

    def strayed(self, leg: Leg, there: Stop) -> Self:
        """It leaves the current stop by a leg that is not its path's, which ends there until it is planned anew."""
        index = self.current
        leaving = self.stops[index].model_copy(update={"leg": leg})
        return self._with(index, (leaving, there))

    def replanned(self, index: int, onward: Onward, now: datetime) -> Self:
        """From stop `index` on, which it has not left, by another way. Stops before stay as they are."""
        here = self.stops[index].model_copy(
            update={"leg": None, "planned_departure_at": None, "expected_departure_at": None}
        )
        stops = planned_stops(here, onward, max(self._ready_at(here), now))
        return self._with(index, stops, path_revision=self.path_revision + 1)

    def _ready_at(self, stop: Stop) -> datetime:
        arrival_at = stop.known_arrival_at
        if arrival_at is None:
            return self.ready_at
        return arrival_at + timedelta(minutes=stop.handling_minutes)

    def _index_of(self, facility: str) -> int:
        """The first stop there that is not passed: a way back may pass a facility again."""
        for index in range(self.current, len(self.stops)):
            if self.stops[index].facility == facility:
                return index
        raise NotOnPath(self.package_id, facility)

    def _leaving_index(self, facility: str) -> int:
        """The stop it leaves, also where it has just left it."""
        just_left = self.current - 1
        if just_left >= 0 and self.stops[just_left].facility == facility:
            return just_left
        return self._index_of(facility)

    def _with(self, index: int, stops: Iterable[Stop], **changes: Any) -> Self:
        """Copies share what did not change; stops come from our own arithmetic and need no validation."""
        return self.model_copy(update={"stops": (*self.stops[:index], *stops), **changes})


def stop_at(facility: Facility, budget: int) -> Stop:
    """Without any times yet."""
    return Stop(
        facility=facility.code,
        handling_minutes=facility.handling_minutes,
        time_zone=facility.time_zone,
        budget=budget,
        last_mile_minutes=facility.last_mile_minutes,
        closed_weekdays=facility.closed_weekdays,
        holidays=facility.holidays,
    )


def planned_stops(first: Stop, onward: Onward, ready_at: datetime) -> tuple[Stop, ...]:
    """The stops from `first` on, with planned times: the package may leave `first` at `ready_at`."""
    stops = [first, *map(stop_at, onward.facilities, onward.budgets)]
    for index, leg in enumerate(onward.legs):
        stops[index] = stops[index].model_copy(update={"leg": leg})
    return _as_expected(_onward(stops[0], ready_at, stops[1:]))


def _as_expected(stops: Sequence[Stop]) -> tuple[Stop, ...]:
    """What is expected now is the plan: of the first stop only its departure, for it is being left."""
    first, *later = stops
    return (
        first.model_copy(update={"planned_departure_at": first.expected_departure_at}),
        *(
            stop.model_copy(
                update={
                    "planned_arrival_at": stop.expected_arrival_at,
                    "planned_departure_at": stop.expected_departure_at,
                }
            )
            for stop in later
        ),
    )


def _onward(stop: Stop, ready_at: datetime, later: Sequence[Stop]) -> tuple[Stop, ...]:
    """The stop, ready at that time, with its expected departure, and what follows from it."""
    if stop.leg is None:
        return (stop, *later)
    departs_at = next_departure(stop.leg, ready_at, stop.time_zone)
    leaving = stop.model_copy(update={"expected_departure_at": departs_at})
    return (leaving, *_expected(leaving, departs_at, later))


def _expected(stop: Stop, departed_at: datetime, later: Sequence[Stop]) -> tuple[Stop, ...]:
    """The later stops, with the times that follow from the departure."""
    if stop.leg is None or not later:
        return tuple(later)
    arrives_at = departed_at + timedelta(minutes=stop.leg.transit_minutes)
    coming = later[0].model_copy(update={"expected_arrival_at": arrives_at})
    ready_at = arrives_at + timedelta(minutes=coming.handling_minutes)
    return _onward(coming, ready_at, later[1:])
