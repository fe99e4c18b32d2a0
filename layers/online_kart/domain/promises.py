"""When an order's packages are ready to leave, and the date we promise their customer."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHOP_TIME_ZONE = "Asia/Kolkata"
DAY_STARTS_AT = time(6)
"""An order that comes after an FC's cut-off is handled from this local time of the next day."""

LAST_MILE = timedelta(days=1)
"""From the last FC's door to the customer's."""


def ready_at(
    ordered_at: datetime,
    cut_off: time | None,
    handling_minutes: int,
    time_zone: str = SHOP_TIME_ZONE,
) -> datetime:
    """When the FC has the order's package ready to leave, in UTC. Without a cut-off it works round the clock."""
    local = ordered_at.astimezone(ZoneInfo(time_zone))
    starts_at = ordered_at
    if cut_off is not None and local.time() > cut_off:
        next_day = local.date() + timedelta(days=1)
        starts_at = datetime.combine(next_day, DAY_STARTS_AT, tzinfo=local.tzinfo)
    return starts_at.astimezone(UTC) + timedelta(minutes=handling_minutes)


def promise_date(ready_for_last_mile_at: datetime) -> date:
    """The customer's local date on which a package, handled at its last FC by then, is at the door."""
    return (ready_for_last_mile_at + LAST_MILE).astimezone(ZoneInfo(SHOP_TIME_ZONE)).date()
