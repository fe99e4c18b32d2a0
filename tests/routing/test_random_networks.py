"""The router against the brute force, and what forwarding promises, on random networks.

Networks are small and their minutes few, so that ties, one-way legs, legs that cost nothing,
disconnected parts, hubs without flights and FCs without a hub are all common.
"""

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from online_kart.domain.errors import NoRoute
from online_kart.domain.network import Mode, Network
from online_kart.domain.routes import PlannedPath, RouteTable
from online_kart.routing.forwarding import Choice, Forwarding, path_to, trace_path
from online_kart.routing.health import health
from online_kart.routing.tables import Router
from tests.brute_force import BruteForce, SlowWay
from tests.random_networks import a_larger_network, legs_of, network_of

EXAMPLES = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Hypothesis picks every leg, so that it can shrink what fails."""
    # Codes that do not sort hubs after FCs, nor in the order in which they are drawn.
    fcs = [f"{letter}{place}" for place, letter in enumerate(draw(st.permutations("BDFHKM")))]
    hubs = [f"{letter}X" for letter in draw(st.permutations("AEJZ"))][: draw(st.integers(0, 4))]
    codes = fcs[: draw(st.integers(2, 6))] + hubs
    costs = st.integers(0, 3)
    keys = [
        ((origin, to), mode)
        for origin in codes
        for to in codes
        for mode in Mode
        if origin != to and (mode is Mode.ROAD or {origin, to} <= set(hubs))
    ]
    taken = st.lists(
        st.sampled_from([None, None, 0, 1, 2, 3]), min_size=len(keys), max_size=len(keys)
    )
    minutes = zip(keys, draw(taken), strict=True)
    handling = draw(st.lists(costs, min_size=len(codes), max_size=len(codes)))
    legs = legs_of({key: cost for key, cost in minutes if cost is not None}, set(hubs))
    return network_of(codes, set(hubs), handling, legs, draw(st.integers(1, 5)))


def check_fc_table(table: RouteTable, slow: BruteForce) -> None:
    u = table.facility
    for budget in range(1, slow.hop_limit + 1):
        for fc in slow.fcs:
            route = table.to_fc(fc) if fc != u else None
            way = route and route.fastest(budget)
            assert (way and way[::-1]) == (_key(slow.land(u, fc, budget)) if fc != u else None)
        gateway = table.gateway(budget)
        assert (gateway and gateway[::-1]) == slow.gateway(u, budget)
        nearest = slow.nearest_hubs(u, budget)
        assert (gateway is None) == (not nearest)
        if gateway:
            best = (gateway.minutes, gateway.hops, gateway.next_hop)
            assert best == nearest[0][:3]
            assert gateway.hub in {way.hub for way in nearest if way[:3] == best}
    home = slow.home(u)
    assert table.home_hub == (home and home.hub)


def _key(way: SlowWay | None) -> tuple[int, int, str] | None:
    return way and way[:3]


def check_hub_table(table: RouteTable, slow: BruteForce) -> None:
    h = table.facility
    at_home = {fc: way for fc in slow.fcs if (way := slow.home(fc)) and way.hub == h}
    found = {route.destination: route.ways for route in table.routes}
    assert found == {fc: ((way.next_hop, way.legs, way.minutes),) for fc, way in at_home.items()}
    by_air = {hub: way for hub in slow.hubs if hub != h and (way := slow.air(h, hub))}
    found = {route.destination: route.ways for route in table.hub_routes}
    assert found == {hub: ((way.next_hop, way.legs, way.minutes),) for hub, way in by_air.items()}


def check_rows(table: RouteTable, network: Network, slow: BruteForce) -> None:
    """Every row holds the pincodes of its destination, and a faster way always has more hops."""
    for route in table.routes:
        assert _pincodes(route.pin_ranges) == _pincodes(
            network.by_code[route.destination].pincode_ranges
        )
    for route in table.hub_routes:
        at_home = [fc for fc in slow.fcs if (way := slow.home(fc)) and way.hub == route.destination]
        expected = [each for fc in at_home for each in network.by_code[fc].pincode_ranges]
        assert _pincodes(route.pin_ranges) == _pincodes(expected)
    fronts = [[(way.hops, way.minutes) for way in route.ways] for route in table.routes]
    fronts.append([(way.hops, way.minutes) for way in table.default_routes])
    for front in fronts:
        assert [hops for hops, _ in front] == sorted({hops for hops, _ in front})
        assert [minutes for _, minutes in front] == sorted({m for _, m in front}, reverse=True)


def _pincodes(ranges) -> set[int]:
    return {pincode for first, last in ranges for pincode in range(first, last + 1)}


def check_tables(network: Network) -> None:
    slow, router = BruteForce(network), Router(network)
    for table in router.tables():
        (check_hub_table if table.is_hub else check_fc_table)(table, slow)
        check_rows(table, network, slow)


def check_forwarding(network: Network) -> None:
    """From every facility, with every budget, to every FC."""
    slow, router = BruteForce(network), Router(network)
    for fc in slow.fcs:
        forwarding = Forwarding(router.table, fc)
        for at in network.by_code.keys() - {fc}:
            for budget in range(1, network.hop_limit + 1):
                expected = slow.choice(at, fc, budget)
                assert as_slow(forwarding.choice(at, budget)) == expected
                path = forwarding.path(at, budget)
                assert (path is None) == (expected is None)
                if path and expected:
                    check_path(path, network, forwarding)
                    assert path.minutes <= expected.minutes


def as_slow(choice: Choice | None) -> SlowWay | None:
    return choice and SlowWay(*choice)


def check_path(path: PlannedPath, network: Network, forwarding: Forwarding) -> None:
    visits = list(zip(path.facilities, path.budgets, strict=True))
    assert len(set(visits)) == len(visits), "the path loops"
    assert all(0 <= budget <= network.hop_limit for budget in path.budgets)
    hops = network.hop_limit - path.budgets[0]
    for leg, (facility, budget) in zip(path.legs, visits[1:], strict=True):
        assert leg.minutes == network.cost_minutes(network.by_key[leg.key])
        hops += 1
        assert hops <= network.hop_limit, "the path passes the hop limit"
        hops = 0 if network.by_code[facility].is_hub else hops
        assert budget == network.hop_limit - hops
    for place, (facility, budget) in enumerate(visits[:-1]):
        choice = forwarding.choice(facility, budget)
        assert choice is not None
        assert sum(leg.minutes for leg in path.legs[place:]) <= choice.minutes
        assert forwarding.path(facility, budget) == PlannedPath(
            path.facilities[place:], path.legs[place:], path.budgets[place:]
        )


@EXAMPLES
@given(networks())
def test_tables_hold_what_the_definitions_say(network):
    check_tables(network)


@EXAMPLES
@given(networks())
def test_forwarding_chooses_as_the_definitions_say_and_keeps_every_promise(network):
    check_forwarding(network)


@pytest.mark.parametrize("seed", range(40))
def test_tables_and_forwarding_hold_on_a_larger_network(seed):
    network = a_larger_network(seed)
    check_tables(network)
    check_forwarding(network)


@EXAMPLES
@given(networks(), st.integers(199_990, 201_100))
def test_a_pincode_leads_to_the_fc_that_serves_it(network, pincode):
    router = Router(network)
    serving = [
        fc.code
        for fc in network.fcs
        if any(first <= pincode <= last for first, last in fc.pincode_ranges)
    ]
    for origin in network.by_code:
        expected = path_to(router.table, origin, serving[0]) if serving else None
        assert _traced(router, origin, pincode) == expected


def _traced(router: Router, origin: str, pincode: int) -> PlannedPath | None:
    try:
        return trace_path(router.table, origin, pincode)
    except NoRoute:
        return None


@EXAMPLES
@given(networks())
def test_the_health_report_lists_exactly_the_pairs_without_a_path(network):
    router = Router(network)
    fcs = [fc.code for fc in network.fcs]
    expected = {(u, d) for u in fcs for d in fcs if u != d and router.plan(u, d) is None}
    report = health(router)
    assert set(report.unreachable) == expected
    assert report.unreachable_pairs == len(expected)


@EXAMPLES
@given(networks())
def test_a_table_is_the_same_after_a_round_trip_through_a_document(network):
    for table in Router(network).tables():
        again = RouteTable.from_document(table.as_document())
        assert again == table
        assert again.digest() == table.digest()


@EXAMPLES
@given(networks(), st.randoms(use_true_random=False))
def test_the_order_of_the_entries_of_a_network_does_not_matter(network, rng):
    shuffled = Network(
        hop_limit=network.hop_limit,
        facilities=tuple(rng.sample(network.facilities, len(network.facilities))),
        legs=tuple(rng.sample(network.legs, len(network.legs))),
    )
    assert list(Router(network).tables()) == list(Router(shuffled).tables())
