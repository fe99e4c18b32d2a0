"""Browsing: the copies of the catalog, put together for people; and keeping the copies."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.customer_db import catalog
from online_kart.customer_db.catalog import ItemRow, OfferRow
from online_kart.domain.errors import NotFound
from online_kart.domain.events import (
    AvailabilityChanged,
    CategoryChanged,
    ItemChanged,
    OfferChanged,
)
from online_kart.domain.storefront import ShownCategory, ShownItem, ShownOffer, shown_units
from online_kart.messaging import inbox
from online_kart.messaging.consumer import Envelope


def categories(conn: Connection[Any], after: str | None, limit: int) -> list[ShownCategory]:
    return catalog.categories(conn, after, limit)


def items(
    conn: Connection[Any], category_id: str | None, text: str | None, after: str | None, limit: int
) -> list[ShownItem]:
    """In order of SKU, with their offers: two statements, however many items there are."""
    rows = catalog.items(conn, category_id, text, after, limit)
    return _shown(rows, catalog.offers_of(conn, [row.sku for row in rows]))


def item(conn: Connection[Any], sku: str) -> ShownItem:
    """Raises NotFound."""
    row = catalog.item(conn, sku)
    if row is None:
        raise NotFound("item", sku)
    return _shown([row], catalog.offers_of(conn, [sku]))[0]


def _shown(rows: Iterable[ItemRow], offers: Iterable[OfferRow]) -> list[ShownItem]:
    offers_by_sku: dict[str, list[ShownOffer]] = {}
    for offer in offers:
        shown = ShownOffer(
            seller_id=offer.seller_id,
            price_paise=offer.price_paise,
            in_stock=offer.free_units > 0,
            units_left=shown_units(offer.free_units),
        )
        offers_by_sku.setdefault(offer.sku, []).append(shown)
    return [ShownItem(**row._asdict(), offers=offers_by_sku.get(row.sku, [])) for row in rows]


def project(conn: Connection[Any], envelope: Envelope, now: datetime) -> None:
    """Take an event of the catalog into the copies. A repeat, or an older one, changes nothing."""
    with conn.transaction():
        if not inbox.first_time(conn, "project_catalog", envelope.id, now):
            return
        match envelope.type:
            case "CategoryChanged":
                catalog.put_category(conn, CategoryChanged.model_validate(envelope.detail))
            case "ItemChanged":
                catalog.put_item(conn, ItemChanged.model_validate(envelope.detail))
            case "OfferChanged":
                catalog.put_offer(conn, OfferChanged.model_validate(envelope.detail))
            case "AvailabilityChanged":
                catalog.put_units_left(conn, AvailabilityChanged.model_validate(envelope.detail))
            case other:
                raise ValueError(f"project_catalog does not know the event {other}")
        crashpoint("project_catalog.written")
