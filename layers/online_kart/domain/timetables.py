"""Timetables: the local times at which a leg departs, daily or on some weekdays, and how people write them.

A departure is one line of text: `06:30` leaves every day, `mon,thu 21:15` on Mondays and Thursdays. So it is written
in the network file, in requests, in the database and in what is stored of a network.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

DAYS_LOOKED_AT = 4
"""Of those on which a departure leaves, from a day on: always enough to find the next, however clocks change."""

_DAYS = "|".join(WEEKDAYS)
_TEXT = rf"(?:((?:{_DAYS})(?:,(?:{_DAYS}))*) )?(\d\d:\d\d(?::\d\d(?:\.\d{{1,6}})?)?)"
_DEPARTURE = re.compile(_TEXT, re.ASCII)


def weekday_of(day: date) -> Weekday:
    return WEEKDAYS[day.weekday()]


def in_order(weekdays: Iterable[Weekday]) -> tuple[Weekday, ...]:
    """Each once, from Monday on."""
    return tuple(sorted(set(weekdays), key=WEEKDAYS.index))


class Departure(NamedTuple):
    """A local time at which a leg leaves: on these weekdays, or every day where there are none."""

    at: time
    weekdays: tuple[Weekday, ...] = ()

    def __str__(self) -> str:
        days = ",".join(self.weekdays)
        return f"{days} {self.at.isoformat()}" if days else self.at.isoformat()

    def leaves_on(self, day: date) -> bool:
        return not self.weekdays or weekday_of(day) in self.weekdays

    def instants(self, days: Iterable[date], zone: ZoneInfo) -> Iterator[datetime]:
        """When it leaves on those of the days on which it does, in UTC.

        A local time that a change of clocks skips is as much later as the clocks were set forward; of one that there
        is twice, it is the first.
        """
        for day in days:
            if self.leaves_on(day):
                yield datetime.combine(day, self.at, tzinfo=zone).astimezone(UTC)


def departure_of(value: Any) -> Departure:
    """Of a text, or of a time: then it leaves daily. Raises ValueError."""
    if isinstance(value, Departure):
        return value
    if isinstance(value, time) and value.tzinfo is None:
        return Departure(value.replace(fold=0))
    match = _DEPARTURE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('write "06:30" for every day, or "mon,thu 21:15" for some weekdays')
    names, at = match.groups()
    weekdays = in_order(day for day in WEEKDAYS if names and day in names.split(","))
    return Departure(time.fromisoformat(at), () if len(weekdays) == len(WEEKDAYS) else weekdays)


DepartureTime = Annotated[
    Departure,
    PlainValidator(departure_of),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{_TEXT}$", "examples": ["06:30", "mon,thu 21:15"]}
    ),
]
"""As people write it."""


def next_of(timetable: Iterable[Departure], ready_at: datetime, zone: ZoneInfo) -> datetime:
    """The first departure that is not before `ready_at` (aware). In UTC. The timetable has at least one.

    Clocks that skip midnight move what leaves on the day before into this one, so that is looked at, too.
    """
    yesterday = ready_at.astimezone(zone).date() - timedelta(days=1)
    return min(
        instant
        for departure in timetable
        for instant in departure.instants(_days(departure, yesterday, +1), zone)
        if instant >= ready_at
    )


def last_of(timetable: Iterable[Departure], latest: datetime, zone: ZoneInfo) -> datetime:
    """The last departure that is not after `latest` (aware). In UTC. The timetable has at least one."""
    tomorrow = latest.astimezone(zone).date() + timedelta(days=1)
    return max(
        instant
        for departure in timetable
        for instant in departure.instants(_days(departure, tomorrow, -1), zone)
        if instant <= latest
    )


def _days(departure: Departure, first: date, step: int) -> Iterator[date]:
    """Days from the first on, until the departure has left on DAYS_LOOKED_AT of them."""
    day, found = first, 0
    while found < DAYS_LOOKED_AT:
        yield day
        found += departure.leaves_on(day)
        day += timedelta(days=step)
