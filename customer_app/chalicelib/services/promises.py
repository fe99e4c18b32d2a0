"""When offers can be at a pincode's door, as far as this side knows which FCs have them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from online_kart.customer_db.catalog import OfferRow
from online_kart.domain.errors import NotServed
from online_kart.domain.storefront import ShownPromise
from online_kart.planning import promises
from online_kart.planning.routes import Routes

Promised = dict[tuple[str, UUID], ShownPromise]
"""By SKU and seller."""


def of_offers(
    routes: Routes, pincode: int, offers: Sequence[OfferRow], ordered_at: datetime
) -> Promised:
    """The earliest date for one unit of each offer, or why there is none. Asks no store.

    An order for it alone keeps the date while the stock lasts: sourcing looks at the same FCs, by the same routes.
    """
    fc_codes = {code for offer in offers for code in offer.free_by_fc}
    try:
        routes.network.fc_serving(pincode)
        within_reach = promises.of_fcs(routes, fc_codes, pincode, ordered_at)
    except NotServed:
        nowhere = ShownPromise(why_not="not_served")
        return {(offer.sku, offer.seller_id): nowhere for offer in offers}
    return {(offer.sku, offer.seller_id): _best(offer, within_reach) for offer in offers}


def _best(offer: OfferRow, within_reach: dict[str, promises.Promise]) -> ShownPromise:
    if not offer.free_by_fc:
        return ShownPromise(why_not="out_of_stock")
    found = [within_reach[code] for code in offer.free_by_fc if code in within_reach]
    if not found:
        return ShownPromise(why_not="no_route")
    return ShownPromise(promise_date=min(found).promise_date)
