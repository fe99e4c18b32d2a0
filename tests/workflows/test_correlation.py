"""One id leads from a request to all that came of it: through both outboxes, the bus, and the steps of a run."""

import json

import pytest

from online_kart.inventory_db import runs
from online_kart.request_ids import HEADER
from tests.buyers import a_buyer
from tests.identity import SignedIn
from tests.market import open_market


@pytest.fixture
def buyer(engine, inventory_db, customer_db, documents, now):
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 5)
    engine.settle()
    return a_buyer(customer_db, market)


def post(engine, path, body, key):
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    client = SignedIn(engine.apps["customer_app"].app)
    return client.post(path, headers=headers, body=json.dumps(body).encode())


def told_of(conn, order_id):
    """Type of each event of the order → the id it was told under."""
    rows = conn.execute(
        "SELECT type, payload ->> 'correlation_id' FROM outbox WHERE payload ->> 'order_id' = %s",
        [str(order_id)],
    ).fetchall()
    return dict(rows)


def test_all_that_came_of_an_order_has_the_id_of_the_request_that_placed_it(
    engine, buyer, inventory_db, customer_db
):
    address = buyer.address
    body = {
        "customer_id": str(address.customer_id),
        "address_id": str(address.address_id),
        "lines": [{"sku": "MUG", "quantity": 2}],
    }

    answer = post(engine, "/orders", body, "one")
    engine.settle()

    request_id, order_id = answer.headers[HEADER], answer.json_body["order_id"]
    told = told_of(customer_db, order_id) | told_of(inventory_db, order_id)
    assert {"OrderPlaced", "OrderConfirmed", "PackageChanged"} <= told.keys()
    assert set(told.values()) == {request_id}
    (run,) = runs.by_key(inventory_db, "place_order", order_id)
    assert run.input["correlation_id"] == request_id
