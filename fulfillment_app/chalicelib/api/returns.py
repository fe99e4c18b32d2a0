"""/returns: packages that customers send back."""

from datetime import date
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import ok, operation, pages
from online_kart.domain.errors import (
    FacilityNotOpen,
    NotFound,
    NotYourFacility,
    ReturnStatusConflict,
)
from online_kart.domain.principals import FC_STAFF_ACTS, STAFF_SEES
from online_kart.domain.returns import ExpectedReturn, ExpectedStatus, ReceiveReturn
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
from online_kart.postgres import retrying
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import returns
from .repeats import repeats

returns_api = Blueprint(__name__)


class ReturnsQuery(Query):
    fc_code: FacilityCode | None = None
    status: ExpectedStatus | None = None


@returns_api.route("/returns", methods=["GET"])
@operation(pages(ExpectedReturn), query=ReturnsQuery, access=STAFF_SEES)
@errors_to_http
def list_returns() -> Response:
    """By FC, status, and the day of the pickup. Their lines are with each by itself. FC staff who name no FC: of theirs."""
    query = read_query(returns_api.current_request, ReturnsQuery)
    rows = returns.listed(
        wiring.inventory_db(),
        principal_of(returns_api.current_request).facilities_seen(query.fc_code),
        query.status,
        after(query.cursor, tuple[str, str, date, UUID]),
        query.limit + 1,
    )
    return json_response(
        page_of(
            rows,
            query.limit,
            lambda each: (each.fc_code, each.status, each.pickup_on, each.return_id),
        )
    )


@returns_api.route("/returns/{return_id}", methods=["GET"])
@operation(ok(ExpectedReturn), path={"return_id": UUID}, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def return_by_id(return_id: str) -> Response:
    key: UUID = read_path(UUID, return_id, "return_id")
    return json_response(returns.by_id(wiring.inventory_db(), key))


@returns_api.route("/returns/{return_id}/receipt", methods=["POST"])
@operation(
    ok(ExpectedReturn),
    path={"return_id": UUID},
    body=ReceiveReturn,
    errors=(NotFound, NotYourFacility, FacilityNotOpen, ReturnStatusConflict),
    access=FC_STAFF_ACTS,
)
@errors_to_http
@repeats.safe(returns_api)
def receive_return(return_id: str) -> Response:
    """It is back: all units but the unsellable ones are in stock. Safe to repeat: the first count is kept."""
    key: UUID = read_path(UUID, return_id, "return_id")
    command = read_body(returns_api.current_request, ReceiveReturn)
    by = principal_of(returns_api.current_request)
    conn, documents, now = wiring.inventory_db(), wiring.documents(), wiring.now()
    received = retrying(lambda: returns.receive(conn, documents, by, key, command, now))
    wiring.nudge_relay()
    return json_response(received)
