"""/customers/{customer_id}/addresses"""

from http import HTTPStatus
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import created, no_content, ok, operation, pages
from online_kart.domain.customers import AddAddress, Address
from online_kart.domain.errors import NotFound
from online_kart.domain.principals import CUSTOMERS_ACT, CUSTOMERS_SEE
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
from ..services import addresses
from .repeats import repeats

addresses_api = Blueprint(__name__)


@addresses_api.route("/customers/{customer_id}/addresses", methods=["POST"])
@operation(
    created(Address),
    path={"customer_id": UUID},
    body=AddAddress,
    errors=(NotFound,),
    access=CUSTOMERS_ACT,
)
@errors_to_http
@repeats.safe(addresses_api)
def add_address(customer_id: str) -> Response:
    key: UUID = read_path(UUID, customer_id, "customer_id")
    command = read_body(addresses_api.current_request, AddAddress)
    by = principal_of(addresses_api.current_request)
    address = addresses.add(wiring.customer_db(), by, key, command, wiring.now())
    location = {"Location": f"/customers/{key}/addresses/{address.address_id}"}
    return json_response(address, HTTPStatus.CREATED, location)


@addresses_api.route("/customers/{customer_id}/addresses", methods=["GET"])
@operation(
    pages(Address),
    path={"customer_id": UUID},
    query=Query,
    errors=(NotFound,),
    access=CUSTOMERS_SEE,
)
@errors_to_http
def list_addresses(customer_id: str) -> Response:
    """By id."""
    key: UUID = read_path(UUID, customer_id, "customer_id")
    query = read_query(addresses_api.current_request, Query)
    start = after(query.cursor, tuple[UUID])
    by = principal_of(addresses_api.current_request)
    rows = addresses.listed(
        wiring.customer_db(), by, key, start[0] if start else None, query.limit + 1
    )
    return json_response(page_of(rows, query.limit, lambda address: (address.address_id,)))


@addresses_api.route("/customers/{customer_id}/addresses/{address_id}", methods=["GET"])
@operation(
    ok(Address),
    path={"customer_id": UUID, "address_id": UUID},
    errors=(NotFound,),
    access=CUSTOMERS_SEE,
)
@errors_to_http
def address_by_id(customer_id: str, address_id: str) -> Response:
    keys = _keys(customer_id, address_id)
    by = principal_of(addresses_api.current_request)
    return json_response(addresses.shown(wiring.customer_db(), by, *keys))


@addresses_api.route("/customers/{customer_id}/addresses/{address_id}", methods=["PUT"])
@operation(
    ok(Address),
    path={"customer_id": UUID, "address_id": UUID},
    body=AddAddress,
    errors=(NotFound,),
    access=CUSTOMERS_ACT,
)
@errors_to_http
def change_address(customer_id: str, address_id: str) -> Response:
    """Orders keep the address they were placed with. The default one stays so until another is made it."""
    keys = _keys(customer_id, address_id)
    command = read_body(addresses_api.current_request, AddAddress)
    by = principal_of(addresses_api.current_request)
    return json_response(addresses.change(wiring.customer_db(), by, *keys, command))


@addresses_api.route("/customers/{customer_id}/addresses/{address_id}", methods=["DELETE"])
@operation(
    no_content(),
    path={"customer_id": UUID, "address_id": UUID},
    errors=(NotFound,),
    access=CUSTOMERS_ACT,
)
@errors_to_http
def delete_address(customer_id: str, address_id: str) -> Response:
    """Orders keep their copy. Where it was the default one, the oldest of those left is it now."""
    keys = _keys(customer_id, address_id)
    addresses.delete(wiring.customer_db(), principal_of(addresses_api.current_request), *keys)
    return Response(body="", status_code=int(HTTPStatus.NO_CONTENT))


def _keys(customer_id: str, address_id: str) -> tuple[UUID, UUID]:
    return (
        read_path(UUID, customer_id, "customer_id"),
        read_path(UUID, address_id, "address_id"),
    )
