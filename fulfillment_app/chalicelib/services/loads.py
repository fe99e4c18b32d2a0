"""Loading packages into a batch by hand, and taking one off it: another departure of the same leg, never another way.

A package under way is always in a batch: what is taken off one waits for the leg's next departure.
Locks: the network's, packages in the order of their ids, batches.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import package_paths
from online_kart.domain.batches import Batch
from online_kart.domain.errors import BatchStatusConflict, NotFound, NotOnPath
from online_kart.domain.loads import LoadedPackage, Loads, why_not
from online_kart.domain.package_paths import PackagePath
from online_kart.domain.packages import Package
from online_kart.domain.principals import Principal
from online_kart.inventory_db import batches, facilities, manifests, packages

from . import batches as batch_services
from .package_events import Step, record

Documents = Database[dict[str, Any]]


def load(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    batch_id: UUID,
    package_ids: Sequence[UUID],
    now: datetime,
) -> Loads:
    """Put into the open batch whichever of the packages can go with it, out of the batch they wait for. A repeat is the same.

    Raises NotFound, BatchStatusConflict where it is not open, NotYourFacility (its origin).
    """
    with conn.transaction():
        found = {each.package_id: each for each in packages.lock_many(conn, package_ids)}
        batch = _open(conn, by, batch_id, "loaded")
        path_of = {each.package_id: each for each in package_paths.by_ids(documents, found)}
        told = _told(conn, batch, package_ids, found, path_of)
        loaded = [each.package_id for each in told if each.outcome == "loaded"]
        manifests.put_packages(conn, batch_id, loaded, now)
        paths = [path_of[package_id] for package_id in loaded]
        record(conn, documents, [_step("loaded", path, batch, by) for path in paths], now)
        crashpoint("load_packages.written")
    crashpoint("load_packages.committed")
    return Loads(batch=batch, packages=tuple(told))


def _told(
    conn: Connection[Any],
    batch: Batch,
    package_ids: Sequence[UUID],
    found: Mapping[UUID, Package],
    path_of: Mapping[UUID, PackagePath],
) -> list[LoadedPackage]:
    """What becomes of each, once."""
    held_by = batches.share_of_packages(conn, list(found))
    told = []
    for package_id in dict.fromkeys(package_ids):
        held = held_by.get(package_id)
        why = why_not(batch, found.get(package_id), held, path_of.get(package_id))
        if why:
            told.append(LoadedPackage(package_id=package_id, outcome="refused", why=why))
        elif held is not None and held.batch_id == batch.batch_id:
            told.append(LoadedPackage(package_id=package_id, outcome="unchanged"))
        else:
            told.append(LoadedPackage(package_id=package_id, outcome="loaded"))
    return told


def take_off(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    batch_id: UUID,
    package_id: UUID,
    now: datetime,
) -> Batch:
    """Let a package of an open batch wait for the departure of its leg after that one. The batch it is in now.

    Raises NotFound where it is not in the batch, or not any more; BatchStatusConflict; NotYourFacility (its origin);
    NotOnPath where its path leads another way, which is mended before long.
    """
    with conn.transaction():
        facilities.lock_network_to_read(conn)
        package = packages.lock(conn, package_id)
        batch = _open(conn, by, batch_id, "unloaded")
        held = batches.share_of_package(conn, package_id)
        path = package_paths.by_id(documents, package_id)
        if package is None or held is None or held.batch_id != batch_id or path is None:
            raise NotFound("package in this batch", package_id)
        leg = path.current_stop.leg
        if leg is None or leg.key != batch.leg_key:  # a step that died has left another path
            raise NotOnPath(package_id, batch.origin)
        after_this = batch.due_at + timedelta(microseconds=1)
        zone = path.current_stop.time_zone
        taken_by = batch_services.move_to(conn, package_id, leg, after_this, now, zone)
        record(conn, documents, [_step("unloaded", path, taken_by, by)], now)
        crashpoint("take_off_package.written")
    crashpoint("take_off_package.committed")
    return taken_by


def _open(conn: Connection[Any], by: Principal, batch_id: UUID, wanted: str) -> Batch:
    """The batch, kept from closing until the transaction ends."""
    batch = batches.share(conn, batch_id) or batch_services.by_id(conn, batch_id).batch
    by.require_facility(batch.origin)
    if batch.status != "open":
        raise BatchStatusConflict(batch_id, batch.status, wanted)
    return batch


def _step(what: str, path: PackagePath, batch: Batch, by: Principal) -> Step:
    """Its path tells the batch's time."""
    return Step(
        path.package_id,
        what,
        by.name,
        batch.origin,
        path=path.expect_departure(batch.origin, batch.due_at),
        detail={"batch_id": str(batch.batch_id)},
    )
