"""Picking and packing in an FC: the lists, and what its people tell of each package."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.domain.errors import NotFound
from online_kart.domain.packages import Package
from online_kart.domain.packing import Mark, Marking, Marks, PackageToPack, PackingStep, PickLine
from online_kart.domain.principals import Principal
from online_kart.inventory_db import facilities, packages, packing

from .package_events import Step, record

Documents = Database[dict[str, Any]]

IN_ITS_ORIGIN = ("planned", "out_for_delivery")
"""Statuses of a package whose units may still be on a shelf of its FC."""


def to_pick(
    conn: Connection[Any],
    fc_code: str,
    until: datetime | None,
    after: tuple[datetime, str, UUID] | None,
    limit: int,
) -> Sequence[PickLine]:
    """What leaves first is first; then by SKU and seller. `until`: what leaves by then. Raises NotFound."""
    _require_fc(conn, fc_code)
    return packing.lines_to_pick(conn, fc_code, until, after, limit)


def to_pack(
    conn: Connection[Any],
    fc_code: str,
    until: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[PackageToPack]:
    """What leaves first is first, with what goes into each. Raises NotFound."""
    _require_fc(conn, fc_code)
    found = packing.packages_to_pack(conn, fc_code, until, after, limit)
    lines = packages.lines_of(conn, [package.package_id for package in found])
    return [each.model_copy(update={"lines": lines[each.package_id]}) for each in found]


def mark(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    marking: Marking,
    now: datetime,
) -> Marks:
    """Note that packages were picked, or packed (and so picked, too): each by itself. A repeat changes nothing.

    Raises NotFound (FC), NotYourFacility.
    """
    fc_code, step, package_ids = marking
    with conn.transaction():
        _require_fc(conn, fc_code)
        by.require_facility(fc_code)
        found = {each.package_id: each for each in packages.lock_many(conn, package_ids)}
        marks = [_mark(found.get(each), each, fc_code, step) for each in package_ids]
        marked = [found[each.package_id] for each in marks if each.outcome == "marked"]
        record(conn, documents, _steps(marked, fc_code, step, by.name, now), now)
        crashpoint("mark_packages.written")
    crashpoint("mark_packages.committed")
    refused = [each for each in marks if each.outcome == "refused"]
    return Marks(marks=tuple(marks), refused_count=len(refused))


def _mark(package: Package | None, package_id: UUID, fc_code: str, step: PackingStep) -> Mark:
    if package is None:
        return Mark(package_id=package_id, outcome="refused", reason="There is no such package.")
    if (package.packed_at if step == "packed" else package.picked_at) is not None:
        return Mark(package_id=package_id, outcome="unchanged")
    if package.origin_fc_code != fc_code:
        reason = f"It is packed in {package.origin_fc_code}."
        return Mark(package_id=package_id, outcome="refused", reason=reason)
    if package.status not in IN_ITS_ORIGIN or package.at_facility != fc_code:
        reason = f"It is {package.status.replace('_', ' ')}: its units stay where they are."
        return Mark(package_id=package_id, outcome="refused", reason=reason)
    return Mark(package_id=package_id, outcome="marked")


def _steps(
    marked: Iterable[Package], fc_code: str, step: PackingStep, by: str, now: datetime
) -> list[Step]:
    """One a package, though a request may name it twice."""
    steps = {}
    for package in marked:
        changes = {"picked_at": package.picked_at or now}
        if step == "packed":
            changes["packed_at"] = now
        steps[package.package_id] = Step(package.package_id, step, by, fc_code, changes)
    return list(steps.values())


def _require_fc(conn: Connection[Any], fc_code: str) -> None:
    if facilities.fulfillment_center(conn, fc_code) is None:
        raise NotFound("fulfillment center", fc_code)
