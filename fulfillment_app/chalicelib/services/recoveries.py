"""A package that was given up as lost turns up: it goes on to its customer, who still waits for it, or back into stock.

Back, where nobody waits any more: its order was cancelled or rejected meanwhile, or it was returning when it was lost.
Nothing is paid back for a lost package, and none is sent in its place: so who was not told that the order is over gets it.
Locks: the inbox's row of the order's planning, the network (to read), the package, batches, stock.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import package_paths
from online_kart.domain.errors import FacilityNotOpen, NotFound, PackageStatusConflict
from online_kart.domain.packages import Package
from online_kart.domain.principals import Principal
from online_kart.domain.recoveries import Recovered
from online_kart.inventory_db import facilities, packages
from online_kart.messaging import inbox
from online_kart.planning.routes import Routes, current_routes

from . import forwarding, replanning, whereabouts
from .package_events import Step, record
from .packages import PLAN
from .replanning import Cause

Documents = Database[dict[str, Any]]

FOUND = "found"
TURNED = frozenset({"returning", "stranded"})
"""Events of a package that was on its way back."""


def recover(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    package_id: UUID,
    facility: str,
    now: datetime,
) -> Recovered:
    """It is there, and goes on at once. A repeat changes nothing.

    Raises NotFound, NotYourFacility, FacilityNotOpen; PackageStatusConflict where it is not lost.
    """
    by.require_facility(facility)
    with conn.transaction():
        facilities.lock_network_to_read(conn)
        _refuse_closed(conn, facility)
        package = packages.lock(conn, package_id)
        if package is None:
            raise NotFound("package", package_id)
        if package.status == "lost":
            _recover(conn, documents, package, by.name, facility, now)
        elif not _was_found_at(conn, package_id, facility):
            raise PackageStatusConflict(package_id, package.status, FOUND)
        crashpoint("recover_package.written")
    crashpoint("recover_package.committed")
    return _recovered(conn, package_id)


def _recover(
    conn: Connection[Any],
    documents: Documents,
    package: Package,
    by: str,
    facility: str,
    now: datetime,
) -> None:
    is_wanted = _is_wanted(conn, package)
    routes = current_routes(documents, package.table_version)
    replanning.refuse_outdated(conn, routes)
    found = _found(conn, documents, package, by, facility, now)
    cause = Cause(by, "it was lost, and found")
    if not is_wanted:
        replanning.turn_back(conn, documents, routes, found, cause, now)
        return
    _go_on(conn, documents, routes, found, cause, now)


def _is_wanted(conn: Connection[Any], package: Package) -> bool:
    """Whether its customer still waits for it."""
    planned = inbox.answer(conn, PLAN, package.order_id) or {}
    turned = any(event.what in TURNED for event in packages.events_of(conn, package.package_id))
    return not turned and not planned.get("over")


def _found(
    conn: Connection[Any],
    documents: Documents,
    package: Package,
    by: str,
    facility: str,
    now: datetime,
) -> Package:
    """At the facility, where its path leads now, and ends if it did not before."""
    path = package_paths.by_id(documents, package.package_id)
    if path is None:
        raise NotFound("path of package", package.package_id)
    path = whereabouts.found_at(conn, package, path, facility).arrive(facility, now)
    changes = {"status": "in_transit", "at_facility": facility}
    step = Step(package.package_id, FOUND, by, facility, changes, path)
    (found,) = record(conn, documents, [step], now)
    return found


def _go_on(
    conn: Connection[Any],
    documents: Documents,
    routes: Routes,
    package: Package,
    cause: Cause,
    now: datetime,
) -> None:
    onward = replanning.go_on(conn, documents, routes, package, cause, now)
    if onward.ends_here:
        forwarding.hand_on(conn, documents, onward.package, cause.by, now)


def _refuse_closed(conn: Connection[Any], facility: str) -> None:
    status = facilities.status_of(conn, facility)
    if status is None:
        raise NotFound("facility", facility)
    if status == "closed":
        raise FacilityNotOpen(facility, status)


def _was_found_at(conn: Connection[Any], package_id: UUID, facility: str) -> bool:
    events = packages.events_of(conn, package_id)
    return any((event.what, event.facility) == (FOUND, facility) for event in events)


def _recovered(conn: Connection[Any], package_id: UUID) -> Recovered:
    package = packages.by_id(conn, package_id)
    assert package is not None, "packages are not deleted"
    return Recovered.model_validate(package.model_dump(include=set(Recovered.model_fields)))
