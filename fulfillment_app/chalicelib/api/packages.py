"""/packages: where they are, how they get there, what happened to them."""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import ok, operation, pages
from online_kart.domain.errors import NotFound
from online_kart.domain.events import PackageStatus
from online_kart.domain.packages import Package, PackageEvent
from online_kart.domain.principals import STAFF_SEES
from online_kart.domain.values import FacilityCode
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_path,
    read_query,
)
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import packages
from ..services.packages import PackageInFull

packages_api = Blueprint(__name__)


class PackagesQuery(Query):
    status: PackageStatus | None = None
    facility: FacilityCode | None = None


@packages_api.route("/packages", methods=["GET"])
@operation(pages(Package), query=PackagesQuery, access=STAFF_SEES)
@errors_to_http
def list_packages() -> Response:
    """In the order of their ids. `facility`: where they are now. FC staff who name none: in theirs."""
    query = read_query(packages_api.current_request, PackagesQuery)
    start = after(query.cursor, tuple[UUID])
    rows = packages.listed(
        wiring.inventory_db(),
        query.status,
        principal_of(packages_api.current_request).facilities_seen(query.facility),
        start[0] if start else None,
        query.limit + 1,
    )
    return json_response(page_of(rows, query.limit, lambda package: (package.package_id,)))


@packages_api.route("/packages/{package_id}", methods=["GET"])
@operation(ok(PackageInFull), path={"package_id": UUID}, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def package_by_id(package_id: str) -> Response:
    """With its path, planned against actual, and its events."""
    key: UUID = read_path(UUID, package_id, "package_id")
    return json_response(packages.by_id(wiring.inventory_db(), wiring.documents(), key))


@packages_api.route("/packages/{package_id}/events", methods=["GET"])
@operation(
    pages(PackageEvent),
    path={"package_id": UUID},
    query=Query,
    errors=(NotFound,),
    access=STAFF_SEES,
)
@errors_to_http
def events_of_package(package_id: str) -> Response:
    """Who did what to it, when and where; the oldest first."""
    key: UUID = read_path(UUID, package_id, "package_id")
    query = read_query(packages_api.current_request, Query)
    start = after(query.cursor, tuple[int])
    rows = packages.events_of(wiring.inventory_db(), key, start[0] if start else 0, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda event: (event.version,)))
