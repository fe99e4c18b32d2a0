"""What happens to packages, noted in all places at once: the path (D3), the row, its history, and the event for others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.documents import package_paths
from online_kart.domain.events import PackageChanged
from online_kart.domain.packages import Package, PackagePath
from online_kart.inventory_db import packages
from online_kart.inventory_db.packages import Noted
from online_kart.messaging import outbox

Documents = Database[dict[str, Any]]

PATH_FIELDS = ("status", "table_version", "path_revision", "version")
"""What a path repeats of its package's row."""


@dataclass(frozen=True)
class Step:
    """One thing that happened to one package.

    `changes` are the fields of its row that are different now (`{"status": "in_transit", "at_facility": None}`);
    `path` is its path where that changed; `facility` is where it happened.
    """

    package_id: UUID
    what: str
    facility: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    path: PackagePath | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def record(
    conn: Connection[Any], documents: Documents, steps: Sequence[Step], now: datetime
) -> list[Package]:
    """Note one step each of several packages, in the caller's transaction. The packages as they are now, by id.

    Locks the packages' rows in the order of their ids. Paths are written first: a crash before the commit leaves a path
    that the next change overwrites.
    """
    step_of = {step.package_id: step for step in steps}
    assert len(step_of) == len(steps), "One step a package: its version rises by one."
    noted = [
        _noted(row, step_of[row.package_id], now) for row in packages.lock_many(conn, list(step_of))
    ]
    package_paths.put_many(documents, _paths(documents, noted, step_of))
    packages.save(conn, noted)
    outbox.append(conn, *(_event(each, now) for each in noted))
    return [each.package for each in noted]


def _noted(row: Package, step: Step, now: datetime) -> Noted:
    return Noted(row.after(step.changes, now), step.what, step.facility, step.detail)


def _paths(
    documents: Documents, noted: Sequence[Noted], step_of: Mapping[UUID, Step]
) -> list[PackagePath]:
    """The paths to write: those that changed, and those whose package has another status now."""
    unchanged = [
        each.package.package_id
        for each in noted
        if step_of[each.package.package_id].path is None
        and "status" in step_of[each.package.package_id].changes
    ]
    path_of = {path.package_id: path for path in package_paths.by_ids(documents, unchanged)}
    path_of |= {step.package_id: step.path for step in step_of.values() if step.path}
    return [
        path_of[each.package.package_id].model_copy(
            update=each.package.model_dump(include=set(PATH_FIELDS))
        )
        for each in noted
        if each.package.package_id in path_of
    ]


def _event(noted: Noted, now: datetime) -> PackageChanged:
    package = noted.package
    return PackageChanged(
        occurred_at=now,
        package_id=package.package_id,
        order_id=package.order_id,
        version=package.version,
        what=noted.what,
        status=package.status,
        facility=noted.facility,
    )


def announce(conn: Connection[Any], package: Package, now: datetime) -> None:
    """Note that a package was planned: its first version, whose row the caller has just written."""
    noted = Noted(package, "planned", package.at_facility, {})
    packages.note(conn, [noted])
    outbox.append(conn, _event(noted, now))


def tell_of(conn: Connection[Any], package: Package, what: str, now: datetime) -> None:
    """Note something that changed neither status nor path. `package` is one version on; the caller has locked it."""
    noted = Noted(package, what, package.at_facility, {})
    packages.save(conn, [noted])
    outbox.append(conn, _event(noted, now))
