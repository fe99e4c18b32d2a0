"""/orders/{order_id}/returns: sending delivered packages back."""

from http import HTTPStatus
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import accepted, ok, operation, pages
from online_kart.domain.errors import NotFound, ReturnRefused
from online_kart.domain.principals import CUSTOMERS_ACT, CUSTOMERS_SEE
from online_kart.domain.returns import RequestReturn, Return
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
from ..services import returns
from .repeats import repeats

returns_api = Blueprint(__name__)


@returns_api.route("/orders/{order_id}/returns", methods=["POST"])
@operation(
    accepted(Return),
    path={"order_id": UUID},
    body=RequestReturn,
    errors=(NotFound, ReturnRefused),
    access=CUSTOMERS_ACT,
)
@errors_to_http
@repeats.safe(returns_api)
def request_return(order_id: str) -> Response:
    """202: a courier fetches it on the day that its Location tells soon. Within 10 days of its delivery.

    Without `lines` it is all that is not sent back yet; where nothing is left, the answer is the package's last return. With
    `lines` each request is another return, until all is sent back: send an `Idempotency-Key` to be safe.
    """
    key: UUID = read_path(UUID, order_id, "order_id")
    command = read_body(returns_api.current_request, RequestReturn)
    by = principal_of(returns_api.current_request)
    wanted = returns.request(wiring.customer_db(), by, key, command, wiring.now())
    wiring.nudge_relay()
    location = {"Location": f"/orders/{key}/returns/{wanted.return_id}"}
    return json_response(wanted, HTTPStatus.ACCEPTED, location)


@returns_api.route("/orders/{order_id}/returns", methods=["GET"])
@operation(
    pages(Return), path={"order_id": UUID}, query=Query, errors=(NotFound,), access=CUSTOMERS_SEE
)
@errors_to_http
def returns_of_order(order_id: str) -> Response:
    """By id."""
    key: UUID = read_path(UUID, order_id, "order_id")
    query = read_query(returns_api.current_request, Query)
    start = after(query.cursor, tuple[UUID])
    by = principal_of(returns_api.current_request)
    rows = returns.of_order(
        wiring.customer_db(), by, key, start[0] if start else None, query.limit + 1
    )
    return json_response(page_of(rows, query.limit, lambda each: (each.return_id,)))


@returns_api.route("/orders/{order_id}/returns/{return_id}", methods=["GET"])
@operation(
    ok(Return),
    path={"order_id": UUID, "return_id": UUID},
    errors=(NotFound,),
    access=CUSTOMERS_SEE,
)
@errors_to_http
def return_by_id(order_id: str, return_id: str) -> Response:
    order_key: UUID = read_path(UUID, order_id, "order_id")
    key: UUID = read_path(UUID, return_id, "return_id")
    by = principal_of(returns_api.current_request)
    return json_response(returns.shown(wiring.customer_db(), by, order_key, key))
