"""What a change of the network would do: it is made in a transaction that is rolled back, and compared with what is.

So the same code judges, refuses and makes the change as in earnest, and the same comparison tells of it as of two
versions. Only the network's lock is held meanwhile, and only until both networks are read; a number of a version is
used up.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from online_kart.documents import package_paths
from online_kart.documents.collection import Documents
from online_kart.domain.base import Model
from online_kart.domain.differences import Difference, Listed, listed
from online_kart.domain.network import LegKey, Network
from online_kart.domain.packages import Package
from online_kart.domain.values import Instant
from online_kart.inventory_db import facilities, packages, route_builds
from online_kart.planning.routes import Routes
from online_kart.routing.connections import Connections, connection
from online_kart.routing.differences import LISTED_MAX

from .replanning import is_to_be_replanned
from .routers import router_of
from .version_differences import compared

PACKAGES_LOOKED_AT_MAX = 20_000
PACKAGES_READ_AT_ONCE = 200

Change = Callable[[Connection[Any], datetime], int]
"""Changes the network, and answers the version of route tables that will have it."""

Subject = str | LegKey | None
"""What the change is about: a facility, a leg, or many things."""


class Standing(Model):
    """What hangs on the facility or leg that the change is about, before it (of a new one: after it).

    `held_by` counts what is in the facility or on its way there. It is a single point of failure where others would be
    cut off without it (of a leg: without any leg between its ends): `cut_off`, and `says` in plain words.
    """

    name: str
    held_by: Mapping[str, int]
    is_single_point_of_failure: bool
    cut_off: Listed[str]
    says: str


class PackagesHit(Model):
    """Packages under way that would be planned anew. Of very many packages, `looked_at_count` were looked at."""

    looked_at_count: int
    hit: Listed[UUID]


class DryRun(Model):
    """What the change would do, at `ordered_at`, to the network that version `base_version` has or will have."""

    reason: str
    base_version: int
    ordered_at: Instant
    tables_touched_count: int
    difference: Difference
    packages: PackagesHit
    standing: Standing | None


class _Draft(NamedTuple):
    """The network before and after a change that was rolled back."""

    base_version: int
    reason: str
    before: Network
    after: Network
    held_by: Mapping[str, int]


def dry_run(
    conn: Connection[Any],
    documents: Documents,
    change: Change,
    subject: Subject,
    hop_limit: int,
    now: datetime,
) -> DryRun:
    """Changes nothing. Raises what the change raises."""
    draft = _draft(conn, change, subject, hop_limit, now)
    before = router_of(draft.before)
    changed = before.changed_to(draft.after)
    codes = changed.touched | (draft.before.by_code.keys() - draft.after.by_code.keys())
    as_it_is = Routes(draft.base_version, draft.before, before.table)
    as_it_would_be = Routes(draft.base_version + 1, draft.after, changed.router.table)
    return DryRun(
        reason=draft.reason,
        base_version=draft.base_version,
        ordered_at=now,
        tables_touched_count=len(changed.touched),
        difference=compared(as_it_is, as_it_would_be, codes, now, LISTED_MAX),
        packages=_packages_hit(conn, documents, as_it_would_be),
        standing=_standing(draft, subject) if subject else None,
    )


def _draft(
    conn: Connection[Any], change: Change, subject: Subject, hop_limit: int, now: datetime
) -> _Draft:
    with conn.transaction(force_rollback=True):
        facilities.lock_network(conn)
        base_version = route_builds.newest_version(conn)
        before = facilities.network(conn, hop_limit)
        held_by = _held_by(conn, subject)
        build = route_builds.by_version(conn, change(conn, now))
        assert build is not None, "The change has asked for it."
        return _Draft(
            base_version, build.reason, before, facilities.network(conn, hop_limit), held_by
        )


def _held_by(conn: Connection[Any], subject: Subject) -> Mapping[str, int]:
    if not isinstance(subject, str) or facilities.status_of(conn, subject) is None:
        return {}
    return facilities.held(conn, subject).counts()


# -- packages under way


def _packages_hit(conn: Connection[Any], documents: Documents, routes: Routes) -> PackagesHit:
    hit: list[UUID] = []
    looked_at_count, after = 0, None
    while looked_at_count < PACKAGES_LOOKED_AT_MAX:
        found = packages.under_way(conn, after, None, PACKAGES_READ_AT_ONCE)
        if not found:
            break
        hit += _hit(documents, routes, found)
        looked_at_count += len(found)
        after = found[-1].package_id
    return PackagesHit(looked_at_count=looked_at_count, hit=listed(hit, LISTED_MAX))


def _hit(documents: Documents, routes: Routes, found: Sequence[Package]) -> list[UUID]:
    """Those that the re-planning would look at closely."""
    package_of = {package.package_id: package for package in found}
    return [
        path.package_id
        for path in package_paths.by_ids(documents, package_of)
        if is_to_be_replanned(routes, package_of[path.package_id], path)
    ]


# -- single points of failure


def _standing(draft: _Draft, subject: str | LegKey) -> Standing:
    cut_off = _cut_off(draft, subject)
    name = subject if isinstance(subject, str) else f"{subject.origin}–{subject.destination}"
    return Standing(
        name=name,
        held_by=draft.held_by,
        is_single_point_of_failure=bool(cut_off),
        cut_off=listed(cut_off, LISTED_MAX),
        says=_said(name, cut_off),
    )


def _cut_off(draft: _Draft, subject: str | LegKey) -> list[str]:
    for network in (draft.before, draft.after):
        connections = Connections(network)
        if isinstance(subject, str) and subject in network.by_code:
            return connections.cut_off_without(subject)
        if isinstance(subject, LegKey) and subject in network.by_key:
            between = connection(subject.origin, subject.destination)
            return connections.cut_off_without_connection(between)
    return []


def _said(name: str, cut_off: Sequence[str]) -> str:
    if not cut_off:
        return f"{name} is no single point of failure: without it, all others are still joined."
    shown = ", ".join(cut_off[:LISTED_MAX])
    more = f" and {len(cut_off) - LISTED_MAX} more" if len(cut_off) > LISTED_MAX else ""
    return f"{name} is a single point of failure: without it, {shown}{more} would be cut off from the rest."
