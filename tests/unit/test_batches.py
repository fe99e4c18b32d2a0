"""When a leg leaves next, and what a batch is."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from online_kart.domain.batches import (
    GRID_HOURS,
    SHOP_TIME_ZONE,
    Batch,
    Manifest,
    arrival_of,
    next_departure,
)
from online_kart.domain.network import Leg, Mode

INDIA = ZoneInfo(SHOP_TIME_ZONE)


def a_leg(mode: Mode = Mode.ROAD, *departure_times: time) -> Leg:
    return Leg(
        origin="A",
        destination="B",
        mode=mode,
        transit_minutes=60,
        departure_times=departure_times,
    )


def in_india(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=INDIA)


@pytest.mark.parametrize(
    ("mode", "ready_at", "expected"),
    [
        (Mode.ROAD, in_india(10), in_india(12)),
        (Mode.ROAD, in_india(12), in_india(12)),
        (Mode.ROAD, in_india(12) + timedelta(microseconds=1), in_india(16)),
        (Mode.ROAD, in_india(23, 59), in_india(0, day=3)),
        (Mode.AIR, in_india(10), in_india(12)),
        (Mode.AIR, in_india(12, 1), in_india(18)),
        (Mode.SEA, in_india(10), in_india(12)),
        (Mode.SEA, in_india(12, 1), in_india(0, day=3)),
    ],
)
def test_a_leg_without_timetable_leaves_on_the_grid_of_its_mode(mode, ready_at, expected):
    assert next_departure(a_leg(mode), ready_at, "Europe/Paris") == expected


def test_a_leg_with_timetable_leaves_at_the_local_times_of_its_origin():
    leg = a_leg(Mode.AIR, time(21, 15), time(6, 30))

    assert next_departure(leg, in_india(6, 30), SHOP_TIME_ZONE) == in_india(6, 30)
    assert next_departure(leg, in_india(6, 31), SHOP_TIME_ZONE) == in_india(21, 15)
    assert next_departure(leg, in_india(22), SHOP_TIME_ZONE) == in_india(6, 30, day=3)
    dubai = ZoneInfo("Asia/Dubai")
    assert next_departure(leg, in_india(6, 31), "Asia/Dubai") == datetime(
        2026, 3, 2, 6, 30, tzinfo=dubai
    )


def test_departures_are_told_in_utc():
    assert next_departure(a_leg(), in_india(10), SHOP_TIME_ZONE).tzinfo is UTC
    assert next_departure(a_leg(Mode.AIR, time(5)), in_india(10), SHOP_TIME_ZONE).tzinfo is UTC


moments = st.datetimes(
    min_value=datetime(2020, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    max_value=datetime(2035, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    timezones=st.sampled_from([UTC, INDIA, ZoneInfo("America/New_York")]),
)
timetables = st.lists(st.times().map(lambda at: at.replace(fold=0)), max_size=5, unique=True).map(
    tuple
)


@given(
    ready_at=moments,
    mode=st.sampled_from(list(Mode)),
    times=timetables,
    time_zone=st.sampled_from([SHOP_TIME_ZONE, "America/New_York", "America/Havana"]),
)
def test_the_next_departure_is_never_before_and_at_most_one_round_after(
    ready_at, mode, times, time_zone
):
    leg = a_leg(mode, *times)

    departure = next_departure(leg, ready_at, time_zone)

    longest = timedelta(hours=25) if times else timedelta(hours=GRID_HOURS[mode])
    assert timedelta() <= departure - ready_at < longest
    assert next_departure(leg, departure, time_zone) == departure


def test_a_batch_is_due_at_its_time_and_after():
    due_at = in_india(12)
    batch = Batch(
        batch_id=UUID(int=1),
        origin="BLR1",
        destination="BLR",
        mode=Mode.ROAD,
        status="open",
        revision=1,
        due_at=due_at,
        transit_minutes=50,
        opened_at=in_india(9),
    )

    assert not batch.is_due(due_at - timedelta(microseconds=1))
    assert batch.is_due(due_at)


def test_a_batch_arrives_its_transit_after_it_left():
    assert arrival_of(in_india(12), 50) == in_india(12, 50)


def test_a_manifest_without_packages_and_units_is_empty():
    assert Manifest(package_ids=()).is_empty
    assert not Manifest(package_ids=(UUID(int=1),)).is_empty
