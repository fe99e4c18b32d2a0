"""What is owed for returns, for those who pay it: the list of it, and how each was paid."""

from datetime import datetime
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import ok, operation, pages
from online_kart.domain.errors import NotFound, ReturnStatusConflict
from online_kart.domain.payouts import RecordPayout
from online_kart.domain.principals import ADMINS_ACT, AUDITORS_SEE
from online_kart.domain.returns import Return, ReturnStatus
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
from ..services import payouts, returns

payouts_api = Blueprint(__name__)


class ReturnsQuery(Query):
    status: ReturnStatus = "owed"


@payouts_api.route("/returns", methods=["GET"])
@operation(pages(Return), query=ReturnsQuery, access=AUDITORS_SEE)
@errors_to_http
def list_returns() -> Response:
    """Of all customers, those of one status: `owed`, where none is named. The longest waiting first."""
    query = read_query(payouts_api.current_request, ReturnsQuery)
    rows = returns.listed(
        wiring.customer_db(),
        query.status,
        after(query.cursor, tuple[datetime, UUID]),
        query.limit + 1,
    )
    return json_response(
        page_of(rows, query.limit, lambda each: (each.requested_at, each.return_id))
    )


@payouts_api.route("/orders/{order_id}/returns/{return_id}/payout", methods=["PUT"])
@operation(
    ok(Return),
    path={"order_id": UUID, "return_id": UUID},
    body=RecordPayout,
    errors=(NotFound, ReturnStatusConflict),
    access=ADMINS_ACT,
)
@errors_to_http
def record_payout(order_id: str, return_id: str) -> Response:
    """What was `owed` is `paid`: who says so, and when, is written down with it, once."""
    order_key: UUID = read_path(UUID, order_id, "order_id")
    key: UUID = read_path(UUID, return_id, "return_id")
    request = payouts_api.current_request
    command = read_body(request, RecordPayout)
    by = principal_of(request)
    paid = payouts.record(wiring.customer_db(), by, order_key, key, command, wiring.now())
    wiring.nudge_relay()
    return json_response(paid)
