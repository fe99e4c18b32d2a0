"""The document store's connection is cut in the middle of a write, or behind it: nothing rests on what is half written.

For every write of every flow. A machine or a queue tries again; what it finds of its first try it writes over.
"""

from collections.abc import Callable
from itertools import count

import pytest

from fulfillment_app.chalicelib.services import rebuilds
from local.reading import Stores
from online_kart.documents import route_tables
from tests.buyers import Buyer
from tests.faults import sweep_runs
from tests.faults.conftest import Network, Say
from tests.faults.customers import broken_invariants, placed
from tests.faults.proxy import Half
from tests.workflows.conftest import Engine

MOMENTS_MAX = 60
"""More writes than any flow has."""


def an_order_is_confirmed(engine: Engine, buyer: Buyer) -> bool:
    order_id = placed(engine, buyer)
    engine.settle()
    return buyer.order(order_id).status == "confirmed"


def route_tables_are_built(engine: Engine, buyer: Buyer) -> bool:
    """Of a network that has changed: a flight takes longer, which every table sees."""
    conn = buyer.market.conn
    conn.execute("UPDATE legs SET transit_minutes = transit_minutes + 1 WHERE mode = 'air'")
    version = rebuilds.request_rebuild(conn, "a flight takes longer", buyer.now)
    engine.settle()
    sweep_runs(engine, conn)
    return route_tables.current_version(buyer.market.documents) == version


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(
    ("flow", "torn"),
    [
        (an_order_is_confirmed, "answer"),
        (route_tables_are_built, "request"),
        pytest.param(an_order_is_confirmed, "request", marks=pytest.mark.slow),
        pytest.param(route_tables_are_built, "answer", marks=pytest.mark.slow),
    ],
)
def test_nothing_rests_on_a_document_that_is_half_written(
    faulty: Engine,
    network: Network,
    buyer: Buyer,
    flow: Callable[[Engine, Buyer], bool],
    torn: Half,
    say: Say,
):
    writes = network.torn_writes
    writes.torn = torn
    stores = Stores(buyer.market.conn, buyer.conn, buyer.market.documents)
    for moment in count(1):
        assert moment < MOMENTS_MAX, "It never comes to its end."
        writes.countdown.set(moment)
        assert flow(faulty, buyer), f"write {moment}"
        assert broken_invariants(stores) == [], f"write {moment}"
        if not writes.countdown.is_over:
            break
    say(f"{moment - 1} writes were cut in their {torn}, one after the other")
    assert moment > 2, "There is hardly a write to cut."
    assert faulty.aws.queues.dead_letters() == []
