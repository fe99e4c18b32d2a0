"""The lines of a cart, as they would be ordered: whose offer is taken, at which price, the same offer summed."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from online_kart.customer_db import catalog
from online_kart.customer_db.catalog import OfferRow
from online_kart.domain.errors import NotOffered
from online_kart.domain.orders import LineWanted, OrderLine, refuse_too_large, summed


class Priced(NamedTuple):
    """Lines at the prices of now, what they cost together, and the offer of each line, in their order."""

    lines: tuple[OrderLine, ...]
    total_paise: int
    offers: tuple[OfferRow, ...]


def priced(conn: Connection[Any], wanted: Sequence[LineWanted]) -> Priced:
    """Raises NotOffered; InvalidRequest where their sums are too large."""
    known = catalog.offers_of(conn, [line.sku for line in wanted])
    chosen = [_offer_for(known, line.sku, line.seller_id) for line in wanted]
    by_key = {(offer.sku, offer.seller_id): offer for offer in chosen}
    quantities = summed(
        (offer.sku, offer.seller_id, line.quantity)
        for offer, line in zip(chosen, wanted, strict=True)
    )
    total_paise = sum(by_key[key].price_paise * quantity for key, quantity in quantities.items())
    refuse_too_large(quantities.values(), total_paise)
    offers = tuple(by_key[key] for key in quantities)
    lines = tuple(
        OrderLine(
            line_no=line_no,
            sku=offer.sku,
            seller_id=offer.seller_id,
            item_name=offer.item_name,
            quantity=quantities[offer.sku, offer.seller_id],
            unit_price_paise=offer.price_paise,
        )
        for line_no, offer in enumerate(offers, start=1)
    )
    return Priced(lines, total_paise, offers)


def _offer_for(offers: Sequence[OfferRow], sku: str, seller_id: UUID | None) -> OfferRow:
    """The seller's offer; without a seller the cheapest with units left, else the cheapest."""
    fitting = [o for o in offers if o.sku == sku and seller_id in (None, o.seller_id)]
    if not fitting:
        raise NotOffered(sku)
    return next((offer for offer in fitting if offer.free_units > 0), fitting[0])
