"""What is promised: one rule for sourcing, for the package's path, and for who asks before ordering."""

import random
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fulfillment_app.chalicelib.services import (
    batches,
    deliveries,
    facilities,
    holidays,
    promises,
)
from online_kart.documents import package_paths, route_tables
from online_kart.domain.calendars import HOLIDAYS_MAX
from online_kart.domain.errors import HolidayExists, NotFound, TooManyHolidays
from online_kart.domain.facilities import ChangeFulfillmentCenter, ChangeLeg
from online_kart.domain.holidays import Holiday, HolidayKey
from online_kart.domain.network import LegKey, Mode, Network
from online_kart.domain.packages import package_id_of
from online_kart.domain.timetables import departure_of
from online_kart.inventory_db import facilities as facility_store
from online_kart.planning import paths
from online_kart.planning.routes import current_routes
from tests.builders import changed, pincode_of
from tests.identity import ADMIN
from tests.market import open_market
from tests.networks import HOP_LIMIT, build, put_network
from tests.shop import an_approved_seller, put_offer

INDIA = ZoneInfo("Asia/Kolkata")
MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
FLIGHT = LegKey("BLR", "DEL", Mode.AIR)


@pytest.fixture
def market(inventory_db, documents, now):
    """Ten mugs in BLR1, on a Monday at 10:00 in India."""
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 10)
    return market


def in_force(market, version):
    """The version of a change, built: everyone plans by it from now on."""
    assert build(market.conn, market.documents, version, market.now) == "published"
    return current_routes(market.documents, at_least=version)


def add_holiday(market, day, fc_code=None):
    holiday = Holiday(day=day, fc_code=fc_code, name="Festival of lights")
    return holidays.add(market.conn, holiday, market.now)


def change_fc(market, fc_code, **changes):
    command = ChangeFulfillmentCenter(**changes)
    return facilities.change_fulfillment_center(market.conn, fc_code, command, market.now)


def asked(market, *skus, to="DEL2", at=None):
    """The promises, by SKU."""
    pincode = to if isinstance(to, int) else pincode_of(market.network, to)
    answer = promises.promises(market.conn, market.routes, pincode, skus, at or market.now)
    return {each.sku: each for each in answer.promises}


def path_of(market, order, fc_code="BLR1"):
    return package_paths.by_id(market.documents, package_id_of(order.order_id, fc_code))


def promised_everywhere(market, to="DEL2"):
    """The date that who asks is told, that sourcing counts with, and that the package is given: the same."""
    told = asked(market, "MUG", to=to)["MUG"].promise_date
    order = market.an_order(to=to)
    sourced = market.reserve(order).chosen.promise_date
    planned = market.plan(order).promise_date
    path = path_of(market, order)
    assert told == sourced == planned == path.promise_date == path.expected_on
    return told


def test_without_a_calendar_the_promise_is_that_of_the_path_and_a_day(market):
    assert promised_everywhere(market) == WEDNESDAY
    assert promised_everywhere(market, to="BLR1") == TUESDAY


def test_a_holiday_of_the_origin_moves_the_order_to_the_next_working_day(market):
    in_force(market, add_holiday(market, MONDAY, "BLR1"))

    assert promised_everywhere(market, to="BLR1") == WEDNESDAY
    order = market.an_order()
    market.reserve(order)
    market.plan(order)
    assert path_of(market, order).ready_at == datetime(2026, 3, 3, 6, 30, tzinfo=INDIA)


def test_a_holiday_of_every_fc_is_one_of_the_last_fc(market):
    in_force(market, add_holiday(market, WEDNESDAY))
    assert promised_everywhere(market) == date(2026, 3, 5)


def test_a_holiday_on_the_way_stops_nothing(market):
    in_force(market, add_holiday(market, TUESDAY, "DEL1"))
    assert promised_everywhere(market) == WEDNESDAY


def test_a_closed_weekday_and_a_last_mile_of_the_last_fc_count(market):
    in_force(market, change_fc(market, "DEL2", closed_weekdays=["wed"], last_mile_minutes=2880))
    assert promised_everywhere(market) == date(2026, 3, 5)
    in_force(market, change_fc(market, "DEL2", closed_weekdays=[], last_mile_minutes=360))
    assert promised_everywhere(market) == TUESDAY


def test_a_holiday_that_is_taken_back_is_none(market):
    add_holiday(market, WEDNESDAY)
    in_force(market, holidays.remove(market.conn, HolidayKey(day=WEDNESDAY), market.now))
    assert promised_everywhere(market) == WEDNESDAY


