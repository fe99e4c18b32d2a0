"""The log of orders (D4): every event of an order, once, with when it happened."""

from datetime import timedelta
from uuid import uuid4

import pytest

from fulfillment_app.chalicelib.services import order_log
from online_kart.documents import order_log as store
from online_kart.domain.events import EVENTS, OrderConfirmed, OrderFinished, PackageChanged
from online_kart.messaging.rules import RULES
from tests.storefront import enveloped


def entries(documents, order_id):
    found = documents[store.LOG].find({"order_id": str(order_id)}).sort("at", 1)
    return [(entry["what"], entry["at"], entry["detail"]) for entry in found]


@pytest.fixture
def order_id():
    return uuid4()


def test_an_order_s_events_are_logged_in_the_order_they_happened(documents, order_id, now):
    package_id = uuid4()
    confirmed = OrderConfirmed(
        occurred_at=now, order_id=order_id, promise_date=now.date(), package_ids=(package_id,)
    )
    moved = PackageChanged(
        occurred_at=now + timedelta(hours=4),
        package_id=package_id,
        order_id=order_id,
        version=2,
        what="departed",
        status="in_transit",
        facility="BLR1",
    )

    for event in (moved, confirmed):
        order_log.append(documents, enveloped(event))

    assert [(what, at) for what, at, _ in entries(documents, order_id)] == [
        ("OrderConfirmed", now),
        ("PackageChanged", now + timedelta(hours=4)),
    ]
    assert entries(documents, order_id)[1][2]["facility"] == "BLR1"


def test_an_event_that_comes_again_is_logged_once(documents, order_id, now):
    event = enveloped(OrderFinished(occurred_at=now, order_id=order_id))

    for _ in range(3):
        order_log.append(documents, event)

    assert len(entries(documents, order_id)) == 1


def test_orders_do_not_mix(documents, order_id, now):
    other = uuid4()
    for key in (order_id, other):
        order_log.append(documents, enveloped(OrderFinished(occurred_at=now, order_id=key)))

    assert len(entries(documents, order_id)) == len(entries(documents, other)) == 1


def test_every_event_that_is_logged_names_its_order():
    assert all("order_id" in EVENTS[type_].model_fields for type_ in RULES["log_orders"])
