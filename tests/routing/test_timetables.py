"""The fastest path at an instant, against all paths there are, on small random networks with timetables."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from online_kart.domain.batches import next_departure
from online_kart.domain.network import Leg, Mode, Network
from online_kart.domain.planned_times import timed_legs
from online_kart.domain.routes import PlannedPath
from online_kart.domain.timetables import WEEKDAYS, Departure, Weekday
from online_kart.routing.tables import Router
from online_kart.routing.timetables import TimetableSearch
from tests.builders import a_hub, a_leg, a_network, an_fc, flights, roads

EXAMPLES = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
INDIA = ZoneInfo("Asia/Kolkata")
MONDAY_AT_TEN = datetime(2026, 3, 2, 10, tzinfo=INDIA)


class SlowPath(NamedTuple):
    """A whole path; the fields are in the order in which paths compare."""

    arrival: datetime
    hops: int
    steps: tuple[tuple[str, Mode], ...]


class AllPaths:
    """Every walk that keeps the hop rule, one after another. None is at a facility twice with the same budget."""

    def __init__(self, network: Network, destination: str) -> None:
        self.network, self.destination = network, destination

    def best(self, origin: str, at: datetime, budget: int) -> SlowPath | None:
        walks = self._walks(origin, at, budget, ((origin, budget),))
        return min((SlowPath(arrival, len(s), s) for arrival, s in walks), default=None)

    def _walks(
        self, here: str, at: datetime, budget: int, seen: tuple[tuple[str, int], ...]
    ) -> Iterator[tuple[datetime, tuple[tuple[str, Mode], ...]]]:
        if here == self.destination:
            yield at, ()
            return
        facility = self.network.by_code[here]
        ready_at = at + timedelta(minutes=facility.handling_minutes)
        for leg in self.network.legs if budget else ():
            to = self.network.by_code[leg.destination]
            state = (to.code, self.network.hop_limit if to.is_hub else budget - 1)
            if leg.origin == here and state not in seen:
                departs_at = next_departure(leg, ready_at, facility.time_zone)
                arrives_at = departs_at + timedelta(minutes=leg.transit_minutes)
                for arrival, steps in self._walks(*_at(to.code, arrives_at, state, seen)):
                    yield arrival, ((to.code, leg.mode), *steps)


def _at(code, at, state, seen):
    return code, at, state[1], (*seen, state)


def as_slow(network: Network, path: PlannedPath, at: datetime) -> SlowPath:
    ready_at = at + timedelta(minutes=network.by_code[path.origin].handling_minutes)
    timed = timed_legs(network, (leg.key for leg in path.legs), ready_at)
    arrival = timed[-1].arrives_at if timed else at
    return SlowPath(arrival, path.hops, tuple((leg.destination, leg.mode) for leg in path.legs))


TIMES = [time(5), time(11), time(12, 30), time(23)]
WEEKDAYS_OF_SOME: list[tuple[Weekday, ...]] = [(), (), ("mon",), ("tue", "sat"), WEEKDAYS[2:5]]
ZONES = ["Asia/Kolkata", "Asia/Kolkata", "America/New_York"]


def a_random_network(rng: random.Random) -> Network:
    """Up to four FCs and three hubs in two time zones, with few legs, so that all paths can be looked at."""
    fcs = rng.sample("BDFK", rng.randint(2, 4))
    hubs = [f"{letter}X" for letter in rng.sample("AEJ", rng.randint(0, 3))]
    codes = fcs + hubs
    legs: dict[tuple[str, str, Mode], Leg] = {}
    for _ in range(rng.randint(6, 17)):
        origin, to = rng.sample(codes, 2)
        mode = rng.choice(list(Mode)) if {origin, to} <= set(hubs) else Mode.ROAD
        leg = a_leg(origin, to, rng.choice([0, 30, 90, 500]), mode)
        legs[leg.key] = leg.model_copy(update={"departure_times": a_random_timetable(rng)})
    places = [a_hub(code) if code in hubs else an_fc(code) for code in codes]
    return Network(
        hop_limit=rng.randint(1, 5),
        facilities=tuple(
            place.model_copy(
                update={"time_zone": rng.choice(ZONES), "handling_minutes": rng.choice([0, 0, 45])}
            )
            for place in places
        ),
        legs=tuple(legs.values()),
    )


def a_random_timetable(rng: random.Random) -> tuple[Departure, ...]:
    return tuple(
        Departure(rng.choice(TIMES), rng.choice(WEEKDAYS_OF_SOME)) for _ in range(rng.randint(0, 2))
    )


# In March, the clocks of New York go forward on the eighth.
instants = st.datetimes(datetime(2026, 3, 1), datetime(2026, 3, 12), timezones=st.just(UTC))  # noqa: DTZ001


@EXAMPLES
@given(st.integers(0, 2**32), instants)
def test_the_fastest_path_is_the_best_of_all_paths_and_never_later_than_the_tables(seed, at):
    rng = random.Random(seed)
    network = a_random_network(rng)
    destination = rng.choice(network.fcs).code
    origin = rng.choice(sorted(network.by_code.keys() - {destination}))
    is_hub = network.by_code[origin].is_hub
    budget = network.hop_limit if is_hub else rng.randint(0, network.hop_limit)

    path = TimetableSearch(network).path(origin, destination, at, budget)

    best = AllPaths(network, destination).best(origin, at, budget)
    assert (path and as_slow(network, path, at)) == best
    by_tables = Router(network).plan(origin, destination, budget)
    if by_tables:
        assert best is not None
        assert best.arrival <= as_slow(network, by_tables, at).arrival
    if path:
        keeps_the_hop_rule(network, path)


def keeps_the_hop_rule(network: Network, path: PlannedPath) -> None:
    for before, after, leg in zip(path.budgets, path.budgets[1:], path.legs, strict=False):
        assert before > 0
        is_hub = network.by_code[leg.destination].is_hub
        assert after == (network.hop_limit if is_hub else before - 1)


def with_timetable(legs: list[Leg], *departure_times: str) -> list[Leg]:
    times = {"departure_times": departure_times}
    return [Leg.model_validate(leg.model_dump() | times) for leg in legs]


def path_at(network: Network, origin: str, to: str, at: datetime, budget=None) -> PlannedPath:
    path = TimetableSearch(network).path(origin, to, at, budget)
    assert path is not None
    return path


def test_a_connecting_flight_today_is_faster_than_a_direct_one_next_week():
    direct = with_timetable(flights("H", "I"), "mon 09:00")
    connecting = with_timetable(flights("H", "J", "I"), "12:00", "18:00")
    legs = [*roads("A", "H"), *direct, *connecting, *roads("I", "B")]
    network = a_network(legs, hubs="H I J", handling_minutes=30)

    assert path_at(network, "H", "B", MONDAY_AT_TEN).facilities == ("H", "J", "I", "B")
    early = MONDAY_AT_TEN - timedelta(hours=2)
    assert path_at(network, "H", "B", early).facilities == ("H", "I", "B")
    by_tables = Router(network).plan("H", "B")
    assert by_tables is not None
    assert by_tables.facilities == ("H", "I", "B")


def test_of_ways_to_one_departure_the_one_with_fewer_legs_is_taken_though_it_waits_less():
    """Both ways meet the flight at noon; by C one is at the airport earlier, and waits there."""
    often = [f"{hour:02}:00" for hour in range(24)]
    slow = with_timetable(roads("A", "H", minutes=100), *often)
    fast = with_timetable(roads("A", "C", "H", minutes=5), *often)
    flight = with_timetable(flights("H", "I"), "12:30")
    network = a_network([*slow, *fast, *flight, *roads("I", "B")], hubs="H I")

    assert path_at(network, "A", "B", MONDAY_AT_TEN).facilities == ("A", "H", "I", "B")


def test_of_equal_ways_the_one_by_the_first_code_is_taken_though_it_waits_less():
    often = [f"{hour:02}:00" for hour in range(24)]
    late = with_timetable([*roads("A", "C", minutes=30), *roads("C", "H", minutes=50)], *often)
    early = with_timetable([*roads("A", "D", minutes=5), *roads("D", "H", minutes=5)], *often)
    flight = with_timetable(flights("H", "I"), "12:30")
    network = a_network([*late, *early, *flight, *roads("I", "B")], hubs="H I")

    assert path_at(network, "A", "B", MONDAY_AT_TEN).facilities == ("A", "C", "H", "I", "B")


def test_a_package_without_the_budget_for_the_fast_way_takes_another():
    legs = [*roads("A", "C", "B"), *roads("A", "B", minutes=500)]
    network = a_network(legs, hop_limit=2)

    assert path_at(network, "A", "B", MONDAY_AT_TEN).facilities == ("A", "C", "B")
    assert path_at(network, "A", "B", MONDAY_AT_TEN, budget=1).facilities == ("A", "B")
    assert TimetableSearch(network).path("A", "B", MONDAY_AT_TEN, budget=0) is None


def test_a_hub_gives_a_full_budget_and_a_path_may_come_back_through_an_fc_with_it():
    """At C only one leg is left; the airport beside it gives four, of which three lead to B."""
    legs = [*roads("A", "C", "H", "C"), *roads("C", "D", "E", "B")]
    network = a_network(legs, hubs="H", hop_limit=4)

    path = path_at(network, "A", "B", MONDAY_AT_TEN, budget=2)
    assert path.facilities == ("A", "C", "H", "C", "D", "E", "B")
    assert path.budgets == (2, 1, 4, 3, 2, 1, 0)


def test_a_path_to_where_it_begins_is_that_place_and_one_to_nowhere_is_none():
    network = a_network([*roads("A", "B"), *roads("C", "D")])
    assert path_at(network, "A", "A", MONDAY_AT_TEN).facilities == ("A",)
    assert TimetableSearch(network).path("A", "D", MONDAY_AT_TEN) is None


@pytest.mark.parametrize("budget", [None, 1])
def test_at_a_hub_the_budget_is_always_full(budget):
    network = a_network(roads("H", "A", "B"), hubs="H", hop_limit=2)
    assert path_at(network, "H", "B", MONDAY_AT_TEN, budget).budgets == (2, 1, 0)
