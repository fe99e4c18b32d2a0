"""/fulfillment-centers/{fc_code}/pick-list and …/pack-list: what to take from the shelves, and into which packages."""

from datetime import datetime
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import CSV, ok, operation, pages
from online_kart.domain.base import Model, example
from online_kart.domain.errors import NotFound, NotYourFacility
from online_kart.domain.packing import (
    PRINTED_MAX,
    Marking,
    MarkPackages,
    Marks,
    PackageToPack,
    PackingStep,
    PickLine,
    printed,
)
from online_kart.domain.principals import FC_STAFF_ACTS, STAFF_SEES
from online_kart.domain.values import AskedInstant
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_body,
    read_query,
)
from online_kart.postgres import retrying
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import packing
from .repeats import repeats

packing_api = Blueprint(__name__)


class PackingQuery(Query):
    """`until`: what leaves by then."""

    until: AskedInstant | None = None


class PrintedQuery(Model):
    """`until`: what leaves by then."""

    model_config = example(until="2026-03-02T18:00:00+05:30")

    until: AskedInstant | None = None


@packing_api.route("/fulfillment-centers/{fc_code}/pick-list", methods=["GET"])
@operation(pages(PickLine), query=PackingQuery, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def pick_list(fc_code: str) -> Response:
    """What leaves first is first; then by SKU and seller. Without what was picked."""
    query = read_query(packing_api.current_request, PackingQuery)
    rows = packing.to_pick(
        wiring.inventory_db(),
        fc_code,
        query.until,
        after(query.cursor, tuple[datetime, str, UUID]),
        query.limit + 1,
    )
    return json_response(
        page_of(rows, query.limit, lambda line: (line.leaves_at, line.sku, line.seller_id))
    )


@packing_api.route("/fulfillment-centers/{fc_code}/pick-list.csv", methods=["GET"])
@operation(ok(str, CSV), query=PrintedQuery, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def printed_pick_list(fc_code: str) -> Response:
    """The same for a printer or a spreadsheet, in one piece: its first 1,000 lines."""
    query = read_query(packing_api.current_request, PrintedQuery)
    lines = packing.to_pick(wiring.inventory_db(), fc_code, query.until, None, PRINTED_MAX)
    headers = {
        "Content-Type": f"{CSV}; charset=utf-8",
        "Content-Disposition": 'attachment; filename="pick-list.csv"',
    }
    return Response(body=printed(lines), status_code=200, headers=dict(headers))


@packing_api.route("/fulfillment-centers/{fc_code}/pack-list", methods=["GET"])
@operation(pages(PackageToPack), query=PackingQuery, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def pack_list(fc_code: str) -> Response:
    """Packages that are not packed, with what goes into each. What leaves first is first; then by id."""
    query = read_query(packing_api.current_request, PackingQuery)
    rows = packing.to_pack(
        wiring.inventory_db(),
        fc_code,
        query.until,
        after(query.cursor, tuple[datetime, UUID]),
        query.limit + 1,
    )
    return json_response(
        page_of(rows, query.limit, lambda package: (package.leaves_at, package.package_id))
    )


@packing_api.route("/fulfillment-centers/{fc_code}/picks", methods=["POST"])
@operation(ok(Marks), body=MarkPackages, errors=(NotFound, NotYourFacility), access=FC_STAFF_ACTS)
@errors_to_http
@repeats.safe(packing_api)
def mark_picked(fc_code: str) -> Response:
    """Many packages at once, and what became of each. Safe to repeat."""
    return _marked(fc_code, "picked")


@packing_api.route("/fulfillment-centers/{fc_code}/packs", methods=["POST"])
@operation(ok(Marks), body=MarkPackages, errors=(NotFound, NotYourFacility), access=FC_STAFF_ACTS)
@errors_to_http
@repeats.safe(packing_api)
def mark_packed(fc_code: str) -> Response:
    """As picks; what is packed was picked, too."""
    return _marked(fc_code, "packed")


def _marked(fc_code: str, step: PackingStep) -> Response:
    told = read_body(packing_api.current_request, MarkPackages)
    by = principal_of(packing_api.current_request)
    conn, documents = wiring.inventory_db(), wiring.documents()
    marks = retrying(
        lambda: packing.mark(
            conn, documents, by, Marking(fc_code, step, told.package_ids), wiring.now()
        )
    )
    wiring.nudge_relay()
    return json_response(marks)
