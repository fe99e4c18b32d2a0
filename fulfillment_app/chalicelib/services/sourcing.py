"""What is to be held for an order: the best plan's units as reservations, and what is free after them."""

from collections.abc import Sequence
from typing import NamedTuple

from online_kart.domain.sourcing import ReservationRequest, Sourcing, SourcingPlan
from online_kart.domain.stock import Offer, Reservation, StockLevel
from online_kart.planning.routes import Routes
from online_kart.planning.sourcing import best

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
    found = best(routes, request.order, free)
    return Chosen(found.sourcing, _reservations(request, found.plan))


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
