"""Inbound shipments, from the announcement (D1) to the closed receipt, with the log of all that happened (D2)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import psycopg
import pytest

from fulfillment_app.chalicelib.services import inbound as dock, sellers as fulfillment_sellers
from online_kart.documents import upcoming_shipments
from online_kart.domain.errors import (
    FacilityNotOpen,
    InvalidRequest,
    NotFound,
    NotOffered,
    ReceiptMismatch,
    SellerNotApproved,
    ShipmentCountedOtherwise,
    ShipmentHasArrived,
    ShipmentIsOver,
    UnknownReference,
)
from online_kart.domain.inbound import (
    AmendShipment,
    AnnounceShipment,
    CountedLine,
    ReceiveShipment,
    ShipmentLine,
    ShownShipment,
)
from online_kart.domain.sellers import JudgeSeller
from online_kart.messaging.idempotency import Keyed, digest
from seller_app.chalicelib.services import inbound
from tests.identity import ADMIN
from tests.shop import an_approved_seller, events_of, put_fc, put_item

SOON = date(2026, 3, 9)
MUGS = (ShipmentLine(sku="MUG", quantity=5),)
BOTH = (*MUGS, ShipmentLine(sku="POT", quantity=2))


@pytest.fixture
def seller(inventory_db, now):
    """An approved one, who offers MUG and POT; BLR1 is an open FC."""
    put_fc(inventory_db, "BLR1", now)
    seller = an_approved_seller(inventory_db, now)
    for sku in ("MUG", "POT"):
        put_item(inventory_db, seller.seller_id, sku, now)
    return seller


@pytest.fixture
def announce(inventory_db, documents, seller, now):
    """Announces to BLR1 and gives the shipment as it was answered."""

    def announce(key="monday", lines=BOTH, at=now, conn=inventory_db, **changes):
        command = AnnounceShipment(
            **({"fc_code": "BLR1", "expected_on": SOON, "lines": lines} | changes)
        )
        keyed = Keyed("Asha", key, digest("POST", "/", command.model_dump_json()))
        answer = inbound.announce(conn, documents, ADMIN, seller.seller_id, command, keyed, at)
        return ShownShipment.model_validate_json(answer.body)

    return announce


def a_count(**quantities):
    return ReceiveShipment(
        counted=[CountedLine(sku=sku, quantity=n) for sku, n in quantities.items()],
    )


def stock_of(conn):
    rows = conn.execute("SELECT sku, fc_code, on_hand, reserved FROM stock ORDER BY sku")
    return rows.fetchall()


def logged(documents, asn):
    return [
        (entry.what, entry.shipment.version) for entry in upcoming_shipments.log_of(documents, asn)
    ]


# -- announcing


def test_an_announced_shipment_is_upcoming_with_its_seller(documents, seller, announce):
    shipment = announce()
    assert upcoming_shipments.by_asn(documents, shipment.asn) is not None
    stored = documents["upcoming_shipments"].find_one({"_id": shipment.asn})
    assert (stored["seller_id"], stored["seller_name"]) == (str(seller.seller_id), seller.name)
    assert stored["lines"] == [{"sku": "MUG", "quantity": 5}, {"sku": "POT", "quantity": 2}]
    assert logged(documents, shipment.asn) == [("announced", 1)]


def test_the_same_request_again_announces_nothing_more(documents, announce, now):
    first = announce()
    assert announce(at=now + timedelta(minutes=5)) == first
    assert documents["upcoming_shipments"].count_documents({}) == 1
    assert logged(documents, first.asn) == [("announced", 1)]


def test_a_request_cut_short_before_its_commit_is_finished_by_the_repeat(
    documents, inventory_db, announce, now
):
    """The documents are written, the answer is not kept."""
    first = announce()
    inventory_db.execute("DELETE FROM idempotency_keys")
    assert announce(at=now + timedelta(minutes=5)) == first
    assert documents["upcoming_shipments"].count_documents({}) == 1


def test_the_same_key_with_another_request_is_refused(inventory_db, announce):
    announce()
    with pytest.raises(InvalidRequest, match="another request"):
        announce(lines=MUGS)
    inventory_db.execute("DELETE FROM idempotency_keys")
    with pytest.raises(InvalidRequest, match="another request"):
        announce(lines=MUGS)


def test_the_same_request_from_many_at_once_is_one_shipment(documents, inventory_dsn, announce):
    barrier = Barrier(6)

    def send(_):
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            barrier.wait()
            return announce(conn=conn)

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(send, range(6)))
    assert all(answer == answers[0] for answer in answers)
    assert documents["upcoming_shipments"].count_documents({}) == 1


def test_what_is_not_offered_cannot_be_announced(inventory_db, announce, now):
    other = an_approved_seller(inventory_db, now, "Bina Stores")
    put_item(inventory_db, other.seller_id, "PAN", now)
    with pytest.raises(UnknownReference, match="no item LID"):
        announce(lines=[ShipmentLine(sku="LID", quantity=1)])
    with pytest.raises(NotOffered, match="PAN"):
        announce(lines=[ShipmentLine(sku="PAN", quantity=1)])


def test_only_an_open_fc_is_sent_to(inventory_db, announce, now):
    put_fc(inventory_db, "BLR2", now, status="draining")
    with pytest.raises(FacilityNotOpen, match="draining"):
        announce(fc_code="BLR2")
    with pytest.raises(UnknownReference, match="fulfillment center"):
        announce(fc_code="BLR9")


def test_a_day_that_is_over_in_the_shop_is_refused(announce, now):
    """It is the 2nd of March in India until 18:30 UTC."""
    today = date(2026, 3, 2)
    announce(expected_on=today, at=now.replace(hour=18, minute=29))
    with pytest.raises(InvalidRequest, match="is over"):
        announce(key="late", expected_on=today, at=now.replace(hour=18, minute=30))


def test_a_suspended_seller_announces_nothing(inventory_db, seller, announce, now):
    suspension = JudgeSeller(status="suspended", reason="Sold what is not theirs.")
    fulfillment_sellers.judge(inventory_db, ADMIN, seller.seller_id, suspension, now)
    with pytest.raises(SellerNotApproved):
        announce()


# -- amending and cancelling


def test_an_amended_shipment_has_the_next_version(inventory_db, documents, seller, announce, now):
    asn = announce().asn
    later = now + timedelta(hours=1)
    command = AmendShipment(lines=MUGS, expected_on=date(2026, 3, 12))
    amended = inbound.amend(inventory_db, documents, ADMIN, seller.seller_id, asn, command, later)
    assert (amended.version, amended.lines, amended.updated_at) == (2, MUGS, later)
    assert inbound.by_asn(inventory_db, documents, ADMIN, seller.seller_id, asn) == amended
    assert logged(documents, asn) == [("announced", 1), ("amended", 2)]


def test_an_amendment_that_changes_nothing_is_none(inventory_db, documents, seller, announce, now):
    shipment = announce()
    for command in (AmendShipment(), AmendShipment(lines=BOTH, expected_on=SOON)):
        same = inbound.amend(
            inventory_db, documents, ADMIN, seller.seller_id, shipment.asn, command, now
        )
        assert same == shipment
    assert logged(documents, shipment.asn) == [("announced", 1)]


def test_an_amendment_must_be_offered_too(inventory_db, documents, seller, announce, now):
    asn = announce().asn
    command = AmendShipment(lines=[ShipmentLine(sku="LID", quantity=1)])
    with pytest.raises(UnknownReference):
        inbound.amend(inventory_db, documents, ADMIN, seller.seller_id, asn, command, now)
    assert logged(documents, asn) == [("announced", 1)]


def test_a_cancelled_shipment_is_upcoming_no_more(inventory_db, documents, seller, announce, now):
    asn = announce().asn
    for _ in range(2):
        inbound.cancel(inventory_db, documents, ADMIN, seller.seller_id, asn, now)
    assert upcoming_shipments.by_asn(documents, asn) is None
    assert (
        inbound.by_asn(inventory_db, documents, ADMIN, seller.seller_id, asn).status == "cancelled"
    )
    assert {what for what, _ in logged(documents, asn)} == {"announced", "cancelled"}
    with pytest.raises(ShipmentIsOver):
        inbound.amend(
            inventory_db, documents, ADMIN, seller.seller_id, asn, AmendShipment(lines=MUGS), now
        )
    with pytest.raises(ShipmentIsOver):
        dock.receive(inventory_db, documents, ADMIN, asn, a_count(MUG=5, POT=2), now)


def test_a_cancelled_shipment_does_not_come_back(inventory_db, documents, seller, announce, now):
    """Not even by the request that announced it, when its answer is forgotten."""
    asn = announce().asn
    inbound.cancel(inventory_db, documents, ADMIN, seller.seller_id, asn, now)
    inventory_db.execute("DELETE FROM idempotency_keys")
    with pytest.raises(ShipmentIsOver):
        announce()


def test_another_sellers_shipment_is_not_there(inventory_db, documents, announce, now):
    asn = announce().asn
    other = an_approved_seller(inventory_db, now, "Bina Stores").seller_id
    with pytest.raises(NotFound):
        inbound.by_asn(inventory_db, documents, ADMIN, other, asn)
    with pytest.raises(NotFound):
        inbound.amend(inventory_db, documents, ADMIN, other, asn, AmendShipment(lines=MUGS), now)
    with pytest.raises(NotFound):
        inbound.cancel(inventory_db, documents, ADMIN, other, asn, now)
    assert inbound.listed(inventory_db, documents, ADMIN, other, None, 10) == []


# -- receiving


def test_what_arrived_is_counted_and_told_of_once(inventory_db, documents, announce, now):
    asn = announce().asn
    first = dock.receive(inventory_db, documents, ADMIN, asn, a_count(MUG=5, POT=2), now)
    later = now + timedelta(minutes=1)
    assert dock.receive(inventory_db, documents, ADMIN, asn, a_count(POT=2, MUG=5), later) == first
    assert (first.status, first.arrived_at, first.discrepancies) == ("arrived", now, [])
    (told,) = events_of(inventory_db, "ShipmentArrived")
    assert (told["asn"], told["fc_code"], told["revision"]) == (asn, "BLR1", 1)


def test_a_second_count_that_differs_is_refused(inventory_db, documents, announce, now):
    asn = announce().asn
    dock.receive(inventory_db, documents, ADMIN, asn, a_count(MUG=5, POT=2), now)
    short = ReceiveShipment(
        counted=[
            CountedLine(sku="MUG", quantity=4, reason="broken"),
            CountedLine(sku="POT", quantity=2),
        ],
    )
    with pytest.raises(ShipmentCountedOtherwise):
        dock.receive(inventory_db, documents, ADMIN, asn, short, now)


def test_what_has_arrived_cannot_be_amended_or_cancelled(
    inventory_db, documents, seller, announce, now
):
    asn = announce().asn
    dock.receive(inventory_db, documents, ADMIN, asn, a_count(MUG=5, POT=2), now)
    with pytest.raises(ShipmentHasArrived):
        inbound.amend(
            inventory_db, documents, ADMIN, seller.seller_id, asn, AmendShipment(lines=MUGS), now
        )
    with pytest.raises(ShipmentHasArrived):
        inbound.cancel(inventory_db, documents, ADMIN, seller.seller_id, asn, now)
    assert inbound.by_asn(inventory_db, documents, ADMIN, seller.seller_id, asn).status == "arrived"


def test_of_a_cancellation_and_an_arrival_at_once_one_wins(
    inventory_db, inventory_dsn, documents, seller, announce, now
):
    asns = [announce(key=str(number)).asn for number in range(6)]

    def cancel(asn, barrier):
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            barrier.wait()
            inbound.cancel(conn, documents, ADMIN, seller.seller_id, asn, now)

    def receive(asn, barrier):
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            barrier.wait()
            dock.receive(conn, documents, ADMIN, asn, a_count(MUG=5, POT=2), now)

    with ThreadPoolExecutor(2) as threads:
        for asn in asns:
            barrier = Barrier(2)
            attempts = [threads.submit(act, asn, barrier) for act in (cancel, receive)]
            refusals = [attempt.exception() for attempt in attempts]
            assert len([error for error in refusals if error]) == 1
            assert any(isinstance(error, ShipmentHasArrived | ShipmentIsOver) for error in refusals)
            is_upcoming = upcoming_shipments.by_asn(documents, asn) is not None
            assert is_upcoming == (
                inventory_db.execute("SELECT FROM receipts WHERE asn = %s", [asn]).rowcount == 1
            )


def test_an_unannounced_item_is_received_if_it_is_the_sellers(
    inventory_db, documents, announce, now
):
    asn = announce(lines=MUGS).asn

    def with_extra(sku):
        extra = CountedLine(sku=sku, quantity=1, reason="in the same box")
        counted = [CountedLine(sku="MUG", quantity=5), extra]
        return ReceiveShipment(counted=counted)

    other = an_approved_seller(inventory_db, now, "Bina Stores")
    put_item(inventory_db, other.seller_id, "PAN", now)
    with pytest.raises(NotOffered):
        dock.receive(inventory_db, documents, ADMIN, asn, with_extra("PAN"), now)
    with pytest.raises(UnknownReference):
        dock.receive(inventory_db, documents, ADMIN, asn, with_extra("LID"), now)
    dock.receive(inventory_db, documents, ADMIN, asn, with_extra("POT"), now)
    assert dock.add_to_stock(inventory_db, asn, now) == 6
    assert stock_of(inventory_db) == [("MUG", "BLR1", 5, 0), ("POT", "BLR1", 1, 0)]


# -- the steps, twice and in every state


def test_each_step_run_twice_has_its_effect_once(inventory_db, documents, announce, now):
    asn = announce().asn
    dock.receive(inventory_db, documents, ADMIN, asn, a_count(MUG=5, POT=2), now)
    for _ in range(2):
        counts = dock.count_units(inventory_db, documents, asn)
        assert counts == {"announced_units": 7, "counted_units": 7, "discrepancies": 0}
        assert dock.add_to_stock(inventory_db, asn, now) == 7
    assert dock.receipt_of(inventory_db, asn).status == "booked"
    for _ in range(2):
        assert dock.close_asn(inventory_db, documents, asn, now) == []
    assert dock.receipt_of(inventory_db, asn).status == "closed"
    # A run that is started again begins with the first step.
    dock.count_units(inventory_db, documents, asn)
    dock.add_to_stock(inventory_db, asn, now)

    assert stock_of(inventory_db) == [("MUG", "BLR1", 5, 0), ("POT", "BLR1", 2, 0)]
    ledger = inventory_db.execute(
        "SELECT sku, on_hand_change, cause, reference, changed_by FROM stock_ledger ORDER BY sku"
    ).fetchall()
    by = ADMIN.name
    assert ledger == [("MUG", 5, "receipt", asn, by), ("POT", 2, "receipt", asn, by)]
    assert len(events_of(inventory_db, "ShipmentReceived")) == 1
    assert upcoming_shipments.by_asn(documents, asn) is None


def test_steps_run_at_once_book_once(inventory_db, inventory_dsn, documents, announce, now):
    asn = announce().asn
    dock.receive(inventory_db, documents, ADMIN, asn, a_count(MUG=5, POT=2), now)

    def run(_):
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            dock.count_units(conn, documents, asn)
            dock.add_to_stock(conn, asn, now)
            dock.close_asn(conn, documents, asn, now)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, range(4)))
    assert stock_of(inventory_db) == [("MUG", "BLR1", 5, 0), ("POT", "BLR1", 2, 0)]
    assert len(events_of(inventory_db, "ShipmentReceived")) == 1


def test_the_log_keeps_the_discrepancies_of_what_was_received(
    inventory_db, documents, seller, announce, now
):
    asn = announce().asn
    count = ReceiveShipment(
        counted=[
            CountedLine(sku="MUG", quantity=4, reason="one broken"),
            CountedLine(sku="POT", quantity=0, reason="not in the box"),
        ],
    )
    dock.receive(inventory_db, documents, ADMIN, asn, count, now)
    dock.add_to_stock(inventory_db, asn, now)
    dock.close_asn(inventory_db, documents, asn, now)
    assert stock_of(inventory_db) == [("MUG", "BLR1", 4, 0)]
    end = upcoming_shipments.end_of(documents, asn)
    assert end is not None
    assert [(line.sku, line.announced, line.counted) for line in end.discrepancies] == [
        ("MUG", 5, 4),
        ("POT", 2, 0),
    ]
    assert (
        inbound.by_asn(inventory_db, documents, ADMIN, seller.seller_id, asn).status == "received"
    )


def test_closing_that_was_cut_short_after_its_documents_is_finished(
    inventory_db, documents, announce, now
):
    asn = announce().asn
    dock.receive(inventory_db, documents, ADMIN, asn, a_count(MUG=5, POT=2), now)
    dock.add_to_stock(inventory_db, asn, now)

    class PowerCut(Exception):
        pass

    def close_and_lose_power():
        with inventory_db.transaction():
            dock.close_asn(inventory_db, documents, asn, now)
            raise PowerCut

    with pytest.raises(PowerCut):
        close_and_lose_power()
    assert upcoming_shipments.by_asn(documents, asn) is None
    assert dock.receipt_of(inventory_db, asn).status == "booked"

    dock.close_asn(inventory_db, documents, asn, now)
    assert dock.receipt_of(inventory_db, asn).status == "closed"
    assert len(events_of(inventory_db, "ShipmentReceived")) == 1
    assert logged(documents, asn).count(("received", 2)) == 1


def test_a_receipt_that_does_not_fit_its_announcement_is_not_booked(
    inventory_db, documents, announce, now
):
    """Nobody can amend what has arrived; somebody at the documents' console can."""
    asn = announce().asn
    dock.receive(inventory_db, documents, ADMIN, asn, a_count(MUG=5, POT=2), now)
    announced = upcoming_shipments.by_asn(documents, asn)
    assert announced is not None
    changed = announced.model_copy(update={"lines": MUGS})
    upcoming_shipments.put(documents, changed)
    with pytest.raises(ReceiptMismatch, match="POT"):
        dock.count_units(inventory_db, documents, asn)


