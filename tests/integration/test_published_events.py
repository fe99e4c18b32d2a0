"""Events as they come off the bus after all that can happen to orders, packages, stock and prices: they fit their schemas."""

import json

import pytest
from jsonschema import Draft4Validator

from customer_app.chalicelib.services import cancellations, returns as customers_returns
from fulfillment_app.chalicelib.services import returns
from local.bus import LocalBus
from local.event_schemas import path_of
from local.queues import Queues
from online_kart.domain.returns import ReceiveReturn, RequestReturn, return_id_of
from online_kart.messaging import outbox
from online_kart.messaging.bus import EventBus
from online_kart.messaging.published import CUSTOMER_SOURCE, INVENTORY_SOURCE, PUBLISHED
from online_kart.messaging.rules import queue_of
from tests.contracts import FORMATS
from tests.identity import ADMIN

PARTNER = "partner"


class Client:
    """boto3's `events` client, in front of the local bus."""

    def __init__(self, bus):
        self._bus = bus

    def put_events(self, *, Entries):
        return {"Entries": self._bus.put_events(Entries)}


@pytest.fixture
def queues(tmp_path):
    queues = Queues(tmp_path / "queues.sqlite")
    yield queues
    queues.close()
    queues.close_file()


@pytest.fixture
def heard(world, queues):
    """Sends all that both sides have told; and what a partner hears of it who has subscribed to everything published."""
    local = LocalBus(queues, region="ap-south-1", rules={PARTNER: tuple(PUBLISHED)})
    bus = EventBus(Client(local), "kart")
    stores, now = world.stores, world.sides.market.now

    def send():
        for conn, source in (
            (stores.inventory, INVENTORY_SOURCE),
            (stores.customer, CUSTOMER_SOURCE),
        ):
            conn.execute("UPDATE outbox SET sent_at = NULL")
            assert outbox.send_unsent(conn, bus, source, now) > 0
        return list(delivered())

    def delivered():
        while queues.unhandled_count():
            messages = queues.take(queue_of(PARTNER), 10)
            yield from (json.loads(message.body) for message in messages)
            queues.done(messages)

    return send


def send_back(world):
    """The delivered package: asked for, fetched, received, and its refund owed."""
    stores, package_id, now = world.stores, world.names.delivered, world.sides.market.now
    (order_id,) = stores.customer.execute(
        "SELECT order_id FROM packages WHERE package_id = %s", [package_id]
    ).fetchone()
    command = RequestReturn(package_id=package_id, reason="too blue")
    customers_returns.request(stores.customer, ADMIN, order_id, command, now)
    world.sides.tell()
    returns.receive(
        stores.inventory, stores.documents, ADMIN, return_id_of(package_id), ReceiveReturn(), now
    )
    world.sides.tell()


def test_every_event_that_others_may_rely_on_comes_off_the_bus_as_its_schema_says(world, heard):
    order_id, now = world.names.planned_order, world.sides.market.now
    cancellations.request(world.stores.customer, ADMIN, order_id, now)
    cancellations.refuse(world.stores.customer, order_id, now)
    send_back(world)

    envelopes = heard()

    schemas = {type_: json.loads(path_of(PUBLISHED[type_]).read_text()) for type_ in PUBLISHED}
    assert {envelope["detail-type"] for envelope in envelopes} == set(PUBLISHED)
    for envelope in envelopes:
        schema = schemas[envelope["detail-type"]]
        errors = Draft4Validator(schema, format_checker=FORMATS).iter_errors(envelope)
        assert [error.message for error in errors] == [], envelope
        assert envelope["detail"].keys() <= schema["properties"]["detail"]["properties"].keys()
