"""/sellers/{seller_id}/sales: the sold history, and its totals by FC and item"""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import operation, pages
from online_kart.domain.errors import NotFound
from online_kart.domain.principals import SELLERS_SEE
from online_kart.domain.sellers import SalesFilter, SoldLine, SoldTotal
from online_kart.domain.values import AskedInstant, FacilityCode, Sku
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
from ..services import sales

sales_api = Blueprint(__name__)


class SalesQuery(Query):
    """`since` and `before`: sold from a moment on, and before another."""

    fc_code: FacilityCode | None = None
    sku: Sku | None = None
    since: AskedInstant | None = None
    before: AskedInstant | None = None

    @property
    def wanted(self) -> SalesFilter:
        return SalesFilter(self.fc_code, self.sku, self.since, self.before)


@sales_api.route("/sellers/{seller_id}/sales", methods=["GET"])
@operation(
    pages(SoldLine),
    path={"seller_id": UUID},
    query=SalesQuery,
    errors=(NotFound,),
    access=SELLERS_SEE,
)
@errors_to_http
def list_sales(seller_id: str) -> Response:
    """The newest first. A return has negative numbers."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(sales_api.current_request)
    query = read_query(sales_api.current_request, SalesQuery)
    start = after(query.cursor, tuple[str])
    rows = sales.listed(
        wiring.inventory_db(),
        wiring.documents(),
        by,
        key,
        query.wanted,
        start[0] if start else None,
        query.limit + 1,
    )
    return json_response(page_of(rows, query.limit, lambda sale: (sales.sort_key(sale),)))


@sales_api.route("/sellers/{seller_id}/sales/totals", methods=["GET"])
@operation(
    pages(SoldTotal),
    path={"seller_id": UUID},
    query=SalesQuery,
    errors=(NotFound,),
    access=SELLERS_SEE,
)
@errors_to_http
def sales_totals(seller_id: str) -> Response:
    """By FC and item, returns taken off. With `since` and `before`: of that time."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(sales_api.current_request)
    query = read_query(sales_api.current_request, SalesQuery)
    start = after(query.cursor, tuple[str])
    rows = sales.totals(
        wiring.inventory_db(),
        wiring.documents(),
        by,
        key,
        query.wanted,
        start[0] if start else None,
        query.limit + 1,
    )
    return json_response(
        page_of(rows, query.limit, lambda total: (sales.place(total.fc_code, total.sku),))
    )
