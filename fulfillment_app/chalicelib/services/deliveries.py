"""The last mile: a package goes out for delivery, and is delivered, tried again, or sent back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import package_paths
from online_kart.domain.batches import SHOP_TIME_ZONE
from online_kart.domain.deliveries import Delivery, DeliveryStatus, Outcome
from online_kart.domain.errors import AttemptConflict, NotFound, PackageStatusConflict
from online_kart.domain.events import SaleRecorded
from online_kart.domain.packages import Package
from online_kart.domain.principals import Principal
from online_kart.domain.sales import Sale
from online_kart.inventory_db import deliveries, facilities, manifests, packages, sales, stock
from online_kart.messaging import outbox

from . import replanning
from .package_events import Step, record

Documents = Database[dict[str, Any]]

NEXT_ATTEMPT_AFTER = timedelta(days=1)


def hand_over(
    conn: Connection[Any], documents: Documents, package: Package, by: str, now: datetime
) -> None:
    """The package leaves its batch, and goes out from the FC where it is once that has handled it, on a working day.

    Its stock leaves with it where that is its origin. In the caller's transaction, with the package locked.
    """
    assert package.at_facility is not None, "a package is handed over where it is"
    path = package_paths.by_id(documents, package.package_id)
    goes_out_at = path.goes_out_at(package.at_facility) if path else now
    delivery = Delivery(
        package_id=package.package_id,
        fc_code=package.at_facility,
        order_id=package.order_id,
        status="out",
        attempt=1,
        out_at=max(goes_out_at, now),
        expected_on=package.promise_date,
    )
    if not deliveries.insert(conn, delivery):
        return
    manifests.take_out(conn, [package.package_id])
    changes = {"status": "out_for_delivery"}
    step = _step(delivery, "out_for_delivery", by, changes, {"attempt": 1})
    record(conn, documents, [step], now)
    if package.status == "planned":
        stock.ship(conn, [package.package_id], now, by)


def delivered(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    package_id: UUID,
    proof: str,
    now: datetime,
) -> Outcome:
    """The customer has it: a sale for each of its lines. A repeat changes nothing.

    Raises NotFound; PackageStatusConflict where it is not out for delivery; NotYourFacility.
    """
    with conn.transaction():
        package, delivery = _locked(conn, package_id)
        if package.status == "delivered":
            return Outcome(package_id=package_id, status="delivered")
        if delivery is None:
            raise PackageStatusConflict(package_id, package.status, "delivered")
        by.require_facility(delivery.fc_code)
        detail = {"proof": proof, "attempt": delivery.attempt}
        step = _step(delivery, "delivered", by.name, {"status": "delivered"}, detail)
        record(conn, documents, [step], now)
        sold = sales.record_package(conn, package_id, now)
        outbox.append(conn, *(sale_recorded(sale, now) for sale in sold))
        deliveries.delete(conn, package_id)
        crashpoint("deliver.written")
    crashpoint("deliver.committed")
    return Outcome(package_id=package_id, status="delivered", attempt=delivery.attempt)


def failed(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    package_id: UUID,
    attempt: int,
    reason: str,
    now: datetime,
) -> Outcome:
    """The attempt was in vain: the next one is on the next working day, or, after the last, it goes back to its origin.

    A repeat of an attempt that was told of changes nothing. Raises NotFound; PackageStatusConflict where it is not out
    for delivery; AttemptConflict where the attempt is still to come; NotYourFacility.
    """
    with conn.transaction():
        facilities.lock_network_to_read(conn)  # before the package's: it may be sent back
        package, delivery = _locked(conn, package_id)
        if delivery is None:
            if package.status in ("returning", "returned"):
                return Outcome(package_id=package_id, status=package.status)
            raise PackageStatusConflict(package_id, package.status, "failed")
        by.require_facility(delivery.fc_code)
        if attempt > delivery.attempt:
            raise AttemptConflict(package_id, delivery.attempt, attempt)
        if attempt == delivery.attempt:
            _fail(conn, documents, delivery, reason, by.name, now)
        crashpoint("fail_delivery.written")
    crashpoint("fail_delivery.committed")
    return _outcome(conn, package_id)


def refused(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    package_id: UUID,
    reason: str,
    now: datetime,
) -> Outcome:
    """Its customer does not want it: it goes back to its origin, without another attempt. A repeat changes nothing.

    Raises NotFound; PackageStatusConflict where it is not out for delivery; NotYourFacility.
    """
    with conn.transaction():
        facilities.lock_network_to_read(conn)  # before the package's: it is sent back
        package, delivery = _locked(conn, package_id)
        if delivery is None:
            if package.status in ("returning", "returned"):
                return Outcome(package_id=package_id, status=package.status)
            raise PackageStatusConflict(package_id, package.status, "refused")
        by.require_facility(delivery.fc_code)
        _send_back(conn, documents, delivery, "delivery_refused", reason, by.name, now)
        crashpoint("refuse_delivery.written")
    crashpoint("refuse_delivery.committed")
    return _outcome(conn, package_id)


def _fail(
    conn: Connection[Any],
    documents: Documents,
    delivery: Delivery,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    if delivery.is_last_attempt:
        _send_back(conn, documents, delivery, "delivery_failed", reason, by, now)
        return
    detail = {"reason": reason, "attempt": delivery.attempt}
    record(conn, documents, [_step(delivery, "delivery_failed", by, {}, detail)], now)
    today = now.astimezone(ZoneInfo(SHOP_TIME_ZONE)).date()
    calendar = facilities.facility(conn, delivery.fc_code).calendar
    next_attempt_on = calendar.working_day_from(today + NEXT_ATTEMPT_AFTER)
    deliveries.fail_attempt(conn, delivery.package_id, reason, next_attempt_on)


def _send_back(
    conn: Connection[Any],
    documents: Documents,
    delivery: Delivery,
    what: str,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    detail = {"reason": reason, "attempt": delivery.attempt}
    record(conn, documents, [_step(delivery, what, by, {}, detail)], now)
    deliveries.delete(conn, delivery.package_id)
    replanning.send_back(conn, documents, delivery.package_id, reason, now, by)


def _step(
    delivery: Delivery, what: str, by: str, changes: dict[str, Any], detail: dict[str, Any]
) -> Step:
    return Step(delivery.package_id, what, by, delivery.fc_code, changes=changes, detail=detail)


def _locked(conn: Connection[Any], package_id: UUID) -> tuple[Package, Delivery | None]:
    """The package, locked until the transaction ends, and its delivery. Raises NotFound."""
    package = packages.lock(conn, package_id)
    if package is None:
        raise NotFound("package", package_id)
    return package, deliveries.of_package(conn, package_id)


def _outcome(conn: Connection[Any], package_id: UUID) -> Outcome:
    package = packages.by_id(conn, package_id)
    assert package is not None, "packages are not deleted"
    delivery = deliveries.of_package(conn, package_id)
    return Outcome(
        package_id=package_id,
        status=package.status,
        attempt=delivery.attempt if delivery else None,
        expected_on=delivery.expected_on if delivery else None,
    )


def sale_recorded(sale: Sale, now: datetime) -> SaleRecorded:
    """The event of a sale, or of one that is taken off again."""
    return SaleRecorded(
        occurred_at=now,
        sale_id=sale.sale_id,
        order_id=sale.order_id,
        sku=sale.sku,
        seller_id=sale.seller_id,
        fc_code=sale.fc_code,
        quantity=sale.quantity,
        amount_paise=sale.amount_paise,
    )


def listed(
    conn: Connection[Any],
    fc_codes: Sequence[str] | None,
    status: DeliveryStatus | None,
    after: tuple[str, str, UUID] | None,
    limit: int,
) -> Sequence[Delivery]:
    """Of some FCs, or of any, after the sort key (fc_code, status, package_id)."""
    return deliveries.listed(conn, fc_codes, status, after, limit)
