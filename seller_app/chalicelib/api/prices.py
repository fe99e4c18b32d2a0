"""/sellers/{seller_id}/items/{sku}/price and its history"""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import ok, operation, pages
from online_kart.domain.errors import NotFound, SellerNotApproved
from online_kart.domain.principals import SELLERS_ACT, SELLERS_SEE
from online_kart.domain.sellers import ChangePrice, Offer, PriceChange
from online_kart.domain.values import Sku
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
from ..services import prices

prices_api = Blueprint(__name__)


@prices_api.route("/sellers/{seller_id}/items/{sku}/price", methods=["PUT"])
@operation(
    ok(Offer),
    path={"seller_id": UUID, "sku": Sku},
    body=ChangePrice,
    errors=(NotFound, SellerNotApproved),
    access=SELLERS_ACT,
)
@errors_to_http
def change_price(seller_id: str, sku: str) -> Response:
    """Orders that were placed keep the price they were placed at."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(prices_api.current_request)
    known_sku: str = read_path(Sku, sku, "sku")
    command = read_body(prices_api.current_request, ChangePrice)
    offer = prices.change(wiring.inventory_db(), by, key, known_sku, command, wiring.now())
    wiring.nudge_relay()
    return json_response(offer)


@prices_api.route("/sellers/{seller_id}/items/{sku}/prices", methods=["GET"])
@operation(
    pages(PriceChange),
    path={"seller_id": UUID, "sku": Sku},
    query=Query,
    errors=(NotFound,),
    access=SELLERS_SEE,
)
@errors_to_http
def price_history(seller_id: str, sku: str) -> Response:
    """The newest first. A change is here within seconds."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(prices_api.current_request)
    known_sku: str = read_path(Sku, sku, "sku")
    query = read_query(prices_api.current_request, Query)
    start = after(query.cursor, tuple[int])
    rows = prices.history(
        wiring.inventory_db(),
        wiring.documents(),
        by,
        key,
        known_sku,
        start[0] if start else None,
        query.limit + 1,
    )
    return json_response(page_of(rows, query.limit, lambda change: (change.version,)))
