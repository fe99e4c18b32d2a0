"""/batches/{batch_id}/packages: a batch is loaded by hand."""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import ok, operation
from online_kart.domain.batches import Batch
from online_kart.domain.errors import BatchStatusConflict, NotFound, NotOnPath, NotYourFacility
from online_kart.domain.loads import LoadPackages, Loads
from online_kart.domain.principals import FC_STAFF_ACTS
from online_kart.http import errors_to_http, json_response, read_body, read_path
from online_kart.postgres import retrying
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import loads
from .repeats import repeats

loads_api = Blueprint(__name__)


@loads_api.route("/batches/{batch_id}/packages", methods=["POST"])
@operation(
    ok(Loads),
    path={"batch_id": UUID},
    body=LoadPackages,
    errors=(NotFound, NotYourFacility, BatchStatusConflict),
    access=FC_STAFF_ACTS,
)
@errors_to_http
@repeats.safe(loads_api)
def load_packages(batch_id: str) -> Response:
    """Packages that are here, and whose path leads on by the batch's leg, leave with this batch instead of the one that they
    wait for. The others stay where they are, each with the reason. Safe to repeat."""
    key: UUID = read_path(UUID, batch_id, "batch_id")
    told = read_body(loads_api.current_request, LoadPackages)
    by = principal_of(loads_api.current_request)
    conn, documents = wiring.inventory_db(), wiring.documents()
    loaded = retrying(lambda: loads.load(conn, documents, by, key, told.package_ids, wiring.now()))
    wiring.nudge_relay()
    return json_response(loaded)


@loads_api.route("/batches/{batch_id}/packages/{package_id}", methods=["DELETE"])
@operation(
    ok(Batch),
    path={"batch_id": UUID, "package_id": UUID},
    errors=(NotFound, NotYourFacility, BatchStatusConflict, NotOnPath),
    access=FC_STAFF_ACTS,
)
@errors_to_http
def take_package_off(batch_id: str, package_id: str) -> Response:
    """200 with the batch that it leaves with instead: the next one of the same leg. Until its batch closes."""
    key: UUID = read_path(UUID, batch_id, "batch_id")
    package: UUID = read_path(UUID, package_id, "package_id")
    by = principal_of(loads_api.current_request)
    conn, documents = wiring.inventory_db(), wiring.documents()
    batch = retrying(lambda: loads.take_off(conn, documents, by, key, package, wiring.now()))
    wiring.nudge_relay()
    return json_response(batch)
