"""When an order is promised: cut-off, handling, transit and the last mile."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from online_kart.domain.promises import promise_date, ready_at

TEN_IN_INDIA = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
SIX_PM = time(18)


def test_an_order_before_the_cut_off_is_handled_at_once():
    assert ready_at(TEN_IN_INDIA, SIX_PM, 30) == TEN_IN_INDIA + timedelta(minutes=30)


def test_an_order_at_the_cut_off_still_makes_it():
    at_six = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)

    assert ready_at(at_six, SIX_PM, 30) == at_six + timedelta(minutes=30)


def test_an_order_after_the_cut_off_is_handled_from_six_the_next_morning():
    a_minute_late = datetime(2026, 3, 2, 12, 31, tzinfo=UTC)

    assert ready_at(a_minute_late, SIX_PM, 30) == datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


def test_the_cut_off_is_local_to_the_fc():
    noon_in_london = datetime(2026, 7, 1, 11, 0, tzinfo=UTC)

    assert ready_at(noon_in_london, time(11, 30), 0, "Europe/London") == datetime(
        2026, 7, 2, 5, 0, tzinfo=UTC
    )


def test_an_fc_without_a_cut_off_works_round_the_clock():
    at_night = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)

    assert ready_at(at_night, None, 45) == at_night + timedelta(minutes=45)


@pytest.mark.parametrize(
    ("handled_at", "promised"),
    [
        (datetime(2026, 3, 2, 4, 30, tzinfo=UTC), date(2026, 3, 3)),
        (datetime(2026, 3, 2, 18, 29, tzinfo=UTC), date(2026, 3, 3)),  # 23:59 in India
        (datetime(2026, 3, 2, 18, 30, tzinfo=UTC), date(2026, 3, 4)),  # midnight there
    ],
)
def test_the_promise_is_the_customers_local_date_a_day_after_the_last_fc(handled_at, promised):
    assert promise_date(handled_at) == promised