def test_a_holiday_writes_no_route_table_anew(market):
    before = route_tables.manifest(market.documents, market.routes.version)
    routes = in_force(market, add_holiday(market, WEDNESDAY))
    after = route_tables.manifest(market.documents, routes.version)
    assert (after.tables, after.digests) == (before.tables, before.digests)
    assert routes.facility("DEL2").holidays == (WEDNESDAY,)
    assert routes.facility("DEL").holidays == ()


def test_a_holiday_is_there_once_and_of_an_fc_that_there_is(market):
    add_holiday(market, WEDNESDAY)
    add_holiday(market, WEDNESDAY, "BLR1")
    with pytest.raises(HolidayExists):
        add_holiday(market, WEDNESDAY)
    with pytest.raises(HolidayExists):
        add_holiday(market, WEDNESDAY, "BLR1")
    for nowhere in ("XXX", "BLR"):  # a hub is no FC
        with pytest.raises(NotFound):
            add_holiday(market, WEDNESDAY, nowhere)
    with pytest.raises(NotFound):
        holidays.remove(market.conn, HolidayKey(day=WEDNESDAY, fc_code="BLR2"), market.now)
    assert facility_store.facility(market.conn, "BLR1").holidays == (WEDNESDAY,)


def test_no_fc_has_more_holidays_than_can_be_looked_through(market):
    days = [date(2027, 1, 1) + timedelta(days=each) for each in range(HOLIDAYS_MAX)]
    put_file(market, changed(market.network, "DEL2", holidays=tuple(days[1:])))
    add_holiday(market, days[0])
    with pytest.raises(TooManyHolidays):
        add_holiday(market, WEDNESDAY, "DEL2")
    with pytest.raises(TooManyHolidays):
        put_file(market, changed(market.network, "DEL2", holidays=(WEDNESDAY,)))
    add_holiday(market, WEDNESDAY, "DEL1")
    assert len(facility_store.network(market.conn, HOP_LIMIT).by_code["DEL2"].holidays) == len(days)


def test_a_path_keeps_the_calendar_of_its_last_fc_when_the_network_has_another(market):
    in_force(market, add_holiday(market, WEDNESDAY, "DEL2"))
    order = market.an_order()
    market.reserve(order)
    market.plan(order)

    in_force(
        market, holidays.remove(market.conn, HolidayKey(day=WEDNESDAY, fc_code="DEL2"), market.now)
    )

    path = path_of(market, order)
    assert path.expected_on == path.promise_date == date(2026, 3, 5)
    assert path.health == "green"


def test_a_path_that_was_stored_before_there_were_calendars_is_read(market):
    order = market.an_order()
    market.reserve(order)
    market.plan(order)
    package_id = package_id_of(order.order_id, "BLR1")
    new = {
        f"stops.$[].{field}": "" for field in ("last_mile_minutes", "closed_weekdays", "holidays")
    }
    market.documents.package_paths.update_one({"_id": str(package_id)}, {"$unset": new})

    assert path_of(market, order).expected_on == WEDNESDAY


def put_file(market, network: Network) -> Network:
    put_network(market.conn, network, market.now)
    return facility_store.network(market.conn, HOP_LIMIT)


def test_a_network_file_brings_calendars_and_leaves_what_it_does_not_name(market):
    with_calendar = changed(
        market.network,
        "DEL2",
        holidays=(TUESDAY, WEDNESDAY),
        closed_weekdays=("sun",),
        last_mile_minutes=600,
    )
    add_holiday(market, TUESDAY)
    for network in (with_calendar, with_calendar, market.network):  # again, and then without
        fc = put_file(market, network).by_code["DEL2"]
        assert (fc.holidays, fc.closed_weekdays, fc.last_mile_minutes) == (
            (TUESDAY, WEDNESDAY),
            ("sun",),
            600,
        )
    listed = holidays.listed(market.conn, "DEL2", None, None, 10)
    assert [(each.day, each.fc_code) for each in listed] == [(TUESDAY, None), (WEDNESDAY, "DEL2")]


def test_a_failed_attempt_is_followed_by_one_on_the_next_working_day(market):
    order = market.served(to="BLR1")
    add_holiday(market, TUESDAY, "BLR1")
    change_fc(market, "BLR1", closed_weekdays=["wed"])
    package_id = package_id_of(order.order_id, "BLR1")

    outcome = deliveries.failed(
        market.conn, market.documents, ADMIN, package_id, 1, "nobody at home", market.now
    )
    assert outcome.expected_on == date(2026, 3, 5)


# Timetables


