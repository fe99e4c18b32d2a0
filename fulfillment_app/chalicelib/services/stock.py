"""Reserving stock for orders, giving it back, and correcting it."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid5

from psycopg import Connection, Rollback
from pymongo.database import Database

from online_kart.domain.errors import (
    NoRoute,
    NotFound,
    OutOfStock,
    ReservationExpired,
    StockAlreadyReleased,
)
from online_kart.domain.sourcing import (
    Candidate,
    OrderToServe,
    Sourcing,
    SourcingPlan,
    explain,
    plans,
    refuse_if_short,
    wanted_by,
)
from online_kart.domain.stock import (
    AdjustStock,
    LedgerEntry,
    Offer,
    Reservation,
    StockChange,
    StockLevel,
)
from online_kart.inventory_db import packages, reservations, stock
from online_kart.messaging import idempotency, inbox
from online_kart.messaging.consumer import Envelope
from online_kart.messaging.idempotency import Answer, Keyed
from online_kart.one_by_one import one_by_one
from online_kart.postgres import retrying

from . import deliveries, paths
from .routes import Routes

logger = logging.getLogger(__name__)

Documents = Database[dict[str, Any]]

RESERVE = "reserve_stock"
"""The inbox's name of the step. Its answer is the sourcing, or why the step must not run any more."""

CONFIRM = "confirm_reservations"
"""The consumer that hands over what needs no line haul."""

OPTIMISTIC_ATTEMPTS_MAX = 3


# Reserving


def reserve_stock(
    conn: Connection[Any],
    routes: Routes,
    order: OrderToServe,
    hold_until: datetime,
    now: datetime,
) -> Sourcing:
    """Hold every line of the order, or none, and say why in these FCs. A repeat answers as the first time did.

    Raises OutOfStock, NoRoute, NotServed; StockAlreadyReleased or ReservationExpired where it comes too late.
    """
    return retrying(lambda: _reserve(conn, routes, order, hold_until, now))


def _reserve(
    conn: Connection[Any],
    routes: Routes,
    order: OrderToServe,
    hold_until: datetime,
    now: datetime,
) -> Sourcing:
    with conn.transaction():
        if not inbox.first_time(conn, RESERVE, order.order_id, now):
            return _answer(conn, order.order_id)
        for _ in range(OPTIMISTIC_ATTEMPTS_MAX):
            levels = stock.levels(conn, wanted_by(order.lines))
            sourcing = _hold_best(conn, routes, order, levels, hold_until, now)
            if sourcing:
                return sourcing
        # Others were faster each time. Now they wait: what is read is what can be held.
        levels = stock.lock_levels(conn, wanted_by(order.lines))
        sourcing = _hold_best(conn, routes, order, levels, hold_until, now)
        assert sourcing, "Locked rows do not change."
        return sourcing


def _answer(conn: Connection[Any], order_id: UUID) -> Sourcing:
    answer = inbox.answer(conn, RESERVE, order_id)
    refuse_if_over(order_id, answer)
    return Sourcing.model_validate(answer)


def refuse_if_over(order_id: UUID, answer: Mapping[str, Any]) -> None:
    """Raises StockAlreadyReleased or ReservationExpired where the order's stock was given back."""
    if answer.get("over") == "expired":
        raise ReservationExpired(order_id)
    if answer.get("over"):
        raise StockAlreadyReleased(order_id)


def _hold_best(
    conn: Connection[Any],
    routes: Routes,
    order: OrderToServe,
    levels: Sequence[StockLevel],
    hold_until: datetime,
    now: datetime,
) -> Sourcing | None:
    """Hold by the best plan for these levels. None where an FC has less by now: read again, and the next plan is best."""
    candidates = _candidates(routes, order, levels)
    ranked = plans(wanted_by(order.lines), candidates)
    best = next(ranked)
    sourcing = explain(best, ranked, candidates)
    held = _reservations(order, best, hold_until)
    with conn.transaction() as attempt:
        reservations.insert(conn, held, now)
        inbox.remember(conn, RESERVE, order.order_id, sourcing.model_dump(mode="json"))
        if not reservations.reserve(conn, held, now):  # last: its locks are hot
            raise Rollback(attempt)
        return sourcing
    return None


