"""What is fastest: by land, to a hub, from hub to hub. See also tests/routing."""

from online_kart.domain.network import Mode
from online_kart.routing.labels import Labels
from online_kart.routing.paths import land as ways_by_land
from online_kart.routing.steps import Steps
from online_kart.routing.tables import Router
from tests.brute_force import BruteForce
from tests.builders import a_hub, a_leg, a_network, an_fc, flights, roads


def land(network, origin, to):
    """Every way from one to the other: (next hop, hops, minutes), fewest hops first."""
    steps = Steps(network, Labels(network.by_code, network.hop_limit))
    front = ways_by_land(steps, origin).to(to)
    return [tuple(steps.labels.way(label)) for label in front]


def ways_to_hub(router, origin, to):
    route = router.table(origin).to_hub(to)
    return route and route.ways


def test_a_leg_costs_its_origins_handling_and_its_transit():
    network = a_network([a_leg("A", "B", 50)], an_fc("A", handling_minutes=30))
    assert land(network, "A", "B") == [("B", 1, 80)]


def test_a_way_with_more_legs_is_kept_when_it_is_faster():
    network = a_network([*roads("A", "B", "C", "D", minutes=10), *roads("A", "D", minutes=45)])
    assert land(network, "A", "D") == [("D", 1, 45), ("B", 3, 30)]


def test_a_way_with_more_legs_is_dropped_when_it_is_as_slow():
    network = a_network([*roads("A", "B", "D", minutes=10), *roads("A", "D", minutes=20)])
    assert land(network, "A", "D") == [("D", 1, 20)]


def test_a_way_stops_at_the_hop_limit():
    network = a_network(roads("A", "B", "C", "D", "E"), hop_limit=3)
    assert land(network, "A", "D") == [("B", 3, 30)]
    assert land(network, "A", "E") == []


def test_a_way_by_land_does_not_pass_a_hub():
    network = a_network(roads("A", "H", "B"), hubs="H")
    assert land(network, "A", "B") == []


def test_roads_are_one_way_unless_there_are_two():
    network = a_network(roads("A", "B"))
    assert land(network, "B", "A") == []


def test_of_equal_ways_the_one_with_the_smaller_next_hop_is_taken():
    network = a_network([*roads("A", "Z", "D"), *roads("A", "B", "D"), *roads("A", "C", "D")])
    assert land(network, "A", "D") == [("B", 2, 20)]


def test_of_parallel_legs_the_cheapest_is_taken_and_of_equals_the_first_by_name():
    legs = [a_leg("H", "I", 60, Mode.SEA), a_leg("H", "I", 50, Mode.ROAD)]
    legs += [a_leg("H", "I", 50, Mode.AIR)]
    table = Router(a_network(legs, hubs="H I")).table("H")
    assert table.leg_to("I") == ("I", Mode.AIR, 50)


def test_an_fcs_home_hub_is_the_nearest_in_minutes_from_the_hub():
    legs = [*roads("H", "A", minutes=30), *roads("I", "B", "A", minutes=10)]
    legs += roads("A", "H", minutes=1)
    assert Router(a_network(legs, hubs="H I")).table("A").home_hub == "I"


def test_equal_hubs_are_told_apart_by_legs_then_next_hop_then_code():
    by_legs = [*roads("H", "B", "A", minutes=10), *roads("I", "A", minutes=20)]
    assert Router(a_network(by_legs, hubs="H I")).table("A").home_hub == "I"
    by_next_hop = [*roads("H", "C", "A"), *roads("I", "B", "A")]
    assert Router(a_network(by_next_hop, hubs="H I")).table("A").home_hub == "I"
    by_code = [*roads("H", "B", "A"), *roads("I", "B")]
    assert Router(a_network(by_code, hubs="H I")).table("A").home_hub == "H"


def test_a_gateway_depends_on_the_budget():
    legs = [*roads("A", "H", minutes=100), *roads("A", "B", "C", "I", minutes=10)]
    table = Router(a_network(legs, hubs="H I")).table("A")
    gateways = [table.gateway(budget) for budget in range(5)]
    assert [way and way.hub for way in gateways] == [None, "H", "H", "I", "I"]


def test_a_gateway_through_a_neighbour_is_the_neighbours_own():
    """A1 and Z1 are equally far from U and from N. N sends to Z1, for its next hop B is before C."""
    network = a_network([*roads("U", "N", "C", "A1"), *roads("N", "B", "Z1")], hubs="A1 Z1")
    router = Router(network)
    assert [way.hub for way in BruteForce(network).nearest_hubs("U", 4)] == ["A1", "Z1"]
    assert router.table("N").gateway(3) == ("Z1", "B", 2, 20)
    assert router.table("U").gateway(4) == ("Z1", "N", 3, 30)


def test_connecting_flights_may_be_many():
    hubs = [f"H{number:02}" for number in range(30)]
    router = Router(a_network(flights(*hubs, minutes=60), hubs=" ".join(hubs), hop_limit=1))
    assert ways_to_hub(router, "H00", "H29") == (("H01", 29, 29 * 60),)
    assert not router.table("H29").hub_routes


def test_of_equal_flights_the_one_with_fewer_legs_is_taken_then_the_smaller_next_hop():
    legs = [
        *flights("H", "K", "M"),
        *flights("H", "J", "M"),
        *flights("H", "I", "L", "M", minutes=40),
    ]
    router = Router(a_network(legs, hubs="H I J K L M"))
    assert ways_to_hub(router, "H", "M") == (("J", 2, 120),)
    direct = [*legs, *flights("H", "M", minutes=120)]
    router = Router(a_network(direct, hubs="H I J K L M"))
    assert ways_to_hub(router, "H", "M") == (("M", 1, 120),)


def test_a_flight_costs_the_handling_of_the_hub_it_leaves():
    router = Router(a_network(flights("H", "I"), a_hub("H", handling_minutes=90), hubs="I"))
    assert ways_to_hub(router, "H", "I") == (("I", 1, 150),)
