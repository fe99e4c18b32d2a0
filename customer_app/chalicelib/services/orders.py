"""Placing, confirming and rejecting orders, and following their packages.

The order's row is where an order is decided: whoever changes its status first has decided, under the row's lock. So the
steps of the state machines may run twice, late, or at the same time, and the order still has one outcome.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from pymongo.database import Database

from online_kart import metrics
from online_kart.alarms import raise_alarm
from online_kart.crashpoints import crashpoint
from online_kart.customer_db import addresses, orders, payments
from online_kart.documents import package_paths
from online_kart.domain.errors import (
    InvalidRequest,
    NotFound,
    OrderStatusConflict,
    PaymentDeclined,
)
from online_kart.domain.events import (
    CancellationRequested,
    EventLine,
    OrderConfirmed,
    OrderFinished,
    OrderPlaced,
    OrderRejected,
    OrderReopened,
    PackageChanged,
)
from online_kart.domain.orders import (
    ON_ITS_WAY,
    TOLD_BY,
    Order,
    PlaceOrder,
    is_over,
    may_become,
    outcome_id,
    package_of,
    why_rejected,
)
from online_kart.domain.principals import Principal
from online_kart.messaging import idempotency, inbox, outbox
from online_kart.messaging.consumer import Envelope
from online_kart.messaging.idempotency import Answer, Keyed

from . import customers
from .lines import priced

Documents = Database[dict[str, Any]]


def place_order(
    conn: Connection[Any], by: Principal, command: PlaceOrder, keyed: Keyed, now: datetime
) -> Answer:
    """The order in status `placed`, with its event. The same request again gets the same answer, byte for byte.

    Raises NotFound (customer or address), NotOffered, InvalidRequest (the order is too large, or the key came with
    another request, or so long ago that its answer is forgotten).
    """
    by.require_own("customer", command.customer_id)
    with conn.transaction():
        earlier = idempotency.earlier_answer(conn, keyed)
        if earlier:
            return earlier
        order = _new_order(conn, command, now)
        if not orders.insert(conn, order, keyed.key):  # its answer is forgotten by now
            raise InvalidRequest(
                "This Idempotency-Key has made an order before.",
                "Idempotency-Key",
                "a new key for a new order",
            )
        if order.payment == "prepaid":
            payments.insert(conn, order.order_id, order.total_paise, now)
        outbox.append(conn, _order_placed(order, by.name, revision=1, now=now))
        answer = Answer(202, {"Location": f"/orders/{order.order_id}"}, order.model_dump_json())
        idempotency.keep(conn, keyed, answer, now)
        crashpoint("place_order.written")
    crashpoint("place_order.committed")
    _count("placed")
    return answer


def _new_order(conn: Connection[Any], command: PlaceOrder, now: datetime) -> Order:
    address = addresses.by_id(conn, command.customer_id, command.address_id)
    if address is None:
        raise NotFound("address of this customer", command.address_id)
    cart = priced(conn, command.lines)
    return Order(
        order_id=uuid4(),
        customer_id=command.customer_id,
        address_id=address.address_id,
        to_pincode=address.pincode,
        status="placed",
        payment=command.payment,
        total_paise=cart.total_paise,
        promise_date=None,
        rejection=None,
        sourcing=None,
        deliver_to=address.postal,
        version=1,
        placed_at=now,
        updated_at=now,
        lines=cart.lines,
    )


def _order_placed(order: Order, by: str, revision: int, now: datetime) -> OrderPlaced:
    return OrderPlaced(
        occurred_at=now,
        order_id=order.order_id,
        to_pincode=order.to_pincode,
        by=by,
        version=order.version,
        placed_at=order.placed_at,
        lines=tuple(EventLine(**line.model_dump(exclude={"item_name"})) for line in order.lines),
        revision=revision,
    )


def by_id(conn: Connection[Any], order_id: UUID) -> Order:
    """Raises NotFound."""
    order = orders.by_id(conn, order_id)
    if order is None:
        raise NotFound("order", order_id)
    return order


def shown(conn: Connection[Any], by: Principal, order_id: UUID) -> Order:
    """As `by_id`, for people. Raises NotFound, also for another's."""
    order = by_id(conn, order_id)
    by.require_own("order", order.customer_id, order_id)
    return order


def of_customer(
    conn: Connection[Any],
    by: Principal,
    customer_id: UUID,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Order]:
    """The newest first. Raises NotFound where there is no such customer."""
    customers.by_id(conn, by, customer_id)
    return orders.of_customer(conn, customer_id, after, limit)


def locked(conn: Connection[Any], order_id: UUID) -> Order:
    """Without lines and packages, until the transaction ends. Raises NotFound."""
    order = orders.lock(conn, order_id)
    if order is None:
        raise NotFound("order", order_id)
    return order


