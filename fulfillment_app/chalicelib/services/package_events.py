"""What happens to packages, noted in all places at once: the path (D3), the row, its history, and the event for others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import package_paths
from online_kart.domain.events import PackageChanged
from online_kart.domain.package_paths import PackagePath
from online_kart.domain.packages import Package
from online_kart.inventory_db import packages
from online_kart.inventory_db.packages import Noted
from online_kart.messaging import outbox

Documents = Database[dict[str, Any]]

PATH_FIELDS = ("status", "table_version", "path_revision", "version")
"""What a path repeats of its package's row."""


@dataclass(frozen=True)
class Step:
    """One thing that happened to one package.

    `by` is who did it: a person, or the step or job. `changes` are the fields of its row that are different now
    (`{"status": "in_transit", "at_facility": None}`); `path` is its path where that changed; `facility` is where it
    happened.
    """

    package_id: UUID
    what: str
    by: str
    facility: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    path: PackagePath | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    above: int = 0
    """A version that somebody has heard of: the package's new one is later."""


def record(
    conn: Connection[Any], documents: Documents, steps: Sequence[Step], now: datetime
) -> list[Package]:
    """Note one step each of several packages, in the caller's transaction. The packages as they are now, by id.

    Locks the packages' rows in the order of their ids. Paths are written first: a crash before the commit leaves paths
    that are ahead of their rows. The next step's version is later than both, so it overwrites what the crash has left,
    and is news to whoever has read it.
    """
    step_of = {step.package_id: step for step in steps}
    assert len(step_of) == len(steps), "One step a package: each is a version of its own."
    rows = packages.lock_many(conn, list(step_of))
    path_of = _paths(documents, steps)
    noted = [_noted(row, step_of[row.package_id], path_of, now) for row in rows]
    package_paths.put_many(documents, _repeating(noted, path_of))
    crashpoint("record_packages.paths_put")
    packages.save(conn, noted)
    outbox.append(conn, *(_event(each, now) for each in noted))
    return [each.package for each in noted]


def _paths(documents: Documents, steps: Sequence[Step]) -> dict[UUID, PackagePath]:
    """By package: the path that its step has changed, or the one it has."""
    unchanged = [step.package_id for step in steps if step.path is None]
    path_of = {path.package_id: path for path in package_paths.by_ids(documents, unchanged)}
    return path_of | {step.package_id: step.path for step in steps if step.path}


def _noted(row: Package, step: Step, path_of: Mapping[UUID, PackagePath], now: datetime) -> Noted:
    path = path_of.get(row.package_id)
    changed = row.after(step.changes, now, max(path.version if path else 0, step.above))
    return Noted(changed, step.what, step.by, step.facility, step.detail)


def _repeating(
    noted: Sequence[Noted], path_of: Mapping[UUID, PackagePath]
) -> Iterator[PackagePath]:
    """The paths, with what they repeat of their packages."""
    for package, *_ in noted:
        if package.package_id in path_of:
            yield path_of[package.package_id].model_copy(
                update=package.model_dump(include=set(PATH_FIELDS))
            )


def _event(noted: Noted, now: datetime) -> PackageChanged:
    package = noted.package
    return PackageChanged(
        occurred_at=now,
        package_id=package.package_id,
        order_id=package.order_id,
        version=package.version,
        what=noted.what,
        by=noted.by,
        status=package.status,
        facility=noted.facility,
    )


def announce(
    conn: Connection[Any], package: Package, now: datetime, by: str = "plan_packages"
) -> None:
    """Note that a package was planned: its first version, whose row the caller has just written."""
    noted = Noted(package, "planned", by, package.at_facility, {})
    packages.note(conn, [noted])
    outbox.append(conn, _event(noted, now))
