"""Reserving stock for orders, giving it back, and correcting it."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid5

from psycopg import Connection, Rollback
from pymongo.database import Database

from online_kart import metrics
from online_kart.crashpoints import crashpoint
from online_kart.domain.errors import (
    NoRoute,
    NotFound,
    NotServed,
    OutOfStock,
    ReservationExpired,
    StockAlreadyReleased,
)
from online_kart.domain.principals import Principal
from online_kart.domain.sourcing import (
    OrderToServe,
    ReservationRequest,
    Sourcing,
    refuse_if_short,
    wanted_by,
)
from online_kart.domain.stock import (
    AdjustStock,
    Cause,
    LedgerEntry,
    Offer,
    StockChange,
    StockFilter,
    StockLevel,
)
from online_kart.inventory_db import (
    packages,
    reservation_requests as requests,
    reservations,
    stock,
)
from online_kart.messaging import idempotency, inbox
from online_kart.messaging.consumer import Envelope
from online_kart.messaging.idempotency import Answer, Keyed
from online_kart.one_by_one import one_by_one
from online_kart.planning.routes import Routes
from online_kart.postgres import retrying

from . import deliveries, reservation_requests
from .sourcing import RESERVE, Chosen, FreeUnits, choose, free_units

logger = logging.getLogger(__name__)

Documents = Database[dict[str, Any]]

CONFIRM = "confirm_reservations"
"""The consumer that hands over what needs no line haul."""

OPTIMISTIC_ATTEMPTS_MAX = 3


# Reserving


class TurnTaken(Exception):
    """Another reserves of the offer at this moment."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer


def reserve_stock(
    conn: Connection[Any],
    routes: Routes,
    order: OrderToServe,
    hold_until: datetime,
    now: datetime,
) -> Sourcing:
    """Hold every line of the order, or none, and say why in these FCs. A repeat answers as the first time did.

    Orders that want an offer at the same time are held together (`reservation_requests`). Raises OutOfStock, NoRoute,
    NotServed; StockAlreadyReleased or ReservationExpired where it comes too late.
    """
    try:
        sourcing = _reserve_at_last(conn, routes, ReservationRequest(order, hold_until), now)
    except (OutOfStock, NoRoute, NotServed) as refused:
        metrics.put({"reservations_refused": (1, "Count")}, reason=type(refused).__name__)
        raise
    crashpoint("reserve_stock.committed")
    return sourcing


def _reserve_at_last(
    conn: Connection[Any], routes: Routes, request: ReservationRequest, now: datetime
) -> Sourcing:
    for _ in range(OPTIMISTIC_ATTEMPTS_MAX):
        sourcing = _reserve(conn, routes, request, now)
        if sourcing:
            return sourcing
    # Others were faster each time. Now they wait: what is read is what can be held.
    return retrying(lambda: _reserve_locked(conn, routes, request, now))


def _reserve(
    conn: Connection[Any], routes: Routes, request: ReservationRequest, now: datetime
) -> Sourcing | None:
    """None where others were faster: then look again."""
    order = request.order
    free = free_units(stock.levels(conn, wanted_by(order.lines)))
    try:
        return _reserve_of(conn, routes, request, free, now)
    except (OutOfStock, NoRoute, NotServed):
        earlier = _answer(conn, order.order_id)
        if not earlier:
            raise
        return earlier  # a repeat: what it holds is not free any more


def _reserve_of(
    conn: Connection[Any],
    routes: Routes,
    request: ReservationRequest,
    free: FreeUnits,
    now: datetime,
) -> Sourcing | None:
    """Alone, or in the turn of an offer that others want as well."""
    wanted = wanted_by(request.order.lines)
    refuse_if_short(wanted, free.values())
    offer = requests.contended(conn, wanted)
    if not offer:
        chosen = choose(routes, request, free)
        try:
            return retrying(lambda: _reserve_alone(conn, request.order, chosen, now))
        except TurnTaken as taken:
            offer = taken.offer
    return _reserve_in_turn(conn, routes, offer, request, now)


