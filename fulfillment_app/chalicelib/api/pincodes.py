"""/fulfillment-centers/{fc_code}/pincodes: which ranges of pincodes an FC serves."""

from typing import Self

from chalice import Blueprint, Response
from pydantic import model_validator

from online_kart.contract import CSV, operation, pages
from online_kart.domain.base import Model, example
from online_kart.domain.errors import ImportRefused, NotFound, PincodesTaken
from online_kart.domain.facilities import PincodeChange, RangeLine
from online_kart.domain.principals import PLANNERS_ACT, STAFF_SEES
from online_kart.domain.values import Pincode
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_body,
    read_file,
    read_query,
)

from .. import wiring
from ..services import pincodes
from .rebuilds import CHANGE_ANSWERS, ChangeQuery, answer_change, answer_query
from .repeats import repeats

pincodes_api = Blueprint(__name__)


class PincodeRangeView(Model):
    first: int
    last: int


class RangeQuery(ChangeQuery):
    """Both ends inclusive."""

    model_config = example(first=560001, last=560099, dry_run=True)

    first: Pincode
    last: Pincode

    @model_validator(mode="after")
    def _is_forward(self) -> Self:
        if self.first > self.last:
            raise ValueError("the first pincode is after the last")
        return self


@pincodes_api.route("/fulfillment-centers/{fc_code}/pincodes", methods=["GET"])
@operation(pages(PincodeRangeView), query=Query, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def list_pincodes(fc_code: str) -> Response:
    """By the first of each range."""
    query = read_query(pincodes_api.current_request, Query)
    start = after(query.cursor, tuple[int])
    rows = pincodes.listed(
        wiring.inventory_db(), fc_code, start[0] if start else None, query.limit + 1
    )
    ranges = [PincodeRangeView(first=first, last=last) for first, last in rows]
    return json_response(page_of(ranges, query.limit, lambda each: (each.first,)))


@pincodes_api.route("/fulfillment-centers/{fc_code}/pincodes", methods=["POST"])
@operation(
    *CHANGE_ANSWERS,
    body=PincodeChange,
    query=ChangeQuery,
    errors=(NotFound, PincodesTaken),
    access=PLANNERS_ACT,
)
@errors_to_http
@repeats.safe(pincodes_api)
def add_pincodes(fc_code: str) -> Response:
    """`move` takes the range from whoever serves it; without, it must be free."""
    request = pincodes_api.current_request
    change = read_body(request, PincodeChange)
    return answer_change(
        request, lambda conn, now: pincodes.add(conn, fc_code, change, now), fc_code
    )


@pincodes_api.route("/pincodes/imports", methods=["POST"], content_types=[CSV])
@operation(
    *CHANGE_ANSWERS, line=RangeLine, query=ChangeQuery, errors=(ImportRefused,), access=PLANNERS_ACT
)
@errors_to_http
@repeats.safe(pincodes_api)
def import_pincodes() -> Response:
    """A CSV file of ranges of any FCs: all of it, with one build of route tables, or, where a line is wrong, nothing."""
    request = pincodes_api.current_request
    lines = read_file(request, RangeLine)
    return answer_change(request, lambda conn, now: pincodes.import_ranges(conn, lines, now))


@pincodes_api.route("/fulfillment-centers/{fc_code}/pincodes", methods=["DELETE"])
@operation(*CHANGE_ANSWERS, query=RangeQuery, errors=(NotFound,), access=PLANNERS_ACT)
@errors_to_http
def remove_pincodes(fc_code: str) -> Response:
    gone = read_query(pincodes_api.current_request, RangeQuery)
    return answer_query(
        gone,
        lambda conn, now: pincodes.remove(conn, fc_code, gone.first, gone.last, now),
        fc_code,
    )
