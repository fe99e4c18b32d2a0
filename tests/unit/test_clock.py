"""Business time: what it shows, and that it neither jumps nor goes back."""

import json
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from time import perf_counter, sleep

import pytest

from local.clock import HEARTBEAT_SECONDS, LATE_HEARTBEATS_MAX, ClockFile
from online_kart.clock import Anchor, Clock

MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
A_MOMENT = timedelta(seconds=2)
"""Longer than a test needs between two looks at the clock."""


def test_without_a_file_business_time_is_the_time():
    clock = Clock.from_file(None)

    assert abs(clock.now() - clock.wall_now()) < A_MOMENT
    assert clock.wall_time_of(MONDAY) == MONDAY
    assert clock.now().tzinfo is UTC


def test_an_hour_of_business_takes_a_second_at_speed_3600():
    wall_epoch = datetime(2026, 11, 1, tzinfo=UTC)
    clock = Clock(MONDAY, wall_epoch, speed=3600)

    assert clock.wall_time_of(MONDAY + timedelta(hours=1)) == wall_epoch + timedelta(seconds=1)
    assert clock.wall_duration_of(timedelta(hours=6)) == timedelta(seconds=6)


def test_the_wall_time_of_a_business_time_is_when_the_clock_shows_it():
    clock = Clock(MONDAY, datetime(2026, 11, 1, tzinfo=UTC), speed=777)
    business_at = MONDAY + timedelta(days=3, minutes=17)

    wall_at = clock.wall_time_of(business_at)

    assert abs(clock.anchor.business_time_of(wall_at) - business_at) < timedelta(milliseconds=1)


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_time_only_runs_forward(speed):
    with pytest.raises(ValueError, match="speed"):
        Clock(MONDAY, MONDAY, speed)


def test_a_missing_clock_file_means_real_time_until_it_appears(tmp_path):
    file = ClockFile(tmp_path)
    clock = file.clock()
    assert abs(clock.now() - clock.wall_now()) < A_MOMENT

    file.anchor(starts_at=MONDAY)

    assert MONDAY <= clock.now() < MONDAY + A_MOMENT


def test_every_process_sees_a_new_speed_and_no_jump(tmp_path):
    file = ClockFile(tmp_path)
    file.anchor(speed=1, starts_at=MONDAY)
    seen_elsewhere = Clock.from_file(str(file.path))
    before = seen_elsewhere.now()

    file.set_speed(86_400)

    after = seen_elsewhere.now()
    assert before <= after < before + timedelta(days=1) * A_MOMENT.total_seconds()
    assert seen_elsewhere.speed == 86_400


def test_business_time_stands_still_while_the_system_is_stopped(tmp_path):
    file = ClockFile(tmp_path)
    file.anchor(speed=3600, starts_at=MONDAY)
    file.heartbeat(is_last=True)
    stopped_at = datetime.fromisoformat(
        json.loads((tmp_path / "clock-heartbeat.json").read_text())["business_at"]
    )
    sleep(0.05)  # three business minutes

    clock = file.anchor()

    assert clock.anchor.business_epoch == stopped_at
    assert clock.speed == 3600


def test_after_a_kill_business_time_goes_on_and_never_goes_back(tmp_path):
    file = ClockFile(tmp_path)
    clock = file.anchor(speed=3600, starts_at=MONDAY)
    file.heartbeat()
    sleep(0.05)
    shown = clock.now()  # after the last heartbeat, before the kill

    clock = file.anchor()

    unnoted = timedelta(seconds=HEARTBEAT_SECONDS * LATE_HEARTBEATS_MAX) * 3600
    assert shown <= clock.anchor.business_epoch <= shown + unnoted


def test_after_a_long_stop_that_began_with_a_kill_only_the_unnoted_moment_is_added(tmp_path):
    file = ClockFile(tmp_path)
    an_hour_ago = file.clock().wall_now() - timedelta(hours=1)
    file.path.write_text(Anchor(MONDAY, an_hour_ago, speed=3600).to_json())
    beat = MONDAY + timedelta(
        days=2
    )  # noted 48 s after the start; the rest of the hour it was down
    (tmp_path / "clock-heartbeat.json").write_text(
        json.dumps({"business_at": beat.isoformat(), "is_last": False})
    )

    clock = file.anchor()

    unnoted = timedelta(seconds=HEARTBEAT_SECONDS * LATE_HEARTBEATS_MAX) * 3600
    assert clock.anchor.business_epoch == beat + unnoted


def test_held_time_stands_still_and_runs_on_from_there(tmp_path):
    file = ClockFile(tmp_path)
    file.hold(speed=3600, starts_at=MONDAY)
    clock = file.clock()
    sleep(0.05)
    assert file.is_held
    assert clock.now() == MONDAY

    file.release()

    assert not file.is_held
    assert MONDAY <= clock.now() < MONDAY + 3600 * A_MOMENT
    assert clock.speed == 3600


def test_a_start_that_was_killed_costs_no_business_time(tmp_path):
    file = ClockFile(tmp_path)
    file.anchor(speed=3600, starts_at=MONDAY)
    file.heartbeat()
    file.hold()
    held_at = file.clock().now()
    file.heartbeat()
    sleep(0.05)

    file.hold()

    assert file.clock().now() == held_at


def test_a_new_speed_does_not_release_the_time(tmp_path):
    file = ClockFile(tmp_path)
    file.hold(speed=1, starts_at=MONDAY)

    file.set_speed(3600)

    assert file.is_held
    assert file.release().speed == 3600
    assert file.release().anchor == file.clock().anchor  # a second release changes nothing


def test_who_waits_for_the_release_goes_on_with_it_or_when_told_to_stop(tmp_path):
    file, stop = ClockFile(tmp_path), Event()
    file.hold()
    waiting = Thread(target=file.wait_until_released, args=(stop,))
    waiting.start()

    waiting.join(0.1)
    assert waiting.is_alive()
    stop.set()
    waiting.join(5)
    assert not waiting.is_alive()

    file.release()
    file.wait_until_released(Event())


def test_a_clock_in_many_threads_shows_one_of_the_files_and_never_half_of_one(tmp_path):
    file = ClockFile(tmp_path)
    file.anchor(speed=1, starts_at=MONDAY)
    clock, speeds, errors = file.clock(), set(), []

    def look() -> None:
        try:
            for _ in range(300):
                speeds.add(clock.speed)
        except Exception as error:
            errors.append(error)

    threads = [Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for speed in range(2, 60):
        file.set_speed(speed)
    for thread in threads:
        thread.join()

    assert errors == []
    assert speeds <= set(range(1, 60))
    assert clock.speed == 59


def test_a_look_at_the_clock_costs_microseconds(tmp_path):
    clock = ClockFile(tmp_path).anchor()
    started = perf_counter()
    for _ in range(1_000):
        clock.now()

    assert perf_counter() - started < 0.2
