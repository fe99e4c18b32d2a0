"""Receiving announced inbound shipments: counted at the dock, booked into stock, closed with their discrepancies.

The receipt's status says how far it is (arrived, booked, closed) and only goes forward, under the row's lock: a step that
runs twice, late, or at the same time as another finds its work done.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import upcoming_shipments
from online_kart.documents.upcoming_shipments import LogEntry
from online_kart.domain.errors import (
    NotFound,
    NotOffered,
    ReceiptMismatch,
    ShipmentCountedOtherwise,
    ShipmentIsOver,
    UnknownReference,
)
from online_kart.domain.events import ShipmentArrived, ShipmentReceived
from online_kart.domain.inbound import (
    InboundShipment,
    Receipt,
    ReceiptLine,
    ReceiveShipment,
    ShownShipment,
    receipt_lines,
    shown,
)
from online_kart.domain.principals import Principal
from online_kart.inventory_db import inbound, sellers, stock
from online_kart.messaging import outbox
from online_kart.postgres import retrying

Documents = Database[dict[str, Any]]
sort_key = upcoming_shipments.sort_key


def listed(
    conn: Connection[Any],
    documents: Documents,
    fc_codes: Sequence[str] | None,
    after: str | None,
    limit: int,
) -> Sequence[ShownShipment]:
    """What is upcoming at some FCs, or at any, the soonest first, beginning behind the sort key `after`."""
    upcoming = upcoming_shipments.listed(documents, fc_codes, None, after, limit)
    arrived = inbound.arrived(conn, [shipment.asn for shipment in upcoming])
    return [
        shown(shipment, "arrived" if shipment.asn in arrived else "announced")
        for shipment in upcoming
    ]


def by_asn(conn: Connection[Any], documents: Documents, asn: str) -> ShownShipment:
    """Also one that was received or cancelled. Raises NotFound."""
    shipment = upcoming_shipments.by_asn(documents, asn)
    if shipment:
        return shown(shipment, "arrived" if inbound.arrived(conn, [asn]) else "announced")
    end = upcoming_shipments.end_of(documents, asn)
    if end is None:
        raise NotFound("inbound shipment", asn)
    return shown(end.shipment, upcoming_shipments.STATUS_OF_END[end.what])


def receive(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    asn: str,
    command: ReceiveShipment,
    now: datetime,
) -> Receipt:
    """Note what was counted at the dock; its event starts `receive_shipment`. A repeat changes nothing.

    Raises NotFound, ShipmentIsOver (it was cancelled), ShipmentCountedOtherwise, InvalidRequest, UnknownReference (item),
    NotOffered (it came without being announced, and is not the seller's), NotYourFacility.
    """
    with conn.transaction():
        inbound.lock_shipment(conn, asn)
        known = inbound.receipt(conn, asn)
        if known:
            by.require_facility(known.fc_code)
            if not known.is_count_of(command.counted):
                raise ShipmentCountedOtherwise(asn)
            return known
        shipment = _upcoming(documents, asn)
        by.require_facility(shipment.fc_code)
        lines = receipt_lines(shipment.lines, command.counted)
        _check_unannounced(conn, shipment, lines)
        receipt = Receipt(
            asn=asn,
            fc_code=shipment.fc_code,
            seller_id=shipment.seller_id,
            status="arrived",
            received_by=by.name,
            arrived_at=now,
            closed_at=None,
            lines=lines,
        )
        inbound.insert_receipt(conn, receipt)
        inbound.insert_receipt_lines(conn, asn, lines)
        outbox.append(conn, ShipmentArrived(asn=asn, fc_code=receipt.fc_code, occurred_at=now))
        crashpoint("receive_shipment.written")
    crashpoint("receive_shipment.committed")
    return receipt


def receipt_of(conn: Connection[Any], asn: str) -> Receipt:
    """Raises NotFound."""
    receipt = inbound.receipt(conn, asn)
    if receipt is None:
        raise NotFound("receipt of", asn)
    return receipt


def count_units(conn: Connection[Any], documents: Documents, asn: str) -> dict[str, int]:
    """What was announced and counted, in units, and how many lines differ. Raises NotFound, ReceiptMismatch."""
    receipt = receipt_of(conn, asn)
    if receipt.status == "arrived":
        _check_announcement(receipt, upcoming_shipments.by_asn(documents, asn))
    return {
        "announced_units": sum(line.announced for line in receipt.lines),
        "counted_units": sum(line.counted for line in receipt.lines),
        "discrepancies": len(receipt.discrepancies),
    }


def add_to_stock(conn: Connection[Any], asn: str, now: datetime) -> int:
    """Book every line, or none. The units in stock because of this shipment. A repeat books nothing more.

    Stock rows are locked by SKU, as everywhere. Raises NotFound.
    """
    return retrying(lambda: _add_to_stock(conn, asn, now))


def _add_to_stock(conn: Connection[Any], asn: str, now: datetime) -> int:
    with conn.transaction():
        receipt = _lock_receipt(conn, asn)
        arrived = [line for line in receipt.lines if line.counted > 0]
        if receipt.status == "arrived":
            for line in sorted(arrived, key=lambda line: line.sku):
                stock.receive(
                    conn,
                    receipt.fc_code,
                    receipt.seller_id,
                    line.sku,
                    line.counted,
                    asn,
                    receipt.received_by,
                    now,
                )
            inbound.mark_booked(conn, asn)
        crashpoint("add_to_stock.written")
    crashpoint("add_to_stock.committed")
    return sum(line.counted for line in arrived)


def close_asn(
    conn: Connection[Any], documents: Documents, asn: str, now: datetime
) -> list[ReceiptLine]:
    """Take the announcement out of D1, its discrepancies into the log. A repeat changes nothing. Raises NotFound."""
    with conn.transaction():
        receipt = _lock_receipt(conn, asn)
        if receipt.status != "closed":
            assert receipt.status == "booked", "the machine books before it closes"
            end_announcement(documents, receipt, now)
            inbound.mark_closed(conn, asn, now)
            outbox.append(conn, _shipment_received(receipt, now))
    crashpoint("close_asn.committed")
    return receipt.discrepancies


def end_announcement(documents: Documents, receipt: Receipt, now: datetime) -> None:
    """The log first. Where the announcement is gone, an attempt that was cut short has done both."""
    shipment = upcoming_shipments.by_asn(documents, receipt.asn)
    if shipment is None:
        return
    received = shipment.model_copy(update={"version": shipment.version + 1, "updated_at": now})
    upcoming_shipments.append_log(
        documents,
        LogEntry(what="received", at=now, shipment=received, discrepancies=receipt.discrepancies),
    )
    crashpoint("close_asn.logged")
    upcoming_shipments.remove(documents, receipt.asn)
    crashpoint("close_asn.removed")


def _upcoming(documents: Documents, asn: str) -> InboundShipment:
    shipment = upcoming_shipments.by_asn(documents, asn)
    if shipment is None:
        end = upcoming_shipments.end_of(documents, asn)
        if end:
            raise ShipmentIsOver(asn, end.what)
        raise NotFound("inbound shipment", asn)
    return shipment


def _check_unannounced(
    conn: Connection[Any], shipment: InboundShipment, lines: Sequence[ReceiptLine]
) -> None:
    """What came without being announced must at least be the seller's, or no stock row could take it."""
    unannounced = [line.sku for line in lines if line.announced == 0]
    offered = sellers.offered_skus(conn, shipment.seller_id, unannounced)
    for sku in unannounced:
        if sku not in offered:
            raise UnknownReference("item", sku, "counted")
        if not offered[sku]:
            raise NotOffered(sku)


def _check_announcement(receipt: Receipt, shipment: InboundShipment | None) -> None:
    announced = {line.sku: line.quantity for line in shipment.lines} if shipment else {}
    counted_against = {line.sku: line.announced for line in receipt.lines if line.announced}
    differing = announced.items() ^ counted_against.items()
    if differing:
        raise ReceiptMismatch(receipt.asn, tuple(sorted({sku for sku, _ in differing})))


def _lock_receipt(conn: Connection[Any], asn: str) -> Receipt:
    receipt = inbound.lock_receipt(conn, asn)
    if receipt is None:
        raise NotFound("receipt of", asn)
    return receipt


def _shipment_received(receipt: Receipt, now: datetime) -> ShipmentReceived:
    return ShipmentReceived(
        asn=receipt.asn,
        fc_code=receipt.fc_code,
        seller_id=receipt.seller_id,
        occurred_at=now,
    )
