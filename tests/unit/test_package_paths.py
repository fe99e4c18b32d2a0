"""A path's times: what is planned, and how a scan moves what is expected of all later stops."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest

from online_kart.domain.errors import NotOnPath
from online_kart.domain.network import Leg, Mode
from online_kart.domain.package_paths import Onward, PackagePath, planned_stops, stop_at
from online_kart.domain.packages import PackageLine, package_id_of
from tests.builders import a_hub, a_leg, an_fc

READY = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)  # Monday, 10:30 in India
NOON = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)

TO_AIRPORT = a_leg("BLR1", "BLR", 60)
FLIGHT = Leg(
    origin="BLR",
    destination="DEL",
    mode=Mode.AIR,
    transit_minutes=180,
    departure_times=(time(15), time(21)),
)
TO_DELHI = a_leg("DEL", "DEL1", 60)


def half_an_hour(facility):
    return facility.model_copy(update={"handling_minutes": 30})


BLR1, DEL1 = half_an_hour(an_fc("BLR1")), half_an_hour(an_fc("DEL1"))
BLR, DEL = half_an_hour(a_hub("BLR")), half_an_hour(a_hub("DEL"))


def a_path(*legs_and_facilities, ready_at=READY):
    legs = legs_and_facilities or ((TO_AIRPORT, BLR, 4), (FLIGHT, DEL, 4), (TO_DELHI, DEL1, 3))
    onward = Onward(
        legs=tuple(leg for leg, _, _ in legs),
        facilities=tuple(facility for _, facility, _ in legs),
        budgets=tuple(budget for _, _, budget in legs),
    )
    order_id = uuid4()
    line = PackageLine(line_no=1, sku="MUG", seller_id=uuid4(), quantity=1, unit_price_paise=100)
    path = PackagePath(
        package_id=package_id_of(order_id, "BLR1"),
        order_id=order_id,
        origin_fc_code="BLR1",
        to_pincode=110001,
        status="planned",
        promise_date=date(2026, 3, 4),
        table_version=1,
        ready_at=ready_at,
        lines=(line,),
        stops=planned_stops(stop_at(BLR1, 4), onward, ready_at),
    )
    return path.model_copy(update={"promise_date": path.expected_on})


def planned(path):
    return [(s.facility, s.planned_arrival_at, s.planned_departure_at) for s in path.stops]


def expected_arrivals(path):
    return [stop.expected_arrival_at for stop in path.stops[1:]]


@pytest.fixture
def path():
    return a_path()


def test_each_stop_is_handled_and_then_leaves_with_the_next_departure(path):
    assert planned(path) == [
        ("BLR1", None, NOON),  # trucks leave at 12:00
        ("BLR", NOON + HOUR, datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),  # the flight at 15:00
        (
            "DEL",
            datetime(2026, 3, 2, 12, 30, tzinfo=UTC),
            datetime(2026, 3, 2, 14, 30, tzinfo=UTC),  # the truck at 20:00
        ),
        ("DEL1", datetime(2026, 3, 2, 15, 30, tzinfo=UTC), None),
    ]
    assert path.promise_date == date(2026, 3, 3)
    assert path.health == "green"


def test_a_package_for_its_own_fcs_pincodes_has_one_stop_and_is_promised_from_there():
    stops = planned_stops(stop_at(BLR1, 4), Onward(legs=(), facilities=(), budgets=()), READY)
    path = a_path().model_copy(update={"stops": stops})

    assert path.facilities == ("BLR1",)
    assert path.expected_on == date(2026, 3, 3)
    assert path.next_leg("BLR1") is None


def test_a_scan_on_time_moves_nothing(path):
    on_time = path.depart("BLR1", NOON).arrive("BLR", NOON + HOUR)

    assert expected_arrivals(on_time) == expected_arrivals(path)
    assert on_time.health == "green"


def test_a_late_scan_that_still_makes_the_flight_delays_nothing_after_it(path):
    late = path.depart("BLR1", NOON).arrive("BLR", NOON + HOUR + timedelta(minutes=50))

    assert expected_arrivals(late)[1:] == expected_arrivals(path)[1:]
    assert late.health == "green"
    assert late.leg_health(1) == "amber"


def test_a_scan_that_misses_the_flight_moves_all_later_stops_to_the_next_one(path):
    late = path.depart("BLR1", NOON).arrive("BLR", NOON + 3 * HOUR)

    assert expected_arrivals(late) == [
        NOON + 3 * HOUR,
        datetime(2026, 3, 2, 18, 30, tzinfo=UTC),  # by the flight at 21:00
        datetime(2026, 3, 2, 23, 30, tzinfo=UTC),  # by the truck at 04:00
    ]
    assert [stop.planned_arrival_at for stop in late.stops] == [
        stop.planned_arrival_at for stop in path.stops
    ]
    assert late.health == "red"  # the 3rd was promised; now it is the 4th
    assert late.leg_health(3) == "red"


def test_lateness_within_the_promised_day_is_amber():
    path = a_path().model_copy(update={"promise_date": date(2026, 3, 4)})

    assert path.depart("BLR1", NOON).arrive("BLR", NOON + 3 * HOUR).health == "amber"


def test_an_early_scan_catches_an_earlier_departure():
    path = a_path((TO_AIRPORT, BLR, 4), (FLIGHT, DEL, 4), ready_at=READY + 3 * HOUR)
    assert path.stops[1].planned_departure_at == datetime(2026, 3, 2, 15, 30, tzinfo=UTC)

    early = path.depart("BLR1", READY).arrive("BLR", READY + HOUR)

    assert early.stops[1].expected_departure_at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_a_late_departure_delays_what_follows(path):
    late = path.depart("BLR1", NOON + 5 * HOUR)

    assert late.stops[1].expected_arrival_at == NOON + 6 * HOUR
    assert late.stops[1].planned_arrival_at == NOON + HOUR


def test_a_repeated_scan_changes_nothing(path):
    departed = path.depart("BLR1", NOON)
    arrived = departed.arrive("BLR", NOON + HOUR)

    assert departed.depart("BLR1", NOON + HOUR) is departed
    assert arrived.arrive("BLR", NOON + 2 * HOUR) is arrived


def test_a_facility_that_the_path_does_not_lead_to_is_told(path):
    with pytest.raises(NotOnPath):
        path.arrive("BOM", NOON)
    with pytest.raises(NotOnPath):
        path.depart("DEL1", NOON)  # it ends there


def test_what_remains_are_the_legs_not_begun(path):
    in_the_air = path.depart("BLR1", NOON).arrive("BLR", NOON).depart("BLR", NOON)

    assert path.remaining_legs == (TO_AIRPORT, FLIGHT, TO_DELHI)
    assert in_the_air.remaining_legs == (TO_DELHI,)
    assert in_the_air.current_stop.facility == "DEL"


def test_a_new_path_keeps_the_stops_that_were_passed(path):
    at_airport = path.depart("BLR1", NOON).arrive("BLR", NOON + HOUR)
    by_road = a_leg("BLR", "DEL1", 1_200)
    onward = Onward(legs=(by_road,), facilities=(DEL1,), budgets=(3,))

    new = at_airport.replanned(1, onward, NOON + 2 * HOUR)

    assert new.facilities == ("BLR1", "BLR", "DEL1")
    assert new.stops[0] == at_airport.stops[0]
    assert new.stops[1].actual_arrival_at == NOON + HOUR
    assert new.stops[1].planned_departure_at == datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
    assert new.path_revision == path.path_revision + 1
    assert new.promise_date == path.promise_date
    assert new.health == "red"


def test_a_way_back_may_lead_through_a_facility_again(path):
    at_airport = path.depart("BLR1", NOON).arrive("BLR", NOON + HOUR)
    back = Onward(legs=(a_leg("BLR", "BLR1", 60),), facilities=(BLR1,), budgets=(3,))

    returning = at_airport.replanned(1, back, NOON + HOUR)
    home = returning.depart("BLR", NOON + 5 * HOUR).arrive("BLR1", NOON + 6 * HOUR)

    assert returning.facilities == ("BLR1", "BLR", "BLR1")
    assert home.stops[0].actual_departure_at == NOON
    assert home.current_stop.actual_arrival_at == NOON + 6 * HOUR
    assert home.next_leg("BLR1") is None


def test_a_departure_told_again_after_turning_back_changes_nothing(path):
    back = Onward(legs=(a_leg("BLR", "BLR1", 60),), facilities=(BLR1,), budgets=(3,))
    returning = path.depart("BLR1", NOON).replanned(1, back, NOON)

    assert returning.depart("BLR1", NOON + HOUR) is returning


def test_a_batch_that_leaves_later_is_the_plan(path):
    later = path.leaving_at("BLR1", NOON + 4 * HOUR)

    assert later.stops[0].planned_departure_at == NOON + 4 * HOUR
    assert later.stops[1].planned_arrival_at == NOON + 5 * HOUR
    assert later.health == "red"
