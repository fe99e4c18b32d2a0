"""Browsing: the copies of the catalog, put together for people; and keeping the copies."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.customer_db import catalog, search as store
from online_kart.customer_db.catalog import ItemRow, OfferRow
from online_kart.customer_db.search import FoundItem
from online_kart.domain.errors import NotFound
from online_kart.domain.events import (
    AvailabilityChanged,
    CategoryChanged,
    ItemChanged,
    OfferChanged,
)
from online_kart.domain.storefront import (
    FACETED_CATEGORIES_MAX,
    ItemSort,
    Place,
    Search,
    ShownCategory,
    ShownFacets,
    ShownItem,
    ShownOffer,
    ShownPromise,
    shown_units,
)
from online_kart.messaging import inbox
from online_kart.messaging.consumer import Envelope
from online_kart.planning.routes import Routes

from . import promises


def categories(conn: Connection[Any], after: str | None, limit: int) -> list[ShownCategory]:
    return catalog.categories(conn, after, limit)


def items(
    conn: Connection[Any], search: Search, sort: ItemSort, after: Place | None, limit: int
) -> list[FoundItem]:
    """Without their offers, in the order of the sort."""
    return store.items(conn, search, sort, after, limit)


def facets(conn: Connection[Any], search: Search) -> ShownFacets:
    return store.facets(conn, search, FACETED_CATEGORIES_MAX)


def item(conn: Connection[Any], sku: str) -> ItemRow:
    """Raises NotFound."""
    row = catalog.item(conn, sku)
    if row is None:
        raise NotFound("item", sku)
    return row


class Door(NamedTuple):
    """Where somebody wants to have items, and who orders them when: for the dates that are promised."""

    routes: Routes
    pincode: int
    ordered_at: datetime


def shown(conn: Connection[Any], rows: Sequence[ItemRow], door: Door | None) -> list[ShownItem]:
    """With their offers, and what can be promised for each: one statement, however many items there are."""
    offers = catalog.offers_of(conn, [row.sku for row in rows])
    promised = (
        promises.of_offers(door.routes, door.pincode, offers, door.ordered_at) if door else {}
    )
    offers_by_sku: dict[str, list[ShownOffer]] = {}
    for offer in offers:
        promise = promised.get((offer.sku, offer.seller_id))
        offers_by_sku.setdefault(offer.sku, []).append(_shown_offer(offer, promise))
    return [ShownItem(**row._asdict(), offers=offers_by_sku.get(row.sku, [])) for row in rows]


def _shown_offer(offer: OfferRow, promise: ShownPromise | None) -> ShownOffer:
    return ShownOffer(
        seller_id=offer.seller_id,
        price_paise=offer.price_paise,
        in_stock=offer.free_units > 0,
        units_left=shown_units(offer.free_units),
        promise=promise,
    )


def project(conn: Connection[Any], envelope: Envelope, now: datetime) -> None:
    """Take an event of the catalog into the copies. A repeat, or an older one, changes nothing."""
    with conn.transaction():
        if not inbox.first_time(conn, "project_catalog", envelope.id, now):
            return
        match envelope.type:
            case "CategoryChanged":
                catalog.put_category(conn, CategoryChanged.read(envelope.detail))
            case "ItemChanged":
                catalog.put_item(conn, ItemChanged.read(envelope.detail))
            case "OfferChanged":
                catalog.put_offer(conn, OfferChanged.read(envelope.detail))
            case "AvailabilityChanged":
                catalog.put_units_left(conn, AvailabilityChanged.read(envelope.detail))
            case other:
                raise ValueError(f"project_catalog does not know the event {other}")
        crashpoint("project_catalog.written")
