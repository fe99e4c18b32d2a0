"""Every FC of the Indian network sends to every other, and every way is walked, leg by leg."""

from online_kart.domain.network import Network
from online_kart.routing.forwarding import Forwarding
from online_kart.routing.tables import Router

Costs = dict[tuple[str, str], int]


def costs_of(network: Network) -> Costs:
    """Of the cheapest leg between any two neighbours."""
    costs: Costs = {}
    for leg in network.legs:
        ends = leg.origin, leg.destination
        costs[ends] = min(network.cost_minutes(leg), costs.get(ends, 1_000_000))
    return costs


def wrong_on_the_way(
    forwarding: Forwarding, origin: str, destination: str, network: Network, costs: Costs
) -> str | None:
    """The legs are those of the network, the budget is counted here: nothing is taken on trust."""
    promised = forwarding.choice(origin, network.hop_limit)
    if promised is None:
        return "no way"
    passed, minutes, left = [origin], 0, network.hop_limit
    while passed[-1] != destination:
        choice = forwarding.choice(passed[-1], left)
        if choice is None or left == 0:
            return f"the way ends: {passed}"
        minutes += costs[passed[-1], choice.next_hop]
        left = network.hop_limit if network.by_code[choice.next_hop].is_hub else left - 1
        if choice.next_hop in passed:
            return f"a facility twice: {passed}"
        passed.append(choice.next_hop)
    return None if minutes <= promised.minutes else f"late by {minutes - promised.minutes} minutes"


def test_every_way_keeps_its_promise_and_the_hop_limit_and_passes_no_facility_twice(india):
    table_of = {table.facility: table for table in Router(india).all_tables()}.__getitem__
    fcs, costs = [fc.code for fc in india.fcs], costs_of(india)
    wrong = []
    for to in fcs:
        forwarding = Forwarding(table_of, to)
        found = {
            origin: wrong_on_the_way(forwarding, origin, to, india, costs)
            for origin in fcs
            if origin != to
        }
        wrong += [(origin, to, what) for origin, what in found.items() if what]
    assert wrong == []
