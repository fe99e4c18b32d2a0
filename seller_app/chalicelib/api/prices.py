"""/sellers/{seller_id}/items/{sku}/price, its history, and the prices that start later"""

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import created, no_content, ok, operation, pages, versioned
from online_kart.domain.errors import (
    ComingPriceExists,
    NotFound,
    PriceHasBegun,
    SellerNotApproved,
    TooManyComingPrices,
    VersionChanged,
)
from online_kart.domain.prices import (
    ChangePrice,
    ComingPrice,
    ComingPriceStatus,
    PriceChange,
    SetComingPrice,
)
from online_kart.domain.principals import SELLERS_ACT, SELLERS_SEE
from online_kart.domain.sellers import Offer
from online_kart.domain.values import Sku
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    etag,
    json_response,
    page_of,
    read_body,
    read_path,
    read_query,
    wanted_versions,
)
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import prices
from .repeats import repeats

prices_api = Blueprint(__name__)

COMING = "/sellers/{seller_id}/items/{sku}/coming-prices"


class ComingPricesQuery(Query):
    status: ComingPriceStatus | None = None


@prices_api.route("/sellers/{seller_id}/items/{sku}/price", methods=["PUT"])
@operation(
    versioned(Offer),
    path={"seller_id": UUID, "sku": Sku},
    body=ChangePrice,
    errors=(NotFound, SellerNotApproved, VersionChanged),
    access=SELLERS_ACT,
)
@errors_to_http
def change_price(seller_id: str, sku: str) -> Response:
    """Orders that were placed keep the price they were placed at."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    by = principal_of(prices_api.current_request)
    known_sku: str = read_path(Sku, sku, "sku")
    request = prices_api.current_request
    command, wanted = read_body(request, ChangePrice), wanted_versions(request)
    offer = prices.change(wiring.inventory_db(), by, key, known_sku, command, wiring.now(), wanted)
    wiring.nudge_relay()
    return json_response(offer, headers=etag(offer.version))


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
    """The newest first. A change is here within seconds. What is to come is in the list of coming prices."""
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


@prices_api.route(COMING, methods=["POST"])
@operation(
    created(ComingPrice),
    path={"seller_id": UUID, "sku": Sku},
    body=SetComingPrice,
    errors=(NotFound, SellerNotApproved, ComingPriceExists, TooManyComingPrices),
    access=SELLERS_ACT,
)
@errors_to_http
@repeats.safe(prices_api)
def set_coming_price(seller_id: str, sku: str) -> Response:
    """It starts within a minute of its time. Orders that were placed before keep their price."""
    key, known_sku = _offer(seller_id, sku)
    by = principal_of(prices_api.current_request)
    command = read_body(prices_api.current_request, SetComingPrice)
    price = prices.set_coming(wiring.inventory_db(), by, key, known_sku, command, wiring.now())
    location = f"/sellers/{key}/items/{known_sku}/coming-prices/{price.price_id}"
    return json_response(price, HTTPStatus.CREATED, {"Location": location})


@prices_api.route(COMING, methods=["GET"])
@operation(
    pages(ComingPrice),
    path={"seller_id": UUID, "sku": Sku},
    query=ComingPricesQuery,
    errors=(NotFound,),
    access=SELLERS_SEE,
)
@errors_to_http
def list_coming_prices(seller_id: str, sku: str) -> Response:
    """The earliest first; also what has started, or was cancelled."""
    key, known_sku = _offer(seller_id, sku)
    by = principal_of(prices_api.current_request)
    query = read_query(prices_api.current_request, ComingPricesQuery)
    rows = prices.coming_listed(
        wiring.inventory_db(),
        by,
        key,
        known_sku,
        query.status,
        after(query.cursor, tuple[datetime, UUID]),
        query.limit + 1,
    )
    return json_response(
        page_of(rows, query.limit, lambda price: (price.starts_at, price.price_id))
    )


@prices_api.route(COMING + "/{price_id}", methods=["GET"])
@operation(
    ok(ComingPrice),
    path={"seller_id": UUID, "sku": Sku, "price_id": UUID},
    errors=(NotFound,),
    access=SELLERS_SEE,
)
@errors_to_http
def coming_price(seller_id: str, sku: str, price_id: str) -> Response:
    key, known_sku = _offer(seller_id, sku)
    by = principal_of(prices_api.current_request)
    wanted: UUID = read_path(UUID, price_id, "price_id")
    return json_response(prices.coming_by_id(wiring.inventory_db(), by, key, known_sku, wanted))


@prices_api.route(COMING + "/{price_id}", methods=["DELETE"])
@operation(
    no_content(),
    path={"seller_id": UUID, "sku": Sku, "price_id": UUID},
    errors=(NotFound, PriceHasBegun),
    access=SELLERS_ACT,
)
@errors_to_http
def cancel_coming_price(seller_id: str, sku: str, price_id: str) -> Response:
    """Possible until its time. Safe to repeat."""
    key, known_sku = _offer(seller_id, sku)
    by = principal_of(prices_api.current_request)
    wanted: UUID = read_path(UUID, price_id, "price_id")
    prices.cancel_coming(wiring.inventory_db(), by, key, known_sku, wanted, wiring.now())
    return Response(body="", status_code=int(HTTPStatus.NO_CONTENT))


def _offer(seller_id: str, sku: str) -> tuple[UUID, str]:
    return read_path(UUID, seller_id, "seller_id"), read_path(Sku, sku, "sku")
