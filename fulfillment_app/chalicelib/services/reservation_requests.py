"""Reserving in turn: orders that want an item that many want at once, held many in one statement and one commit.

An order that finds an offer contended asks, in a row of its own that holds nobody up, and waits for the round that is on.
Whoever then gets the turn serves all who wait, the longest first: their orders are sourced one after another from levels
that are read once, and what can be held is held together. What can't is left without an answer: its asker looks again by
itself, and says why. A request whose asker has died is served like any other, and released at its deadline.

Locks: the offer's turn, the inbox's rows of the orders in the order of their ids, stock.
"""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, Rollback

from online_kart.domain.errors import NoRoute, NotServed, OutOfStock
from online_kart.domain.sourcing import ReservationRequest, wanted_by
from online_kart.domain.stock import Offer, StockLevel
from online_kart.inventory_db import reservation_requests as requests, reservations, stock
from online_kart.messaging import inbox
from online_kart.planning.routes import Routes
from online_kart.postgres import retrying

from .sourcing import RESERVE, Chosen, choose, free_units, take

SERVED_AT_ONCE_MAX = 100
"""Orders in one turn: releases and receipts of the item wait as long as it lasts."""

ROUNDS_MAX = 1_000
"""That one order waits for: as many turns as serve 100,000 orders that came before it."""

OPTIMISTIC_ATTEMPTS_MAX = 3


def ask_and_wait(
    conn: Connection[Any], routes: Routes, offer: Offer, request: ReservationRequest, now: datetime
) -> None:
    """Until the order had its turn at the offer: its answer is in the inbox, or there is none if it could not be held.

    Another process may serve it, or this one serves others.
    """
    order_id = request.order.order_id
    requests.insert(conn, offer, request)
    for _ in range(ROUNDS_MAX):
        requests.wait_for_round(conn, offer)
        if not requests.waits(conn, order_id):
            return
        retrying(lambda: serve(conn, routes, offer, now))


def serve(conn: Connection[Any], routes: Routes, offer: Offer, now: datetime) -> None:
    """Serve those who wait for the offer, unless somebody does."""
    with conn.transaction():
        if requests.take_turn(conn, offer):
            waiting = requests.first(conn, offer, SERVED_AT_ONCE_MAX)
            alive = {each.order.order_id: each for each in waiting if each.hold_until > now}
            due = inbox.first_times(conn, RESERVE, alive, now)
            _hold_all(conn, routes, [alive[each] for each in alive if each in due], now)
            requests.delete(conn, [each.order.order_id for each in waiting])


def _hold_all(
    conn: Connection[Any], routes: Routes, asked: Sequence[ReservationRequest], now: datetime
) -> None:
    """Hold stock for as many of the orders as there is stock for, in one statement, and answer those."""
    offers = {offer for each in asked for offer in wanted_by(each.order.lines)}
    for _ in range(OPTIMISTIC_ATTEMPTS_MAX):
        chosen = _choose_each(routes, asked, stock.levels(conn, offers))
        if _are_held(conn, chosen, now):
            break
    else:
        # Others were faster each time. Now they wait: what is read is what can be held.
        chosen = _choose_each(routes, asked, stock.lock_levels(conn, offers))
        held = _are_held(conn, chosen, now)
        assert held, "Locked rows do not change."
    refused = [each.order.order_id for each in asked if each.order.order_id not in chosen]
    inbox.forget(conn, RESERVE, refused)


def _choose_each(
    routes: Routes, asked: Sequence[ReservationRequest], levels: Sequence[StockLevel]
) -> dict[UUID, Chosen]:
    """For one after another, as if each had come alone. Orders that can't be held are not in it."""
    free = free_units(levels)
    chosen = {}
    for request in asked:
        with contextlib.suppress(OutOfStock, NoRoute, NotServed):
            found = choose(routes, request, free)
            take(free, found.reservations)
            chosen[request.order.order_id] = found
    return chosen


def _are_held(conn: Connection[Any], chosen: Mapping[UUID, Chosen], now: datetime) -> bool:
    """All of them, or none: False where an FC has less by now than was read."""
    with conn.transaction() as attempt:
        if not hold(conn, chosen, now):
            raise Rollback(attempt)
        return True
    return False


def hold(conn: Connection[Any], chosen: Mapping[UUID, Chosen], now: datetime) -> bool:
    """Hold what was chosen for orders whose rows are in the inbox. False where an FC has less by now: then roll back."""
    held = [reservation for each in chosen.values() for reservation in each.reservations]
    if not reservations.reserve(conn, held, now):
        return False
    answers = {order_id: each.sourcing.model_dump_json() for order_id, each in chosen.items()}
    inbox.remember_each(conn, RESERVE, answers)
    return True


def prune(conn: Connection[Any], now: datetime) -> int:
    """Forget requests past their deadline, which nobody waits for. How many. Turns forget them too, of offers in demand."""
    return requests.prune(conn, now)
