"""/categories, /items: what can be bought, at which price, and "only 7 left"."""

from typing import Annotated

from chalice import Blueprint, Response
from pydantic import StringConstraints

from online_kart.contract import ok, operation, pages
from online_kart.domain.errors import NotFound
from online_kart.domain.principals import ANYONE
from online_kart.domain.storefront import ShownCategory, ShownItem
from online_kart.domain.values import Sku
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
from ..services import catalog

catalog_api = Blueprint(__name__)


class ItemsQuery(Query):
    category_id: Annotated[str, StringConstraints(max_length=100)] | None = None
    q: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None


@catalog_api.route("/categories", methods=["GET"])
@operation(pages(ShownCategory), query=Query, access=ANYONE)
@errors_to_http
def list_categories() -> Response:
    """By id."""
    query = read_query(catalog_api.current_request, Query)
    start = after(query.cursor, tuple[str])
    rows = catalog.categories(wiring.customer_db(), start[0] if start else None, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda category: (category.category_id,)))


@catalog_api.route("/items", methods=["GET"])
@operation(pages(ShownItem), query=ItemsQuery, access=ANYONE)
@errors_to_http
def list_items() -> Response:
    """By SKU."""
    query = read_query(catalog_api.current_request, ItemsQuery)
    start = after(query.cursor, tuple[str])
    rows = catalog.items(
        wiring.customer_db(),
        query.category_id,
        query.q,
        start[0] if start else None,
        query.limit + 1,
    )
    return json_response(page_of(rows, query.limit, lambda item: (item.sku,)))


@catalog_api.route("/items/{sku}", methods=["GET"])
@operation(ok(ShownItem), path={"sku": Sku}, errors=(NotFound,), access=ANYONE)
@errors_to_http
def item_by_sku(sku: str) -> Response:
    key: str = read_path(Sku, sku, "sku")
    return json_response(catalog.item(wiring.customer_db(), key))
