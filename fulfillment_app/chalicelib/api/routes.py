"""/route-tables, their rebuilds, and /paths."""

from typing import Annotated

from chalice import Blueprint, Response
from pydantic import Field, StringConstraints

from online_kart.contract import ok, operation, pages
from online_kart.domain.base import Model, example
from online_kart.domain.errors import NoRoute, NotFound, NotServed, VersionNotKept
from online_kart.domain.network import HOP_LIMIT_MAX, FacilityKind
from online_kart.domain.principals import PLANNERS_ACT, STAFF_SEES
from online_kart.domain.route_builds import RouteBuild
from online_kart.domain.values import AskedInstant, FacilityCode, Pincode
from online_kart.http import (
    PAGE_SIZE_DEFAULT,
    Page,
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_body,
    read_path,
    read_query,
)

from .. import wiring
from ..services import rebuilds, route_views, version_differences
from .rebuilds import REBUILD, rebuild_accepted
from .repeats import repeats

routes_api = Blueprint(__name__)

LISTED_MAX = 1_000
"""Of each list of a difference."""

VERSION_MAX = 2**53
"""More than any version; both databases hold it, and so does JSON."""

Version = Annotated[int, Field(ge=1, le=VERSION_MAX)]


class RouteTablePage(Page[route_views.Row]):
    """A page of a facility's table. Pages after the first are of the same version."""

    facility: str
    kind: FacilityKind
    version: int
    hop_limit: int
    home_hub: str | None


class PathQuery(Model):
    """`budget`: the legs that a package under way may still take before a hub. `depart_at`: when it is there."""

    model_config = example(**{"from": "BLR1"}, to_pincode=744101)

    from_: FacilityCode = Field(alias="from")
    to_pincode: Pincode
    budget: Annotated[int, Field(ge=0, le=HOP_LIMIT_MAX)] | None = None
    depart_at: AskedInstant | None = None


class RequestRebuild(Model):
    """Why the tables are to be built though nothing changed."""

    model_config = example(reason="asked for")

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
    ] = "asked for"


class DifferencesQuery(Model):
    """Two versions that are kept, the moment of an order whose promise dates are compared, and how long lists may be."""

    model_config = example(**{"from": 17}, to=20)

    from_: Annotated[int, Field(alias="from", ge=1, le=VERSION_MAX)]
    to: Version
    ordered_at: AskedInstant | None = None
    limit: Annotated[int, Field(ge=1, le=LISTED_MAX)] = PAGE_SIZE_DEFAULT


@routes_api.route("/route-tables/differences", methods=["GET"])
@operation(
    ok(version_differences.VersionsDifference),
    query=DifferencesQuery,
    errors=(VersionNotKept,),
    access=STAFF_SEES,
)
@errors_to_http
def differences() -> Response:
    """`?from=17&to=20`: routes, pincodes and promise dates. Lists have their counts and hold the first."""
    query = read_query(routes_api.current_request, DifferencesQuery)
    ordered_at = query.ordered_at or wiring.now()
    return json_response(
        version_differences.between(
            wiring.documents(), query.from_, query.to, ordered_at, query.limit
        )
    )


@routes_api.route("/route-tables/{facility_code}", methods=["GET"])
@operation(ok(RouteTablePage), query=Query, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def route_table(facility_code: str) -> Response:
    """Its rows as the table has them: routes, then those to hubs, then the default."""
    query = read_query(routes_api.current_request, Query)
    version, start = after(query.cursor, tuple[int, int]) or (None, 0)
    view = route_views.table_view(wiring.documents(), facility_code, version)
    # The last row's place is where the next page starts.
    rows = list(enumerate(view.rows, start=1))[start : start + query.limit + 1]
    page = page_of(rows, query.limit, lambda row: (view.version, row[0]))
    table = view.table
    return json_response(
        RouteTablePage(
            items=[row for _, row in page.items],
            next_cursor=page.next_cursor,
            facility=table.facility,
            kind=table.kind,
            version=view.version,
            hop_limit=table.hop_limit,
            home_hub=table.home_hub,
        )
    )


@routes_api.route("/paths", methods=["GET"])
@operation(
    ok(route_views.PathView),
    query=PathQuery,
    errors=(NotFound, NoRoute, NotServed),
    access=STAFF_SEES,
)
@errors_to_http
def path() -> Response:
    """`?from=BLR1&to_pincode=744101`: facilities, legs, planned minutes, the ways chosen from, and why, with times.

    With `&depart_at=2026-03-02T10:00:00%2B05:30` it is the path that is fastest then, waiting counted.
    """
    query = read_query(routes_api.current_request, PathQuery)
    documents, now = wiring.documents(), wiring.now()
    return json_response(
        route_views.path_view(
            documents, query.from_, query.to_pincode, query.budget, query.depart_at, now
        )
    )


@routes_api.route("/route-tables/rebuilds", methods=["POST"])
@operation(REBUILD, body=RequestRebuild, needs_body=False, access=PLANNERS_ACT)
@errors_to_http
@repeats.safe(routes_api)
def request_rebuild() -> Response:
    request = routes_api.current_request
    command = read_body(request, RequestRebuild) if request.raw_body else RequestRebuild()
    conn, now = wiring.inventory_db(), wiring.now()
    return rebuild_accepted(rebuilds.request_rebuild(conn, command.reason, now))


@routes_api.route("/route-tables/rebuilds", methods=["GET"])
@operation(pages(RouteBuild), query=Query, access=STAFF_SEES)
@errors_to_http
def list_rebuilds() -> Response:
    """The newest first."""
    query = read_query(routes_api.current_request, Query)
    start = after(query.cursor, tuple[int])
    rows = rebuilds.builds(wiring.inventory_db(), start[0] if start else None, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda build: (build.version,)))


@routes_api.route("/route-tables/rebuilds/{version}", methods=["GET"])
@operation(ok(RouteBuild), path={"version": Version}, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def rebuild(version: str) -> Response:
    number: int = read_path(Version, version, "version")
    return json_response(rebuilds.build_of(wiring.inventory_db(), number))
