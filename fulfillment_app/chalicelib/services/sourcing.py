"""Choosing the FCs that serve an order: of those with free units and a path to its pincode, as the domain ranks them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from online_kart.domain.errors import NoRoute, OutOfStock
from online_kart.domain.sourcing import (
    Candidate,
    OrderToServe,
    ReservationRequest,
    Sourcing,
    SourcingPlan,
    explain,
    plans,
    refuse_if_short,
    wanted_by,
)
from online_kart.domain.stock import Offer, Reservation, StockLevel

from . import paths
from .routes import Routes

RESERVE = "reserve_stock"
"""The inbox's name of the step. Its answer is the sourcing, or why the step must not run any more."""

FreeUnits = dict[str, dict[Offer, int]]
"""By FC, and offer; an FC that has none of an offer does not name it."""


class Chosen(NamedTuple):
    """What is to be held for an order by the best plan, and why it is that."""

    sourcing: Sourcing
    reservations: list[Reservation]


def free_units(levels: Sequence[StockLevel]) -> FreeUnits:
    free: FreeUnits = {}
    for level in levels:
        free.setdefault(level.fc_code, {})[level.offer] = level.free
    return free


def take(free: FreeUnits, held: Sequence[Reservation]) -> None:
    """Units that are one order's are not free for the next."""
    for each in held:
        left = free[each.fc_code]
        offer = Offer(each.sku, each.seller_id)
        left[offer] -= each.quantity
        if not left[offer]:
            del left[offer]


def choose(routes: Routes, request: ReservationRequest, free: FreeUnits) -> Chosen:
    """`free` may have other offers as well. Raises OutOfStock, NoRoute, NotServed."""
    order = request.order
    wanted = wanted_by(order.lines)
    candidates = _candidates(routes, order, _of_offers(free, wanted))
    ranked = plans(wanted, candidates)
    best = next(ranked)
    return Chosen(explain(best, ranked, candidates), _reservations(request, best))


def _of_offers(free: FreeUnits, wanted: Mapping[Offer, int]) -> FreeUnits:
    return {
        fc_code: mine
        for fc_code, units in free.items()
        if (mine := {offer: units[offer] for offer in wanted if offer in units})
    }


def _candidates(routes: Routes, order: OrderToServe, free_at: FreeUnits) -> list[Candidate]:
    """FCs with free units and a path to the pincode. Raises OutOfStock, NoRoute, NotServed."""
    wanted = wanted_by(order.lines)
    refuse_if_short(wanted, free_at.values())
    found = list(_reachable(routes, order, free_at))
    try:
        refuse_if_short(wanted, (each.free for each in found))
    except OutOfStock as error:
        unreachable = sorted(free_at.keys() - {each.fc_code for each in found})
        raise NoRoute(unreachable[0], order.to_pincode) from error
    return found


def _reachable(routes: Routes, order: OrderToServe, free_at: FreeUnits) -> Iterator[Candidate]:
    for fc_code, free in free_at.items():
        try:
            found = paths.prospect(routes, fc_code, order.to_pincode, order.placed_at)
        except NoRoute:
            continue
        yield Candidate(fc_code, found.promise_date, found.minutes, free)


def _reservations(request: ReservationRequest, plan: SourcingPlan) -> list[Reservation]:
    return [
        Reservation(
            order_id=request.order.order_id,
            line_no=line_no,
            fc_code=fc_code,
            sku=offer.sku,
            seller_id=offer.seller_id,
            quantity=units,
            status="held",
            held_until=request.hold_until,
        )
        for line_no, fc_code, offer, units in plan.allotments(request.order.lines)
    ]
