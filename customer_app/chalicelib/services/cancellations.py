"""Cancelling orders: the customer's wish, and how it ends. The order's row decides (see `orders`)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.customer_db import orders, payments, returns
from online_kart.domain.errors import OrderStatusConflict
from online_kart.domain.events import CancellationRefused, CancellationRequested, OrderCancelled
from online_kart.domain.orders import Order, OrderStatus, may_become, outcome_id
from online_kart.domain.principals import Principal
from online_kart.messaging import outbox

from .orders import by_id, finish_if_over, locked, tell_outcome_again


def request(conn: Connection[Any], by: Principal, order_id: UUID, now: datetime) -> Order:
    """The order becomes `cancelling`; a repeat changes nothing. Raises OrderStatusConflict; NotFound, also for another's."""
    with conn.transaction():
        order = locked(conn, order_id)
        by.require_own("order", order.customer_id, order_id)
        if order.status not in ("cancelling", "cancelled"):
            if not may_become(order.status, "cancelling"):
                raise OrderStatusConflict(order_id, order.status, "cancelled")
            if "delivered" in orders.package_statuses(conn, order_id):
                raise OrderStatusConflict(order_id, "partly delivered", "cancelled")
            # The whole would be refunded, and a part again.
            if returns.of_order(conn, order_id, None, 1):
                raise OrderStatusConflict(order_id, "partly returned", "cancelled")
            version = orders.set_status(conn, order_id, "cancelling", now)
            revision = orders.run_revision(conn, order_id)
            outbox.append(
                conn,
                CancellationRequested(
                    occurred_at=now,
                    by=by.name,
                    order_id=order_id,
                    version=version,
                    revision=revision,
                ),
            )
        crashpoint("request_cancellation.written")
    crashpoint("request_cancellation.committed")
    return by_id(conn, order_id)


def begin(conn: Connection[Any], order_id: UUID) -> OrderStatus:
    """What the order's status is now: the machine goes on only where it is `cancelling`. Raises NotFound.

    One that is cancelled already is told of again.
    """
    order = by_id(conn, order_id)
    if order.status == "cancelled":
        tell_outcome_again(conn, order)
    return order.status


def finish(conn: Connection[Any], order_id: UUID, now: datetime) -> int:
    """The order is cancelled; answers the paise that are refunded, once. A repeat changes nothing. Raises NotFound.

    Cash on delivery: nothing was paid, nothing is refunded. The provider is told by `payments.settle`.
    """
    with conn.transaction():
        order = locked(conn, order_id)
        if order.status == "cancelled":
            return _refund_paise(conn, order_id)
        if not may_become(order.status, "cancelled"):
            raise OrderStatusConflict(order_id, order.status, "cancelled")
        version = orders.set_status(conn, order_id, "cancelled", now)
        payments.want_released(conn, order_id, now)
        refund_paise = _refund_paise(conn, order_id)
        outbox.append(
            conn,
            OrderCancelled(
                event_id=outcome_id(order_id, "OrderCancelled"),
                occurred_at=now,
                by="finish_cancellation",
                order_id=order_id,
                version=version,
                refund_paise=refund_paise,
            ),
        )
        crashpoint("finish_cancellation.written")
    crashpoint("finish_cancellation.committed")
    return refund_paise


def _refund_paise(conn: Connection[Any], order_id: UUID) -> int:
    payment = payments.of_order(conn, order_id)
    return payment.refund_paise if payment else 0


def refuse(conn: Connection[Any], order_id: UUID, now: datetime) -> OrderStatus:
    """A package was delivered before it could be recalled: the order goes on. Its status then. Raises NotFound.

    The one way out of `cancelling` but `cancelled`, and this machine's alone: a late `confirm_order` must not take it.
    """
    with conn.transaction():
        order = locked(conn, order_id)
        if order.status == "cancelling":
            version = orders.set_status(conn, order_id, "confirmed", now)
            orders.raise_run_revision(conn, order_id)  # whoever asks again asks for another run
            outbox.append(conn, _refused(order_id, version, now))
            finish_if_over(conn, order_id, REFUSE, now)
        crashpoint("refuse_cancellation.written")
    crashpoint("refuse_cancellation.committed")
    return by_id(conn, order_id).status


REFUSE = "refuse_cancellation"
"""The step that finds that it is too late."""


def _refused(order_id: UUID, version: int, now: datetime) -> CancellationRefused:
    return CancellationRefused(occurred_at=now, by=REFUSE, order_id=order_id, version=version)
