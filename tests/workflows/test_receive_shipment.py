"""`receive_shipment`, from the arrival at the dock to the closed announcement; and a failure at each step."""

from datetime import date

import pytest

from fulfillment_app.chalicelib.services import inbound as dock
from online_kart.documents import upcoming_shipments
from online_kart.domain.inbound import (
    AnnounceShipment,
    CountedLine,
    ReceiveShipment,
    ShipmentLine,
    asn_of,
)
from online_kart.inventory_db import runs
from online_kart.messaging.idempotency import Keyed
from seller_app.chalicelib.services import inbound
from tests.faults import accept_writes, refuse_writes, sweep_runs
from tests.identity import ADMIN
from tests.shop import an_approved_seller, events_of, put_fc, put_item

MACHINE = "receive_shipment"


@pytest.fixture
def asn(engine, inventory_db, documents, now):
    """A shipment of 5 mugs, announced to BLR1."""
    put_fc(inventory_db, "BLR1", now)
    seller_id = an_approved_seller(inventory_db, now).seller_id
    put_item(inventory_db, seller_id, "MUG", now)
    command = AnnounceShipment(
        fc_code="BLR1",
        expected_on=date(2026, 3, 9),
        lines=[ShipmentLine(sku="MUG", quantity=5)],
    )
    inbound.announce(
        inventory_db, documents, ADMIN, seller_id, command, Keyed("Asha", "monday", "digest"), now
    )
    return asn_of(seller_id, "monday")


@pytest.fixture
def arrive(inventory_db, documents, asn, now):
    """The shipment is at the dock, one mug short; its event waits in the outbox."""

    def arrive():
        short = CountedLine(sku="MUG", quantity=4, reason="one broken")
        command = ReceiveShipment(counted=[short])
        dock.receive(inventory_db, documents, ADMIN, asn, command, now)

    return arrive


def run_of(conn, asn):
    return runs.by_key(conn, MACHINE, asn)[0]


def on_hand(conn):
    return conn.execute("SELECT sku, on_hand FROM stock").fetchall()


def test_what_arrived_is_in_stock_and_announced_no_more(
    engine, inventory_db, documents, asn, arrive
):
    arrive()
    engine.settle()
    assert on_hand(inventory_db) == [("MUG", 4)]
    assert dock.receipt_of(inventory_db, asn).status == "closed"
    assert upcoming_shipments.by_asn(documents, asn) is None
    end = upcoming_shipments.end_of(documents, asn)
    assert end is not None
    assert [(line.announced, line.counted) for line in end.discrepancies] == [(5, 4)]
    assert len(events_of(inventory_db, "ShipmentReceived")) == 1
    run = run_of(inventory_db, asn)
    assert (run.name, run.status) == (f"{asn}-1", "succeeded")


def test_a_count_that_does_not_fit_books_nothing_and_is_tried_again_by_the_sweep(
    engine, inventory_db, documents, asn, arrive
):
    arrive()
    announced = upcoming_shipments.by_asn(documents, asn)
    assert announced is not None
    other = (ShipmentLine(sku="MUG", quantity=50),)
    upcoming_shipments.put(documents, announced.model_copy(update={"lines": other}))
    engine.settle()
    run = run_of(inventory_db, asn)
    assert run.status == "failed"
    assert "ReceiptMismatch" in (run.error or "")
    assert on_hand(inventory_db) == []

    upcoming_shipments.put(documents, announced)
    sweep_runs(engine, inventory_db)
    assert (run_of(inventory_db, asn).name, run_of(inventory_db, asn).status) == (
        f"{asn}-2",
        "succeeded",
    )
    assert on_hand(inventory_db) == [("MUG", 4)]


def test_stock_that_cannot_be_booked_is_booked_once_when_it_can(
    engine, inventory_db, documents, asn, arrive
):
    arrive()
    refuse_writes(inventory_db, "stock_ledger")
    engine.settle()
    run = run_of(inventory_db, asn)
    assert (run.status, "the disk is full" in (run.error or "")) == ("failed", True)
    assert dock.receipt_of(inventory_db, asn).status == "arrived"
    assert on_hand(inventory_db) == []
    assert upcoming_shipments.by_asn(documents, asn) is not None

    accept_writes(inventory_db)
    sweep_runs(engine, inventory_db)
    assert run_of(inventory_db, asn).status == "succeeded"
    assert on_hand(inventory_db) == [("MUG", 4)]


def test_an_announcement_that_cannot_be_closed_is_closed_later_and_booked_once(
    engine, inventory_db, documents, asn, arrive
):
    arrive()
    refuse_writes(inventory_db, "receipts", "new.status = 'closed'")
    engine.settle()
    assert run_of(inventory_db, asn).status == "failed"
    assert dock.receipt_of(inventory_db, asn).status == "booked"
    assert events_of(inventory_db, "ShipmentReceived") == []
    assert on_hand(inventory_db) == [("MUG", 4)]

    accept_writes(inventory_db)
    sweep_runs(engine, inventory_db)
    assert run_of(inventory_db, asn).status == "succeeded"
    assert dock.receipt_of(inventory_db, asn).status == "closed"
    assert on_hand(inventory_db) == [("MUG", 4)]
    assert len(events_of(inventory_db, "ShipmentReceived")) == 1
