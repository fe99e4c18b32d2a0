"""Following tables: budgets, gateways, connecting flights, re-planning under way."""

import pytest

from online_kart.domain.errors import NoRoute
from online_kart.domain.network import Mode
from online_kart.domain.routes import PlannedPath
from online_kart.routing.forwarding import Forwarding, path_to, trace_path
from online_kart.routing.tables import Router
from tests.builders import a_network, flights, pincode_of, roads


def facilities(network, origin, destination, budget=None):
    path = Router(network).plan(origin, destination, budget)
    return path and "".join(path.facilities)


def planned(table_of, origin, destination, budget=None) -> PlannedPath:
    path = path_to(table_of, origin, destination, budget)
    assert path is not None
    return path


def test_a_path_says_its_legs_minutes_and_budgets():
    network = a_network(
        [*roads("A", "B", "H"), *flights("H", "I"), *roads("I", "C")], hubs="H I", hop_limit=2
    )
    path = trace_path(Router(network).table, "A", pincode_of(network, "C"))
    assert path.facilities == ("A", "B", "H", "I", "C")
    assert path.budgets == (2, 1, 2, 2, 1)
    assert [leg.mode for leg in path.legs] == [Mode.ROAD, Mode.ROAD, Mode.AIR, Mode.ROAD]
    assert (path.minutes, path.hops) == (90, 4)
    assert (path.origin, path.destination) == ("A", "C")


def test_a_hub_resets_the_hop_counter():
    legs = [*roads("A", "B", "H", "C", "D")]
    assert facilities(a_network(legs, hubs="H", hop_limit=2), "A", "D") == "ABHCD"
    assert facilities(a_network(legs, hop_limit=2), "A", "D") is None


def test_the_faster_of_road_and_hub_is_taken():
    by_hub = [*roads("A", "H"), *flights("H", "I"), *roads("I", "B")]
    assert (
        facilities(a_network([*by_hub, *roads("A", "B", minutes=81)], hubs="H I"), "A", "B")
        == "AHIB"
    )
    assert (
        facilities(a_network([*by_hub, *roads("A", "B", minutes=80)], hubs="H I"), "A", "B") == "AB"
    )


def test_a_package_takes_the_way_its_budget_allows():
    network = a_network([*roads("A", "B", "C", "D"), *roads("A", "D", minutes=100)])
    assert facilities(network, "A", "D", budget=3) == "ABCD"
    assert facilities(network, "A", "D", budget=2) == "AD"
    assert facilities(network, "A", "D", budget=0) is None


def test_the_next_fc_does_not_choose_with_a_full_budget_again():
    """With a budget of its own, B would go on by C and D, and the path would take five legs."""
    legs = [*roads("A", "B"), *roads("B", "C", "D", "E", "F"), *roads("B", "F", minutes=100)]
    network = a_network(legs, hop_limit=4)
    assert facilities(network, "B", "F") == "BCDEF"
    assert facilities(network, "A", "F") == "ABF"


def test_a_hub_has_a_full_budget_whatever_the_package_had():
    network = a_network(roads("H", "A", "B", "C"), hubs="H", hop_limit=3)
    assert planned(Router(network).table, "H", "C", budget=0).budgets == (3, 2, 1, 0)


def test_a_hub_that_is_not_home_sends_to_the_home_hub():
    legs = [*roads("H", "A", minutes=90), *roads("I", "A"), *flights("H", "I", minutes=300)]
    assert facilities(a_network(legs, hubs="H I"), "H", "A") == "HIA"


def test_a_gateway_without_a_flight_home_is_no_way_though_another_hub_has_one():
    legs = [*roads("A", "H"), *roads("A", "I", minutes=20), *flights("I", "J"), *roads("J", "B")]
    assert facilities(a_network(legs, hubs="H I J"), "A", "B") is None


def test_a_package_at_its_destination_stays_there():
    network = a_network(roads("A", "B"))
    path = trace_path(Router(network).table, "B", pincode_of(network, "B"), budget=0)
    assert (path.facilities, path.legs, path.budgets, path.minutes) == (("B",), (), (0,), 0)


def test_no_route_is_raised_with_the_facts():
    network = a_network(roads("A", "B"))
    with pytest.raises(NoRoute) as raised:
        trace_path(Router(network).table, "B", pincode_of(network, "A"))
    assert raised.value.facts() == {"origin": "B", "to": pincode_of(network, "A")}


def test_no_facility_promises_what_the_next_does_not_keep():
    """U and N have two hubs equally near. From A1 the flight is fast, but N sends to Z1."""
    legs = [*roads("U", "N", "C", "A1"), *roads("N", "B", "Z1"), *roads("G", "D")]
    legs += [*flights("A1", "G", minutes=5), *flights("Z1", "G", minutes=500)]
    network = a_network(legs, hubs="A1 Z1 G")
    table_of = Router(network).table
    path, choice = planned(table_of, "U", "D"), Forwarding(table_of, "D").choice("U", 4)
    assert choice is not None
    assert path.facilities == ("U", "N", "B", "Z1", "G", "D")
    assert path.minutes == choice.minutes == 540


def test_a_package_replanned_under_way_keeps_the_rest_of_its_path():
    legs = [*roads("A", "B", "H"), *flights("H", "I"), *roads("I", "C", "D")]
    table_of = Router(a_network(legs, hubs="H I", hop_limit=2)).table
    path = planned(table_of, "A", "D")
    for place, (at, budget) in enumerate(zip(path.facilities, path.budgets, strict=True)):
        assert planned(table_of, at, "D", budget).facilities == path.facilities[place:]


def test_tables_are_read_along_the_path_and_nowhere_else():
    legs = [*roads("A", "B", "H"), *flights("H", "I"), *roads("I", "C"), *roads("B", "X", "Y")]
    network, read = a_network(legs, hubs="H I"), []
    router = Router(network)

    def table_of(code):
        read.append(code)
        return router.table(code)

    trace_path(table_of, "A", pincode_of(network, "C"))
    assert set(read) == {"A", "B", "H", "I", "C"}


def test_a_package_may_pass_an_fc_twice_where_only_a_hub_gives_it_the_legs_to_go_on():
    """From U by land D is four legs away. The one way there turns at the hub beyond X, and comes back."""
    legs = [*roads("U", "V", "X", "H"), *roads("H", "X", "Y", "D")]
    path = Router(a_network(legs, hubs="H", hop_limit=3)).plan("U", "D")
    assert path is not None
    assert path.facilities == ("U", "V", "X", "H", "X", "Y", "D")
    assert path.budgets == (3, 2, 1, 3, 2, 1, 0)
