"""Calendars: the local days on which an FC works. On all others it neither handles orders nor delivers."""

from datetime import date, timedelta
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from .timetables import WEEKDAYS, Weekday, in_order, weekday_of

ClosedWeekdays = Annotated[
    tuple[Weekday, ...], Field(max_length=len(WEEKDAYS) - 1), AfterValidator(in_order)
]
"""Weekdays on which an FC never works. It works on at least one."""

HOLIDAYS_MAX = 1_000
"""Of one FC, those of all FCs among them: enough for decades, and few enough to look through for every promise."""

Holidays = Annotated[
    tuple[date, ...],
    Field(max_length=HOLIDAYS_MAX),
    AfterValidator(lambda days: tuple(sorted(set(days)))),
]


class Calendar(NamedTuple):
    """The working days of an FC: all but its closed weekdays and its holidays."""

    time_zone: str
    closed_weekdays: tuple[Weekday, ...] = ()
    holidays: tuple[date, ...] = ()

    def works_on(self, day: date) -> bool:
        return day not in self.holidays and weekday_of(day) not in self.closed_weekdays

    def working_day_from(self, day: date) -> date:
        """The day itself, or the next one on which the FC works."""
        while not self.works_on(day):
            day += timedelta(days=1)
        return day
