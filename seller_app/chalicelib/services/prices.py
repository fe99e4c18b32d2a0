"""Changing prices, and the log of every price an item had (D7)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import price_changes
from online_kart.domain.errors import NotFound
from online_kart.domain.events import PriceChanged
from online_kart.domain.principals import Principal
from online_kart.domain.sellers import ChangePrice, Offer, PriceChange, offer_changed, price_change
from online_kart.inventory_db import sellers
from online_kart.messaging import outbox
from online_kart.messaging.consumer import Envelope

from . import sellers as seller_service

Documents = Database[dict[str, Any]]


def change(
    conn: Connection[Any],
    by: Principal,
    seller_id: UUID,
    sku: str,
    command: ChangePrice,
    now: datetime,
) -> Offer:
    """The offer at its new price. The price it has already changes nothing.

    Raises NotFound (seller, offer), SellerNotApproved.
    """
    with conn.transaction():
        seller_service.approved(conn, by, seller_id)
        offer = sellers.lock_offer(conn, seller_id, sku)
        if offer is None:
            raise NotFound(f"offer of seller {seller_id} for", sku)
        if offer.price_paise == command.price_paise:
            return offer
        changed = offer.model_copy(
            update={
                "price_paise": command.price_paise,
                "version": offer.version + 1,
                "updated_at": now,
            }
        )
        sellers.update_price(conn, changed)
        outbox.append(conn, offer_changed(changed), _price_changed(offer, changed, by))
        crashpoint("change_price.written")
    crashpoint("change_price.committed")
    return changed


def history(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    seller_id: UUID,
    sku: str,
    before_version: int | None,
    limit: int,
) -> list[PriceChange]:
    """The newest first, beginning behind `before_version`. Raises NotFound, also for another's."""
    by.require_own("seller", seller_id)
    if sellers.offered_item(conn, seller_id, sku) is None:
        raise NotFound(f"offer of seller {seller_id} for", sku)
    return price_changes.listed(documents, seller_id, sku, before_version, limit)


def log_change(documents: Documents, envelope: Envelope) -> None:
    """Consumer of PriceChanged. A repeat writes the same entry again."""
    event = PriceChanged.model_validate(envelope.detail)
    price_changes.append(documents, event.event_id, price_change(event))


def _price_changed(before: Offer, after: Offer, by: Principal) -> PriceChanged:
    return PriceChanged(
        sku=after.sku,
        seller_id=after.seller_id,
        old_price_paise=before.price_paise,
        new_price_paise=after.price_paise,
        changed_by=by.name,
        version=after.version,
        occurred_at=after.updated_at,
    )