def _reserve_alone(
    conn: Connection[Any], order: OrderToServe, chosen: Chosen, now: datetime
) -> Sourcing | None:
    """None where an FC has less by now. Raises TurnTaken."""
    with conn.transaction() as attempt:
        taken = requests.take_turns(conn, wanted_by(order.lines))
        if taken:
            raise TurnTaken(taken)
        if not inbox.first_time(conn, RESERVE, order.order_id, now):
            return _answer(conn, order.order_id)
        if not reservation_requests.hold(conn, {order.order_id: chosen}, now):
            raise Rollback(attempt)
        crashpoint("reserve_stock.held")
        return chosen.sourcing
    return None


def _reserve_in_turn(
    conn: Connection[Any], routes: Routes, offer: Offer, request: ReservationRequest, now: datetime
) -> Sourcing | None:
    earlier = _answer(conn, request.order.order_id)
    if earlier:
        return earlier
    reservation_requests.ask_and_wait(conn, routes, offer, request, now)
    return _answer(conn, request.order.order_id)


def _reserve_locked(
    conn: Connection[Any], routes: Routes, request: ReservationRequest, now: datetime
) -> Sourcing:
    order = request.order
    with conn.transaction():
        if not inbox.first_time(conn, RESERVE, order.order_id, now):
            earlier = _answer(conn, order.order_id)
            assert earlier, "Its answer was written with it."
            return earlier
        levels = stock.lock_levels(conn, wanted_by(order.lines))
        chosen = choose(routes, request, free_units(levels))
        held = reservation_requests.hold(conn, {order.order_id: chosen}, now)
        assert held, "Locked rows do not change."
    return chosen.sourcing


def _answer(conn: Connection[Any], order_id: UUID) -> Sourcing | None:
    """What the order was answered before, None if it was not. Raises StockAlreadyReleased, ReservationExpired."""
    answer = inbox.answer(conn, RESERVE, order_id)
    if answer is None:
        return None
    refuse_if_over(order_id, answer)
    return Sourcing.model_validate(answer)


def refuse_if_over(order_id: UUID, answer: Mapping[str, Any]) -> None:
    """Raises StockAlreadyReleased or ReservationExpired where the order's stock was given back."""
    if answer.get("over") == "expired":
        raise ReservationExpired(order_id)
    if answer.get("over"):
        raise StockAlreadyReleased(order_id)


def confirm_reservations(
    conn: Connection[Any], documents: Documents, envelope: Envelope, now: datetime
) -> None:
    """An order was confirmed: what it holds has no deadline any more. A repeat changes nothing.

    A package whose own FC serves the pincode needs no line haul: it goes out for delivery.
    """
    order_id = UUID(envelope.detail["order_id"])
    with conn.transaction():
        if inbox.first_time(conn, CONFIRM, envelope.id, now):
            _confirm(conn, documents, order_id, now)
            crashpoint("confirm_reservations.written")


def _confirm(conn: Connection[Any], documents: Documents, order_id: UUID, now: datetime) -> bool:
    """In the caller's transaction."""
    for package in packages.lock_of_order(conn, order_id):
        if package.status == "planned" and package.is_at_its_end:
            deliveries.hand_over(conn, documents, package, CONFIRM, now)
    reservations.confirm(conn, order_id, now)
    if any(each.status == "released" for each in reservations.of_order(conn, order_id)):
        # Cancelled a moment after, or a fault that the reconciliation reports as well.
        logger.warning("A confirmed order holds no stock", extra={"order_id": str(order_id)})
    return True


def confirm_unheard(conn: Connection[Any], documents: Documents, now: datetime, limit: int) -> int:
    """Confirm what is held past its deadline though its order was confirmed: the event got lost. How many orders."""

    def confirm(order_id: UUID) -> bool:
        with conn.transaction():
            confirmed = _confirm(conn, documents, order_id, now)
            crashpoint("confirm_unheard.written")
        crashpoint("confirm_unheard.committed")
        return confirmed

    return one_by_one(
        reservations.confirmed_orders(conn, now, limit),
        lambda order_id: retrying(lambda: confirm(order_id)),
    )


