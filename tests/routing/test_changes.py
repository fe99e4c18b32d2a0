"""After any change a router made of the one before is the router of the new network, table by table."""

import random

import pytest

from online_kart.domain.network import Network
from online_kart.domain.routes import RouteTable
from online_kart.routing.tables import Router
from tests.random_changes import Changes
from tests.random_networks import a_larger_network


def tables_of(router: Router) -> dict[str, RouteTable]:
    return {table.facility: table for table in router.tables()}


def check_sequence(network: Network, rng: random.Random, changes: int) -> None:
    router, changing = Router(network), Changes(network, rng)
    tables = tables_of(router)
    for _ in range(changes):
        if rng.random() < 0.5:
            router.table(rng.choice(list(router.network.by_code)))
        new = changing.several()
        change = router.changed_to(new)
        expected = tables_of(Router(new))
        assert tables_of(change.router) == expected
        assert change.touched == {code for code in expected if expected[code] != tables.get(code)}
        assert tables_of(router) == tables
        router, tables = change.router, expected


@pytest.mark.parametrize("seed", range(150))
def test_a_changed_router_is_the_router_of_the_new_network(seed):
    rng = random.Random(seed)
    check_sequence(a_larger_network(seed), rng, changes=4)
