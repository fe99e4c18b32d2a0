"""Announcing inbound shipments, amending and cancelling them before they arrive.

The announcement is a document (D1), so what keeps two changes of one shipment apart is a lock in PostgreSQL, held until
the transaction ends; the receipt of the shipment is taken under the same lock.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import upcoming_shipments
from online_kart.documents.upcoming_shipments import LogEntry
from online_kart.domain.batches import SHOP_TIME_ZONE
from online_kart.domain.errors import (
    FacilityNotOpen,
    InvalidRequest,
    NotFound,
    NotOffered,
    ShipmentHasArrived,
    ShipmentIsOver,
    UnknownReference,
)
from online_kart.domain.inbound import (
    AmendShipment,
    AnnounceShipment,
    InboundShipment,
    ShipmentLine,
    ShownShipment,
    asn_of,
    shown,
)
from online_kart.domain.principals import Principal
from online_kart.domain.sellers import Seller
from online_kart.domain.versions import Versions, refuse_past
from online_kart.inventory_db import inbound, sellers
from online_kart.messaging import idempotency
from online_kart.messaging.idempotency import Answer, Keyed

from . import sellers as seller_service

Documents = Database[dict[str, Any]]
sort_key = upcoming_shipments.sort_key


def announce(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    seller_id: UUID,
    command: AnnounceShipment,
    keyed: Keyed,
    now: datetime,
) -> Answer:
    """The shipment. The same request again gets the same answer, byte for byte, and announces nothing more.

    Raises NotFound (seller), SellerNotApproved, UnknownReference (FC, item), FacilityNotOpen, NotOffered, InvalidRequest
    (a day that is over; the key came with another request), ShipmentIsOver (the key is of a shipment of old).
    """
    by.require_own("seller", seller_id)
    with conn.transaction():
        earlier = idempotency.earlier_answer(conn, keyed)
        if earlier:
            return earlier
        seller = seller_service.approved(conn, by, seller_id)
        asn = asn_of(seller_id, keyed.key)
        inbound.lock_shipment(conn, asn)
        shipment = _announced_before(documents, asn, command) or _announce(
            conn, documents, seller, asn, command, now
        )
        location = {"Location": f"/sellers/{seller_id}/inbound-shipments/{asn}"}
        answer = Answer(201, location, shown(shipment, "announced").model_dump_json())
        idempotency.keep(conn, keyed, answer, now)
    crashpoint("announce_shipment.committed")
    return answer


def _announced_before(
    documents: Documents, asn: str, command: AnnounceShipment
) -> InboundShipment | None:
    """What a request that was cut short, or is long ago, has announced. None where none has."""
    known = upcoming_shipments.by_asn(documents, asn)
    if known is None:
        end = upcoming_shipments.end_of(documents, asn)
        if end:
            raise ShipmentIsOver(asn, end.what)
        return None
    if (known.fc_code, known.expected_on, known.lines) != (
        command.fc_code,
        command.expected_on,
        command.lines,
    ):
        raise InvalidRequest(
            "This Idempotency-Key came with another request before.",
            "Idempotency-Key",
            "a new key for a new request",
        )
    return known


def _announce(
    conn: Connection[Any],
    documents: Documents,
    seller: Seller,
    asn: str,
    command: AnnounceShipment,
    now: datetime,
) -> InboundShipment:
    _check_fc(conn, command.fc_code)
    _check_day(command.expected_on, now)
    _check_offered(conn, seller.seller_id, command.lines)
    at = _as_stored(now)
    shipment = InboundShipment(
        asn=asn,
        fc_code=command.fc_code,
        seller_id=seller.seller_id,
        seller_name=seller.name,
        expected_on=command.expected_on,
        lines=command.lines,
        version=1,
        announced_at=at,
        updated_at=at,
    )
    upcoming_shipments.append_log(documents, LogEntry(what="announced", at=at, shipment=shipment))
    crashpoint("announce_shipment.logged")
    upcoming_shipments.put(documents, shipment)
    crashpoint("announce_shipment.put")
    return shipment


def amend(  # noqa: PLR0913  # who asks, and which version they have read, go with everything that two may change
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    seller_id: UUID,
    asn: str,
    command: AmendShipment,
    now: datetime,
    wanted: Versions = None,
) -> ShownShipment:
    """The shipment as it is now. An amendment that changes nothing is no amendment.

    Raises NotFound, SellerNotApproved, ShipmentHasArrived, ShipmentIsOver, UnknownReference (item), NotOffered,
    VersionChanged, InvalidRequest (a day that is over).
    """
    with conn.transaction():
        seller_service.approved(conn, by, seller_id)
        shipment = _lock_upcoming(conn, documents, seller_id, asn)
        refuse_past(shipment.version, wanted)
        changes = {key: value for key, value in command if value is not None}
        amended = shipment.model_copy(update=changes)
        if amended != shipment:
            if command.expected_on:
                _check_day(command.expected_on, now)
            _check_offered(conn, seller_id, amended.lines)
            amended = _next_version(amended, now)
            upcoming_shipments.append_log(
                documents, LogEntry(what="amended", at=amended.updated_at, shipment=amended)
            )
            crashpoint("amend_shipment.logged")
            upcoming_shipments.put(documents, amended)
            crashpoint("amend_shipment.put")
    crashpoint("amend_shipment.committed")
    return shown(amended, "announced")


def cancel(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    seller_id: UUID,
    asn: str,
    now: datetime,
    wanted: Versions = None,
) -> None:
    """A repeat changes nothing. Raises NotFound, ShipmentHasArrived, ShipmentIsOver (it was received), VersionChanged."""
    by.require_own("seller", seller_id)
    with conn.transaction():
        try:
            shipment = _lock_upcoming(conn, documents, seller_id, asn)
        except ShipmentIsOver as over:
            if over.shipment_status == "cancelled":
                return
            raise
        refuse_past(shipment.version, wanted)
        cancelled = _next_version(shipment, now)
        upcoming_shipments.append_log(
            documents, LogEntry(what="cancelled", at=cancelled.updated_at, shipment=cancelled)
        )
        crashpoint("cancel_shipment.logged")
        upcoming_shipments.remove(documents, asn)
        crashpoint("cancel_shipment.removed")
    crashpoint("cancel_shipment.committed")


def listed(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    seller_id: UUID,
    after: str | None,
    limit: int,
) -> Sequence[ShownShipment]:
    """What is upcoming, the soonest first, beginning behind the sort key `after`. Raises NotFound."""
    seller_service.by_id(conn, by, seller_id)
    upcoming = upcoming_shipments.listed(documents, None, seller_id, after, limit)
    arrived = inbound.arrived(conn, [shipment.asn for shipment in upcoming])
    return [
        shown(shipment, "arrived" if shipment.asn in arrived else "announced")
        for shipment in upcoming
    ]


def by_asn(
    conn: Connection[Any], documents: Documents, by: Principal, seller_id: UUID, asn: str
) -> ShownShipment:
    """Also one that was received or cancelled. Raises NotFound, also for another's."""
    by.require_own("seller", seller_id)
    return _by_asn(conn, documents, seller_id, asn)


