"""The line haul of a batch, step by step: it closes when it is due, departs, and is scanned where it goes.

Every step may run twice, concurrently and after a crash: it locks the batch's row, looks at what is there, and does what
is left to do. A run of an older revision is told that it is superseded. What becomes of the packages after the scan is
in `forwarding`.

Documents are written under the lock of the rows they tell of, before the commit: a crash between leaves paths that the
repeat overwrites, with the moments that the rows get.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import package_paths
from online_kart.domain.batches import Batch, arrival_of
from online_kart.domain.errors import (
    BatchStatusConflict,
    ManifestMismatch,
    NotFound,
)
from online_kart.domain.events import BatchDelayed
from online_kart.domain.package_paths import PackagePath
from online_kart.domain.packages import Package
from online_kart.domain.principals import Principal
from online_kart.inventory_db import batches, facilities, manifests, packages, stock
from online_kart.messaging import outbox

from . import whereabouts
from .package_events import Step, record

logger = logging.getLogger(__name__)

Documents = Database[dict[str, Any]]

GRACE = timedelta(minutes=30)
"""A batch is looked for so long after it was expected: by then it is normally scanned."""

ALERT_DOUBLINGS_MAX = 4
"""From alert to alert of one batch the wait doubles, so often."""

BY_SYSTEM = "move_batch"
"""Who moves what nobody scans: in the ledger and in packages' histories."""

StepState = Literal[
    "not_due", "closed", "in_transit", "late", "not_yet", "arrived", "finished", "superseded"
]


class Outcome(NamedTuple):
    """What a step of a batch's run found or did, and, where the run is to wait, until when (business time)."""

    state: StepState
    until: datetime | None = None


def current(
    conn: Connection[Any], batch_id: UUID, revision: int
) -> Batch | Literal["finished", "superseded"]:
    """The batch, locked, or why this run has nothing to do any more. Raises NotFound."""
    batch = batches.lock(conn, batch_id)
    if batch is None:
        _of_history(conn, batch_id)
        return "finished"
    return batch if batch.revision == revision else "superseded"


def close(conn: Connection[Any], batch_id: UUID, revision: int, now: datetime) -> Outcome:
    """Seal the manifest of a batch that is due. An empty batch ends here: it goes straight to the history.

    `not_due`: the run woke early; it waits until then. `closed`: it is closed, or further on its way.
    """
    with conn.transaction():
        batch = current(conn, batch_id, revision)
        if isinstance(batch, str):
            return Outcome(batch)
        if batch.status != "open":
            return Outcome("closed")
        if not batch.is_due(now):
            return Outcome("not_due", batch.due_at)
        batches.seal(conn, batch_id, now)
        is_empty = manifests.manifest(conn, batch_id).is_empty
        if is_empty:
            batches.archive(conn, batch_id, now)
        crashpoint("close_batch.written")
    crashpoint("close_batch.committed")
    return Outcome("finished" if is_empty else "closed")


def depart(
    conn: Connection[Any],
    documents: Documents,
    batch_id: UUID,
    revision: int,
    hop_limit: int,
    now: datetime,
) -> Outcome:
    """What a closed batch carries leaves: out of the stock of packages' origin FC, under way, expected further on.

    `in_transit`: it has left, now or before; look for it at that time. Raises BatchStatusConflict where it is open.
    """
    with conn.transaction():
        held = packages.lock_many(conn, manifests.packages_in(conn, batch_id))
        batch = current(conn, batch_id, revision)
        if isinstance(batch, str):
            return Outcome(batch)
        if batch.status == "open":
            raise BatchStatusConflict(batch_id, batch.status, "departed")
        if batch.status == "closed":
            batch = _depart(conn, documents, batch, held, hop_limit, now)
        crashpoint("depart_batch.written")
    crashpoint("depart_batch.committed")
    return Outcome("in_transit", _looked_for_at(batch, now))


