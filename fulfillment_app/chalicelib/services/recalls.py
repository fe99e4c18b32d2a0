"""Taking packages back: of an order that is not confirmed after all, of one that is cancelled, of a hold that expired.

What has not left is cancelled; what has returns to its FC. An order's packages that were called back are never planned
later. Locks: the inbox's rows of the order (`reserve_stock`, then `plan_packages`), the network (to read), packages,
batches, reservations, stock.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, Rollback
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.domain.errors import OrderAlreadyDelivered
from online_kart.domain.events import PackageStatus
from online_kart.domain.packages import Package
from online_kart.inventory_db import deliveries, facilities, packages as package_rows, reservations
from online_kart.messaging import inbox
from online_kart.one_by_one import one_by_one
from online_kart.postgres import retrying

from . import batches, packages, stock
from .package_events import Step, record
from .replanning import send_back

Documents = Database[dict[str, Any]]

CALLED_BACK: frozenset[PackageStatus] = frozenset({"planned", "in_transit", "out_for_delivery"})
"""What can still be taken back; a delivered package can't, the others are back or on their way."""


CALLED_BACK_BY: Mapping[str, str] = {
    "rejected": "discard_packages",
    "cancelled": "recall_packages",
    "expired": "sweep_reservations",
}
"""Why a package is taken back → the step or job that does it."""


def discard_packages(
    conn: Connection[Any],
    documents: Documents,
    order_id: UUID,
    now: datetime,
) -> int:
    """Undo `plan_packages`. How many packages it changed. A repeat changes nothing.

    Also where that never ran: planning that comes late is refused. A package that has left already returns.
    """
    count = retrying(lambda: _call_back_all(conn, documents, order_id, "rejected", now))
    crashpoint("discard_packages.committed")
    return count


def recall_packages(
    conn: Connection[Any],
    documents: Documents,
    order_id: UUID,
    now: datetime,
) -> int:
    """Take the order's packages back: those not left are cancelled, the others return. How many it changed.

    A repeat changes nothing. Raises OrderAlreadyDelivered, and then changes nothing either.
    """
    count = retrying(lambda: _call_back_all(conn, documents, order_id, "cancelled", now))
    crashpoint("recall_packages.committed")
    return count


def _call_back_all(
    conn: Connection[Any],
    documents: Documents,
    order_id: UUID,
    reason: str,
    now: datetime,
) -> int:
    with conn.transaction():
        _plan_no_more(conn, order_id, reason, now)
        facilities.lock_network_to_read(conn)
        rows = package_rows.lock_of_order(conn, order_id)
        if any(package.status == "delivered" for package in rows):
            raise OrderAlreadyDelivered(order_id)
        live = [package for package in rows if package.status in CALLED_BACK]
        for package in live:
            _call_back(conn, documents, package, reason, now)
        crashpoint("call_back_packages.written")
    return len(live)


def _plan_no_more(conn: Connection[Any], order_id: UUID, reason: str, now: datetime) -> None:
    """Waits for a planning that is under way, and refuses one that comes later."""
    inbox.first_time(conn, packages.PLAN, order_id, now)
    inbox.remember(conn, packages.PLAN, order_id, {"over": reason})


def _call_back(
    conn: Connection[Any],
    documents: Documents,
    package: Package,
    reason: str,
    now: datetime,
) -> None:
    if package.status == "planned" and batches.unload(conn, package.package_id):
        step = Step(
            package.package_id,
            "cancelled",
            CALLED_BACK_BY[reason],
            package.at_facility,
            {"status": "cancelled"},
            detail={"reason": reason},
        )
        record(conn, documents, [step], now)
        return
    deliveries.delete(conn, package.package_id)
    send_back(conn, documents, package.package_id, reason, now, CALLED_BACK_BY[reason])


def release_expired(conn: Connection[Any], documents: Documents, now: datetime, limit: int) -> int:
    """Release stock held past its deadline, with the packages planned of it. How many orders.

    Each order in a transaction of its own, and only if it was not confirmed meanwhile.
    """

    def release(order_id: UUID) -> bool:
        released = retrying(lambda: _release_if_expired(conn, documents, order_id, now))
        crashpoint("release_expired.committed")
        return released

    return one_by_one(reservations.expired_orders(conn, now, limit), release)


def _release_if_expired(
    conn: Connection[Any],
    documents: Documents,
    order_id: UUID,
    now: datetime,
) -> bool:
    with conn.transaction() as attempt:
        stock.reserve_no_more(conn, order_id, "expired", now)
        _plan_no_more(conn, order_id, "expired", now)
        facilities.lock_network_to_read(conn)
        held = package_rows.lock_of_order(conn, order_id)
        if not reservations.lock_expired(conn, order_id, now):
            raise Rollback(attempt)
        for package in held:
            if package.status in CALLED_BACK:
                _call_back(conn, documents, package, "expired", now)
        reservations.release(conn, order_id, now, CALLED_BACK_BY["expired"])
        crashpoint("release_expired.written")
        return True
    return False
