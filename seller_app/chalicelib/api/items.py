"""/sellers/{seller_id}/items and /sellers/{seller_id}/offers"""

from http import HTTPStatus
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import CSV, created, ok, operation, pages, versioned
from online_kart.domain.base import Model, example
from online_kart.domain.errors import (
    NotFound,
    OfferExists,
    SellerNotApproved,
    SkuTaken,
    UnknownReference,
)
from online_kart.domain.imports import ImportReport
from online_kart.domain.principals import SELLERS_ACT, SELLERS_SEE
from online_kart.domain.sellers import MakeOffer, OfferedItem, RegisterItem, StockedItem
from online_kart.domain.values import Sku
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    etag,
    json_response,
    page_of,
    read_body,
    read_file,
    read_path,
    read_query,
)
from online_kart.postgres import retrying
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import items
from .repeats import repeats

items_api = Blueprint(__name__)


class ImportQuery(Model):
    """With `dry_run` nothing is changed: the report says what would become of each line."""

    model_config = example(dry_run=True)

    dry_run: bool = False


@items_api.route("/sellers/{seller_id}/items", methods=["POST"])
@operation(
    created(OfferedItem),
    path={"seller_id": UUID},
    body=RegisterItem,
    errors=(NotFound, UnknownReference, SellerNotApproved, SkuTaken, OfferExists),
    access=SELLERS_ACT,
)
@errors_to_http
@repeats.safe(items_api)
def register_item(seller_id: str) -> Response:
    """A new item with its first offer."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(items_api.current_request)
    command = read_body(items_api.current_request, RegisterItem)
    return _created(items.register(wiring.inventory_db(), by, key, command, wiring.now()))


@items_api.route("/sellers/{seller_id}/items/imports", methods=["POST"], content_types=[CSV])
@operation(
    ok(ImportReport),
    path={"seller_id": UUID},
    line=RegisterItem,
    query=ImportQuery,
    errors=(NotFound, SellerNotApproved),
    access=SELLERS_ACT,
)
@errors_to_http
@repeats.safe(items_api)
def import_items(seller_id: str) -> Response:
    """A CSV file of new items with their first offers: each line by itself, and what became of it."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    request = items_api.current_request
    query, lines = read_query(request, ImportQuery), read_file(request, RegisterItem)
    conn, by = wiring.inventory_db(), principal_of(request)
    report = retrying(lambda: items.import_items(conn, by, key, lines, query.dry_run, wiring.now()))
    wiring.nudge_relay()
    return json_response(report)


@items_api.route("/sellers/{seller_id}/offers", methods=["POST"])
@operation(
    created(OfferedItem),
    path={"seller_id": UUID},
    body=MakeOffer,
    errors=(NotFound, UnknownReference, SellerNotApproved, OfferExists),
    access=SELLERS_ACT,
)
@errors_to_http
@repeats.safe(items_api)
def make_offer(seller_id: str) -> Response:
    """An offer of an item that another seller has registered."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(items_api.current_request)
    command = read_body(items_api.current_request, MakeOffer)
    return _created(items.make_offer(wiring.inventory_db(), by, key, command, wiring.now()))


@items_api.route("/sellers/{seller_id}/items", methods=["GET"])
@operation(
    pages(OfferedItem),
    path={"seller_id": UUID},
    query=Query,
    errors=(NotFound,),
    access=SELLERS_SEE,
)
@errors_to_http
def list_items(seller_id: str) -> Response:
    """By SKU."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(items_api.current_request)
    query = read_query(items_api.current_request, Query)
    start = after(query.cursor, tuple[str])
    rows = items.listed(
        wiring.inventory_db(), by, key, start[0] if start else None, query.limit + 1
    )
    return json_response(page_of(rows, query.limit, lambda item: (item.sku,)))


@items_api.route("/sellers/{seller_id}/items/{sku}", methods=["GET"])
@operation(
    versioned(StockedItem),
    path={"seller_id": UUID, "sku": Sku},
    errors=(NotFound,),
    access=SELLERS_SEE,
)
@errors_to_http
def item_by_sku(seller_id: str, sku: str) -> Response:
    """With its stock in each FC, and the prices that are to come. The `ETag` is the offer's."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(items_api.current_request)
    known_sku: str = read_path(Sku, sku, "sku")
    item = items.by_sku(wiring.inventory_db(), by, key, known_sku)
    return json_response(item, headers=etag(item.offer_version))


def _created(item: OfferedItem) -> Response:
    wiring.nudge_relay()
    location = f"/sellers/{item.seller_id}/items/{item.sku}"
    return json_response(item, HTTPStatus.CREATED, {"Location": location})
