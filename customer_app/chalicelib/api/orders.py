"""/orders"""

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import accepted, ok, operation, pages
from online_kart.domain.errors import (
    NotFound,
    NotOffered,
    OrderStatusConflict,
    PrepaymentNotOffered,
)
from online_kart.domain.orders import Order, PlaceOrder
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
    rendered_response,
    required_header,
)
from online_kart.messaging.idempotency import Keyed, digest
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import cancellations, orders
from .repeats import repeats

orders_api = Blueprint(__name__)


@orders_api.route("/orders", methods=["POST"])
@operation(
    accepted(Order),
    body=PlaceOrder,
    errors=(NotFound, NotOffered, PrepaymentNotOffered),
    needs_key=True,
    access=CUSTOMERS_ACT,
)
@errors_to_http
def place_order() -> Response:
    """202 with the order in `placed`: it is normally confirmed within a second. See its Location.

    Safe to retry with the same `Idempotency-Key` and body for 24 h: the answer is the same, byte for byte.
    """
    request = orders_api.current_request
    command = read_body(request, PlaceOrder)
    keyed = Keyed(
        principal=str(command.customer_id),
        key=required_header(request, "Idempotency-Key"),
        digest=digest("POST", "/orders", request.raw_body),
    )
    if command.payment == "prepaid" and not wiring.settings().payments_url:
        raise PrepaymentNotOffered
    by = principal_of(request)
    answer = orders.place_order(wiring.customer_db(), by, command, keyed, wiring.now())
    wiring.nudge_relay()
    return rendered_response(answer.body, answer.status_code, answer.headers)


@orders_api.route("/orders/{order_id}", methods=["GET"])
@operation(ok(Order), path={"order_id": UUID}, errors=(NotFound,), access=CUSTOMERS_SEE)
@errors_to_http
def order_by_id(order_id: str) -> Response:
    key: UUID = read_path(UUID, order_id, "order_id")
    by = principal_of(orders_api.current_request)
    return json_response(orders.shown(wiring.customer_db(), by, key))


@orders_api.route("/customers/{customer_id}/orders", methods=["GET"])
@operation(
    pages(Order), path={"customer_id": UUID}, query=Query, errors=(NotFound,), access=CUSTOMERS_SEE
)
@errors_to_http
def orders_of_customer(customer_id: str) -> Response:
    """The newest first."""
    key: UUID = read_path(UUID, customer_id, "customer_id")
    query = read_query(orders_api.current_request, Query)
    by = principal_of(orders_api.current_request)
    rows = orders.of_customer(
        wiring.customer_db(), by, key, after(query.cursor, tuple[datetime, UUID]), query.limit + 1
    )
    return json_response(
        page_of(rows, query.limit, lambda order: (order.placed_at, order.order_id))
    )


@orders_api.route("/orders/{order_id}/cancellation", methods=["POST"], content_types=["*/*"])
@operation(
    accepted(Order),
    path={"order_id": UUID},
    errors=(NotFound, OrderStatusConflict),
    access=CUSTOMERS_ACT,
)
@errors_to_http
@repeats.safe(orders_api)
def cancel_order(order_id: str) -> Response:
    """202: what has not left is kept back, what is under way returns. Safe to repeat."""
    key: UUID = read_path(UUID, order_id, "order_id")
    by = principal_of(orders_api.current_request)
    order = cancellations.request(wiring.customer_db(), by, key, wiring.now())
    wiring.nudge_relay()
    return json_response(order, HTTPStatus.ACCEPTED, {"Location": f"/orders/{key}"})