def _candidates(
    routes: Routes, order: OrderToServe, levels: Sequence[StockLevel]
) -> list[Candidate]:
    """FCs with free units and a path to the pincode. Raises OutOfStock, NoRoute, NotServed."""
    free_at: dict[str, dict[Offer, int]] = {}
    for level in levels:
        free_at.setdefault(level.fc_code, {})[level.offer] = level.free
    wanted = wanted_by(order.lines)
    refuse_if_short(wanted, free_at.values())
    found = list(_reachable(routes, order, free_at))
    try:
        refuse_if_short(wanted, (each.free for each in found))
    except OutOfStock as error:
        unreachable = sorted(free_at.keys() - {each.fc_code for each in found})
        raise NoRoute(unreachable[0], order.to_pincode) from error
    return found


def _reachable(
    routes: Routes, order: OrderToServe, free_at: Mapping[str, Mapping[Offer, int]]
) -> Iterator[Candidate]:
    for fc_code, free in free_at.items():
        try:
            path = routes.plan(fc_code, order.to_pincode)
        except NoRoute:
            continue
        promised = paths.promise_of(routes, path, order.placed_at)
        yield Candidate(fc_code, promised, path.minutes, free)


def _reservations(
    order: OrderToServe, plan: SourcingPlan, hold_until: datetime
) -> list[Reservation]:
    return [
        Reservation(
            order_id=order.order_id,
            line_no=line_no,
            fc_code=fc_code,
            sku=offer.sku,
            seller_id=offer.seller_id,
            quantity=units,
            status="held",
            held_until=hold_until,
        )
        for line_no, fc_code, offer, units in plan.allotments(order.lines)
    ]


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
            return _confirm(conn, documents, order_id, now)

    return one_by_one(
        reservations.confirmed_orders(conn, now, limit),
        lambda order_id: retrying(lambda: confirm(order_id)),
    )


def release_stock(conn: Connection[Any], order_id: UUID, now: datetime) -> int:
    """Give back what the order holds and what has not left. How many reservations. A repeat changes nothing.

    Also undoes a reservation that never ran: one that comes late is refused.
    """
    return retrying(lambda: _release(conn, order_id, now))


def _release(conn: Connection[Any], order_id: UUID, now: datetime) -> int:
    with conn.transaction():
        reserve_no_more(conn, order_id, "released", now)
        return len(reservations.release(conn, order_id, now, "release_stock"))


def reserve_no_more(
    conn: Connection[Any], order_id: UUID, why: Literal["released", "expired"], now: datetime
) -> None:
    """Waits for a reservation that is under way, and refuses one that comes later. In the caller's transaction."""
    inbox.first_time(conn, RESERVE, order_id, now)
    inbox.remember(conn, RESERVE, order_id, {"over": why})


# Reading and correcting


def levels_of_fc(
    conn: Connection[Any], fc_code: str, after: tuple[str, UUID] | None, limit: int
) -> list[StockLevel]:
    """After the sort key (sku, seller_id). Raises NotFound."""
    _refuse_unknown_fc(conn, fc_code)
    return stock.of_fc(conn, fc_code, after, limit)


def ledger_of_fc(
    conn: Connection[Any],
    fc_code: str,
    sku: str | None,
    seller_id: UUID | None,
    before: int | None,
    limit: int,
) -> list[LedgerEntry]:
    """The newest first, before an entry's id. Raises NotFound."""
    _refuse_unknown_fc(conn, fc_code)
    return stock.ledger_of_fc(conn, fc_code, sku, seller_id, before, limit)


def _refuse_unknown_fc(conn: Connection[Any], fc_code: str) -> None:
    if not stock.has_fc(conn, fc_code):
        raise NotFound("fulfillment center", fc_code)


def adjust_stock(
    conn: Connection[Any],
    fc_code: str,
    command: AdjustStock,
    keyed: Keyed,
    now: datetime,
) -> Answer:
    """Correct what is on hand, with a reason. The same key and request get the same answer.

    Raises NotFound, StockTooLow (fewer units are free than it takes away), InvalidRequest (another request's key).
    """
    with conn.transaction():
        earlier = idempotency.earlier_answer(conn, keyed)
        if earlier:
            return earlier
        _refuse_unknown_fc(conn, fc_code)
        reference = str(uuid5(ADJUSTMENTS, f"{keyed.principal} {keyed.key}"))
        change = StockChange(fc_code, command.sku, command.seller_id, command.change, 0, reference)
        stock.adjust(conn, change, command.reason, keyed.principal, now)
        level = stock.level(conn, fc_code, Offer(command.sku, command.seller_id))
        assert level is not None
        answer = Answer(201, {}, level.model_dump_json())
        idempotency.keep(conn, keyed, answer, now)
    return answer


ADJUSTMENTS = UUID("6d0a4f0e-7a55-4c56-9a6b-5a3f5f4e0c11")
"""The namespace in which an Idempotency-Key names an adjustment."""
