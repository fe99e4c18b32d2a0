"""/inbound-shipments: what is upcoming, and its receipt"""

from http import HTTPStatus

from chalice import Blueprint, Response

from online_kart.contract import accepted, ok, operation, pages
from online_kart.domain.errors import (
    NotFound,
    NotOffered,
    NotYourFacility,
    ShipmentCountedOtherwise,
    ShipmentIsOver,
    UnknownReference,
)
from online_kart.domain.inbound import Asn, Receipt, ReceiveShipment, ShownShipment
from online_kart.domain.principals import FC_STAFF_ACTS, STAFF_SEES
from online_kart.domain.values import FacilityCode
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_body,
    read_path,
    read_query,
)
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import inbound
from .repeats import repeats

inbound_api = Blueprint(__name__)


class ShipmentsQuery(Query):
    fc_code: FacilityCode | None = None


@inbound_api.route("/inbound-shipments", methods=["GET"])
@operation(pages(ShownShipment), query=ShipmentsQuery, access=STAFF_SEES)
@errors_to_http
def list_shipments() -> Response:
    """What is upcoming, the soonest first. FC staff who name no FC: at theirs."""
    query = read_query(inbound_api.current_request, ShipmentsQuery)
    start = after(query.cursor, tuple[str])
    rows = inbound.listed(
        wiring.inventory_db(),
        wiring.documents(),
        principal_of(inbound_api.current_request).facilities_seen(query.fc_code),
        start[0] if start else None,
        query.limit + 1,
    )
    return json_response(page_of(rows, query.limit, lambda row: (inbound.sort_key(row),)))


@inbound_api.route("/inbound-shipments/{asn}", methods=["GET"])
@operation(ok(ShownShipment), path={"asn": Asn}, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def shipment_by_asn(asn: str) -> Response:
    """Also one that was received or cancelled."""
    key: str = read_path(Asn, asn, "asn")
    return json_response(inbound.by_asn(wiring.inventory_db(), wiring.documents(), key))


@inbound_api.route("/inbound-shipments/{asn}/receipts", methods=["POST"])
@operation(
    accepted(Receipt),
    path={"asn": Asn},
    body=ReceiveShipment,
    errors=(
        NotFound,
        NotYourFacility,
        UnknownReference,
        NotOffered,
        ShipmentCountedOtherwise,
        ShipmentIsOver,
    ),
    access=FC_STAFF_ACTS,
)
@errors_to_http
@repeats.safe(inbound_api)
def receive_shipment(asn: str) -> Response:
    """It is at the dock and was counted: 202, the units are in stock when the receipt is `booked`. Safe to repeat."""
    key: str = read_path(Asn, asn, "asn")
    command = read_body(inbound_api.current_request, ReceiveShipment)
    by = principal_of(inbound_api.current_request)
    receipt = inbound.receive(
        wiring.inventory_db(), wiring.documents(), by, key, command, wiring.now()
    )
    wiring.nudge_relay()
    location = {"Location": f"/inbound-shipments/{key}/receipt"}
    return json_response(receipt, HTTPStatus.ACCEPTED, location)


@inbound_api.route("/inbound-shipments/{asn}/receipt", methods=["GET"])
@operation(ok(Receipt), path={"asn": Asn}, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def receipt_of_shipment(asn: str) -> Response:
    key: str = read_path(Asn, asn, "asn")
    return json_response(inbound.receipt_of(wiring.inventory_db(), key))
