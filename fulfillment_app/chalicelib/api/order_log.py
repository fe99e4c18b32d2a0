"""/orders/{order_id}/history: what happened to an order and its packages, when, and who did it."""

from datetime import datetime
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import operation, pages
from online_kart.domain.errors import NotFound
from online_kart.domain.order_log import OrderLogEntry
from online_kart.domain.principals import STAFF_SEES
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_path,
    read_query,
)

from .. import wiring
from ..services import order_log

order_log_api = Blueprint(__name__)


@order_log_api.route("/orders/{order_id}/history", methods=["GET"])
@operation(
    pages(OrderLogEntry),
    path={"order_id": UUID},
    query=Query,
    errors=(NotFound,),
    access=STAFF_SEES,
)
@errors_to_http
def history_of_order(order_id: str) -> Response:
    """The oldest first. What happened is here within seconds."""
    key: UUID = read_path(UUID, order_id, "order_id")
    query = read_query(order_log_api.current_request, Query)
    start = after(query.cursor, tuple[datetime, UUID])
    rows = order_log.of_order(wiring.documents(), key, start, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda entry: (entry.at, entry.event_id)))