def confirm_order(
    conn: Connection[Any],
    documents: Documents,
    order_id: UUID,
    package_ids: Sequence[UUID],
    promise_date: date,
    sourcing: dict[str, Any] | None,
    now: datetime,
) -> None:
    """The order's packages and promise. A repeat changes nothing, but tells again.

    Raises OrderStatusConflict, NotFound, and PaymentDeclined where what a prepaid order costs was not set aside.

    Packages are read from their paths (D3), which were written before this was called. They are read under the order's
    lock: what `track_package` heard of a package and could not note, because it came earlier, is in its path by then.
    """
    with conn.transaction():
        order = locked(conn, order_id)
        if order.status in ("confirmed", "finished"):
            tell_outcome_again(conn, order)
            return
        if not may_become(order.status, "confirmed"):
            raise OrderStatusConflict(order_id, order.status, "confirmed")
        if order.payment == "prepaid" and not payments.want_captured(conn, order_id, now):
            raise PaymentDeclined(order_id)
        paths = package_paths.by_ids(documents, package_ids)
        if len(paths) != len(set(package_ids)):
            raise NotFound("path of a package of order", order_id)
        for path in paths:
            orders.insert_package(conn, order_id, package_of(path), now)
        version = orders.set_status(
            conn, order_id, "confirmed", now, promise_date=promise_date, sourcing=sourcing
        )
        outbox.append(
            conn,
            OrderConfirmed(
                event_id=outcome_id(order_id, "OrderConfirmed"),
                occurred_at=now,
                order_id=order_id,
                by="confirm_order",
                version=version,
                promise_date=promise_date,
                package_ids=tuple(package_ids),
            ),
        )
        finish_if_over(conn, order_id, "confirm_order", now)
        crashpoint("confirm_order.written")
    crashpoint("confirm_order.committed")
    _count("confirmed")


def _count(outcome: str) -> None:
    """One more order, as a metric. A repeat has returned before."""
    metrics.put({"orders": (1, "Count")}, outcome=outcome)


def tell_outcome_again(conn: Connection[Any], order: Order) -> None:
    """A run that comes again was thought lost: who waits for its outcome has not heard of it."""
    if order.status in TOLD_BY:
        outbox.send_again(conn, outcome_id(order.order_id, TOLD_BY[order.status]))
        crashpoint("tell_outcome_again.written")


def finish_if_over(conn: Connection[Any], order_id: UUID, by: str, now: datetime) -> None:
    """A confirmed order whose packages are all at their end is finished. The caller has locked it."""
    if is_over(orders.package_statuses(conn, order_id)):
        version = orders.set_status(conn, order_id, "finished", now)
        outbox.append(
            conn, OrderFinished(occurred_at=now, by=by, order_id=order_id, version=version)
        )


def reject_order(
    conn: Connection[Any], order_id: UUID, error: str, cause: str, now: datetime
) -> bool:
    """Decide that a placed order can't be served. True where it is rejected, now or before.

    False where it is not this run's to undo: the order was confirmed (by a run whose answer got lost), or its customer
    cancelled it meanwhile (what that run takes back, this one can't take again). Raises NotFound.
    """
    with conn.transaction():
        order = locked(conn, order_id)
        if not may_become(order.status, "rejected"):
            tell_outcome_again(conn, order)
            return order.status == "rejected"
        lines = orders.lines_of(conn, order_id)
        rejection = why_rejected(error, message_of(cause) or error, lines)
        version = orders.set_status(conn, order_id, "rejected", now, rejection=rejection)
        payments.want_released(conn, order_id, now)
        outbox.append(
            conn,
            OrderRejected(
                event_id=outcome_id(order_id, "OrderRejected"),
                occurred_at=now,
                by="reject_order",
                version=version,
                order_id=order_id,
                **dict(rejection),
            ),
        )
        crashpoint("reject_order.written")
    crashpoint("reject_order.committed")
    _count("rejected")
    return True


def message_of(cause: str) -> str:
    """Lambda tells a cause as JSON with `errorMessage`; the engine itself as plain text."""
    try:
        parsed = json.loads(cause)
    except ValueError:
        return cause
    return str(parsed.get("errorMessage", cause)) if isinstance(parsed, Mapping) else cause


def track_package(conn: Connection[Any], envelope: Envelope, now: datetime) -> None:
    """Take a package's new status into C5; the last one at its end finishes the order.

    A package that is not known here yet is no loss: confirming the order reads its path (D3), which is as new as any
    event told before.
    """
    event = PackageChanged.read(envelope.detail)
    with conn.transaction():
        if not inbox.first_time(conn, "track_packages", envelope.id, now):
            return
        order = orders.lock(conn, event.order_id)
        if order is None:
            raise InvalidRequest(f"Package {event.package_id} is of an unknown order.")
        is_news = orders.set_package_status(
            conn, event.package_id, event.status, event.version, event.occurred_at, now
        )
        if is_news and order.status == "finished" and event.status in ON_ITS_WAY:
            _reopen(conn, event, now)
        if order.status == "confirmed":
            finish_if_over(conn, event.order_id, "track_packages", now)
        crashpoint("track_package.written")


def _reopen(conn: Connection[Any], event: PackageChanged, now: datetime) -> None:
    """A package that was lost has turned up: its order is finished when that is at its end. The caller has locked it."""
    version = orders.set_status(conn, event.order_id, "confirmed", now)
    outbox.append(
        conn,
        OrderReopened(
            occurred_at=now,
            by="track_packages",
            order_id=event.order_id,
            version=version,
            package_id=event.package_id,
        ),
    )


def sweep(conn: Connection[Any], stuck_before: datetime, limit: int, now: datetime) -> int:
    """Tell again of orders that were neither served nor cancelled in time. How many."""
    with conn.transaction():
        stuck = orders.take_stuck(conn, stuck_before, limit, now)
        for order_id, revision in stuck:
            order = by_id(conn, order_id)
            raise_alarm("OrderStuck", order_id=order_id, status=order.status, revision=revision)
            if order.status == "placed":
                outbox.append(
                    conn, _order_placed(order, f"customer {order.customer_id}", revision, now)
                )
            else:
                outbox.append(
                    conn,
                    CancellationRequested(
                        occurred_at=now,
                        by="sweep_orders",
                        order_id=order_id,
                        version=order.version,
                        revision=revision,
                    ),
                )
        crashpoint("sweep_orders.written")
    crashpoint("sweep_orders.committed")
    return len(stuck)