def _depart(
    conn: Connection[Any],
    documents: Documents,
    batch: Batch,
    held: Sequence[Package],
    hop_limit: int,
    now: datetime,
) -> Batch:
    """It left when it was closed: a repeat after a crash writes the same moments into the documents."""
    assert batch.transit_minutes is not None, "of the working table"
    assert batch.closed_at is not None, "it is closed"
    departed_at, expected_at = batch.closed_at, arrival_of(batch.closed_at, batch.transit_minutes)
    to_hub = facilities.kinds_of(conn, [batch.destination]).get(batch.destination, "fc") != "fc"
    path_of = _paths_of(documents, held)
    steps = []
    for package in held:
        path, _ = whereabouts.on_leg(conn, package, path_of[package.package_id], batch, hop_limit)
        changes = {
            "status": "in_transit" if package.status == "planned" else package.status,
            "at_facility": None,
            "budget": whereabouts.budget_after(package, to_hub, hop_limit),
        }
        detail = {"batch_id": str(batch.batch_id), "next": batch.destination}
        path = path.depart(batch.origin, departed_at)
        steps.append(
            Step(package.package_id, "departed", BY_SYSTEM, batch.origin, changes, path, detail)
        )
    record(conn, documents, steps, now)
    _take_from_stock(conn, batch, held, now)
    batches.set_departed(conn, batch.batch_id, departed_at, expected_at)
    return batch.model_copy(
        update={"status": "in_transit", "departed_at": departed_at, "expected_at": expected_at}
    )


def _paths_of(documents: Documents, held: Iterable[Package]) -> dict[UUID, PackagePath]:
    paths = package_paths.by_ids(documents, [package.package_id for package in held])
    return {path.package_id: path for path in paths}


def _looked_for_at(batch: Batch, now: datetime) -> datetime:
    """When the run looks whether the batch has arrived. At once where it has."""
    if batch.status == "arrived" or batch.expected_at is None:
        return now
    return batch.expected_at + GRACE


def _take_from_stock(
    conn: Connection[Any], batch: Batch, held: Sequence[Package], now: datetime
) -> None:
    """Packages that leave their origin FC, and restocking units. Units that are no longer free stay behind."""
    leaving = [each.package_id for each in held if each.origin_fc_code == batch.origin]
    stock.ship(conn, leaving, now, BY_SYSTEM)
    for units in manifests.manifest(conn, batch.batch_id).units:
        if not stock.transfer_out(conn, batch.origin, units, BY_SYSTEM, now):
            manifests.take_out_units(conn, units.transfer_id)
            logger.warning("Units stayed behind", extra={"transfer_id": str(units.transfer_id)})


class Missing(NamedTuple):
    """A package on the manifest that did not come with its batch."""

    package_id: UUID
    reason: str


def arrive(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    batch_id: UUID,
    scanned: Sequence[UUID] | None,
    missing: Sequence[Missing],
    now: datetime,
) -> Batch:
    """The scan of a batch at its destination: its packages are there, and the missing ones are lost.

    `scanned` None: everything but the missing. A repeat changes nothing. Raises NotFound, BatchStatusConflict where it
    has not departed, ManifestMismatch where scanned and missing are not what it carries, NotYourFacility.
    """
    with conn.transaction():
        held = packages.lock_many(conn, manifests.packages_in(conn, batch_id))
        batch = batches.lock(conn, batch_id)
        if batch is None:
            return _of_history(conn, batch_id)
        by.require_facility(batch.destination)
        if batch.status == "arrived":
            return batch
        if batch.status != "in_transit":
            raise BatchStatusConflict(batch_id, batch.status, "arrived")
        _check_scan(batch, held, scanned, missing)
        _arrive(conn, documents, batch, held, missing, by.name, now)
        batches.set_arrived(conn, batch_id, now)
        crashpoint("arrive_batch.written")
    crashpoint("arrive_batch.committed")
    return batch.model_copy(update={"status": "arrived", "arrived_at": now})


