"""Why a path is this one: the candidates where there are two, one or none."""

import pytest

from online_kart.routing.explanations import candidates, explain
from online_kart.routing.tables import Router
from tests.builders import a_network, flights, roads


def found(network, origin, destination, budget=None):
    """(minutes, why not) by land, and by hub."""
    budget = network.hop_limit if budget is None else budget
    both = candidates(Router(network).table, origin, destination, budget)
    return [each.minutes or each.why_not for each in both]


def test_both_candidates_are_told_and_the_faster_is_chosen():
    legs = [*roads("A", "B", minutes=300), *roads("A", "H"), *flights("H", "I"), *roads("I", "B")]
    network, router = a_network(legs, hubs="H I"), Router(a_network(legs, hubs="H I"))
    path = router.plan("A", "B")
    assert path is not None

    why = explain(network, router.table, path, None)

    land, by_hub = why.candidates
    assert why.chosen == "by_hub"
    assert (land.minutes, land.hops, land.next_hop, land.gateway) == (300, 1, "B", None)
    assert (by_hub.minutes, by_hub.hops, by_hub.next_hop) == (80, 3, "H")
    assert (by_hub.gateway, by_hub.home_hub) == ("H", "I")


@pytest.mark.parametrize(
    ("legs", "budget", "expected"),
    [
        (roads("A", "B"), 2, [10, "no hub is within 2 legs"]),
        (
            roads("A", "C", "B"),
            1,
            ["by land it takes 2 legs, and 1 are left", "no hub is within 2 legs"],
        ),
        (
            roads("C", "A", "H"),
            2,
            ["no way leads there by land in 2 legs", "no hub is within 2 legs of the destination"],
        ),
        (
            [*roads("A", "H"), *roads("I", "B")],
            2,
            [
                "no way leads there by land in 2 legs",
                "no way leads from hub H to I, the destination's home hub",
            ],
        ),
        (
            [*roads("A", "C", "H", "B")],
            1,
            [
                "no way leads there by land in 2 legs",
                "the nearest hub is 2 legs away, and 1 are left",
            ],
        ),
    ],
)
def test_a_candidate_that_there_is_not_says_why(legs, budget, expected):
    network = a_network([*legs, *roads("B", "Z")], hubs="H I", hop_limit=2)
    assert found(network, "A", "B", budget) == expected


def test_from_a_hub_one_way_leads():
    network = a_network([*flights("H", "I"), *roads("I", "B")], hubs="H I")
    land, by_hub = candidates(Router(network).table, "H", "B", 4)
    assert (
        land.why_not == "H is a hub: from there one way leads, through the destination's home hub"
    )
    assert (by_hub.minutes, by_hub.gateway, by_hub.home_hub) == (70, "H", "I")
    assert found(network, "I", "B")[1] == 10


def test_where_the_origin_is_the_destination_nothing_is_chosen_from():
    network = a_network(roads("A", "B"))
    router = Router(network)
    path = router.plan("A", "A")
    assert path is not None
    why = explain(network, router.table, path, None)
    assert (why.chosen, why.candidates, why.legs) == ("here", (), ())
