"""/categories, /items: what can be bought, at which price, "only 7 left", and when it can be at a pincode's door."""

from typing import Annotated, Any

from chalice import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from online_kart.contract import ok, operation, pages
from online_kart.domain.errors import NotFound
from online_kart.domain.principals import ANYONE
from online_kart.domain.storefront import (
    ItemSort,
    Place,
    Search,
    ShownCategory,
    ShownFacets,
    ShownItem,
)
from online_kart.domain.values import Paise, Pincode, Sku
from online_kart.http import (
    Page,
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_path,
    read_query,
)
from online_kart.planning.routes import current_routes

from .. import wiring
from ..services import catalog
from ..services.catalog import Door

catalog_api = Blueprint(__name__)


class DoorQuery(BaseModel):
    """For one item."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"pincode": 560001}]}
    )

    pincode: Pincode | None = Field(None, description="Tell when each offer can be at its door.")


class _Filters(BaseModel):
    """Which items."""

    category_id: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        None, description="Also those of the categories below it."
    )
    q: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        None, description="Words, or beginnings of words, of name and brand; all have to be there."
    )
    price_from: Paise | None = Field(None, description="Of the lowest price, in paise.")
    price_to: Paise | None = Field(None, description="Of the lowest price, in paise; inclusive.")
    in_stock: bool = Field(False, description="Only items of which somebody has units left.")

    @property
    def search(self) -> Search:
        return Search(text=self.q, **self.model_dump(include=set(Search.model_fields)))


class ItemsQuery(_Filters, Query):
    """Of a page of items."""

    sort: ItemSort = Field("sku", description="By price, items that nobody offers are left out.")
    pincode: Pincode | None = Field(None, description="Tell when each offer can be at its door.")


class FacetsQuery(_Filters):
    """Of what a search finds."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"category_id": "kitchen"}]}
    )


CURSOR_OF_SORT: dict[ItemSort, Any] = {
    "sku": tuple[None, str],
    "name": tuple[str, str],
    "price": tuple[Paise, str],
    "-price": tuple[Paise, str],
}
"""What a row is sorted by, and its SKU."""


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
    """In the order of `sort`: by SKU where nothing is said."""
    query = read_query(catalog_api.current_request, ItemsQuery)
    start = after(query.cursor, CURSOR_OF_SORT[query.sort])
    found = catalog.items(
        wiring.customer_db(),
        query.search,
        query.sort,
        Place(*start) if start else None,
        query.limit + 1,
    )
    page = page_of(found, query.limit, lambda each: each.place(query.sort))
    items = catalog.shown(
        wiring.customer_db(), [each.item for each in page.items], _door(query.pincode)
    )
    return json_response(Page(items=items, next_cursor=page.next_cursor))


def _door(pincode: int | None) -> Door | None:
    if pincode is None:
        return None
    return Door(current_routes(wiring.documents()), pincode, wiring.now())


@catalog_api.route("/item-facets", methods=["GET"])
@operation(ok(ShownFacets), query=FacetsQuery, access=ANYONE)
@errors_to_http
def item_facets() -> Response:
    """How many of the items that `/items` would list are of each category and price; of 10,000 at most."""
    query = read_query(catalog_api.current_request, FacetsQuery)
    return json_response(catalog.facets(wiring.customer_db(), query.search))


@catalog_api.route("/items/{sku}", methods=["GET"])
@operation(ok(ShownItem), path={"sku": Sku}, query=DoorQuery, errors=(NotFound,), access=ANYONE)
@errors_to_http
def item_by_sku(sku: str) -> Response:
    key: str = read_path(Sku, sku, "sku")
    query = read_query(catalog_api.current_request, DoorQuery)
    row = catalog.item(wiring.customer_db(), key)
    (shown,) = catalog.shown(wiring.customer_db(), [row], _door(query.pincode))
    return json_response(shown)
