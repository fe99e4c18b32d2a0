"""Holidays of FCs. Each change asks for new route tables: they stay as they are, but the network kept with them changes."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from psycopg import Connection

from online_kart.domain.calendars import HOLIDAYS_MAX
from online_kart.domain.errors import HolidayExists, NotFound, TooManyHolidays
from online_kart.domain.holidays import Holiday, HolidayKey
from online_kart.inventory_db import facilities, holidays

from . import rebuilds

Connected = Connection[Any]


def listed(
    conn: Connected,
    fc_code: str | None,
    since: date | None,
    after: tuple[date, str] | None,
    limit: int,
) -> Sequence[Holiday]:
    """By day and FC, after the given ones. With an FC: the days on which it is closed, also with all others."""
    return holidays.listed(conn, fc_code, since, after, limit)


def add(conn: Connected, holiday: Holiday, now: datetime) -> int:
    """The version of route tables that will have it. Raises HolidayExists, NotFound, TooManyHolidays."""
    with conn.transaction():
        facilities.lock_network(conn)
        if holiday.fc_code and facilities.fulfillment_center(conn, holiday.fc_code) is None:
            raise NotFound("fulfillment center", holiday.fc_code)
        if not holidays.insert(conn, holiday):
            raise HolidayExists(holiday.day, holiday.fc_code)
        refuse_too_many(conn)
        reason = f"{holiday.day} is a holiday of {_whose(holiday)}"
        return rebuilds.request_rebuild(conn, reason, now)


def remove(conn: Connected, key: HolidayKey, now: datetime) -> int:
    """The version of route tables that will not have it. Raises NotFound."""
    with conn.transaction():
        facilities.lock_network(conn)
        if not holidays.delete(conn, key):
            raise NotFound("holiday", f"{key.day} of {_whose(key)}")
        reason = f"{key.day} is no longer a holiday of {_whose(key)}"
        return rebuilds.request_rebuild(conn, reason, now)


def refuse_too_many(conn: Connected) -> None:
    """In the transaction that has added some, under the network's lock. Raises TooManyHolidays."""
    if holidays.most_of_an_fc(conn) > HOLIDAYS_MAX:
        raise TooManyHolidays(HOLIDAYS_MAX)


def _whose(key: HolidayKey) -> str:
    return key.fc_code or "all FCs"
