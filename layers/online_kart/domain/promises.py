"""When an order's packages are ready to leave, and the date we promise their customer.

An FC handles orders, and delivers, on its working days (`Calendar`). What goes from facility to facility does so every day.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from .calendars import Calendar
from .network import Facility, Network
from .planned_times import handled_at_end, timed_legs
from .routes import PlannedPath

SHOP_TIME_ZONE = "Asia/Kolkata"
WhyNot = Literal["not_served", "out_of_stock", "no_route"]
"""Why nothing can be promised: no FC serves the pincode; no FC has enough; those that have it have no path there."""

DAY_STARTS_AT = time(6)
"""What comes after an FC's cut-off, or on a day on which it is closed, waits for this local time of its next working day."""

LAST_MILE_MINUTES_DEFAULT = 24 * 60
"""From the last FC's door to the customer's, where the FC says nothing else."""


def ready_at(ordered_at: datetime, facility: Facility) -> datetime:
    """When the facility has the order's package ready to leave, in UTC. Without a cut-off it works round the clock.

    A hub works every day.
    """
    local = ordered_at.astimezone(ZoneInfo(facility.time_zone))
    is_late = facility.cut_off is not None and local.time() > facility.cut_off
    first_day = local.date() + timedelta(days=is_late)
    starts_at = _from_day(ordered_at, first_day, facility.calendar)
    return starts_at + timedelta(minutes=facility.handling_minutes)


def goes_out_at(handled_at: datetime, calendar: Calendar) -> datetime:
    """When a package that its last FC has handled by then leaves for its customer, in UTC."""
    local = handled_at.astimezone(ZoneInfo(calendar.time_zone))
    return _from_day(handled_at, local.date(), calendar)


def _from_day(at: datetime, day: date, calendar: Calendar) -> datetime:
    """`at`, or the start of the first working day that is not before `day` where that is another day. In UTC."""
    zone = ZoneInfo(calendar.time_zone)
    working_day = calendar.working_day_from(day)
    if working_day == at.astimezone(zone).date():
        return at.astimezone(UTC)
    return datetime.combine(working_day, DAY_STARTS_AT, tzinfo=zone).astimezone(UTC)


def promise_date(handled_at: datetime, calendar: Calendar, last_mile_minutes: int | None) -> date:
    """The customer's local date on which a package, handled by its last FC by then, is at the door.

    None: LAST_MILE_MINUTES_DEFAULT. Nobody is delivered to on a day on which the FC is closed.
    """
    minutes = LAST_MILE_MINUTES_DEFAULT if last_mile_minutes is None else last_mile_minutes
    at_door = goes_out_at(handled_at, calendar) + timedelta(minutes=minutes)
    return calendar.working_day_from(at_door.astimezone(ZoneInfo(SHOP_TIME_ZONE)).date())


def promise_of(network: Network, path: PlannedPath, path_ready_at: datetime) -> date:
    """The promise date of a package that takes the path, and is ready at its origin then."""
    timed = timed_legs(network, (leg.key for leg in path.legs), path_ready_at)
    end = network.by_code[path.destination]
    handled_at = handled_at_end(network, timed, path_ready_at)
    return promise_date(handled_at, end.calendar, end.last_mile_minutes)
