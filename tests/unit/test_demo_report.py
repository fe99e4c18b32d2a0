"""The demo's last page: which journeys are told, which promises were held, and that it can be written whatever happened."""

from datetime import date
from io import StringIO

import pytest
from rich.console import Console

from local.demo import report
from local.demo.journeys import Journey, late_ones, late_reasons, told
from local.demo.report import Results
from local.invariants import Outcome
from online_kart.domain.invariants import INVARIANTS, Violation

PROMISED = date(2026, 3, 5)
ON_THE_DAY = "2026-03-05T18:29:59+00:00"  # a second to midnight in India
A_MINUTE_LATE = "2026-03-05T18:31:00+00:00"  # half past midnight there, still the 5th in UTC


def a_stop(facility, mode=None, planned=None, actual=None):
    return {
        "facility": facility,
        "leg": {"mode": mode} if mode else None,
        "planned_arrival_at": None,
        "actual_arrival_at": None,
        "planned_departure_at": planned,
        "actual_departure_at": actual,
    }


def a_journey(way="BLR1 road BLR2", status="delivered", at=ON_THE_DAY, events=(), name="p"):
    """`way` is facilities and the modes between them; `at` is when it was delivered."""
    facilities, modes = way.split()[::2], way.split()[1::2]
    stops = [a_stop(*each) for each in zip(facilities, [*modes, None], strict=True)]
    happened = [{"what": what, "happened_at": "2026-03-04T00:00:00+00:00"} for what in events]
    if status == "delivered":
        happened.append({"what": "delivered", "happened_at": at})
    path = {"promise_date": PROMISED.isoformat(), "path_revision": 1, "stops": stops}
    return Journey(name, status, path, happened)


# -- promises


def test_a_package_delivered_before_midnight_in_india_holds_its_promise():
    journey = a_journey(at=ON_THE_DAY)

    assert journey.delivered_on == PROMISED
    assert journey.held_its_promise


def test_a_package_delivered_after_midnight_in_india_breaks_it_though_utc_has_the_same_day():
    journey = a_journey(at=A_MINUTE_LATE)

    assert journey.delivered_on == date(2026, 3, 6)
    assert not journey.held_its_promise


def test_a_package_that_was_never_delivered_held_no_promise_and_is_not_late():
    journey = a_journey(status="returned")

    assert journey.delivered_on is None
    assert not journey.held_its_promise
    assert late_ones([journey]) == []


def test_the_latest_is_told_first_and_who_held_its_promise_not_at_all():
    by_a_day = a_journey(at="2026-03-06T06:00:00+00:00", name="a day")
    by_two = a_journey(at="2026-03-07T06:00:00+00:00", name="two days")

    late = late_ones([by_a_day, a_journey(name="in time"), by_two])

    assert [journey.package_id for journey in late] == ["two days", "a day"]


@pytest.mark.parametrize(
    ("events", "why"),
    [
        (["departed"], "missed a departure on its way"),
        (["departed", "delivery_failed"], "nobody was at home the first time"),
        (["replanned", "delivery_failed"], "re-planned because a facility closed"),
    ],
)
def test_why_a_package_is_late(events, why):
    late = a_journey(at=A_MINUTE_LATE, events=events)

    assert late.why_late == why
    assert late_reasons([late, a_journey(events=events)]) == {why: 1}


def test_a_package_that_was_sent_back_was_not_replanned():
    sent_back = a_journey(status="returned", events=["returning"])
    sent_back.path["path_revision"] = 2

    assert not sent_back.was_replanned


def test_the_departure_that_was_latest_is_where_it_lost_its_time():
    journey = a_journey("BLR1 road BLR air DEL road DEL1")
    hours = {"BLR1": 1, "BLR": 5}
    for stop in journey.stops:
        late = hours.get(stop["facility"])
        if late:
            stop["planned_departure_at"] = "2026-03-02T00:00:00+00:00"
            stop["actual_departure_at"] = f"2026-03-02T0{late}:30:00+00:00"

    assert journey.worst_departure == ("BLR", 5.5)


def test_a_package_that_never_left_lost_its_time_nowhere():
    assert a_journey("BLR1").worst_departure == ("BLR1", 0.0)


# -- which journeys are told

BY_ROAD = a_journey("A road B road C", name="road")
BY_LONGER_ROAD = a_journey("A road B road C road D", name="longer road")
CONNECTING = a_journey("A road H air I air J road B", name="connecting")
ONE_FLIGHT = a_journey("A road H air I road B", name="one flight")
TO_AN_ISLAND = a_journey("A road H air I air IXZ road IXZ1", name="island")