# -- lists


def test_upcoming_shipments_of_an_fc_are_paged_by_the_day_they_are_expected(
    inventory_db, documents, seller, announce, now
):
    put_fc(inventory_db, "BLR2", now)
    announce(key="elsewhere", fc_code="BLR2")
    for number, day in enumerate((12, 10, 11, 10)):
        announce(key=str(number), expected_on=date(2026, 3, day))
    seen: list[ShownShipment] = []
    after = None
    while page := dock.listed(inventory_db, documents, ["BLR1"], after, 2):
        seen += page
        after = dock.sort_key(page[-1])
    assert [shipment.expected_on.day for shipment in seen] == [10, 10, 11, 12]
    assert len(dock.listed(inventory_db, documents, None, None, 10)) == 5
    assert len(inbound.listed(inventory_db, documents, ADMIN, seller.seller_id, None, 10)) == 5


def test_a_list_tells_what_has_arrived(inventory_db, documents, announce, now):
    arrived, announced = announce(key="1"), announce(key="2")
    dock.receive(inventory_db, documents, ADMIN, arrived.asn, a_count(MUG=5, POT=2), now)
    shown = dock.listed(inventory_db, documents, ["BLR1"], None, 10)
    assert {shipment.asn: shipment.status for shipment in shown} == {
        arrived.asn: "arrived",
        announced.asn: "announced",
    }
