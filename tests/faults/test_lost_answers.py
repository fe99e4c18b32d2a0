"""The answer to a commit gets lost: whoever asked asks again, and finds what the first time did.

A proxy swallows the answer to the n-th commit and cuts the connection; for every n, of every flow.
"""

from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from fulfillment_app.chalicelib.services import inbound as dock, rebuilds
from local.reading import Stores
from online_kart.domain.inbound import (
    AnnounceShipment,
    CountedLine,
    ReceiveShipment,
    ShipmentLine,
    asn_of,
)
from online_kart.messaging.idempotency import Keyed
from seller_app.chalicelib.services import inbound
from tests.buyers import Buyer
from tests.contracts import kept_headers
from tests.faults import sweep_runs
from tests.faults.conftest import Say
from tests.faults.customers import Http, broken_invariants, placed
from tests.identity import ADMIN
from tests.workflows.conftest import Engine

MOMENTS_MAX = 60
"""More commits than any flow has."""


def test_a_client_whose_answer_was_lost_gets_it_by_asking_again(faulty, network, buyer):
    http, key = Http(faulty), str(uuid4())
    network.lost_commits["customer"].countdown.set(1)

    lost = http.place(buyer, key)
    assert network.lost_commits["customer"].countdown.is_over
    first, again = http.place(buyer, key), http.place(buyer, key)

    assert (lost.status_code, lost.headers["Content-Type"]) == (503, "application/problem+json")
    assert int(lost.headers["Retry-After"]) == lost.json_body["retry"]["after_seconds"] > 0
    assert lost.json_body["type"] == "urn:kart:problem:Unavailable"
    assert first.status_code == again.status_code == 202
    assert (first.body, kept_headers(first)) == (again.body, kept_headers(again))
    orders = buyer.conn.execute("SELECT order_id::text FROM orders").fetchall()
    assert orders == [(first.json_body["order_id"],)]
    told = buyer.conn.execute("SELECT count(*) FROM outbox WHERE type = 'OrderPlaced'").fetchone()
    assert told == (1,)


def confirmed(engine: Engine, buyer: Buyer) -> str:
    order_id = placed(engine, buyer)
    engine.settle(relays_may_fail=True)
    return buyer.order(order_id).status


def cancelled(engine: Engine, buyer: Buyer) -> str:
    order_id = placed(engine, buyer)
    engine.settle(relays_may_fail=True)
    while Http(engine).cancel(order_id).status_code != 202:
        pass
    engine.settle(relays_may_fail=True)
    return buyer.order(order_id).status


def rebuilt(engine: Engine, buyer: Buyer) -> str:
    """Route tables, of a network that has changed."""
    conn = buyer.market.conn
    conn.execute("UPDATE legs SET transit_minutes = transit_minutes + 1 WHERE mode = 'air'")
    version = rebuilds.request_rebuild(conn, "a flight takes longer", buyer.now)
    engine.settle(relays_may_fail=True)
    return rebuilds.build_of(conn, version).status


def received(engine: Engine, buyer: Buyer) -> str:
    """A shipment of a seller's, counted at the dock."""
    market, key = buyer.market, str(uuid4())
    command = AnnounceShipment(
        fc_code="BLR1", expected_on=buyer.now.date(), lines=[ShipmentLine(sku="MUG", quantity=5)]
    )
    keyed = Keyed("Asha", key, key)
    inbound.announce(
        market.conn, market.documents, ADMIN, market.seller_id, command, keyed, buyer.now
    )
    asn = asn_of(market.seller_id, key)
    counted = CountedLine(sku="MUG", quantity=4, reason="one broken")
    at_dock = ReceiveShipment(counted=[counted])
    dock.receive(market.conn, market.documents, ADMIN, asn, at_dock, buyer.now)
    engine.settle(relays_may_fail=True)
    row = market.conn.execute("SELECT status FROM receipts WHERE asn = %s", [asn]).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(
    ("flow", "outcome", "database"),
    [
        (confirmed, "confirmed", "customer"),
        (confirmed, "confirmed", "inventory"),
        pytest.param(cancelled, "cancelled", "customer", marks=pytest.mark.slow),
        pytest.param(cancelled, "cancelled", "inventory", marks=pytest.mark.slow),
        pytest.param(received, "closed", "inventory", marks=pytest.mark.slow),
        pytest.param(rebuilt, "published", "inventory", marks=pytest.mark.slow),
    ],
)
def test_every_lost_commit_of_a_flow_is_found_by_who_asks_again(
    faulty: Engine,
    network: Any,
    buyer: Buyer,
    documents: Any,
    database: str,
    flow: Callable[[Engine, Buyer], str],
    outcome: str,
    say: Say,
):
    countdown = network.lost_commits[database].countdown
    stores = Stores(buyer.market.conn, buyer.conn, documents)
    for moment in count(1):
        assert moment < MOMENTS_MAX, "It never comes to its end."
        countdown.set(moment)
        assert flow(faulty, buyer) == outcome, f"commit {moment} of {database}"
        if not countdown.is_over:
            break
    say(f"{moment - 1} commits of the {database} database were lost, one after the other")
    countdown.set(0)
    sweep_runs(faulty, buyer.market.conn)
    assert moment > 3, "There is hardly a commit to lose."
    assert faulty.aws.queues.dead_letters() == []
    assert broken_invariants(stores) == []
