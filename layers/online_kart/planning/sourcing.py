"""Choosing the FCs that serve an order: of those with free units and a path to its pincode, as the domain ranks them."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..domain.errors import NoRoute, OutOfStock
from ..domain.sourcing import (
    Candidate,
    OrderToServe,
    Sourcing,
    SourcingPlan,
    explain,
    plans,
    refuse_if_short,
    wanted_by,
)
from ..domain.stock import Offer
from . import paths
from .routes import Routes

FreeUnits = Mapping[str, Mapping[Offer, int]]
"""By FC, and offer; an FC that has none of an offer does not name it."""


class Best(NamedTuple):
    """The best plan of an order, and why it is that."""

    plan: SourcingPlan
    sourcing: Sourcing


def best(routes: Routes, order: OrderToServe, free: FreeUnits) -> Best:
    """`free` may have other offers as well. Raises OutOfStock, NoRoute, NotServed."""
    wanted = wanted_by(order.lines)
    candidates = _candidates(routes, order, _of_offers(free, wanted))
    ranked = plans(wanted, candidates)
    chosen = next(ranked)
    return Best(chosen, explain(chosen, ranked, candidates))


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
