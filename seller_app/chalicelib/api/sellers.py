"""/sellers"""

from http import HTTPStatus
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import created, ok, operation, versioned
from online_kart.domain.errors import (
    AlreadyRegistered,
    EmailTaken,
    NotFound,
    SellerStatusConflict,
    VersionChanged,
)
from online_kart.domain.principals import SELLERS_ACT, SELLERS_SEE
from online_kart.domain.sellers import ChangeSeller, RegisterSeller, Seller
from online_kart.http import (
    errors_to_http,
    etag,
    json_response,
    read_body,
    read_path,
    wanted_versions,
)
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import sellers
from .repeats import repeats

sellers_api = Blueprint(__name__)


@sellers_api.route("/sellers", methods=["POST"])
@operation(
    created(Seller), body=RegisterSeller, errors=(AlreadyRegistered, EmailTaken), access=SELLERS_ACT
)
@errors_to_http
@repeats.safe(sellers_api)
def register_seller() -> Response:
    """The seller waits for approval, which people of Online Kart give in the fulfillment app."""
    command = read_body(sellers_api.current_request, RegisterSeller)
    seller = sellers.register(
        wiring.inventory_db(), principal_of(sellers_api.current_request), command, wiring.now()
    )
    return json_response(seller, HTTPStatus.CREATED, {"Location": f"/sellers/{seller.seller_id}"})


@sellers_api.route("/sellers/{seller_id}", methods=["GET"])
@operation(versioned(Seller), path={"seller_id": UUID}, errors=(NotFound,), access=SELLERS_SEE)
@errors_to_http
def seller_by_id(seller_id: str) -> Response:
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(sellers_api.current_request)
    seller = sellers.by_id(wiring.inventory_db(), by, key)
    return json_response(seller, headers=etag(seller.version))


@sellers_api.route("/sellers/{seller_id}", methods=["PATCH"])
@operation(
    versioned(Seller),
    path={"seller_id": UUID},
    body=ChangeSeller,
    errors=(NotFound, EmailTaken, VersionChanged),
    access=SELLERS_ACT,
)
@errors_to_http
def change_seller(seller_id: str) -> Response:
    """The e-mail address changes at once, and so does a name until it was approved. Later, another one waits as `wanted_name`
    until staff have looked at it, and the seller sells on by the old one; `name_refusal` says why it was refused."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    request = sellers_api.current_request
    command, wanted = read_body(request, ChangeSeller), wanted_versions(request)
    seller = sellers.change(wiring.inventory_db(), principal_of(request), key, command, wanted)
    return json_response(seller, headers=etag(seller.version))


@sellers_api.route("/sellers/{seller_id}/applications", methods=["POST"])
@operation(
    ok(Seller),
    path={"seller_id": UUID},
    errors=(NotFound, SellerStatusConflict),
    access=SELLERS_ACT,
)
@errors_to_http
@repeats.safe(sellers_api)
def apply_again(seller_id: str) -> Response:
    """Who was refused, and has mended what `reason` says, waits for approval once more. Safe to repeat."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(sellers_api.current_request)
    return json_response(sellers.apply_again(wiring.inventory_db(), by, key, wiring.now()))
