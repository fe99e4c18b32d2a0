"""Packages of orders: planning them, and planning them anew when the network changes. Taking them back is in `recalls`."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import package_paths
from online_kart.domain.base import Model
from online_kart.domain.errors import (
    NotFound,
    PackagesAlreadyDiscarded,
)
from online_kart.domain.events import PackageStatus
from online_kart.domain.package_paths import PackagePath, planned_stops, stop_at
from online_kart.domain.packages import UNDER_WAY, Package, PackageEvent, PackageLine, package_id_of
from online_kart.domain.sourcing import OrderToServe
from online_kart.domain.stock import Reservation
from online_kart.inventory_db import packages, reservations
from online_kart.messaging import inbox
from online_kart.one_by_one import one_by_one
from online_kart.planning import paths
from online_kart.planning.routes import Routes
from online_kart.postgres import retrying

from . import batches, deliveries, stock
from .package_events import Step, announce, record
from .replanning import is_to_be_replanned, refuse_outdated, replan, take_back
from .sourcing import RESERVE

Documents = Database[dict[str, Any]]

PLAN = "plan_packages"
"""The inbox's name of the step. Its answer is the packages, or that the step must not run any more."""

REPLAN, RECONCILE = "replan_packages", "repair_differences"
"""The steps that do what nobody asked for, in packages' histories."""

LOOKED_AT_ONCE_MAX = 200


# Planning


class PlannedPackages(Model):
    """The packages of an order. `promise_date` is that of the last one."""

    package_ids: tuple[UUID, ...]
    promise_date: date


def plan_packages(
    conn: Connection[Any],
    documents: Documents,
    routes: Routes,
    order: OrderToServe,
    hold_until: datetime,
    now: datetime,
) -> PlannedPackages:
    """One package an FC that holds units for the order, each with its path, in the batch of its first leg.

    The hold is extended: who makes progress is not late. A repeat answers as the first time did. Raises NoRoute,
    NotServed; PackagesAlreadyDiscarded, ReservationExpired, StockAlreadyReleased where it comes too late.
    """
    planned = retrying(lambda: _plan(conn, documents, routes, order, hold_until, now))
    crashpoint("plan_packages.committed")
    return planned


def _plan(
    conn: Connection[Any],
    documents: Documents,
    routes: Routes,
    order: OrderToServe,
    hold_until: datetime,
    now: datetime,
) -> PlannedPackages:
    with conn.transaction():
        if not inbox.first_time(conn, PLAN, order.order_id, now):
            answer = inbox.answer(conn, PLAN, order.order_id)
            if answer.get("over"):
                raise PackagesAlreadyDiscarded(order.order_id)
            return PlannedPackages.model_validate(answer)
        refuse_outdated(conn, routes)
        reservations.extend(conn, order.order_id, hold_until, now)
        planned = [
            _plan_package(conn, documents, routes, order, held, now)
            for held in _held_by_fc(conn, order.order_id)
        ]
        result = PlannedPackages(
            package_ids=tuple(package.package_id for package in planned),
            promise_date=max(package.promise_date for package in planned),
        )
        inbox.remember(conn, PLAN, order.order_id, result.model_dump(mode="json"))
        crashpoint("plan_packages.written")
    return result


def _held_by_fc(conn: Connection[Any], order_id: UUID) -> list[list[Reservation]]:
    """The order's reservations, FC by FC."""
    held: dict[str, list[Reservation]] = {}
    for each in reservations.of_order(conn, order_id):
        if each.status in ("held", "confirmed"):
            held.setdefault(each.fc_code, []).append(each)
    if not held:
        stock.refuse_if_over(order_id, inbox.answer(conn, RESERVE, order_id) or {})
        raise NotFound("stock held for order", order_id)
    return [held[fc_code] for fc_code in sorted(held)]


def _plan_package(
    conn: Connection[Any],
    documents: Documents,
    routes: Routes,
    order: OrderToServe,
    held: Sequence[Reservation],
    now: datetime,
) -> Package:
    path = _planned_path(routes, order, held, now)
    package = _package_of(path, packages.weight_grams(conn, path.lines), now)
    packages.insert(conn, package, path.lines)
    announce(conn, package, now)
    first = path.stops[0]
    if first.leg:
        batch = batches.load(
            conn, package.package_id, first.leg, path.ready_at, now, first.time_zone
        )
        path = path.leaving_at(first.facility, batch.due_at)
        path = path.model_copy(update={"promise_date": path.expected_on})
        packages.set_promise(conn, package.package_id, path.promise_date)
    package_paths.put(documents, path)
    crashpoint("plan_packages.path_put")
    return package.model_copy(update={"promise_date": path.promise_date})


def _planned_path(
    routes: Routes, order: OrderToServe, held: Sequence[Reservation], now: datetime
) -> PackagePath:
    fc_code = held[0].fc_code
    planned = routes.plan(fc_code, order.to_pincode)
    ready_at = max(paths.ready_to_leave_at(routes, fc_code, order.placed_at), now)
    first = stop_at(routes.facility(fc_code), planned.budgets[0])
    price_of = {line.line_no: line.unit_price_paise for line in order.lines}
    path = PackagePath(
        package_id=package_id_of(order.order_id, fc_code),
        order_id=order.order_id,
        origin_fc_code=fc_code,
        to_pincode=order.to_pincode,
        status="planned",
        promise_date=now.date(),
        table_version=routes.version,
        ready_at=ready_at,
        lines=tuple(
            PackageLine(
                line_no=each.line_no,
                sku=each.sku,
                seller_id=each.seller_id,
                quantity=each.quantity,
                unit_price_paise=price_of[each.line_no],
            )
            for each in held
        ),
        stops=planned_stops(first, paths.onward(routes, planned), ready_at),
    )
    return path.model_copy(update={"promise_date": path.expected_on})


