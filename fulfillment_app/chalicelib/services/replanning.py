"""Packages that take another way: back to their FC, or around what is gone from the network.

A package keeps its budget (ROUTING.md, "Changes"): it is planned anew from where it is, or, where a batch carries it or
its manifest is sealed, from where it arrives next. Out of a draining facility, which the tables leave out, it goes by one
of that facility's legs. Where a way back ends is said in `ways`; where there is none it stays, known as stranded, and
every later version of the tables is tried again.
"""

import logging
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.documents import package_paths
from online_kart.domain.errors import NotFound, Unavailable
from online_kart.domain.events import PackageStatus
from online_kart.domain.package_paths import PackagePath
from online_kart.domain.packages import Package
from online_kart.inventory_db import (
    facilities,
    manifests,
    packages,
    route_builds,
    stock,
)
from online_kart.planning.routes import Routes, current_routes
from online_kart.routing.changes import is_broken

from . import batches, ways, whereabouts
from .package_events import Step, record
from .ways import Way
from .whereabouts import Position

logger = logging.getLogger(__name__)

Documents = Database[dict[str, Any]]


class Cause(NamedTuple):
    """Who lets a package take another way, and why."""

    by: str
    reason: str


def take_back(
    conn: Connection[Any], documents: Documents, package: Package, by: str, now: datetime
) -> Package:
    """A returning package is at the FC where its way back ends: its units are on hand there. A repeat changes nothing.

    In the caller's transaction, with the package locked.
    """
    if package.status == "returned":
        return package
    assert package.status == "returning", package.status
    assert package.is_at_its_end, "It is not back yet."
    manifests.take_out(conn, [package.package_id])
    step = Step(package.package_id, "returned", by, package.at_facility, {"status": "returned"})
    (returned,) = record(conn, documents, [step], now)
    stock.restock(conn, package.package_id, package.destination_fc_code, by, now)
    return returned


def send_back(
    conn: Connection[Any],
    documents: Documents,
    package_id: UUID,
    reason: str,
    now: datetime,
    by: str,
) -> Package:
    """The package, which nobody took or wants any more, returns. In the caller's transaction. Raises NotFound.

    The caller has taken the network's lock to read, before any package's.
    """
    routes = _routes_in_force(conn, documents)
    package = packages.lock(conn, package_id)
    if package is None:
        raise NotFound("package", package_id)
    return turn_back(conn, documents, routes, package, Cause(by, reason), now)


def _routes_in_force(conn: Connection[Any], documents: Documents) -> Routes:
    """No later version comes into force before the caller's transaction ends."""
    facilities.lock_network_to_read(conn)
    return current_routes(documents, at_least=route_builds.published_version(conn))


def turn_back(
    conn: Connection[Any],
    documents: Documents,
    routes: Routes,
    package: Package,
    cause: Cause,
    now: datetime,
) -> Package:
    """The package returns from where it is, or arrives next. Back at once where it is at its origin FC.

    In the caller's transaction, with the package locked; one that was out for delivery is at `at_facility`.
    """
    path = _path_of(documents, package)
    position = whereabouts.position(conn, package, path, routes.network.hop_limit)
    way = ways.way_back(conn, routes, package, position)
    what = "returning" if way else "stranded"
    way = way or Way(ways.NOWHERE, package.origin_fc_code)
    step = _Replan(what, "returning", way, cause, routes.version)
    package = _set_on_way(conn, documents, package, position, step, now)
    if position.is_here and package.is_at_its_end:
        return take_back(conn, documents, package, cause.by, now)
    return package


class Replanned(NamedTuple):
    package: Package
    ends_here: bool
    """Its new path ends where it is: the caller hands it on."""


def replan(
    conn: Connection[Any],
    documents: Documents,
    routes: Routes,
    package: Package,
    by: str,
    now: datetime,
) -> Replanned | None:
    """Give a package whose path is broken another one. None where its path is well.

    In the caller's transaction, with the package locked.
    """
    path = _path_of(documents, package)
    if package.table_version > routes.version or not is_to_be_replanned(routes, package, path):
        return None
    position = whereabouts.position(conn, package, path, routes.network.hop_limit)
    if not whereabouts.misleads(conn, package, path) and _leads_on(conn, routes, package, position):
        return None
    cause = Cause(by, f"route tables {routes.version}")
    step = _replan_step(conn, routes, package, position, cause)
    if not _is_ahead(path, package) and _is_as_before(step, package, position):
        return None
    changed = _set_on_way(conn, documents, package, position, step, now)
    return Replanned(changed, position.is_here and changed.is_at_its_end)


def go_on(
    conn: Connection[Any],
    documents: Documents,
    routes: Routes,
    package: Package,
    cause: Cause,
    now: datetime,
) -> Replanned:
    """Give a package that turned up a path from where it is: to its customer, or back where none leads there.

    In the caller's transaction, with the package locked.
    """
    path = _path_of(documents, package)
    position = whereabouts.position(conn, package, path, routes.network.hop_limit)
    step = _replan_step(conn, routes, package, position, cause)
    changed = _set_on_way(conn, documents, package, position, step, now)
    return Replanned(changed, position.is_here and changed.is_at_its_end)


