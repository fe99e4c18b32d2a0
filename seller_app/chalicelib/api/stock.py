"""/sellers/{seller_id}/stock"""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import operation, pages
from online_kart.domain.errors import NotFound
from online_kart.domain.principals import SELLERS_SEE
from online_kart.domain.sellers import StockOfOffer
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
from ..services import items

stock_api = Blueprint(__name__)


class StockQuery(Query):
    sku: Sku | None = None
    fc_code: FacilityCode | None = None


@stock_api.route("/sellers/{seller_id}/stock", methods=["GET"])
@operation(
    pages(StockOfOffer),
    path={"seller_id": UUID},
    query=StockQuery,
    errors=(NotFound,),
    access=SELLERS_SEE,
)
@errors_to_http
def stock_of_seller(seller_id: str) -> Response:
    """By SKU and FC."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(stock_api.current_request)
    query = read_query(stock_api.current_request, StockQuery)
    rows = items.stock_listed(
        wiring.inventory_db(),
        by,
        key,
        query.sku,
        query.fc_code,
        after(query.cursor, tuple[str, str]),
        query.limit + 1,
    )
    return json_response(page_of(rows, query.limit, lambda row: (row.sku, row.fc_code)))
