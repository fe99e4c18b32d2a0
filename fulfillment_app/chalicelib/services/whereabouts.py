"""Where a package is in truth, and its path made to agree.

The package's row and its batch say where it is. Its path (D3) is written before they are committed: what a step that died
has left in it may lead elsewhere. What goes by the path therefore looks here first. A path that leads elsewhere ends
where the package really comes to, and is planned anew from there.
"""

import logging
from typing import Any, NamedTuple

from psycopg import Connection

from online_kart.domain.batches import Batch
from online_kart.domain.package_paths import PackagePath, stop_at
from online_kart.domain.packages import Package
from online_kart.inventory_db import batches, facilities

logger = logging.getLogger(__name__)


class Position(NamedTuple):
    """Where a package can take another way: a stop of its path, not left yet."""

    path: PackagePath
    """As it is in truth."""
    place: int
    """The stop's number on the path."""
    is_here: bool
    """It is there and free to go; else a batch brings it there."""

    @property
    def facility(self) -> str:
        return self.path.stops[self.place].facility

    @property
    def budget(self) -> int:
        return self.path.stops[self.place].budget


def position(
    conn: Connection[Any], package: Package, path: PackagePath, hop_limit: int
) -> Position:
    """Where the package is, or arrives next: with what is on a sealed manifest nothing can be done before.

    The caller has locked the package.
    """
    held = batches.share_of_package(conn, package.package_id)
    if held is None or held.status not in ("closed", "in_transit"):
        assert package.at_facility is not None, "No batch carries it."
        path = found_at(conn, package, path, package.at_facility)
        return Position(path, path.current, True)
    if package.at_facility is None:
        path = found_at(conn, package, path, held.destination)
        return Position(path, path.current, False)
    path, place = on_leg(conn, package, path, held, hop_limit)
    return Position(path, place, False)


def misleads(conn: Connection[Any], package: Package, path: PackagePath) -> bool:
    """Whether the path's next leg is not the one that the package takes, or is free to take. The caller has locked it."""
    held = batches.share_of_package(conn, package.package_id)
    stop = path.current_stop
    if held is None or held.status == "arrived":
        return stop.facility != package.at_facility
    if held.status == "open":
        return stop.leg is None or stop.leg.key != held.leg_key
    if package.at_facility is None:
        return stop.facility != held.destination
    return path.stop_after(held.leg) is None


def found_at(
    conn: Connection[Any], package: Package, path: PackagePath, facility: str
) -> PackagePath:
    """The path of a package that is there, or comes there next."""
    if path.current_stop.facility == facility:
        return path
    _log_stray(package)
    return path.found_at(stop_at(facilities.facility(conn, facility), package.budget))


def on_leg(
    conn: Connection[Any], package: Package, path: PackagePath, batch: Batch, hop_limit: int
) -> tuple[PackagePath, int]:
    """The path of a package that leaves with the batch, and the number of the stop where that takes it."""
    place = path.stop_after(batch.leg)
    if place is not None:
        return path, place
    _log_stray(package)
    path = found_at(conn, package, path, batch.origin)
    destination = facilities.facility(conn, batch.destination)
    there = stop_at(destination, budget_after(package, destination.is_hub, hop_limit))
    return path.strayed(batch.leg, there), path.current + 1


def budget_after(package: Package, to_hub: bool, hop_limit: int) -> int:
    """What the package has left behind its next leg. Never below zero: a stray one must not stop its batch."""
    return hop_limit if to_hub else max(package.budget - 1, 0)


def _log_stray(package: Package) -> None:
    logger.warning("A package leaves its path", extra={"package_id": str(package.package_id)})
