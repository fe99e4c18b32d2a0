"""When an order is promised: cut-off, working days, handling, transit and the last mile."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, strategies as st

from online_kart.domain.calendars import Calendar
from online_kart.domain.network import Facility
from online_kart.domain.promises import (
    DAY_STARTS_AT,
    SHOP_TIME_ZONE,
    goes_out_at,
    promise_date,
    promise_of,
    ready_at,
)
from online_kart.domain.timetables import WEEKDAYS, weekday_of
from online_kart.routing.tables import Router
from tests.builders import a_hub, an_fc, changed
from tests.networks import two_cities

INDIA = ZoneInfo(SHOP_TIME_ZONE)
TEN_IN_INDIA = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
SIX_PM = time(18)
EVERY_DAY = Calendar(SHOP_TIME_ZONE)
MONDAY = date(2026, 3, 2)


def of_fc(handling_minutes: int = 0, **fields: object) -> Facility:
    return an_fc("BLR1").model_copy(update={"handling_minutes": handling_minutes, **fields})


def in_india(day: int, hour: int, minute: int = 0) -> datetime:
    """In March 2026, whose second day is a Monday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=INDIA)


def test_an_order_before_the_cut_off_is_handled_at_once():
    fc = of_fc(30, cut_off=SIX_PM)
    assert ready_at(TEN_IN_INDIA, fc) == TEN_IN_INDIA + timedelta(minutes=30)


def test_an_order_at_the_cut_off_still_makes_it():
    at_six = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)

    assert ready_at(at_six, of_fc(30, cut_off=SIX_PM)) == at_six + timedelta(minutes=30)


def test_an_order_after_the_cut_off_is_handled_from_six_the_next_morning():
    a_minute_late = datetime(2026, 3, 2, 12, 31, tzinfo=UTC)

    expected = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
    assert ready_at(a_minute_late, of_fc(30, cut_off=SIX_PM)) == expected


def test_the_cut_off_is_local_to_the_fc():
    noon_in_london = datetime(2026, 7, 1, 11, 0, tzinfo=UTC)
    london = of_fc(cut_off=time(11, 30), time_zone="Europe/London")

    assert ready_at(noon_in_london, london) == datetime(2026, 7, 2, 5, 0, tzinfo=UTC)


def test_an_fc_without_a_cut_off_works_round_the_clock():
    at_night = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)

    assert ready_at(at_night, of_fc(45)) == at_night + timedelta(minutes=45)


def test_an_order_on_a_holiday_is_handled_when_the_next_working_day_begins():
    fc = of_fc(30, cut_off=SIX_PM, holidays=(MONDAY, date(2026, 3, 3)))

    for ordered_at in (in_india(2, 0, 5), in_india(2, 10), in_india(2, 19), in_india(3, 23)):
        assert ready_at(ordered_at, fc) == in_india(4, 6, 30)
    assert ready_at(in_india(4, 5), fc) == in_india(4, 5, 30)


def test_an_order_after_the_cut_off_of_the_day_before_a_holiday_waits_over_it():
    fc = of_fc(cut_off=SIX_PM, holidays=(date(2026, 3, 3),))
    assert ready_at(in_india(2, 18), fc) == in_india(2, 18)
    assert ready_at(in_india(2, 18, 1), fc) == in_india(4, 6)


def test_what_is_a_holiday_is_the_local_date_of_the_fc():
    """01:00 on Tuesday in India is still Monday in London."""
    london = of_fc(holidays=(MONDAY,), time_zone="Europe/London")
    assert ready_at(in_india(3, 1), london) == datetime(2026, 3, 3, 6, tzinfo=UTC)
    assert ready_at(in_india(3, 1), of_fc(holidays=(MONDAY,))) == in_india(3, 1)


def test_a_closed_weekday_is_a_holiday_every_week():
    fc = of_fc(closed_weekdays=("sat", "sun"), holidays=(date(2026, 3, 9),))
    assert ready_at(in_india(7, 9), fc) == in_india(10, 6)


