"""What waits for a run that never started, because nobody heard its event, is told of again."""

from datetime import timedelta

import pytest

from fulfillment_app.chalicelib.services import batches, rebuilds, unheard
from online_kart.domain.inbound import Receipt
from online_kart.inventory_db import inbound, runs
from tests.freight import a_batch, batch_of, put_package, put_shop
from tests.shop import events_of

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(inventory_db, documents, now):
    shop = put_shop(inventory_db, documents, now)
    inventory_db.execute("UPDATE route_builds SET status = 'published'")
    return shop


def sent(conn):
    """As if the bus had taken everything; and then it got lost."""
    conn.execute("UPDATE outbox SET sent_at = occurred_at")


def tell_again(shop, at):
    """How many events, at that moment, of what waits for longer than an hour."""
    return unheard.tell_again(shop.conn, at - HOUR, 10, at)


def start(shop, machine, business_id, revision=1):
    assert runs.insert(shop.conn, machine, str(business_id), revision, {}, shop.now)


def test_a_batch_that_is_due_and_has_no_run_is_told_of_again(shop):
    batch = a_batch(shop, batch_of(shop.conn, put_package(shop)))
    overdue = batch.due_at + HOUR + timedelta(seconds=1)
    assert tell_again(shop, overdue) == 0  # not sent yet
    sent(shop.conn)

    assert tell_again(shop, batch.due_at + HOUR) == 0
    assert tell_again(shop, overdue) == 1
    assert tell_again(shop, overdue) == 0  # it is being told

    first, again = events_of(shop.conn, "BatchOpened")
    assert {**again, "event_id": "", "occurred_at": ""} == {
        **first,
        "event_id": "",
        "occurred_at": "",
    }
    sent(shop.conn)
    start(shop, "move_batch", batch.batch_id)
    assert tell_again(shop, overdue) == 0


def test_a_batch_whose_next_run_was_not_heard_of_is_told_of_with_its_revision(shop):
    batch = a_batch(shop, batch_of(shop.conn, put_package(shop)))
    start(shop, "move_batch", batch.batch_id)
    assert batches.bump_revision(shop.conn, batch.batch_id, shop.now)
    sent(shop.conn)

    assert tell_again(shop, batch.due_at + 2 * HOUR) == 1

    assert [event["revision"] for event in events_of(shop.conn, "BatchOpened")] == [1, 2, 2]


def test_a_receipt_that_nobody_books_is_told_of_again(shop):
    receipt = Receipt(
        asn="ASN-0123456789ABCDEF",
        fc_code="BLR1",
        seller_id=shop.seller_id,
        status="arrived",
        received_by="Ravi",
        arrived_at=shop.now,
        closed_at=None,
        lines=(),
    )
    inbound.insert_receipt(shop.conn, receipt)

    assert tell_again(shop, shop.now + HOUR) == 0
    assert tell_again(shop, shop.now + 2 * HOUR) == 1

    (event,) = events_of(shop.conn, "ShipmentArrived")
    assert (event["asn"], event["fc_code"]) == (receipt.asn, "BLR1")
    sent(shop.conn)
    start(shop, "receive_shipment", receipt.asn)
    assert tell_again(shop, shop.now + 2 * HOUR) == 0


def test_only_the_newest_route_tables_that_nobody_builds_are_told_of_again(shop):
    for reason in ("first", "second"):
        version = rebuilds.request_rebuild(shop.conn, reason, shop.now)
    sent(shop.conn)

    assert tell_again(shop, shop.now + 2 * HOUR) == 1

    assert events_of(shop.conn, "NetworkChanged")[-1]["version"] == version
    sent(shop.conn)
    start(shop, "rebuild_routes", f"network-{version}")
    assert tell_again(shop, shop.now + 2 * HOUR) == 0
