"""Holidays: days on which one FC, or every FC, does not work. The network has them with each FC (`calendars`)."""

from .base import Model, example
from .values import AskedDay, FacilityCode, Name

HOLIDAY_NAME_DEFAULT = "Holiday"
"""Of one that a network file brings: that has dates only."""


class HolidayKey(Model):
    """What names a holiday. Without an FC it is every FC's."""

    model_config = example(day="2026-08-15")

    day: AskedDay
    fc_code: FacilityCode | None = None


class Holiday(HolidayKey):
    """A day on which an FC, or every FC, neither handles orders nor delivers."""

    model_config = example(day="2026-08-15", name="Independence Day")

    name: Name
