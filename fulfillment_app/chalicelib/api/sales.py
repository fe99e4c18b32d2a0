"""/sales/by-category, /sales/by-month and /sales/by-item: what was sold, exact at any commit."""

from datetime import date

from chalice import Blueprint, Response

from online_kart.contract import operation, pages
from online_kart.domain.principals import STAFF_SEES
from online_kart.domain.sales import CategorySales, ItemSales, ItemSalesFilter, MonthSales
from online_kart.domain.values import AskedDay, FacilityCode, Sku
from online_kart.http import Query, after, errors_to_http, json_response, page_of, read_query

from .. import wiring
from ..services import sales

sales_api = Blueprint(__name__)


@sales_api.route("/sales/by-category", methods=["GET"])
@operation(pages(CategorySales), query=Query, access=STAFF_SEES)
@errors_to_http
def sales_by_category() -> Response:
    """By category: its own items, without those of the categories below it."""
    query = read_query(sales_api.current_request, Query)
    last = after(query.cursor, tuple[str])
    rows = sales.by_category(wiring.inventory_db(), last[0] if last else None, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda row: (row.category_id,)))


class ItemSalesQuery(Query):
    """`month`: any day of it."""

    month: AskedDay | None = None
    fc_code: FacilityCode | None = None
    sku: Sku | None = None

    @property
    def wanted(self) -> ItemSalesFilter:
        month = self.month and self.month.replace(day=1)
        return ItemSalesFilter(month, self.fc_code, self.sku)


@sales_api.route("/sales/by-item", methods=["GET"])
@operation(pages(ItemSales), query=ItemSalesQuery, access=STAFF_SEES)
@errors_to_http
def sales_by_item() -> Response:
    """By month, FC and item, of all sellers: the latest month first, then by FC and SKU. Months of the shop's time zone."""
    query = read_query(sales_api.current_request, ItemSalesQuery)
    last = after(query.cursor, tuple[date, str, str])
    rows = sales.by_item(wiring.inventory_db(), query.wanted, last, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda row: (row.month, row.fc_code, row.sku)))


@sales_api.route("/sales/by-month", methods=["GET"])
@operation(pages(MonthSales), query=Query, access=STAFF_SEES)
@errors_to_http
def sales_by_month() -> Response:
    """The latest month first; months of the shop's time zone."""
    query = read_query(sales_api.current_request, Query)
    last = after(query.cursor, tuple[date])
    rows = sales.by_month(wiring.inventory_db(), last[0] if last else None, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda row: (row.month,)))
