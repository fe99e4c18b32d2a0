"""/runs: our own table of state machine runs."""

from datetime import datetime
from http import HTTPStatus

from chalice import Blueprint, Response

from online_kart.contract import ok, operation, pages
from online_kart.domain.base import Model
from online_kart.domain.errors import NotFound
from online_kart.domain.principals import STAFF_SEES
from online_kart.domain.runs import Machine, Run, RunStatus
from online_kart.http import Query, after, errors_to_http, json_response, page_of, read_query

from .. import wiring
from ..services import runs

runs_api = Blueprint(__name__)


class RunsQuery(Query):
    machine: Machine | None = None
    status: RunStatus | None = None


class RunsOfBusinessId(Model):
    items: tuple[Run, ...]


@runs_api.route("/runs", methods=["GET"])
@operation(pages(Run), query=RunsQuery, access=STAFF_SEES)
@errors_to_http
def list_runs() -> Response:
    """The newest first."""
    query = read_query(runs_api.current_request, RunsQuery)
    rows = runs.listed(
        wiring.inventory_db(),
        query.machine,
        query.status,
        after(query.cursor, tuple[datetime, str, str, int]),
        query.limit + 1,
    )
    page = page_of(
        rows, query.limit, lambda run: (run.started_at, run.machine, run.business_id, run.revision)
    )
    return json_response(page, HTTPStatus.OK)


@runs_api.route("/runs/{machine}/{business_id}", methods=["GET"])
@operation(ok(RunsOfBusinessId), errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def runs_of(machine: str, business_id: str) -> Response:
    """Every revision of one business id's run, the newest first."""
    found = runs.of(wiring.inventory_db(), machine, business_id)
    return json_response({"items": [run.model_dump(mode="json") for run in found]})
