"""/sellers/{seller_id}/stock-suggestions: where to send stock, and why"""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import operation, pages
from online_kart.domain.errors import NotFound
from online_kart.domain.principals import SELLERS_SEE
from online_kart.domain.stock_suggestions import StockSuggestion
from online_kart.domain.values import FacilityCode, Sku
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_path,
    read_query,
)
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import stock_suggestions
from ..services.stock_suggestions import Wanted

stock_suggestions_api = Blueprint(__name__)


class SuggestionsQuery(Query):
    sku: Sku | None = None
    fc_code: FacilityCode | None = None


@stock_suggestions_api.route("/sellers/{seller_id}/stock-suggestions", methods=["GET"])
@operation(
    pages(StockSuggestion),
    path={"seller_id": UUID},
    query=SuggestionsQuery,
    errors=(NotFound,),
    access=SELLERS_SEE,
)
@errors_to_http
def list_stock_suggestions(seller_id: str) -> Response:
    """What lasts shortest first: days of cover, then SKU and FC. Each says why, in words and figures."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    query = read_query(stock_suggestions_api.current_request, SuggestionsQuery)
    rows = stock_suggestions.listed(
        wiring.inventory_db(),
        wiring.documents(),
        principal_of(stock_suggestions_api.current_request),
        Wanted(key, query.sku, query.fc_code),
        after(query.cursor, tuple[float, str, str]),
        query.limit + 1,
        wiring.now(),
    )
    return json_response(page_of(rows, query.limit, lambda each: each.urgency))
