"""Batches: packages join the open batch of their leg's next departure. Opening one starts the run that moves it.

The steps of that run are in `line_haul` and `forwarding`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.errors import UniqueViolation
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import package_paths
from online_kart.domain.batches import (
    Batch,
    BatchFilter,
    BatchWithManifest,
    SendUnits,
    Units,
    next_departure,
)
from online_kart.domain.errors import (
    BatchAlreadyClosed,
    BatchStatusConflict,
    DepartureTaken,
    InvalidRequest,
    NotFound,
    Unavailable,
    UnitsHaveLeft,
)
from online_kart.domain.events import BatchOpened
from online_kart.domain.network import Facility, FacilityKind, Leg
from online_kart.domain.package_paths import PackagePath
from online_kart.domain.principals import Principal
from online_kart.domain.versions import Versions, refuse_past
from online_kart.inventory_db import batches, facilities, manifests, packages
from online_kart.messaging import outbox

from .package_events import Step, record

Documents = Database[dict[str, Any]]

DEPARTURES_TRIED_MAX = 20
"""How many departures that have left already are passed over before we look again later."""

DEPARTURE_WAITS = timedelta(minutes=60)
"""A departure that nothing has joined waits so long for what comes late."""

# Joining a batch


def load(
    conn: Connection[Any],
    package_id: UUID,
    leg: Leg,
    ready_at: datetime,
    now: datetime,
    time_zone: str,
) -> Batch:
    """Put the package into the open batch of the leg's next departure, in the caller's transaction. The batch.

    Opens the batch, and tells of it, where there is none. The package leaves any other open or arrived batch; one that
    is in a batch of the leg already stays. Raises BatchAlreadyClosed where it is on a sealed manifest. Until the
    transaction ends the batch can't close.
    """
    held = batches.share_of_package(conn, package_id)
    if held is not None and held.status in ("closed", "in_transit"):
        raise BatchAlreadyClosed(held.batch_id, package_id)
    if held is not None and held.status == "open" and _serves(held, leg, ready_at):
        return held
    return move_to(conn, package_id, leg, ready_at, now, time_zone)


def move_to(
    conn: Connection[Any],
    package_id: UUID,
    leg: Leg,
    ready_at: datetime,
    now: datetime,
    time_zone: str,
) -> Batch:
    """As `load`, of a package that is on no sealed manifest: also out of a batch that it could stay in."""
    batch = _next_open(conn, leg, ready_at, now, time_zone)
    manifests.put_package(conn, batch.batch_id, package_id, now)
    return batch


def _serves(batch: Batch, leg: Leg, ready_at: datetime) -> bool:
    return batch.leg_key == leg.key and batch.due_at >= ready_at


def unload(conn: Connection[Any], package_id: UUID) -> bool:
    """Take the package out of its open batch, in the caller's transaction. False where it is on a sealed manifest.

    One in no batch, or in one that has arrived, is free already: True.
    """
    held = batches.share_of_package(conn, package_id)
    if held is None or held.status == "arrived":
        return True
    if held.status != "open":
        return False
    manifests.take_out(conn, [package_id])
    return True


def send_units(conn: Connection[Any], by: Principal, command: SendUnits, now: datetime) -> Batch:
    """Put a restocking transfer into the next batch of the leg between its FCs. A repeat answers with the batch that has it.

    The units are taken from stock when the batch departs; what is no longer free then stays behind. Raises NotFound
    where no leg joins two FCs like that, UnitsHaveLeft, NotYourFacility (the origin).
    """
    by.require_facility(command.origin)
    with conn.transaction():
        facilities.lock_network_to_read(conn)
        known = manifests.batch_of_transfer(conn, command.transfer_id)
        if manifests.units_have_left(conn, command.transfer_id):
            raise UnitsHaveLeft(command.transfer_id)
        if known is not None:
            return _locked(conn, known)
        origin = facilities.facility(conn, command.origin)
        leg = _leg_between_fcs(conn, origin, command.destination)
        ready_at = now + timedelta(minutes=origin.handling_minutes)
        batch = _next_open(conn, leg, ready_at, now, origin.time_zone)
        units = Units.model_validate(command.model_dump(include=set(Units.model_fields)))
        if not manifests.insert_units(conn, batch.batch_id, units, now):
            raise Unavailable("The same transfer is being sent by another request.")
        crashpoint("send_units.written")
    crashpoint("send_units.committed")
    return batch


def _leg_between_fcs(conn: Connection[Any], origin: Facility, destination: str) -> Leg:
    """The fastest. Raises NotFound."""
    legs = [
        leg
        for leg in facilities.legs_from(conn, origin.code)
        if leg.destination == destination and not origin.is_hub
    ]
    kinds = facilities.kinds_of(conn, [destination])
    if not legs or kinds[destination] != FacilityKind.FC:
        raise NotFound("leg between fulfillment centers", f"{origin.code}-{destination}")
    return min(legs, key=lambda leg: leg.transit_minutes)


def _next_open(
    conn: Connection[Any], leg: Leg, ready_at: datetime, now: datetime, time_zone: str
) -> Batch:
    """The open batch of the first departure that has not left, kept from closing. Raises Unavailable."""
    due_at = next_departure(leg, max(ready_at, now - DEPARTURE_WAITS), time_zone)
    for _ in range(DEPARTURES_TRIED_MAX):
        if batch := _open_at(conn, leg, due_at, now):
            return batch
        due_at = next_departure(leg, due_at + timedelta(microseconds=1), time_zone)
    raise Unavailable(f"No departure from {leg.origin} to {leg.destination} could be joined.")


def _open_at(conn: Connection[Any], leg: Leg, due_at: datetime, now: datetime) -> Batch | None:
    """The open batch of one departure, opened where there is none. None where the departure has left.

    Raises Unavailable where the leg leads to what is gone: soon there are route tables that know. The caller holds the
    network's lock to read, so nothing goes before the batch is committed.
    """
    if (batch := batches.share_open(conn, leg.key, due_at)) is not None:
        return batch
    if batches.has_left(conn, leg.key, due_at):
        return None
    if facilities.status_of(conn, leg.destination) in (None, "closed"):
        raise Unavailable(f"Facility {leg.destination} is gone, and the route tables lead there.")
    batch = Batch(
        batch_id=uuid4(),
        origin=leg.origin,
        destination=leg.destination,
        mode=leg.mode,
        status="open",
        revision=1,
        due_at=due_at,
        transit_minutes=leg.transit_minutes,
        opened_at=now,
    )
    if batches.insert_open(conn, batch):
        _announce(conn, batch, now)
        return batch
    # Another opened it at the same moment, and has committed by now.
    return batches.share_open(conn, leg.key, due_at)


def _announce(conn: Connection[Any], batch: Batch, now: datetime) -> None:
    """The event starts the run that moves the batch."""
    outbox.append(
        conn,
        BatchOpened(
            occurred_at=now, batch_id=batch.batch_id, revision=batch.revision, due_at=batch.due_at
        ),
    )


def bump_revision(conn: Connection[Any], batch_id: UUID, now: datetime) -> bool:
    """Start a new run for a batch that lost its own; an older one ends by itself. False where the batch is through."""
    with conn.transaction():
        batch = batches.lock(conn, batch_id)
        moved = batches.move(conn, batch_id, batch.due_at) if batch else None
        if moved is None:
            return False
        _announce(conn, moved, now)
        crashpoint("bump_revision.written")
    return True


def reschedule(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    batch_id: UUID,
    due_at: datetime,
    now: datetime,
    wanted: Versions = None,
) -> Batch:
    """Let an open batch leave at another time; `wanted` are revisions of it.

    Raises NotFound, NotYourFacility (its origin), BatchStatusConflict, DepartureTaken, InvalidRequest, VersionChanged.
    """
    if due_at < now:
        raise InvalidRequest("A batch can't leave in the past.", "due_at", "a moment to come")
    try:
        with conn.transaction():
            batch = _locked(conn, batch_id)
            by.require_facility(batch.origin)
            refuse_past(batch.revision, wanted)
            if batch.status != "open":
                raise BatchStatusConflict(batch_id, batch.status, "rescheduled")
            if batch.due_at != due_at:
                batch = batches.move(conn, batch_id, due_at) or batch
                _announce(conn, batch, now)
            crashpoint("reschedule_batch.written")
    except UniqueViolation as error:
        raise DepartureTaken(batch_id) from error
    crashpoint("reschedule_batch.moved")
    _expect_departure(conn, documents, by, batch_id, now)
    crashpoint("reschedule_batch.committed")
    return batch


def leave_now(
    conn: Connection[Any], documents: Documents, by: Principal, batch_id: UUID, now: datetime
) -> Batch:
    """Let an open batch leave at once: its run closes it. One that was closed or has left stays as it is.

    Raises NotFound; BatchStatusConflict where it is closed at this moment; NotYourFacility (its origin).
    """
    batch = by_id(conn, batch_id).batch
    by.require_facility(batch.origin)
    return reschedule(conn, documents, by, batch_id, now, now) if batch.status == "open" else batch


def _expect_departure(
    conn: Connection[Any], documents: Documents, by: Principal, batch_id: UUID, now: datetime
) -> None:
    """Tell the packages' paths what time the batch has now; a repeat tells those that do not know.

    In a transaction of its own: packages are locked before batches.
    """
    with conn.transaction():
        held = packages.lock_many(conn, manifests.packages_in(conn, batch_id))
        batch = batches.lock(conn, batch_id)
        if batch is None or batch.status != "open":
            return  # it has left meanwhile, and its packages with it
        paths = package_paths.by_ids(documents, [package.package_id for package in held])
        steps = [
            Step(
                path.package_id,
                "rescheduled",
                by.name,
                batch.origin,
                path=path.expect_departure(batch.origin, batch.due_at),
                detail={"batch_id": str(batch.batch_id)},
            )
            for path in paths
            if _expects_otherwise(path, batch)
        ]
        record(conn, documents, steps, now)


def _expects_otherwise(path: PackagePath, batch: Batch) -> bool:
    """Documents keep milliseconds."""
    stop = path.current_stop
    if stop.facility != batch.origin or stop.expected_departure_at is None:
        return False
    return abs(stop.expected_departure_at - batch.due_at) >= timedelta(milliseconds=1)


def _locked(conn: Connection[Any], batch_id: UUID) -> Batch:
    """The batch of the working table, locked. Raises NotFound; BatchStatusConflict where it is through."""
    batch = batches.lock(conn, batch_id)
    if batch is None:
        if batches.finished(conn, batch_id):
            raise BatchStatusConflict(batch_id, "finished", "changed")
        raise NotFound("batch", batch_id)
    return batch


# For people


def by_id(conn: Connection[Any], batch_id: UUID) -> BatchWithManifest:
    """Of the working table or of the history. Raises NotFound."""
    with conn.transaction():
        if batch := batches.by_id(conn, batch_id):
            return BatchWithManifest(batch=batch, manifest=manifests.manifest(conn, batch_id))
        batch = batches.finished(conn, batch_id)
        if batch is None:
            raise NotFound("batch", batch_id)
        return BatchWithManifest(batch=batch, manifest=manifests.finished_manifest(conn, batch_id))


def listed(
    conn: Connection[Any], wanted: BatchFilter, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Batch]:
    """The next to leave first, after (due_at, batch_id); finished ones the last first, after (finished_at, batch_id)."""
    if wanted.status == "finished":
        return batches.listed_finished(conn, wanted, after, limit)
    return batches.listed(conn, wanted, after, limit)
