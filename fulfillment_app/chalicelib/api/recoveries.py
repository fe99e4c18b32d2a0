"""/packages/{package_id}/recovery: a package that was lost turns up."""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import ok, operation
from online_kart.domain.errors import (
    FacilityNotOpen,
    NotFound,
    NotYourFacility,
    PackageStatusConflict,
)
from online_kart.domain.principals import FC_STAFF_ACTS
from online_kart.domain.recoveries import Recovered, RecoverPackage
from online_kart.http import errors_to_http, json_response, read_body, read_path
from online_kart.postgres import retrying
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import recoveries
from .repeats import repeats

recoveries_api = Blueprint(__name__)


@recoveries_api.route("/packages/{package_id}/recovery", methods=["POST"])
@operation(
    ok(Recovered),
    path={"package_id": UUID},
    body=RecoverPackage,
    errors=(NotFound, NotYourFacility, FacilityNotOpen, PackageStatusConflict),
    access=FC_STAFF_ACTS,
)
@errors_to_http
@repeats.safe(recoveries_api)
def recover_package(package_id: str) -> Response:
    """It goes on to its customer, or back into stock where its order is over or it was returning. Safe to repeat."""
    key: UUID = read_path(UUID, package_id, "package_id")
    told = read_body(recoveries_api.current_request, RecoverPackage)
    by = principal_of(recoveries_api.current_request)
    conn, documents, now = wiring.inventory_db(), wiring.documents(), wiring.now()
    recovered = retrying(lambda: recoveries.recover(conn, documents, by, key, told.facility, now))
    wiring.nudge_relay()
    return json_response(recovered)