def test_the_longest_of_each_kind_is_told():
    chosen = told([BY_ROAD, ONE_FLIGHT, TO_AN_ISLAND, CONNECTING, BY_LONGER_ROAD])

    assert chosen.by_road == BY_LONGER_ROAD
    assert chosen.by_connecting_flight == CONNECTING
    assert chosen.to_an_island == TO_AN_ISLAND


def test_flights_with_a_road_between_do_not_connect():
    by_truck_between = a_journey("A road H air I road J air K road B")

    assert told([ONE_FLIGHT, by_truck_between]).by_connecting_flight is None


def test_a_journey_within_a_city_is_not_worth_telling():
    chosen = told([a_journey("A"), a_journey("A road B")])

    assert (chosen.by_road, chosen.by_connecting_flight, chosen.to_an_island) == (None, None, None)


def test_only_a_journey_to_its_end_is_told():
    assert told([a_journey("A road B road C", status="returned")]).by_road is None


# -- the page


def outcomes(*broken: Violation) -> list[Outcome]:
    return [
        Outcome(n, says, "1 query", tuple(v for v in broken if v.invariant == n))
        for n, says in INVARIANTS.items()
    ]


def results(orders=(), journeys=(), builds=(), broken=()) -> Results:
    return Results(orders, journeys, builds, "DEL", outcomes(*broken), 1.5, 0.25)


def page(shown: Results) -> str:
    text = StringIO()
    report.show(Console(file=text, width=160), shown)
    return text.getvalue()


def an_order(status="finished", packages=1, error=None):
    return {
        "status": status,
        "packages": [{}] * packages,
        "rejection": {"error": error} if error else None,
    }


def test_a_run_in_which_nothing_was_ordered_has_a_page():
    text = page(results())

    assert "0 packages" in text
    assert "Promise dates held: 0, missed: 0" in text
    assert text.count("none in this run") == 3


def test_orders_are_counted_by_outcome():
    orders = [an_order(packages=2), an_order(), an_order("rejected", 0, "OutOfStock")]
    text = page(results(orders=orders))

    assert "rejected for OutOfStock: 1" in text
    assert "split over several fulfillment centers: 1" in text


def test_packages_that_stayed_where_they_were_or_never_left_have_a_page():
    """No hops; a path of one stop; no times."""
    journeys = [a_journey("A"), a_journey("A road B", status="cancelled", name="cancelled")]

    assert "2 packages: 1 delivered, 1 cancelled" in page(results(journeys=journeys))


def test_late_packages_are_told_with_their_reason():
    late = a_journey(at=A_MINUTE_LATE, events=["delivery_failed"], name="late one")
    text = page(results(journeys=[late, a_journey()]))

    assert "Promise dates held: 1, missed: 1" in text
    assert "1 × nobody was at home the first time" in text
    assert "late one: promised 05 Mar, delivered 06 Mar" in text


def test_a_journey_is_a_table_of_its_stops():
    text = page(results(journeys=[BY_ROAD, TO_AN_ISLAND]))

    assert "A journey by road: package road" in text
    assert "A journey with a connecting flight: none in this run" in text
    assert "A journey to an island: package island" in text
    assert "IXZ1" in text
    assert "last mile" in text


def test_a_run_in_which_everything_holds_is_a_success():
    assert results().every_invariant_holds
    assert page(results()).count("holds") == len(INVARIANTS)


def test_a_broken_invariant_is_a_failure_and_is_told():
    lost = Violation(invariant=2, key="MUG", detail="9 received, 8 found")
    broken = results(broken=[lost])

    assert not broken.every_invariant_holds
    text = page(broken)
    assert "1 broken" in text
    assert "2 MUG: 9 received, 8 found" in text


def test_what_broke_is_told_as_it_is():
    """Square brackets are no markup of the page's."""
    odd = Violation(invariant=8, key="A to B", detail="a facility twice: [/red] ['A', 'B'] [bold]")

    assert "A to B: a facility twice: [/red] ['A', 'B'] [bold]" in page(results(broken=[odd]))


def test_of_very_many_violations_the_first_are_told():
    many = [Violation(invariant=12, key=f"copy {n}", detail="differs") for n in range(50)]
    text = page(results(broken=many))

    assert "50 broken" in text
    assert "copy 4: differs" in text
    assert "copy 5: differs" not in text
