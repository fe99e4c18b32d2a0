"""/sellers: who may sell"""

from datetime import datetime
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import operation, pages, versioned
from online_kart.domain.errors import (
    NameNotWanted,
    NotFound,
    SellerStatusConflict,
    VersionChanged,
)
from online_kart.domain.principals import ADMINS_ACT, STAFF_SEES
from online_kart.domain.sellers import Decision, JudgeName, JudgeSeller, Seller, SellerStatus
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
from ..services import sellers

sellers_api = Blueprint(__name__)


class SellersQuery(Query):
    """`wants_name`: whose name waits for a decision, or whose does not."""

    status: SellerStatus | None = None
    wants_name: bool | None = None


@sellers_api.route("/sellers", methods=["GET"])
@operation(pages(Seller), query=SellersQuery, access=STAFF_SEES)
@errors_to_http
def list_sellers() -> Response:
    """The oldest first."""
    query = read_query(sellers_api.current_request, SellersQuery)
    rows = sellers.listed(
        wiring.inventory_db(),
        query.status,
        query.wants_name,
        after(query.cursor, tuple[datetime, UUID]),
        query.limit + 1,
    )
    return json_response(
        page_of(rows, query.limit, lambda seller: (seller.registered_at, seller.seller_id))
    )


@sellers_api.route("/sellers/{seller_id}", methods=["GET"])
@operation(versioned(Seller), path={"seller_id": UUID}, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def seller_by_id(seller_id: str) -> Response:
    key: UUID = read_path(UUID, seller_id, "seller_id")
    seller = sellers.by_id(wiring.inventory_db(), key)
    return json_response(seller, headers=etag(seller.version))


@sellers_api.route("/sellers/{seller_id}", methods=["PATCH"])
@operation(
    versioned(Seller),
    path={"seller_id": UUID},
    body=JudgeSeller,
    errors=(NotFound, SellerStatusConflict, VersionChanged),
    access=ADMINS_ACT,
)
@errors_to_http
def judge_seller(seller_id: str) -> Response:
    """Approve, refuse or suspend; who may not sell is told why. Safe to repeat."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    request = sellers_api.current_request
    command, wanted = read_body(request, JudgeSeller), wanted_versions(request)
    by = principal_of(request)
    seller = sellers.judge(wiring.inventory_db(), by, key, command, wiring.now(), wanted)
    wiring.nudge_relay()
    return json_response(seller, headers=etag(seller.version))


@sellers_api.route("/sellers/{seller_id}/wanted-name", methods=["PATCH"])
@operation(
    versioned(Seller),
    path={"seller_id": UUID},
    body=JudgeName,
    errors=(NotFound, NameNotWanted, VersionChanged),
    access=ADMINS_ACT,
)
@errors_to_http
def judge_name(seller_id: str) -> Response:
    """Accept or refuse the name that an approved seller wants; who may not have it is told why."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    request = sellers_api.current_request
    command, wanted = read_body(request, JudgeName), wanted_versions(request)
    by = principal_of(request)
    seller = sellers.judge_name(wiring.inventory_db(), by, key, command, wiring.now(), wanted)
    return json_response(seller, headers=etag(seller.version))


@sellers_api.route("/sellers/{seller_id}/decisions", methods=["GET"])
@operation(
    pages(Decision), path={"seller_id": UUID}, query=Query, errors=(NotFound,), access=STAFF_SEES
)
@errors_to_http
def decisions_about_seller(seller_id: str) -> Response:
    """What was decided, why, and by whom; the oldest first."""
    key: UUID = read_path(UUID, seller_id, "seller_id")
    query = read_query(sellers_api.current_request, Query)
    start = after(query.cursor, tuple[int])
    rows = sellers.decisions(
        wiring.inventory_db(), key, start[0] if start else None, query.limit + 1
    )
    return json_response(page_of(rows, query.limit, lambda decision: (decision.version,)))
