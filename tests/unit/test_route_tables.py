"""Route tables: which rows they have, how a pincode finds its row, how they are stored."""

import random

import pytest

from online_kart.domain.errors import NotFound
from online_kart.domain.network import FacilityKind, Mode, Network
from online_kart.domain.routes import RouteTable, merged
from online_kart.routing.changes import gone, is_broken
from online_kart.routing.health import LISTED_MAX, health
from online_kart.routing.tables import Router
from tests.builders import a_leg, a_network, an_fc, flights, pincode_of, roads

TWO_CITIES = [*roads("A", "B", "H"), *roads("H", "B", "A"), *flights("H", "I"), *flights("I", "H")]
TWO_CITIES += [*roads("C", "I", "C"), *roads("I", "D")]


def two_cities() -> Network:
    """A and B by road to hub H, C and D to hub I (from D there is no way), and flights between."""
    return a_network(TWO_CITIES, hubs="H I")


def test_an_fcs_table_holds_the_fcs_it_reaches_by_land_and_its_ways_to_a_hub():
    table = Router(two_cities()).table("A")
    assert [route.destination for route in table.routes] == ["B"]
    assert table.default_routes == (("H", "B", 2, 20),)
    assert not table.hub_routes
    assert (table.kind, table.home_hub) == (FacilityKind.FC, "H")


def test_a_hubs_table_holds_the_fcs_at_home_there_and_the_other_hubs():
    table = Router(two_cities()).table("H")
    assert [(route.destination, route.ways) for route in table.routes] == [
        ("A", (("B", 2, 20),)),
        ("B", (("B", 1, 10),)),
    ]
    assert [(route.destination, route.ways) for route in table.hub_routes] == [
        ("I", (("I", 1, 60),))
    ]
    assert (table.default_routes, table.home_hub, table.own_ranges) == ((), None, ())


def test_a_hubs_row_for_another_hub_merges_the_pincodes_of_all_fcs_at_home_there():
    network = two_cities()
    (row,) = Router(network).table("H").hub_routes
    assert row.pin_ranges == ((pincode_of(network, "C"), pincode_of(network, "D") + 99),)


def test_an_fc_that_no_hub_reaches_is_in_the_tables_of_its_neighbours_only():
    router = Router(a_network([*roads("A", "B"), *roads("A", "H")], hubs="H"))
    assert router.table("B").home_hub is None
    assert [route.ways for route in router.table("A").routes] == [(("B", 1, 10),)]
    assert not router.table("H").routes


def test_ranges_are_merged_where_they_touch():
    assert merged([(30, 39), (10, 19), (20, 25), (27, 28)]) == ((10, 25), (27, 28), (30, 39))
    assert merged([(10, 30), (12, 14)]) == ((10, 30),)
    assert merged([]) == ()


def test_the_neighbouring_ranges_of_one_fc_are_one_in_its_rows():
    fc = an_fc("B", (560100, 560200), (560001, 560099))
    router = Router(a_network(roads("A", "B"), fc))
    assert [route.pin_ranges for route in router.table("A").routes] == [((560001, 560200),)]
    assert router.table("B").own_ranges == ((560001, 560200),)


def test_a_tables_next_legs_are_those_its_ways_begin_with():
    slow = a_leg("A", "C", 500)
    table = Router(a_network([*roads("A", "B", "C"), slow, *roads("C", "A")], hop_limit=3)).table(
        "C"
    )
    assert [leg.next_hop for leg in table.next_legs] == ["A"]


def test_a_pincode_is_found_as_a_scan_over_all_rows_finds_it():
    network = a_table_with_many_ranges()
    for code in ("A", "H"):
        table = Router(network).table(code)
        for pincode in range(199_980, 202_020):
            assert table.facility_for(pincode) == scan(table, pincode)


def a_table_with_many_ranges() -> Network:
    rng = random.Random(7)
    names = [f"F{number}" for number in range(12)]
    cuts = sorted(rng.sample(range(200_000, 202_000), 120))
    ranges: dict[str, list[tuple[int, int]]] = {name: [] for name in [*names, "A"]}
    for first, last in zip(cuts[::2], cuts[1::2], strict=True):
        ranges[rng.choice([*names, "A"])].append((first, last))
    legs = [leg for name in names for leg in roads("A", name)]
    legs += [leg for name in names[:5] for leg in roads("H", name)]
    legs += [*roads("I", "F9"), *roads("I", "F8"), *flights("H", "I")]
    return a_network(legs, *(an_fc(code, *each) for code, each in ranges.items()), hubs="H I")


