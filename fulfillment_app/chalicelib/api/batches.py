"""/batches: what leaves when, what it carries, and the scan where it arrives."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from chalice import Blueprint, Response
from pydantic import Field, StringConstraints

from online_kart.contract import accepted, ok, operation, pages, versioned
from online_kart.domain.base import Model, example
from online_kart.domain.batches import Batch, BatchFilter, BatchStatus, BatchWithManifest, SendUnits
from online_kart.domain.errors import (
    BatchStatusConflict,
    DepartureTaken,
    ManifestMismatch,
    NotFound,
    NotOnPath,
    NotYourFacility,
    UnitsHaveLeft,
    VersionChanged,
)
from online_kart.domain.principals import FC_STAFF_ACTS, STAFF_SEES, Principal
from online_kart.domain.values import AskedInstant, FacilityCode
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    etag,
    json_response,
    page_of,
    read_body,
    read_path,
    read_query,
    wanted_versions,
)
from online_kart.postgres import retrying
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import batches, line_haul
from ..services.line_haul import Missing
from .repeats import repeats

batches_api = Blueprint(__name__)

SCANNED_MAX = 10_000
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class BatchesQuery(Query):
    """`facility`: that it leaves from or goes to."""

    status: BatchStatus | None = None
    facility: FacilityCode | None = None
    origin: FacilityCode | None = None
    destination: FacilityCode | None = None
    expected_before: AskedInstant | None = None

    def wanted_by(self, by: Principal) -> BatchFilter:
        named = self.origin or self.destination
        seen = by.facilities_seen(self.facility) if self.facility or not named else None
        return BatchFilter(self.status, self.origin, self.destination, self.expected_before, seen)


class MissingPackage(Model):
    package_id: UUID
    reason: Reason


class ScanBatch(Model):
    """The scan of a batch where it arrives. Without `scanned`: all of its manifest but what is missing."""

    model_config = example(
        missing=[
            {"package_id": "5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11", "reason": "Not in the truck."}
        ],
    )

    scanned: Annotated[tuple[UUID, ...], Field(max_length=SCANNED_MAX)] | None = None
    missing: Annotated[tuple[MissingPackage, ...], Field(max_length=SCANNED_MAX)] = ()


class MoveBatch(Model):
    """Another time for an open batch."""

    model_config = example(due_at="2026-03-02T18:00:00+05:30")

    due_at: AskedInstant


@batches_api.route("/batches", methods=["GET"])
@operation(pages(Batch), query=BatchesQuery, access=STAFF_SEES)
@errors_to_http
def list_batches() -> Response:
    """The next to leave first. With `status=finished` the history, the last to finish first.

    FC staff who name no facility: those of theirs.
    """
    query = read_query(batches_api.current_request, BatchesQuery)
    rows = batches.listed(
        wiring.inventory_db(),
        query.wanted_by(principal_of(batches_api.current_request)),
        after(query.cursor, tuple[datetime, UUID]),
        query.limit + 1,
    )
    return json_response(
        page_of(rows, query.limit, lambda row: (row.finished_at or row.due_at, row.batch_id))
    )


@batches_api.route("/batches/{batch_id}", methods=["GET"])
@operation(
    versioned(BatchWithManifest), path={"batch_id": UUID}, errors=(NotFound,), access=STAFF_SEES
)
@errors_to_http
def batch_by_id(batch_id: str) -> Response:
    """Also one of the history."""
    key: UUID = read_path(UUID, batch_id, "batch_id")
    found = batches.by_id(wiring.inventory_db(), key)
    return json_response(found, headers=etag(found.batch.revision))


@batches_api.route("/batches/{batch_id}", methods=["PATCH"])
@operation(
    versioned(Batch),
    path={"batch_id": UUID},
    body=MoveBatch,
    errors=(
        NotYourFacility,
        NotFound,
        BatchStatusConflict,
        DepartureTaken,
        NotOnPath,
        VersionChanged,
    ),
    access=FC_STAFF_ACTS,
)
@errors_to_http
def move_batch(batch_id: str) -> Response:
    """Let an open batch leave at another time."""
    key: UUID = read_path(UUID, batch_id, "batch_id")
    request = batches_api.current_request
    command, wanted = read_body(request, MoveBatch), wanted_versions(request)
    by = principal_of(request)
    conn, documents = wiring.inventory_db(), wiring.documents()
    batch = retrying(
        lambda: batches.reschedule(conn, documents, by, key, command.due_at, wiring.now(), wanted)
    )
    wiring.nudge_relay()
    return json_response(batch, headers=etag(batch.revision))


@batches_api.route("/batches/{batch_id}/departure", methods=["POST"])
@operation(
    accepted(Batch),
    path={"batch_id": UUID},
    errors=(NotFound, NotYourFacility, BatchStatusConflict, DepartureTaken, NotOnPath),
    access=FC_STAFF_ACTS,
)
@errors_to_http
@repeats.safe(batches_api)
def let_batch_leave(batch_id: str) -> Response:
    """The truck is full, or may not wait: its run closes it, and lets it leave, within seconds. Safe to repeat."""
    key: UUID = read_path(UUID, batch_id, "batch_id")
    by = principal_of(batches_api.current_request)
    conn, documents = wiring.inventory_db(), wiring.documents()
    batch = retrying(lambda: batches.leave_now(conn, documents, by, key, wiring.now()))
    wiring.nudge_relay()
    return json_response(batch, HTTPStatus.ACCEPTED, {"Location": f"/batches/{batch.batch_id}"})


@batches_api.route("/batches/{batch_id}/arrivals", methods=["POST"])
@operation(
    ok(Batch),
    path={"batch_id": UUID},
    body=ScanBatch,
    errors=(NotFound, NotYourFacility, BatchStatusConflict, ManifestMismatch, NotOnPath),
    access=FC_STAFF_ACTS,
)
@errors_to_http
@repeats.safe(batches_api)
def scan_batch(batch_id: str) -> Response:
    """The batch is where it goes; its run forwards the packages. Safe to repeat."""
    key: UUID = read_path(UUID, batch_id, "batch_id")
    scan = read_body(batches_api.current_request, ScanBatch)
    by = principal_of(batches_api.current_request)
    missing = [Missing(each.package_id, each.reason) for each in scan.missing]
    conn, documents = wiring.inventory_db(), wiring.documents()
    batch = retrying(
        lambda: line_haul.arrive(conn, documents, by, key, scan.scanned, missing, wiring.now())
    )
    wiring.nudge_relay()
    return json_response(batch)


@batches_api.route("/batches/units", methods=["POST"])
@operation(
    accepted(Batch),
    body=SendUnits,
    errors=(NotFound, NotYourFacility, BatchStatusConflict, UnitsHaveLeft),
    access=FC_STAFF_ACTS,
)
@errors_to_http
@repeats.safe(batches_api)
def send_units() -> Response:
    """Restock an FC from another: 202 with the batch that takes the units. Safe to repeat."""
    command = read_body(batches_api.current_request, SendUnits)
    by = principal_of(batches_api.current_request)
    conn = wiring.inventory_db()
    batch = retrying(lambda: batches.send_units(conn, by, command, wiring.now()))
    wiring.nudge_relay()
    location = {"Location": f"/batches/{batch.batch_id}"}
    return json_response(batch, HTTPStatus.ACCEPTED, location)
