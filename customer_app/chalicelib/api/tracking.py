"""/packages/{package_id}/path: where it is, planned against actual."""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import ok, operation
from online_kart.domain.errors import NotFound
from online_kart.domain.package_paths import PackagePath
from online_kart.domain.principals import CUSTOMERS_SEE
from online_kart.http import errors_to_http, json_response, read_path
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import tracking

tracking_api = Blueprint(__name__)


@tracking_api.route("/packages/{package_id}/path", methods=["GET"])
@operation(ok(PackagePath), path={"package_id": UUID}, errors=(NotFound,), access=CUSTOMERS_SEE)
@errors_to_http
def path_of_package(package_id: str) -> Response:
    key: UUID = read_path(UUID, package_id, "package_id")
    by = principal_of(tracking_api.current_request)
    return json_response(tracking.path_of(wiring.customer_db(), wiring.documents(), by, key))