def _of_history(conn: Connection[Any], batch_id: UUID) -> Batch:
    batch = batches.finished(conn, batch_id)
    if batch is None:
        raise NotFound("batch", batch_id)
    return batch


def _check_scan(
    batch: Batch,
    held: Sequence[Package],
    scanned: Sequence[UUID] | None,
    missing: Sequence[Missing],
) -> None:
    carried = {package.package_id for package in held}
    lost = {each.package_id for each in missing}
    found = carried - lost if scanned is None else set(scanned)
    unaccounted, unknown = carried - found - lost, (found | lost) - carried
    if unaccounted or unknown or found & lost:
        raise ManifestMismatch(
            batch.batch_id, _sample(unaccounted), _sample(unknown or found & lost)
        )


def _sample(package_ids: Iterable[UUID]) -> tuple[UUID, ...]:
    return tuple(sorted(package_ids)[:20])


def _arrive(
    conn: Connection[Any],
    documents: Documents,
    batch: Batch,
    held: Sequence[Package],
    missing: Sequence[Missing],
    by: str,
    now: datetime,
) -> None:
    reason_of = dict(missing)
    path_of = _paths_of(documents, held)
    detail = {"batch_id": str(batch.batch_id), "by": by}
    came = [
        Step(
            package.package_id,
            "arrived",
            by,
            batch.destination,
            changes={"at_facility": batch.destination},
            path=_arrived(conn, path_of[package.package_id], package, batch.destination, now),
            detail=detail,
        )
        for package in held
        if package.package_id not in reason_of
    ]
    lost = [
        Step(
            each.package_id,
            "lost",
            by,
            batch.destination,
            changes={"status": "lost"},
            detail={**detail, "reason": each.reason},
        )
        for each in missing
    ]
    record(conn, documents, [*came, *lost], now)
    manifests.take_out(conn, list(reason_of))


def _arrived(
    conn: Connection[Any], path: PackagePath, package: Package, facility: str, at: datetime
) -> PackagePath:
    """The arrival of a scan that did not commit is replaced."""
    path = whereabouts.found_at(conn, package, path, facility)
    if path.version > package.version:
        here = path.current_stop.model_copy(update={"actual_arrival_at": None})
        before, after = path.stops[: path.current], path.stops[path.current + 1 :]
        path = path.model_copy(update={"stops": (*before, here, *after)})
    return path.arrive(facility, at)


def check_arrival(conn: Connection[Any], batch_id: UUID, revision: int, now: datetime) -> Outcome:
    """Whether the batch was scanned at its destination.

    `not_yet`: too early to miss it; look again at that time. `late`: it is missed.
    """
    with conn.transaction():
        batch = current(conn, batch_id, revision)
    if isinstance(batch, str):
        return Outcome(batch)
    if batch.status == "arrived":
        return Outcome("arrived")
    looked_for_at = _looked_for_at(batch, now)
    return Outcome("late") if looked_for_at <= now else Outcome("not_yet", looked_for_at)


def alert_late(
    conn: Connection[Any], batch_id: UUID, revision: int, recheck_minutes: int, now: datetime
) -> Outcome:
    """Tell people that a batch is late, and wait on: from alert to alert twice as long, up to a bound."""
    with conn.transaction():
        batch = current(conn, batch_id, revision)
        if isinstance(batch, str):
            return Outcome(batch)
        if batch.status != "in_transit" or batch.expected_at is None:
            return Outcome("in_transit", now)
        batches.count_alert(conn, batch_id)
        outbox.append(
            conn,
            BatchDelayed(
                occurred_at=now,
                batch_id=batch_id,
                origin=batch.origin,
                destination=batch.destination,
                expected_at=batch.expected_at,
            ),
        )
        crashpoint("alert_late.written")
    crashpoint("alert_late.committed")
    logger.warning("A batch is late", extra={"batch_id": str(batch_id)})
    doublings = min(batch.late_alerts_count, ALERT_DOUBLINGS_MAX)
    return Outcome("in_transit", now + timedelta(minutes=recheck_minutes * 2**doublings))
