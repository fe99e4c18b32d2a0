"""/reconciliations: compare the stores, see the report."""

from datetime import datetime
from http import HTTPStatus
from typing import Literal
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import accepted, ok, operation, pages
from online_kart.domain.base import Model
from online_kart.domain.errors import NotFound
from online_kart.domain.principals import ADMINS_ACT, STAFF_SEES
from online_kart.domain.reconciliation import Reconciliation
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
from ..services import reconciliations
from .repeats import repeats

reconciliations_api = Blueprint(__name__)


class ReconciliationRequested(Model):
    reconciliation_id: UUID
    status: Literal["requested"]


@reconciliations_api.route("/reconciliations", methods=["POST"], content_types=["*/*"])
@operation(accepted(ReconciliationRequested), access=ADMINS_ACT)
@errors_to_http
@repeats.safe(reconciliations_api)
def request_reconciliation() -> Response:
    """202: see its Location for the report."""
    key = reconciliations.request(wiring.inventory_db(), wiring.now())
    wiring.nudge_relay()
    return json_response(
        {"reconciliation_id": str(key), "status": "requested"},
        HTTPStatus.ACCEPTED,
        {"Location": f"/reconciliations/{key}"},
    )


@reconciliations_api.route("/reconciliations", methods=["GET"])
@operation(pages(Reconciliation), query=Query, access=STAFF_SEES)
@errors_to_http
def list_reconciliations() -> Response:
    """The newest first."""
    query = read_query(reconciliations_api.current_request, Query)
    rows = reconciliations.listed(
        wiring.inventory_db(), after(query.cursor, tuple[datetime, UUID]), query.limit + 1
    )
    return json_response(
        page_of(rows, query.limit, lambda row: (row.requested_at, row.reconciliation_id))
    )


@reconciliations_api.route("/reconciliations/{reconciliation_id}", methods=["GET"])
@operation(
    ok(Reconciliation), path={"reconciliation_id": UUID}, errors=(NotFound,), access=STAFF_SEES
)
@errors_to_http
def reconciliation_by_id(reconciliation_id: str) -> Response:
    key: UUID = read_path(UUID, reconciliation_id, "reconciliation_id")
    return json_response(reconciliations.by_id(wiring.inventory_db(), key))
