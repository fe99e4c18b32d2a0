"""Unloading a batch bit by bit. When its last package was scanned, it has arrived (`line_haul.arrive`).

What is scanned waits until then; its run forwards all packages of a batch together. What never comes is told at the
batch's arrival, with the reason for each.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.domain.batches import Batch
from online_kart.domain.errors import BatchStatusConflict
from online_kart.domain.principals import Principal
from online_kart.domain.scans import MISSING_SHOWN_MAX, ScannedPackage, Scans
from online_kart.inventory_db import batches, manifests, scans

from . import batches as batch_services, line_haul

Documents = Database[dict[str, Any]]


class _Unloading(NamedTuple):
    """A batch where it goes: what it carries, and what of that was scanned."""

    batch: Batch
    carried: frozenset[UUID]
    scanned: frozenset[UUID]

    @property
    def missing(self) -> list[UUID]:
        return sorted(self.carried - self.scanned)


def scan(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    batch_id: UUID,
    package_ids: Sequence[UUID],
    now: datetime,
) -> Scans:
    """Note each package that the batch carries. A repeat changes nothing.

    Raises NotFound; BatchStatusConflict where it has not departed; NotYourFacility (its destination).
    """
    before, after = _noted(conn, by, batch_id, package_ids, now)
    crashpoint("scan_packages.committed")
    batch = after.batch
    if batch.status == "in_transit" and after.carried and not after.missing:
        batch = line_haul.arrive(conn, documents, by, batch_id, None, (), now)
    missing = after.missing
    return Scans(
        batch_id=batch_id,
        batch_status=batch.status,
        packages=tuple(_told(each, before) for each in package_ids),
        missing_count=len(missing),
        missing=tuple(missing[:MISSING_SHOWN_MAX]),
    )


def _noted(
    conn: Connection[Any],
    by: Principal,
    batch_id: UUID,
    package_ids: Sequence[UUID],
    now: datetime,
) -> tuple[_Unloading, _Unloading]:
    """The batch before the scan, and after it."""
    with conn.transaction():
        before = _locked(conn, by, batch_id)
        new = (before.carried - before.scanned).intersection(package_ids)
        scans.insert(conn, batch_id, sorted(new), by.name, now)
        crashpoint("scan_packages.written")
    return before, before._replace(scanned=before.scanned | new)


def _locked(conn: Connection[Any], by: Principal, batch_id: UUID) -> _Unloading:
    batch = batches.lock(conn, batch_id)
    if batch is not None and batch.status == "in_transit":
        by.require_facility(batch.destination)
        carried = manifests.packages_in(conn, batch_id)
        return _Unloading(batch, frozenset(carried), frozenset(scans.scanned(conn, batch_id)))
    whole = batch_services.by_id(conn, batch_id)
    by.require_facility(whole.batch.destination)
    if whole.batch.status in ("open", "closed"):
        raise BatchStatusConflict(batch_id, whole.batch.status, "unloaded")
    carried_once = frozenset(whole.manifest.package_ids)
    return _Unloading(whole.batch, carried_once, carried_once)


def _told(package_id: UUID, before: _Unloading) -> ScannedPackage:
    if package_id not in before.carried:
        return ScannedPackage(package_id=package_id, outcome="unknown")
    is_new = package_id not in before.scanned
    return ScannedPackage(package_id=package_id, outcome="scanned" if is_new else "unchanged")
