"""Stock of a fulfillment center, its ledger, and corrections by people."""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import created, operation, pages
from online_kart.domain.errors import NotFound, NotYourFacility, StockTooLow
from online_kart.domain.principals import FC_STAFF_ACTS, STAFF_SEES
from online_kart.domain.stock import AdjustStock, Cause, LedgerEntry, StockFilter, StockLevel
from online_kart.domain.values import Sku
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_body,
    read_query,
    rendered_response,
    required_header,
)
from online_kart.messaging.idempotency import Keyed, digest
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import stock

stock_api = Blueprint(__name__)


class StockQuery(Query):
    sku: Sku | None = None
    seller_id: UUID | None = None

    @property
    def wanted(self) -> StockFilter:
        return StockFilter(self.sku, self.seller_id)


class LedgerQuery(StockQuery):
    cause: Cause | None = None


@stock_api.route("/fulfillment-centers/{fc_code}/stock", methods=["GET"])
@operation(pages(StockLevel), query=StockQuery, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def stock_of_fc(fc_code: str) -> Response:
    """On hand and reserved, by item and seller."""
    query = read_query(stock_api.current_request, StockQuery)
    start = after(query.cursor, tuple[str, UUID])
    rows = stock.levels_of_fc(wiring.inventory_db(), fc_code, query.wanted, start, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda level: (level.sku, level.seller_id)))


@stock_api.route("/fulfillment-centers/{fc_code}/stock-ledger", methods=["GET"])
@operation(pages(LedgerEntry), query=LedgerQuery, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def stock_ledger_of_fc(fc_code: str) -> Response:
    """Every change, the newest first: who made it, when, and why. `cause=adjustment`: what people corrected."""
    query = read_query(stock_api.current_request, LedgerQuery)
    start = after(query.cursor, tuple[int])
    rows = stock.ledger_of_fc(
        wiring.inventory_db(),
        fc_code,
        query.wanted,
        query.cause,
        start[0] if start else None,
        query.limit + 1,
    )
    return json_response(page_of(rows, query.limit, lambda entry: (entry.entry_id,)))


@stock_api.route("/fulfillment-centers/{fc_code}/stock-adjustments", methods=["POST"])
@operation(
    created(StockLevel, has_location=False),
    body=AdjustStock,
    errors=(NotFound, NotYourFacility, StockTooLow),
    needs_key=True,
    access=FC_STAFF_ACTS,
)
@errors_to_http
def adjust_stock(fc_code: str) -> Response:
    """201 with the stock as it is now. Needs an `Idempotency-Key`: the same request again gets the same answer."""
    request = stock_api.current_request
    command = read_body(request, AdjustStock)
    by = principal_of(request)
    path = f"/fulfillment-centers/{fc_code}/stock-adjustments"
    keyed = Keyed(
        principal=by.name,
        key=required_header(request, "Idempotency-Key"),
        digest=digest("POST", path, request.raw_body),
    )
    answer = stock.adjust_stock(wiring.inventory_db(), by, fc_code, command, keyed, wiring.now())
    wiring.nudge_relay()
    return rendered_response(answer.body, answer.status_code, answer.headers)
