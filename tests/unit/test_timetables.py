"""When legs with a timetable depart: every day or on some weekdays, in the time zone of their origin."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from online_kart.domain.batches import GRID_HOURS, SHOP_TIME_ZONE, last_departure, next_departure
from online_kart.domain.network import Leg, Mode
from online_kart.domain.timetables import WEEKDAYS, Departure, departure_of

INDIA = ZoneInfo(SHOP_TIME_ZONE)
MOMENT = timedelta(microseconds=1)
ZONES = (SHOP_TIME_ZONE, "America/New_York", "America/Havana", "America/Nuuk", "Europe/London")


def a_leg(*departure_times: str | time | Departure, mode: Mode = Mode.AIR) -> Leg:
    return Leg(
        origin="A", destination="B", mode=mode, transit_minutes=60, departure_times=departure_times
    )


def in_india(day: int, hour: int, minute: int = 0) -> datetime:
    """In March 2026, whose second day is a Monday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=INDIA)


@pytest.mark.parametrize(
    ("text", "departure"),
    [
        ("06:30", Departure(time(6, 30))),
        ("06:30:00", Departure(time(6, 30))),
        ("mon,thu 21:15", Departure(time(21, 15), ("mon", "thu"))),
        ("thu,mon,mon 21:15:30", Departure(time(21, 15, 30), ("mon", "thu"))),
        ("sun 00:00", Departure(time(0), ("sun",))),
        (",".join(WEEKDAYS) + " 05:00", Departure(time(5))),
    ],
)
def test_a_departure_is_read_as_people_write_it_and_written_as_it_is_read(text, departure):
    assert departure_of(text) == departure
    assert departure_of(str(departure)) == departure


@pytest.mark.parametrize(
    "text",
    [
        *("", "6:30", "25:00", "06:61", "06:30Z", "०६:३०", None, 7, 6.5, {"at": "06:30"}),
        *("mon", "mon,thu", "Mon 06:30", "monday 06:30", "mon, thu 06:30", "mon  06:30"),
        *("mon 06:30 ", "06:30 mon"),
    ],
)
def test_what_is_no_departure_is_refused_by_its_place(text):
    with pytest.raises(ValidationError) as refused:
        a_leg("06:30", text)
    assert [error["loc"] for error in refused.value.errors()] == [("departure_times", 1)]


def test_a_leg_of_before_weekdays_is_read_as_it_was_written():
    text = (
        '{"origin": "A", "destination": "B", "mode": "air", "transit_minutes": 60,'
        ' "departure_times": ["15:00:00", "06:30:00.5"]}'
    )
    leg = Leg.model_validate_json(text)

    assert leg == a_leg(time(15), time(6, 30, 0, 500_000))
    assert Leg.model_validate_json(leg.model_dump_json()) == leg
    assert leg.model_dump()["departure_times"] == ("15:00:00", "06:30:00.500000")


@pytest.mark.parametrize(
    ("ready_at", "departs_at"),
    [
        (in_india(2, 21, 15), in_india(2, 21, 15)),  # Monday
        (in_india(2, 21, 16), in_india(5, 21, 15)),
        (in_india(5, 21, 16), in_india(6, 6)),
        (in_india(6, 6, 1), in_india(9, 21, 15)),
        (in_india(1, 3), in_india(2, 21, 15)),
    ],
)
def test_a_departure_leaves_on_its_weekdays_only(ready_at, departs_at):
    leg = a_leg("mon,thu 21:15", "fri 06:00")
    assert next_departure(leg, ready_at, SHOP_TIME_ZONE) == departs_at


def test_weekdays_are_those_of_the_origin():
    """01:00 on Tuesday in India is still Monday in London."""
    ready_at = in_india(3, 1)
    leg = a_leg("mon 23:00")

    assert next_departure(leg, ready_at, SHOP_TIME_ZONE) == in_india(9, 23)
    assert next_departure(leg, ready_at, "Europe/London") == datetime(2026, 3, 2, 23, tzinfo=UTC)


def test_what_skipped_clocks_move_into_the_next_day_still_leaves():
    """In Nuuk the clocks went from 23:00 to midnight on 30 March 2024, a Saturday: 23:30 was 00:30."""
    departs_at = datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
    for leg in (a_leg("23:30"), a_leg("sat 23:30")):
        for earlier in (timedelta(), timedelta(minutes=20), timedelta(hours=20)):
            assert next_departure(leg, departs_at - earlier, "America/Nuuk") == departs_at
        assert last_departure(leg, departs_at, "America/Nuuk") == departs_at


texts = st.builds(
    Departure,
    st.times().map(lambda at: at.replace(fold=0)),
    st.lists(st.sampled_from(WEEKDAYS), max_size=6).map(
        lambda days: tuple(day for day in WEEKDAYS if day in days)
    ),
)
moments = st.datetimes(
    min_value=datetime(2020, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    max_value=datetime(2035, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    timezones=st.sampled_from([UTC, *map(ZoneInfo, ZONES)]),
)


@given(
    timetable=st.lists(texts, max_size=3),
    mode=st.sampled_from(list(Mode)),
    at=moments,
    zone=st.sampled_from(ZONES),
)
def test_the_next_departure_and_the_last_have_none_between_them(timetable, mode, at, zone):
    leg = a_leg(*timetable, mode=mode)

    upcoming, gone = next_departure(leg, at, zone), last_departure(leg, at, zone)

    longest = timedelta(days=8) if timetable else timedelta(hours=GRID_HOURS[mode])
    assert gone <= at <= upcoming <= gone + longest
    assert next_departure(leg, upcoming, zone) == last_departure(leg, upcoming, zone) == upcoming
    assert last_departure(leg, upcoming - MOMENT, zone) == (
        last_departure(leg, at - MOMENT, zone) if upcoming == at else gone
    )
    assert next_departure(leg, gone + MOMENT, zone) == (
        next_departure(leg, at + MOMENT, zone) if gone == at else upcoming
    )


@given(timetable=st.lists(texts, min_size=1, max_size=3), at=moments, zone=st.sampled_from(ZONES))
def test_the_next_departure_is_the_first_that_a_calendar_of_three_weeks_shows(timetable, at, zone):
    today = at.astimezone(ZoneInfo(zone)).date()
    days = [date.fromordinal(today.toordinal() + offset) for offset in range(-7, 15)]
    shown = [
        datetime.combine(day, departure.at, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        for day in days
        for departure in timetable
        if not departure.weekdays or WEEKDAYS[day.weekday()] in departure.weekdays
    ]

    assert next_departure(a_leg(*timetable), at, zone) == min(each for each in shown if each >= at)
