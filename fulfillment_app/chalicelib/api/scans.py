"""/batches/{batch_id}/scans: a batch is unloaded, bit by bit."""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import ok, operation
from online_kart.domain.errors import (
    BatchStatusConflict,
    ManifestMismatch,
    NotFound,
    NotOnPath,
)
from online_kart.domain.scans import ScanPackages, Scans
from online_kart.http import errors_to_http, json_response, read_body, read_path
from online_kart.postgres import retrying

from .. import wiring
from ..services import scans
from .repeats import repeats

scans_api = Blueprint(__name__)


@scans_api.route("/batches/{batch_id}/scans", methods=["POST"])
@operation(
    ok(Scans),
    path={"batch_id": UUID},
    body=ScanPackages,
    errors=(NotFound, BatchStatusConflict, ManifestMismatch, NotOnPath),
)
@errors_to_http
@repeats.safe(scans_api)
def scan_packages(batch_id: str) -> Response:
    """Some packages now, others later: what became of each, and what is missing. The last one lets the batch arrive.

    What never comes is told at `/batches/{batch_id}/arrivals`. Safe to repeat.
    """
    key: UUID = read_path(UUID, batch_id, "batch_id")
    told = read_body(scans_api.current_request, ScanPackages)
    conn, documents = wiring.inventory_db(), wiring.documents()
    scanned = retrying(
        lambda: scans.scan(conn, documents, key, told.package_ids, told.scanned_by, wiring.now())
    )
    wiring.nudge_relay()
    return json_response(scanned)
