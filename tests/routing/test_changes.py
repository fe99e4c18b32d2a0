"""After any change, a router made of the one before is the router of the new network, table by table."""

import random
from datetime import time

import pytest

from local.bench.networks import drawn_network
from local.demo.network import indian_network
from online_kart.domain.network import Network
from online_kart.domain.routes import RouteTable
from online_kart.routing.labels import ROOM_BITS
from online_kart.routing.tables import Router
from tests.builders import a_network, an_fc, flights, roads
from tests.random_changes import Changes
from tests.random_networks import a_larger_network


def tables_of(router: Router) -> dict[str, RouteTable]:
    return {table.facility: table for table in router.tables()}


def check_sequence(network: Network, rng: random.Random, changes: int) -> None:
    """What is touched is what differs: nothing less, and nothing more."""
    router, changing = Router(network), Changes(network, rng)
    tables = tables_of(router)
    for _ in range(changes):
        for code in rng.sample(sorted(tables), len(tables) // 4):
            router.table(code)  # some tables are kept, and taken over; others are not
        new = changing.several()
        change = router.changed_to(new)
        expected = tables_of(Router(new))
        assert tables_of(change.router) == expected
        assert change.touched == {code for code in expected if expected[code] != tables.get(code)}
        for code in change.touched:
            assert change.router.table(code).digest() == expected[code].digest()
        assert tables_of(router) == tables, "the router before is no longer what it was"
        router, tables = change.router, expected


@pytest.mark.parametrize("seed", range(150))
def test_a_changed_router_is_the_router_of_the_new_network(seed):
    check_sequence(a_larger_network(seed), random.Random(seed), changes=2)


def two_towns() -> Network:
    """A0 to A9 along a road, and B0 to B9 along another; AX and BX are their airports."""
    towns = [[f"{town}{number}" for number in range(10)] for town in "AB"]
    legs = [leg for town in towns for leg in [*roads(*town), *roads(*reversed(town))]]
    legs += [*roads("A0", "AX"), *roads("AX", "A0"), *roads("B0", "BX"), *roads("BX", "B0")]
    return a_network([*legs, *flights("AX", "BX"), *flights("BX", "AX")], hubs="AX BX")


def test_an_fc_that_is_added_touches_those_within_the_hop_limit_and_the_hubs_that_reach_it():
    network = two_towns()
    new = Network(
        facilities=(*network.facilities, an_fc("C", (500_000, 500_009))),
        legs=(*network.legs, *roads("B0", "C"), *roads("C", "B0")),
    )
    change = Router(network).changed_to(new)
    assert change.touched == {"C", "B0", "B1", "B2", "B3", "AX", "BX"}


def test_a_range_that_moves_touches_no_table_that_does_not_name_its_fcs():
    network = two_towns()
    ranges = network.by_code["A9"].pincode_ranges
    moved = {"A9": (), "A8": (*network.by_code["A8"].pincode_ranges, *ranges)}
    new = Network(
        facilities=tuple(
            each.model_copy(update={"pincode_ranges": moved.get(each.code, each.pincode_ranges)})
            for each in network.facilities
        ),
        legs=network.legs,
    )
    # No hub reaches A8 and A9, nine legs down the road, so no hub names their pincodes.
    assert Router(network).changed_to(new).touched == {"A4", "A5", "A6", "A7", "A8", "A9"}


def test_what_no_table_holds_touches_none():
    network = two_towns()
    renamed = tuple(
        each.model_copy(update={"name": "new", "capacity_units": 3, "latitude": 1.0})
        for each in network.facilities
    )
    timed = tuple(leg.model_copy(update={"departure_times": (time(9),)}) for leg in network.legs)
    new = Network(facilities=renamed, legs=timed, attribution="new")
    change = Router(network).changed_to(new)
    assert change.touched == frozenset()
    assert change.router.network is new


def test_with_another_hop_limit_any_table_may_differ():
    network = two_towns()
    new = network.model_copy(update={"hop_limit": 2})
    change = Router(network).changed_to(new)
    assert change.touched == new.by_code.keys()
    assert tables_of(change.router) == tables_of(Router(new))


def test_codes_that_crowd_in_one_place_of_the_order_stay_in_order():
    """Each between B0 and the one before: the room between two keys is halved until there is none."""
    router = Router(two_towns())
    for number in range(2 * ROOM_BITS):
        code = "B0" + "-" * number + "."
        new = Network(
            facilities=(*router.network.facilities, an_fc(code)),
            legs=(*router.network.legs, *roads("B0", code, "B2"), *roads(code, "B0")),
        )
        change = router.changed_to(new)
        assert tables_of(change.router) == tables_of(Router(new))
        assert not any(touched.startswith("A") for touched in change.touched - {"AX"})
        router = change.router


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1_000, 2_000))
def test_a_thousand_sequences_of_changes_end_as_full_builds_do(seed):
    check_sequence(a_larger_network(seed), random.Random(seed), changes=6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100))
def test_sequences_of_changes_of_a_network_of_hundreds_end_as_full_builds_do(seed):
    rng = random.Random(seed)
    network = drawn_network(rng.randint(180, 280), rng.randint(5, 20), seed)
    check_sequence(network, rng, changes=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_sequences_of_changes_of_india_end_as_full_builds_do(seed):
    check_sequence(indian_network(), random.Random(seed), changes=5)