def test_paths_and_batches_wait_for_the_weekday_of_a_flight(market):
    by_weekday = ChangeLeg(departure_times=["mon 06:00", "thu 21:15"])
    routes = in_force(market, facilities.change_leg(market.conn, FLIGHT, by_weekday, market.now))
    thursday = datetime(2026, 3, 5, 21, 15, tzinfo=INDIA)

    assert promised_everywhere(market) == date(2026, 3, 7)
    order = market.an_order()
    market.reserve(order)
    market.plan(order)
    path = path_of(market, order)
    assert path.stops[1].leg.departure_times == (
        departure_of("mon 06:00"),
        departure_of("thu 21:15"),
    )
    assert path.stops[1].planned_departure_at == thursday

    flight, package_id = routes.leg(*FLIGHT), path.package_id
    ready_at = market.now + timedelta(hours=3)
    with market.conn.transaction():
        batch = batches.load(market.conn, package_id, flight, ready_at, market.now, "Asia/Kolkata")
    assert batch.due_at == thursday


# Asking before ordering


def test_a_promise_says_from_where_and_how_many_are_left(market):
    market.put_stock("BLR2", "MUG", 3)
    market.put_stock("BLR2", "LAMP", 4)

    found = asked(market, "MUG", "LAMP", "NOTHING")

    mug, lamp = found["MUG"], found["LAMP"]
    assert (mug.fc_code, mug.free_units, mug.seller_id) == ("BLR1", 10, market.seller_id)
    assert (mug.promise_date, mug.minutes, mug.why_not) == (WEDNESDAY, 390, None)
    assert (lamp.fc_code, lamp.free_units) == ("BLR2", 4)
    assert found["NOTHING"].why_not == "out_of_stock"
    assert found["NOTHING"].promise_date is None


def test_the_earliest_date_wins_then_the_shortest_path(market):
    market.put_stock("DEL1", "MUG", 1)
    market.put_stock("DEL2", "MUG", 1)
    assert asked(market, "MUG")["MUG"].fc_code == "DEL2"
    in_force(market, change_fc(market, "DEL2", cut_off="09:00"))
    assert asked(market, "MUG")["MUG"].fc_code == "DEL1"


def test_of_two_sellers_in_an_fc_the_promise_names_the_one_with_more_units(market, now):
    other = an_approved_seller(market.conn, now, "Other Traders").seller_id
    put_offer(market.conn, other, "MUG", now)
    market._replace(seller_id=other).put_stock("BLR1", "MUG", 11)

    mug = asked(market, "MUG")["MUG"]
    assert (mug.seller_id, mug.free_units) == (other, 11)


def test_units_that_are_held_or_whose_offer_is_paused_are_not_promised(market):
    market.reserve(market.an_order(("MUG", 9)))
    assert asked(market, "MUG")["MUG"].free_units == 1
    market.conn.execute("UPDATE offers SET status = 'paused'")
    assert asked(market, "MUG")["MUG"].why_not == "out_of_stock"


def test_a_pincode_that_nobody_serves_or_nobody_reaches_says_so(market, now):
    assert asked(market, "MUG", "LAMP", to=999_999)["LAMP"].why_not == "not_served"
    version = facilities.delete_leg(market.conn, FLIGHT, now)
    in_force(market, version)
    assert asked(market, "MUG", "LAMP") == {
        "MUG": promises.ItemPromise(sku="MUG", why_not="no_route"),
        "LAMP": promises.ItemPromise(sku="LAMP", why_not="out_of_stock"),
    }


def test_the_promise_may_be_asked_for_another_moment(market):
    assert asked(market, "MUG", at=market.now + timedelta(days=7))["MUG"].promise_date == date(
        2026, 3, 11
    )


def test_a_hundred_items_are_one_query(market, tmp_path):
    """As PostgreSQL's own trace of the connection tells."""
    skus = ["MUG", "LAMP", *(f"SKU-{number}" for number in range(98))]
    with (tmp_path / "trace").open("w+") as trace:
        market.conn.pgconn.trace(trace.fileno())
        found = asked(market, *skus)
        market.conn.pgconn.untrace()
        trace.seek(0)
        sent = [line.split()[4] for line in trace if line.split()[2] == "F"]

    assert len(found) == 100
    assert sent.count("Execute") + sent.count("Query") == 1


def test_what_is_remembered_of_a_quarter_of_an_hour_is_what_each_moment_is_promised(market):
    """Over a week with a cut-off, a holiday and a closed weekday, at moments that fall before and behind each other's."""
    change_fc(market, "BLR1", cut_off="14:10", closed_weekdays=["sun"])
    version = add_holiday(market, WEDNESDAY)
    routes = in_force(market, version)
    rng = random.Random(7)
    to = pincode_of(market.network, "DEL2")
    path = routes.plan("BLR1", to)
    dates = set()
    for _ in range(3_000):
        at = market.now + rng.random() * timedelta(days=7)
        found = paths.prospect(routes, "BLR1", to, at)
        dates.add(found.promise_date)
        assert found == (paths.promise_of(routes, path, at), path.minutes)

    assert len(dates) >= 4
