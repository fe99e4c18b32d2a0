"""Quoting a cart: the FCs that an order would get, by the rule of sourcing itself, on this side's copy of the stock."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from psycopg import Connection

from online_kart.customer_db.catalog import OfferRow
from online_kart.domain.errors import NoRoute, NotServed, OutOfStock
from online_kart.domain.events import EventLine
from online_kart.domain.orders import OrderLine
from online_kart.domain.quotes import AskQuote, CartQuote, QuotedPackage, ShortLine
from online_kart.domain.sourcing import OrderToServe, SourcingPlan
from online_kart.domain.stock import Offer
from online_kart.domain.storefront import shown_units
from online_kart.planning.routes import Routes
from online_kart.planning.sourcing import best

from .lines import priced


def quote(conn: Connection[Any], routes: Routes, command: AskQuote, now: datetime) -> CartQuote:
    """Changes nothing, and holds nothing: an order gets the same as long as nothing else has changed.

    Raises NotOffered; InvalidRequest where the cart is too large.
    """
    cart = priced(conn, command.lines)
    unserved = CartQuote(
        to_pincode=command.pincode,
        quoted_at=now,
        lines=cart.lines,
        total_paise=cart.total_paise,
    )
    try:
        plan = best(routes, _order(cart.lines, command.pincode, now), _free(cart.offers)).plan
    except OutOfStock as error:
        short = tuple(_short(cart.lines, error))
        return unserved.model_copy(update={"why_not": "out_of_stock", "short_items": short})
    except NotServed:
        return unserved.model_copy(update={"why_not": "not_served"})
    except NoRoute:
        return unserved.model_copy(update={"why_not": "no_route"})
    packages = tuple(_packages(cart.lines, plan))
    return unserved.model_copy(update={"promise_date": plan.promise_date, "packages": packages})


def _order(lines: Sequence[OrderLine], pincode: int, now: datetime) -> OrderToServe:
    """The order that nobody has placed."""
    return OrderToServe(
        order_id=uuid4(), to_pincode=pincode, placed_at=now, lines=tuple(map(_event_line, lines))
    )


def _event_line(line: OrderLine) -> EventLine:
    return EventLine(**line.model_dump(exclude={"item_name"}))


def _free(offers: Iterable[OfferRow]) -> dict[str, dict[Offer, int]]:
    free: dict[str, dict[Offer, int]] = {}
    for offer in offers:
        for fc_code, units in offer.free_by_fc.items():
            free.setdefault(fc_code, {})[Offer(offer.sku, offer.seller_id)] = units
    return free


def _packages(lines: Sequence[OrderLine], plan: SourcingPlan) -> Iterable[QuotedPackage]:
    """Those that come first are first."""
    units: dict[str, dict[int, int]] = {}
    for line_no, fc_code, _, quantity in plan.allotments(map(_event_line, lines)):
        units.setdefault(fc_code, {})[line_no] = quantity
    for each in sorted(plan.candidates, key=lambda each: (each.promise_date, each.fc_code)):
        yield QuotedPackage(
            origin_fc_code=each.fc_code, promise_date=each.promise_date, lines=units[each.fc_code]
        )


def _short(lines: Sequence[OrderLine], error: OutOfStock) -> Iterable[ShortLine]:
    left = {(each["sku"], each["seller_id"]): each["free"] for each in error.shortages}
    for line in lines:
        key = (line.sku, str(line.seller_id))
        if key in left:
            yield ShortLine(
                sku=line.sku,
                seller_id=line.seller_id,
                item_name=line.item_name,
                wanted=line.quantity,
                units_left=shown_units(left[key]),
            )
