"""/sellers/{seller_id}/inbound-shipments: announce, amend, cancel"""

from http import HTTPStatus
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import created, no_content, operation, pages, versioned
from online_kart.domain.errors import (
    FacilityNotOpen,
    NotFound,
    NotOffered,
    SellerNotApproved,
    ShipmentHasArrived,
    ShipmentIsOver,
    UnknownReference,
    VersionChanged,
)
from online_kart.domain.inbound import AmendShipment, AnnounceShipment, Asn, ShownShipment
from online_kart.domain.principals import SELLERS_ACT, SELLERS_SEE
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    etag,
    json_response,
    page_of,
    read_body,
    read_path,
    read_query,
    rendered_response,
    required_header,
    wanted_versions,
)
from online_kart.messaging.idempotency import Keyed, digest
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import inbound

inbound_api = Blueprint(__name__)


@inbound_api.route("/sellers/{seller_id}/inbound-shipments", methods=["POST"])
@operation(
    created(ShownShipment),
    path={"seller_id": UUID},
    body=AnnounceShipment,
    errors=(
        NotFound,
        UnknownReference,
        FacilityNotOpen,
        NotOffered,
        SellerNotApproved,
        ShipmentIsOver,
    ),
    needs_key=True,
    access=SELLERS_ACT,
)
@errors_to_http
def announce_shipment(seller_id: str) -> Response:
    """Safe to retry with the same `Idempotency-Key` and body: the answer is the same, byte for byte."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(inbound_api.current_request)
    request = inbound_api.current_request
    command = read_body(request, AnnounceShipment)
    keyed = Keyed(
        principal=f"seller {key}",
        key=required_header(request, "Idempotency-Key"),
        digest=digest("POST", f"/sellers/{key}/inbound-shipments", request.raw_body),
    )
    answer = inbound.announce(
        wiring.inventory_db(), wiring.documents(), by, key, command, keyed, wiring.now()
    )
    return rendered_response(answer.body, answer.status_code, answer.headers)


@inbound_api.route("/sellers/{seller_id}/inbound-shipments", methods=["GET"])
@operation(
    pages(ShownShipment),
    path={"seller_id": UUID},
    query=Query,
    errors=(NotFound,),
    access=SELLERS_SEE,
)
@errors_to_http
def list_shipments(seller_id: str) -> Response:
    """What is upcoming, the soonest first."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(inbound_api.current_request)
    query = read_query(inbound_api.current_request, Query)
    start = after(query.cursor, tuple[str])
    rows = inbound.listed(
        wiring.inventory_db(),
        wiring.documents(),
        by,
        key,
        start[0] if start else None,
        query.limit + 1,
    )
    return json_response(page_of(rows, query.limit, lambda row: (inbound.sort_key(row),)))


@inbound_api.route("/sellers/{seller_id}/inbound-shipments/{asn}", methods=["GET"])
@operation(
    versioned(ShownShipment),
    path={"seller_id": UUID, "asn": Asn},
    errors=(NotFound,),
    access=SELLERS_SEE,
)
@errors_to_http
def shipment_by_asn(seller_id: str, asn: str) -> Response:
    """Also one that was received or cancelled."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(inbound_api.current_request)
    known_asn: str = read_path(Asn, asn, "asn")
    shipment = inbound.by_asn(wiring.inventory_db(), wiring.documents(), by, key, known_asn)
    return json_response(shipment, headers=etag(shipment.version))


@inbound_api.route("/sellers/{seller_id}/inbound-shipments/{asn}", methods=["PATCH"])
@operation(
    versioned(ShownShipment),
    path={"seller_id": UUID, "asn": Asn},
    body=AmendShipment,
    errors=(
        NotFound,
        UnknownReference,
        NotOffered,
        SellerNotApproved,
        ShipmentHasArrived,
        ShipmentIsOver,
        VersionChanged,
    ),
    access=SELLERS_ACT,
)
@errors_to_http
def amend_shipment(seller_id: str, asn: str) -> Response:
    """Possible until it arrives at the FC."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(inbound_api.current_request)
    known_asn: str = read_path(Asn, asn, "asn")
    request = inbound_api.current_request
    command, wanted = read_body(request, AmendShipment), wanted_versions(request)
    shipment = inbound.amend(
        wiring.inventory_db(), wiring.documents(), by, key, known_asn, command, wiring.now(), wanted
    )
    return json_response(shipment, headers=etag(shipment.version))


@inbound_api.route("/sellers/{seller_id}/inbound-shipments/{asn}", methods=["DELETE"])
@operation(
    no_content(),
    path={"seller_id": UUID, "asn": Asn},
    errors=(NotFound, ShipmentHasArrived, ShipmentIsOver, VersionChanged),
    access=SELLERS_ACT,
)
@errors_to_http
def cancel_shipment(seller_id: str, asn: str) -> Response:
    """Possible until it arrives at the FC. Safe to repeat."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(inbound_api.current_request)
    known_asn: str = read_path(Asn, asn, "asn")
    wanted = wanted_versions(inbound_api.current_request)
    inbound.cancel(
        wiring.inventory_db(), wiring.documents(), by, key, known_asn, wiring.now(), wanted
    )
    return Response(body="", status_code=int(HTTPStatus.NO_CONTENT))