def _is_ahead(path: PackagePath, package: Package) -> bool:
    """What has written it did not commit: the package need not be in the batch of the path's next leg."""
    return path.version > package.version


def _is_as_before(step: "_Replan", package: Package, position: Position) -> bool:
    """It is stranded, and known to be."""
    ahead = tuple(stop.leg for stop in position.path.stops[position.place :] if stop.leg)
    return (step.status, step.way.destination, step.way.onward.legs) == (
        package.status,
        package.destination_fc_code,
        ahead,
    )


def refuse_outdated(conn: Connection[Any], routes: Routes) -> None:
    """In the caller's transaction: no later version comes into force before it ends, so none misses what it writes.

    Raises Unavailable where one has already: read the routes again.
    """
    facilities.lock_network_to_read(conn)
    if route_builds.published_version(conn) > routes.version:
        raise Unavailable(f"Version {routes.version} of the route tables is out of force.")


def is_to_be_replanned(routes: Routes, package: Package, path: PackagePath) -> bool:
    """Whether its path is worth a closer look, under lock: it is broken, or was not committed and may mislead."""
    return _is_ahead(path, package) or _is_broken(routes, package, path)


def _is_broken(routes: Routes, package: Package, path: PackagePath) -> bool:
    """A leg that lies ahead is no more, or the path ends before its destination."""
    if path.stops[-1].facility != package.destination_fc_code:
        return True
    return is_broken((leg.key for leg in path.remaining_legs), routes.network)


def _leads_on(conn: Connection[Any], routes: Routes, package: Package, position: Position) -> bool:
    """Whether its path is well from where it can turn.

    The leg that brings it there may be gone: a sealed batch takes it all the same. The first leg from there may lead out
    of a draining facility, which is in no version of the tables.
    """
    stops = position.path.stops[position.place :]
    if stops[-1].facility != package.destination_fc_code:
        return False
    legs = [stop.leg for stop in stops if stop.leg]
    if is_broken((leg.key for leg in legs[1:]), routes.network):
        return False
    return not legs or ways.has_leg(conn, routes, legs[0])


class _Replan(NamedTuple):
    """What is to become of a package, and by which version of the tables."""

    what: str
    status: PackageStatus
    way: Way
    cause: Cause
    table_version: int


def _replan_step(
    conn: Connection[Any], routes: Routes, package: Package, position: Position, cause: Cause
) -> _Replan:
    is_returning = package.status == "returning"
    if not is_returning and (way := ways.way_on(conn, routes, package, position)):
        return _Replan("replanned", package.status, way, cause, routes.version)
    if way := ways.way_back(conn, routes, package, position):
        what = "replanned" if is_returning else "returning"
        return _Replan(what, "returning", way, cause, routes.version)
    nowhere = Way(ways.NOWHERE, package.origin_fc_code)
    return _Replan("stranded", "returning", nowhere, cause, routes.version)


def _path_of(documents: Documents, package: Package) -> PackagePath:
    path = package_paths.by_id(documents, package.package_id)
    if path is None:
        raise NotFound("path of package", package.package_id)
    return path


def _set_on_way(
    conn: Connection[Any],
    documents: Documents,
    package: Package,
    position: Position,
    step: _Replan,
    now: datetime,
) -> Package:
    """Pin the new path; a package that is free to go joins the batch of its first leg.

    One that returns has left: its stock goes with it, also where the truck is still at the dock.
    """
    if package.status == "planned" and step.status == "returning":
        stock.ship(conn, [package.package_id], now, step.cause.by)
    path = position.path.replanned(position.place, step.way.onward, now)
    if position.is_here:
        path = _join_batch(conn, package, path, position.place, now)
    if step.what == "stranded":
        logger.error("A package has no way", extra={"package_id": str(package.package_id)})
    changes = {
        "status": step.status,
        "destination_fc_code": step.way.destination,
        "table_version": step.table_version,
        "path_revision": path.path_revision,
    }
    detail = {"reason": step.cause.reason, "path": list(path.facilities[path.current :])}
    noted = Step(
        package.package_id, step.what, step.cause.by, position.facility, changes, path, detail
    )
    (changed,) = record(conn, documents, [noted], now)
    return changed


def _join_batch(
    conn: Connection[Any],
    package: Package,
    path: PackagePath,
    place: int,
    now: datetime,
) -> PackagePath:
    """The path with its departure as the batch has it. Out of any batch where the path ends here."""
    stop = path.stops[place]
    if stop.leg is None:
        batches.unload(conn, package.package_id)
        return path
    ready_at = max(path.ready_to_leave_at(stop.facility), now)
    batch = batches.load(conn, package.package_id, stop.leg, ready_at, now, stop.time_zone)
    return path.leaving_at(stop.facility, batch.due_at)
