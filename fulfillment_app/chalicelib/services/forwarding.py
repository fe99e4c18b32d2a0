"""What becomes of a batch's packages where it arrived: into their next batch, out for delivery, or back on the shelf.

A package leaves the batch in the transaction that hands it on, so a repeat finds only what is left. The batch is through
when nothing is left in it.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import package_paths
from online_kart.domain.batches import Batch
from online_kart.domain.errors import BatchStatusConflict, NotFound
from online_kart.domain.package_paths import PackagePath
from online_kart.domain.packages import UNDER_WAY, Package
from online_kart.inventory_db import (
    batches as batches_store,
    facilities,
    manifests,
    packages,
    stock,
)
from online_kart.planning.routes import current_routes

from . import batches, deliveries, line_haul
from .line_haul import BY_SYSTEM, Outcome
from .replanning import is_to_be_replanned, refuse_outdated, replan, take_back

Documents = Database[dict[str, Any]]

GROUPS_MAX = 40
"""An inline Map runs no more at once."""

GROUP_SIZE_MIN = 10
GROUP_SIZE_MAX = 100

LOOKED_AFTER_AGAIN = timedelta(minutes=60)
"""What could not be forwarded (no way leads on for now) is tried again after so long."""


def groups_to_forward(conn: Connection[Any], batch_id: UUID) -> list[list[UUID]]:
    """Ids of packages the batch still holds, in at most GROUPS_MAX groups. What is over takes another round."""
    package_ids = manifests.packages_in(conn, batch_id, GROUPS_MAX * GROUP_SIZE_MAX)
    size = max(GROUP_SIZE_MIN, -(-len(package_ids) // GROUPS_MAX))
    return [package_ids[start : start + size] for start in range(0, len(package_ids), size)]


def forward(
    conn: Connection[Any], documents: Documents, batch_id: UUID, package_id: UUID, now: datetime
) -> bool:
    """Hand a package of an arrived batch on by its path. False where nothing is left to do, or no way leads on.

    A path that is broken is planned anew first. Raises NotFound, Unavailable.
    """
    path = _mended_path(conn, documents, package_id, now)
    with conn.transaction():
        facilities.lock_network_to_read(conn)
        package = packages.lock(conn, package_id)
        batch = batches_store.share_of_package(conn, package_id)
        if package is None or batch is None or batch.batch_id != batch_id:
            return False
        if batch.status != "arrived":
            return False
        went_on = _forward(conn, documents, batch, package, path, now)
        crashpoint("forward_package.written")
    crashpoint("forward_package.committed")
    return went_on


def _forward(
    conn: Connection[Any],
    documents: Documents,
    batch: Batch,
    package: Package,
    path: PackagePath,
    now: datetime,
) -> bool:
    if package.status not in UNDER_WAY:  # lost, for instance: nothing is to be forwarded
        manifests.take_out(conn, [package.package_id])
        return False
    if package.is_at_its_end:
        hand_on(conn, documents, package, BY_SYSTEM, now)
        return True
    return _load_onward(conn, documents, batch, package, path, now)


def _mended_path(
    conn: Connection[Any], documents: Documents, package_id: UUID, now: datetime
) -> PackagePath:
    """The path, planned anew where it was broken. Looks without a lock first: paths are seldom broken."""
    package = packages.by_id(conn, package_id)
    if package is None:
        raise NotFound("package", package_id)
    routes = current_routes(documents, package.table_version)
    path = _path_of(documents, package_id)
    if package.status not in UNDER_WAY or not is_to_be_replanned(routes, package, path):
        return path
    with conn.transaction():
        refuse_outdated(conn, routes)
        locked = packages.lock(conn, package_id)
        assert locked is not None, "packages are not deleted"
        if locked.status not in UNDER_WAY:
            return path
        mended = replan(conn, documents, routes, locked, BY_SYSTEM, now)
        if mended and mended.ends_here:
            hand_on(conn, documents, mended.package, BY_SYSTEM, now)
        crashpoint("mend_path.written")
    crashpoint("mend_path.committed")
    return _path_of(documents, package_id)


def hand_on(
    conn: Connection[Any], documents: Documents, package: Package, by: str, now: datetime
) -> None:
    """The package is where its path ends: on the shelf again, or out for delivery. In the caller's transaction."""
    if package.status == "returning":
        take_back(conn, documents, package, by, now)
    else:
        deliveries.hand_over(conn, documents, package, by, now)


def _load_onward(
    conn: Connection[Any],
    documents: Documents,
    batch: Batch,
    package: Package,
    path: PackagePath,
    now: datetime,
) -> bool:
    """Into the batch of its next leg. False where its path has none: it is stranded."""
    if path.version != package.version:  # somebody changed it before we had the lock
        path = _path_of(documents, package.package_id)
    here = batch.destination
    leg = path.next_leg(here)
    if leg is None:
        return False
    stop = path.current_stop
    ready_at = path.ready_to_leave_at(here)
    joined = batches.load(conn, package.package_id, leg, ready_at, now, stop.time_zone)
    if joined.due_at != stop.expected_departure_at:
        package_paths.put(documents, path.expect_departure(here, joined.due_at))
    return True


def _path_of(documents: Documents, package_id: UUID) -> PackagePath:
    path = package_paths.by_id(documents, package_id)
    if path is None:
        raise NotFound("path of package", package_id)
    return path


def finish(conn: Connection[Any], batch_id: UUID, revision: int, now: datetime) -> Outcome:
    """All the batch's packages went on: its units are put into stock, and it goes to the history.

    `arrived`: some could not go on; try them again at that time. Raises NotFound, BatchStatusConflict.
    """
    with conn.transaction():
        batch = line_haul.current(conn, batch_id, revision)
        if isinstance(batch, str):
            return Outcome(batch)
        if batch.status != "arrived":
            raise BatchStatusConflict(batch_id, batch.status, "finished")
        if manifests.packages_in(conn, batch_id, limit=1):
            return Outcome("arrived", now + LOOKED_AFTER_AGAIN)
        for units in manifests.manifest(conn, batch_id).units:
            stock.transfer_in(conn, batch.destination, units, BY_SYSTEM, now)
        batches_store.archive(conn, batch_id, now)
        crashpoint("finish_batch.written")
    crashpoint("finish_batch.committed")
    return Outcome("finished")