def release_stock(conn: Connection[Any], order_id: UUID, now: datetime) -> int:
    """Give back what the order holds and what has not left. How many reservations. A repeat changes nothing.

    Also undoes a reservation that never ran: one that comes late is refused.
    """
    count = retrying(lambda: _release(conn, order_id, now))
    crashpoint("release_stock.committed")
    return count


def _release(conn: Connection[Any], order_id: UUID, now: datetime) -> int:
    with conn.transaction():
        reserve_no_more(conn, order_id, "released", now)
        released = reservations.release(conn, order_id, now, "release_stock")
        crashpoint("release_stock.written")
        return len(released)


def reserve_no_more(
    conn: Connection[Any], order_id: UUID, why: Literal["released", "expired"], now: datetime
) -> None:
    """Waits for a reservation that is under way, and refuses one that comes later. In the caller's transaction."""
    inbox.first_time(conn, RESERVE, order_id, now)
    inbox.remember(conn, RESERVE, order_id, {"over": why})


# Reading and correcting


def levels_of_fc(
    conn: Connection[Any],
    fc_code: str,
    of: StockFilter,
    after: tuple[str, UUID] | None,
    limit: int,
) -> list[StockLevel]:
    """After the sort key (sku, seller_id). Raises NotFound."""
    _refuse_unknown_fc(conn, fc_code)
    return stock.of_fc(conn, fc_code, after, limit, of)


def ledger_of_fc(
    conn: Connection[Any],
    fc_code: str,
    of: StockFilter,
    cause: Cause | None,
    before: int | None,
    limit: int,
) -> list[LedgerEntry]:
    """The newest first, before an entry's id. Raises NotFound."""
    _refuse_unknown_fc(conn, fc_code)
    return stock.ledger_of_fc(conn, fc_code, before, limit, of, cause)


def _refuse_unknown_fc(conn: Connection[Any], fc_code: str) -> None:
    if not stock.has_fc(conn, fc_code):
        raise NotFound("fulfillment center", fc_code)


def adjust_stock(
    conn: Connection[Any],
    by: Principal,
    fc_code: str,
    command: AdjustStock,
    keyed: Keyed,
    now: datetime,
) -> Answer:
    """Correct what is on hand, with a reason. The same key and request get the same answer.

    Raises NotFound, StockTooLow (fewer units are free than it takes away), InvalidRequest (another request's key),
    NotYourFacility.
    """
    by.require_facility(fc_code)
    return retrying(lambda: _adjust(conn, by, fc_code, command, keyed, now))


def _adjust(
    conn: Connection[Any],
    by: Principal,
    fc_code: str,
    command: AdjustStock,
    keyed: Keyed,
    now: datetime,
) -> Answer:
    with conn.transaction():
        earlier = idempotency.earlier_answer(conn, keyed)
        if earlier:
            return earlier
        _refuse_unknown_fc(conn, fc_code)
        reference = str(uuid5(ADJUSTMENTS, f"{keyed.principal} {keyed.key}"))
        change = StockChange(fc_code, command.sku, command.seller_id, command.change, 0, reference)
        stock.adjust(conn, change, command.reason, by.name, now)
        level = stock.level(conn, fc_code, Offer(command.sku, command.seller_id))
        assert level is not None
        answer = Answer(201, {}, level.model_dump_json())
        idempotency.keep(conn, keyed, answer, now)
        crashpoint("adjust_stock.written")
    crashpoint("adjust_stock.committed")
    return answer


ADJUSTMENTS = UUID("6d0a4f0e-7a55-4c56-9a6b-5a3f5f4e0c11")
"""The namespace in which an Idempotency-Key names an adjustment."""