def _by_asn(
    conn: Connection[Any], documents: Documents, seller_id: UUID, asn: str
) -> ShownShipment:
    shipment = upcoming_shipments.by_asn(documents, asn)
    if shipment:
        has_arrived = bool(inbound.arrived(conn, [asn]))
        return shown(_own(shipment, seller_id), "arrived" if has_arrived else "announced")
    end = upcoming_shipments.end_of(documents, asn)
    if end is None:
        raise NotFound("inbound shipment", asn)
    return shown(_own(end.shipment, seller_id), upcoming_shipments.STATUS_OF_END[end.what])


def _lock_upcoming(
    conn: Connection[Any], documents: Documents, seller_id: UUID, asn: str
) -> InboundShipment:
    """The seller's shipment, which nobody else changes or receives until the transaction ends."""
    inbound.lock_shipment(conn, asn)
    current = _by_asn(conn, documents, seller_id, asn)
    if current.status == "arrived":
        raise ShipmentHasArrived(asn)
    if current.status != "announced":
        raise ShipmentIsOver(asn, current.status)
    return InboundShipment(**current.model_dump(exclude={"status"}))


def _own(shipment: InboundShipment, seller_id: UUID) -> InboundShipment:
    if shipment.seller_id != seller_id:
        raise NotFound("inbound shipment", shipment.asn)
    return shipment


def _next_version(shipment: InboundShipment, now: datetime) -> InboundShipment:
    return shipment.model_copy(
        update={"version": shipment.version + 1, "updated_at": _as_stored(now)}
    )


def _as_stored(now: datetime) -> datetime:
    """Documents keep milliseconds; what we answer is what is kept."""
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _check_fc(conn: Connection[Any], fc_code: str) -> None:
    status = inbound.fc_status(conn, fc_code)
    if status is None:
        raise UnknownReference("fulfillment center", fc_code, "fc_code")
    if status != "open":
        raise FacilityNotOpen(fc_code, status)


def _check_day(expected_on: date, now: datetime) -> None:
    today = now.astimezone(ZoneInfo(SHOP_TIME_ZONE)).date()
    if expected_on < today:
        raise InvalidRequest(f"{expected_on} is over.", "expected_on", f"{today} or a later day")


def _check_offered(conn: Connection[Any], seller_id: UUID, lines: Sequence[ShipmentLine]) -> None:
    offered = sellers.offered_skus(conn, seller_id, [line.sku for line in lines])
    for line in lines:
        if line.sku not in offered:
            raise UnknownReference("item", line.sku, "lines")
        if not offered[line.sku]:
            raise NotOffered(line.sku)
