"""Sending a delivered package back: the customer's wish, how far it is, and the money.

The provider is asked outside of any transaction, by the return's id: whatever dies, `settle` asks again, and the provider
knows a repeat.
"""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.customer_db import orders, returns
from online_kart.domain.errors import NotFound, PaymentDeclined
from online_kart.domain.events import (
    ReturnCancelled,
    ReturnPlanned,
    ReturnReceived,
    ReturnRequested,
    ReturnSettled,
)
from online_kart.domain.payments import PaymentProvider
from online_kart.domain.principals import Principal
from online_kart.domain.returns import (
    DeliveredPackage,
    RequestReturn,
    Return,
    ReturnStatus,
    refund_of,
    refuse_return,
    return_id_of,
    units_to_return,
)
from online_kart.messaging import inbox, outbox
from online_kart.messaging.consumer import Envelope
from online_kart.one_by_one import one_by_one

from .orders import by_id as order_by_id, locked, shown as shown_order

logger = logging.getLogger(__name__)

TRACK = "track_returns"


def request(
    conn: Connection[Any], by: Principal, order_id: UUID, command: RequestReturn, now: datetime
) -> Return:
    """Who asks for all that is left, where nothing is, is told of the package's last return: a repeat changes nothing.

    Raises ReturnRefused; NotFound where it is no package of the order, or another's.
    """
    with conn.transaction():
        order = locked(conn, order_id)
        by.require_own("order", order.customer_id, order_id)
        delivered = _package_of(conn, order_id, command.package_id)
        left = returns.left_of(conn, command.package_id)
        count = returns.count_of(conn, command.package_id)
        if count and command.lines is None and not any(left.values()):
            return by_id(conn, order_id, return_id_of(command.package_id, count))
        refuse_return(order.status, delivered, now)
        units = units_to_return(command.package_id, left, command.lines)
        wanted = Return(
            return_id=return_id_of(command.package_id, count + 1),
            order_id=order_id,
            package_id=command.package_id,
            reason=command.reason,
            status="requested",
            refund_paise=refund_of(units, orders.lines_of(conn, order_id)),
            requested_at=now,
            updated_at=now,
            lines=units,
        )
        returns.insert(conn, wanted)
        outbox.append(conn, _requested(wanted, by.name, now))
        crashpoint("request_return.written")
    crashpoint("request_return.committed")
    return wanted


def _package_of(conn: Connection[Any], order_id: UUID, package_id: UUID) -> DeliveredPackage:
    """Raises NotFound."""
    for package in orders.packages_of(conn, order_id):
        if package.package_id == package_id:
            return DeliveredPackage(package, orders.delivered_at(conn, package_id))
    raise NotFound("package of this order", package_id)


def _requested(wanted: Return, by: str, now: datetime) -> ReturnRequested:
    return ReturnRequested(
        occurred_at=now,
        by=by,
        return_id=wanted.return_id,
        order_id=wanted.order_id,
        package_id=wanted.package_id,
        reason=wanted.reason,
        lines=wanted.lines,
    )


def of_order(
    conn: Connection[Any], by: Principal, order_id: UUID, after: UUID | None, limit: int
) -> list[Return]:
    """Raises NotFound where there is no such order, or it is another's."""
    shown_order(conn, by, order_id)
    return returns.of_order(conn, order_id, after, limit)


def listed(
    conn: Connection[Any], status: ReturnStatus, after: tuple[datetime, UUID] | None, limit: int
) -> list[Return]:
    """Of all customers, the longest waiting first, after the sort key (requested_at, return_id)."""
    return returns.listed(conn, status, after, limit)


def by_id(conn: Connection[Any], order_id: UUID, return_id: UUID) -> Return:
    """Raises NotFound where the order has no such return."""
    found = returns.by_id(conn, return_id)
    if found is None or found.order_id != order_id:
        raise NotFound("return of this order", return_id)
    return found


def shown(conn: Connection[Any], by: Principal, order_id: UUID, return_id: UUID) -> Return:
    """As `by_id`, for people. Raises NotFound, also for another's."""
    shown_order(conn, by, order_id)
    return by_id(conn, order_id, return_id)


def track(conn: Connection[Any], envelope: Envelope, now: datetime) -> None:
    """Take what an FC tells of a return. In whatever order: one that was received stays so."""
    with conn.transaction():
        if not inbox.first_time(conn, TRACK, envelope.id, now):
            return
        match envelope.type:
            case "ReturnPlanned":
                planned = ReturnPlanned.read(envelope.detail)
                returns.plan(conn, planned.return_id, planned.pickup_on, now)
            case "ReturnReceived":
                _receive(conn, ReturnReceived.read(envelope.detail), now)
            case "ReturnCancelled":
                cancelled = ReturnCancelled.read(envelope.detail)
                returns.cancel(conn, cancelled.return_id, cancelled.reason, now)
            case other:
                raise ValueError(f"{TRACK} does not know the event {other}")
        crashpoint("track_return.written")


def _receive(conn: Connection[Any], event: ReturnReceived, now: datetime) -> None:
    """What was paid on delivery is owed from now on; what was prepaid is to be refunded by the provider."""
    known = returns.lock(conn, event.return_id)
    if known is None:
        raise NotFound("return", event.return_id)
    if known.received_at:
        return
    is_prepaid = order_by_id(conn, known.order_id).payment == "prepaid"
    status: ReturnStatus = "received" if is_prepaid else "owed"
    returns.set_received(conn, known.return_id, status, event.occurred_at, now)
    if not is_prepaid:
        outbox.append(conn, _settled(known, "owed", TRACK, now))


def _settled(known: Return, status: ReturnStatus, by: str, now: datetime) -> ReturnSettled:
    return ReturnSettled(
        occurred_at=now,
        by=by,
        return_id=known.return_id,
        order_id=known.order_id,
        package_id=known.package_id,
        outcome=status,
        refund_paise=known.refund_paise,
    )


def settle(conn: Connection[Any], provider: PaymentProvider, limit: int, now: datetime) -> int:
    """Refund what came back and was prepaid. How many; safe to run twice and at once."""
    return one_by_one(
        returns.to_refund(conn, limit), lambda known: _settle(conn, provider, known, now)
    )


def _settle(conn: Connection[Any], provider: PaymentProvider, known: Return, now: datetime) -> bool:
    try:
        provider.refund(known.order_id, known.return_id, known.refund_paise)
    except PaymentDeclined:
        # It is not captured yet; or the provider can't, and a person has to ask why.
        logger.warning("A return can't be refunded", extra={"return_id": str(known.return_id)})
        returns.put_back(conn, known.return_id, now)
        return False
    with conn.transaction():
        if returns.set_refunded(conn, known.return_id, now):
            outbox.append(conn, _settled(known, "refunded", "refund_returns", now))
    return True
