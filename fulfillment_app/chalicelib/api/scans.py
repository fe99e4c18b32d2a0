"""/batches/{batch_id}/scans: a batch is unloaded, bit by bit."""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import ok, operation
from online_kart.domain.errors import (
    BatchStatusConflict,
    ManifestMismatch,
    NotFound,
    NotOnPath,
    NotYourFacility,
)
from online_kart.domain.principals import FC_STAFF_ACTS
from online_kart.domain.scans import ScanPackages, Scans
from online_kart.http import errors_to_http, json_response, read_body, read_path
from online_kart.postgres import retrying
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import scans
from .repeats import repeats

scans_api = Blueprint(__name__)


@scans_api.route("/batches/{batch_id}/scans", methods=["POST"])
@operation(
    ok(Scans),
    path={"batch_id": UUID},
    body=ScanPackages,
    errors=(NotFound, NotYourFacility, BatchStatusConflict, ManifestMismatch, NotOnPath),
    access=FC_STAFF_ACTS,
)
@errors_to_http
@repeats.safe(scans_api)
def scan_packages(batch_id: str) -> Response:
    """Some packages now, others later: what became of each, and what is missing. The last one lets the batch arrive.

    What never comes is told at `/batches/{batch_id}/arrivals`. Safe to repeat.
    """
    key: UUID = read_path(UUID, batch_id, "batch_id")
    told = read_body(scans_api.current_request, ScanPackages)
    by = principal_of(scans_api.current_request)
    conn, documents = wiring.inventory_db(), wiring.documents()
    scanned = retrying(lambda: scans.scan(conn, documents, by, key, told.package_ids, wiring.now()))
    wiring.nudge_relay()
    return json_response(scanned)