def _package_of(path: PackagePath, weight_grams: int, now: datetime) -> Package:
    return Package(
        package_id=path.package_id,
        order_id=path.order_id,
        origin_fc_code=path.origin_fc_code,
        destination_fc_code=path.stops[-1].facility,
        to_pincode=path.to_pincode,
        status="planned",
        at_facility=path.origin_fc_code,
        budget=path.stops[0].budget,
        weight_grams=weight_grams,
        promise_date=path.promise_date,
        table_version=path.table_version,
        created_at=now,
        updated_at=now,
    )


# When the network changes


def replan_range(
    conn: Connection[Any],
    documents: Documents,
    routes: Routes,
    after: UUID | None,
    until: UUID | None,
    now: datetime,
) -> int:
    """Give packages under way whose path is broken another one. How many. Safe to repeat.

    Their ids are `after` (exclusive) to `until` (inclusive). Each in a transaction of its own.
    """
    return one_by_one(
        _broken_of_range(conn, documents, routes, after, until),
        lambda package_id: _replan(conn, documents, routes, package_id, now),
    )


def _broken_of_range(
    conn: Connection[Any],
    documents: Documents,
    routes: Routes,
    after: UUID | None,
    until: UUID | None,
) -> Iterator[UUID]:
    """Those whose path is worth a closer look, under lock."""
    while found := packages.under_way(conn, after, until, LOOKED_AT_ONCE_MAX):
        yield from _broken(documents, routes, found)
        after = found[-1].package_id


def _broken(documents: Documents, routes: Routes, found: Sequence[Package]) -> list[UUID]:
    package_of = {package.package_id: package for package in found}
    return [
        path.package_id
        for path in package_paths.by_ids(documents, package_of)
        if is_to_be_replanned(routes, package_of[path.package_id], path)
    ]


def _replan(
    conn: Connection[Any], documents: Documents, routes: Routes, package_id: UUID, now: datetime
) -> bool:
    changed = retrying(lambda: _replan_locked(conn, documents, routes, package_id, now))
    crashpoint("replan_package.committed")
    return changed


def _replan_locked(
    conn: Connection[Any], documents: Documents, routes: Routes, package_id: UUID, now: datetime
) -> bool:
    with conn.transaction():
        refuse_outdated(conn, routes)
        package = packages.lock(conn, package_id)
        if package is None or package.status not in UNDER_WAY:
            return False
        changed = replan(conn, documents, routes, package, REPLAN, now)
        if changed is None:
            return False
        if changed.ends_here:
            _end(conn, documents, changed.package, now)
        crashpoint("replan_package.written")
    return True


def _end(conn: Connection[Any], documents: Documents, package: Package, now: datetime) -> None:
    """The new path ends where the package is. One of an order that is not confirmed yet waits there for that."""
    if package.status == "returning":
        take_back(conn, documents, package, REPLAN, now)
    elif package.status != "planned" or _is_confirmed(conn, package):
        deliveries.hand_over(conn, documents, package, REPLAN, now)


def _is_confirmed(conn: Connection[Any], package: Package) -> bool:
    held = reservations.of_order(conn, package.order_id)
    return any(
        each.status == "confirmed" and each.fc_code == package.origin_fc_code for each in held
    )


def tell_again(
    conn: Connection[Any], documents: Documents, package_id: UUID, above: int, now: datetime
) -> bool:
    """Tell of the package as it is, with a version later than `above`: copies become it. False where there is none."""
    with conn.transaction():
        return bool(
            record(conn, documents, [Step(package_id, "told_again", RECONCILE, above=above)], now)
        )


# For people


class PackageInFull(Model):
    """A package with its path and what happened to it."""

    package: Package
    path: PackagePath | None
    health: str | None
    expected_on: date | None
    events: tuple[PackageEvent, ...]


def by_id(conn: Connection[Any], documents: Documents, package_id: UUID) -> PackageInFull:
    """Raises NotFound."""
    package = packages.by_id(conn, package_id)
    if package is None:
        raise NotFound("package", package_id)
    path = package_paths.by_id(documents, package_id)
    return PackageInFull(
        package=package,
        path=path,
        health=path and path.health,
        expected_on=path and path.expected_on,
        events=tuple(packages.events_of(conn, package_id)),
    )


def events_of(
    conn: Connection[Any], package_id: UUID, after: int, limit: int
) -> list[PackageEvent]:
    """The oldest first, after a version. Raises NotFound."""
    if packages.by_id(conn, package_id) is None:
        raise NotFound("package", package_id)
    return packages.events_of(conn, package_id, after, limit)


def listed(
    conn: Connection[Any],
    status: PackageStatus | None,
    facilities: Sequence[str] | None,
    after: UUID | None,
    limit: int,
) -> list[Package]:
    """In the order of their ids. `facilities`: where they are now; None: anywhere."""
    return packages.listed(conn, status, facilities, after, limit)