def scan(table: RouteTable, pincode: int) -> str | None:
    rows = [(table.own_ranges, table.facility)]
    rows += [(route.pin_ranges, route.destination) for route in (*table.routes, *table.hub_routes)]
    found = [code for ranges, code in rows for first, last in ranges if first <= pincode <= last]
    assert len(found) <= 1
    return found[0] if found else None


def test_a_table_is_equal_after_it_was_stored():
    for table in Router(two_cities()).tables():
        stored = table.as_document() | {"_id": 7, "version": 3}
        assert RouteTable.from_document(stored) == table


def test_the_digest_changes_with_the_content_and_with_nothing_else():
    before = {table.facility: table.digest() for table in Router(two_cities()).tables()}
    again = {table.facility: table.digest() for table in Router(two_cities()).tables()}
    assert before == again
    changed = a_network([*TWO_CITIES, a_leg("D", "C", 7)], hubs="H I")
    after = {table.facility: table.digest() for table in Router(changed).tables()}
    assert {code for code in before if before[code] != after[code]} == {"D"}


def test_a_chunk_of_tables_is_equal_to_its_part_of_all():
    network = two_cities()
    everything = {table.facility: table for table in Router(network).tables()}
    assert list(everything) == ["A", "B", "C", "D", "H", "I"]
    for chunk in (["D", "H"], ["A"], []):
        assert list(Router(network).tables(chunk)) == [everything[code] for code in chunk]


def test_there_is_no_table_of_an_unknown_facility():
    with pytest.raises(NotFound):
        Router(two_cities()).table("X")


def test_a_network_may_be_empty_or_lack_hubs():
    assert list(Router(Network(facilities=(), legs=())).tables()) == []
    (alone,) = Router(a_network([], an_fc("A"))).tables()
    assert (len(alone.routes), alone.default_routes, alone.home_hub) == (0, (), None)


def test_the_health_report_names_what_cannot_be_reached():
    report = health(Router(two_cities()), [110_000, 999_999])
    assert report.unreachable_pairs == 3
    assert report.unreachable == (("D", "A"), ("D", "B"), ("D", "C"))
    assert (report.fcs_without_gateway, report.fcs_without_home_hub) == (("D",), ())
    assert (report.unserved_count, report.unserved_pincodes) == (1, (999_999,))


def test_the_health_report_counts_all_pairs_and_lists_some():
    report = health(Router(a_network([], *(an_fc(f"F{number}") for number in range(20)))))
    assert report.unreachable_pairs == 20 * 19
    assert len(report.unreachable) == LISTED_MAX


def test_a_path_is_broken_when_a_leg_or_an_end_of_it_is_gone():
    old = two_cities()
    without_flight = a_network([leg for leg in TWO_CITIES if leg.origin != "I"], hubs="H I")
    remaining = [("H", "I", "air"), ("I", "C", "road")]
    assert not is_broken(remaining, old)
    assert is_broken(remaining, without_flight)
    assert not is_broken([("H", "I", "air")], without_flight)
    assert not is_broken([], without_flight)
    assert gone(old, without_flight).legs == {
        ("I", "H", "air"),
        ("I", "C", "road"),
        ("I", "D", "road"),
    }
    assert gone(old, without_flight).facilities == {"D"}
    assert gone(old, old).is_nothing


def test_a_leg_that_no_table_names_is_unused():
    by_ship = a_leg("H", "I", 600, Mode.SEA)
    past_i = a_leg("H", "J", 700, Mode.AIR)
    network = a_network([*flights("H", "I", "J"), by_ship, past_i], hubs="H I J")

    report = health(Router(network))

    assert report.unused_legs.first == (by_ship.key, past_i.key), "the flights are faster"


def test_gaps_of_service_are_those_between_pincodes_that_are_served():
    network = a_network(
        [], an_fc("A", (110_000, 110_009), (110_020, 110_029)), an_fc("B", (110_010, 110_015))
    )

    assert health(Router(network)).pincode_gaps.first == ((110_016, 110_019),)