@pytest.mark.parametrize(
    ("handled_at", "promised"),
    [
        (datetime(2026, 3, 2, 4, 30, tzinfo=UTC), date(2026, 3, 3)),
        (datetime(2026, 3, 2, 18, 29, tzinfo=UTC), date(2026, 3, 3)),  # 23:59 in India
        (datetime(2026, 3, 2, 18, 30, tzinfo=UTC), date(2026, 3, 4)),  # midnight there
    ],
)
def test_the_promise_is_the_customers_local_date_a_day_after_the_last_fc(handled_at, promised):
    assert promise_date(handled_at, EVERY_DAY, None) == promised


def test_an_fc_may_have_a_last_mile_of_its_own():
    at_ten = in_india(2, 10)
    assert promise_date(at_ten, EVERY_DAY, 0) == MONDAY
    assert promise_date(at_ten, EVERY_DAY, 13 * 60 + 59) == MONDAY
    assert promise_date(at_ten, EVERY_DAY, 14 * 60) == date(2026, 3, 3)
    assert promise_date(at_ten, EVERY_DAY, 3 * 24 * 60) == date(2026, 3, 5)


def test_nobody_is_delivered_to_on_a_day_on_which_the_fc_is_closed():
    calendar = Calendar(SHOP_TIME_ZONE, ("sun",), (date(2026, 3, 9),))
    saturday = in_india(7, 10)
    assert promise_date(saturday, calendar, None) == date(2026, 3, 10)
    assert promise_date(saturday, calendar, 0) == date(2026, 3, 7)


def test_what_comes_to_an_fc_that_is_closed_goes_out_when_its_next_working_day_begins():
    calendar = Calendar(SHOP_TIME_ZONE, ("sun",))
    assert goes_out_at(in_india(8, 10), calendar) == in_india(9, 6)
    assert goes_out_at(in_india(9, 3), calendar) == in_india(9, 3)
    assert promise_date(in_india(8, 10), calendar, None) == date(2026, 3, 10)


def test_a_hub_works_every_day():
    assert ready_at(TEN_IN_INDIA, a_hub("BLR", handling_minutes=60)) == in_india(2, 11)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(), timedelta(days=3)),
    st.lists(st.sampled_from(WEEKDAYS), max_size=6),
    st.lists(st.integers(0, 9), max_size=6),
    st.integers(0, 4000),
)
def test_who_orders_later_in_the_day_is_never_promised_an_earlier_date_and_never_a_closed_day(
    ordered_at, later, closed, offsets, last_mile
):
    """Later, and not at night: an order of 03:00 is handled at once, one of the evening before from 06:00 on."""
    assume((ordered_at + later).astimezone(INDIA).time() >= DAY_STARTS_AT)
    holidays = tuple(ordered_at.date() + timedelta(days=each) for each in offsets)
    fc = of_fc(40, cut_off=SIX_PM, closed_weekdays=tuple(closed), holidays=holidays)

    first, second = (
        promise_date(ready_at(at, fc), fc.calendar, last_mile)
        for at in (ordered_at, ordered_at + later)
    )

    assert first <= second
    assert first not in holidays
    assert weekday_of(first) not in closed


def test_the_promise_of_a_path_waits_for_its_departures_and_for_its_last_fc():
    """By the grid: out of BLR1 at 12:00, flight at 18:00, out of DEL at 00:00, out of DEL1 at 04:00."""
    network = two_cities()
    path = Router(network).plan("BLR1", "DEL2")
    assert path is not None

    def promised(**changes: object) -> date:
        return promise_of(changed(network, "DEL2", **changes), path, in_india(2, 10))

    assert promised() == date(2026, 3, 4)
    assert promised(last_mile_minutes=6 * 60) == date(2026, 3, 3)
    # Closed on Tuesday, when it was handled at 05:20, it goes out on Wednesday at 06:00.
    assert promised(closed_weekdays=("tue",), last_mile_minutes=6 * 60) == date(2026, 3, 4)
    assert promised(closed_weekdays=("tue",), last_mile_minutes=18 * 60) == date(2026, 3, 5)
