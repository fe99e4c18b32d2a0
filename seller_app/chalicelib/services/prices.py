"""Changing prices, now or later, and the log of every price an item had (D7)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.documents import price_changes
from online_kart.domain.errors import (
    ComingPriceExists,
    NotFound,
    PriceHasBegun,
    TooManyComingPrices,
)
from online_kart.domain.events import PriceChanged
from online_kart.domain.prices import (
    COMING_MAX,
    ChangePrice,
    ComingPrice,
    ComingPriceStatus,
    PriceChange,
    SetComingPrice,
    check_start,
    price_change,
)
from online_kart.domain.principals import Principal
from online_kart.domain.sellers import Offer, offer_changed
from online_kart.domain.versions import Versions, refuse_past
from online_kart.inventory_db import prices, sellers
from online_kart.messaging import outbox
from online_kart.messaging.consumer import Envelope
from online_kart.one_by_one import one_by_one

from . import sellers as seller_service

Documents = Database[dict[str, Any]]


def change(
    conn: Connection[Any],
    by: Principal,
    seller_id: UUID,
    sku: str,
    command: ChangePrice,
    now: datetime,
    wanted: Versions = None,
) -> Offer:
    """The offer at its new price. The price it has already changes nothing.

    A price whose time has come begins before, though no job has seen it yet: it must not undo what was decided later.
    Raises NotFound (seller, offer), SellerNotApproved, VersionChanged.
    """
    with conn.transaction():
        seller_service.approved(conn, by, seller_id)
        offer = _begin_due(conn, _locked(conn, seller_id, sku), now)
        refuse_past(offer.version, wanted)
        changed = _put(conn, offer, command.price_paise, by.name, now)
        crashpoint("change_price.written")
    crashpoint("change_price.committed")
    return changed


def _locked(conn: Connection[Any], seller_id: UUID, sku: str) -> Offer:
    """The offer, its row locked until the transaction ends. Raises NotFound."""
    offer = sellers.lock_offer(conn, seller_id, sku)
    if offer is None:
        raise NotFound(f"offer of seller {seller_id} for", sku)
    return offer


def _put(conn: Connection[Any], offer: Offer, price_paise: int, by: str, now: datetime) -> Offer:
    if offer.price_paise == price_paise:
        return offer
    changed = offer.model_copy(
        update={"price_paise": price_paise, "version": offer.version + 1, "updated_at": now}
    )
    sellers.update_price(conn, changed)
    outbox.append(conn, offer_changed(changed), _price_changed(offer, changed, by))
    return changed


# Prices that start later


def set_coming(
    conn: Connection[Any],
    by: Principal,
    seller_id: UUID,
    sku: str,
    command: SetComingPrice,
    now: datetime,
) -> ComingPrice:
    """A price that starts at its time. A repeat is the same one.

    Raises NotFound (seller, offer), SellerNotApproved, ComingPriceExists (another one starts then), TooManyComingPrices,
    InvalidRequest (a moment that has passed, or is too far ahead).
    """
    check_start(command.starts_at, now)
    with conn.transaction():
        seller_service.approved(conn, by, seller_id)
        _locked(conn, seller_id, sku)
        known = prices.waiting(conn, seller_id, sku, None, COMING_MAX)
        price = _like(known, command)
        if price is None:
            if len(known) >= COMING_MAX:
                raise TooManyComingPrices(COMING_MAX)
            price = _insert(conn, by, seller_id, sku, command, now)
        crashpoint("set_coming_price.written")
    crashpoint("set_coming_price.committed")
    return price


def _like(known: Sequence[ComingPrice], command: SetComingPrice) -> ComingPrice | None:
    """The one that starts then, if it says the same. Raises ComingPriceExists."""
    for each in known:
        if each.starts_at == command.starts_at:
            if each.price_paise != command.price_paise:
                raise ComingPriceExists(each.price_id)
            return each
    return None


def _insert(
    conn: Connection[Any],
    by: Principal,
    seller_id: UUID,
    sku: str,
    command: SetComingPrice,
    now: datetime,
) -> ComingPrice:
    price = ComingPrice(
        price_id=uuid4(),
        seller_id=seller_id,
        sku=sku,
        price_paise=command.price_paise,
        starts_at=command.starts_at,
        status="waiting",
        set_by=by.name,
        set_at=now,
        ended_at=None,
    )
    is_new = prices.insert(conn, price)
    assert is_new, "its offer is locked"
    return price


def cancel_coming(
    conn: Connection[Any], by: Principal, seller_id: UUID, sku: str, price_id: UUID, now: datetime
) -> None:
    """It will not start. A repeat changes nothing. Raises NotFound, PriceHasBegun."""
    with conn.transaction():
        by.require_own("seller", seller_id)
        _locked(conn, seller_id, sku)
        price = coming_by_id(conn, by, seller_id, sku, price_id)
        if price.status == "started" or (price.status == "waiting" and price.starts_at <= now):
            raise PriceHasBegun(price_id)
        if price.status == "waiting":
            prices.end(conn, price_id, "cancelled", now)
        crashpoint("cancel_coming_price.written")
    crashpoint("cancel_coming_price.committed")


def start_due(conn: Connection[Any], now: datetime, limit: int) -> int:
    """Let the prices of so many offers begin whose time has come. How many offers; each in a transaction of its own."""
    return one_by_one(
        prices.offers_due(conn, now, limit), lambda offer: _start_due(conn, *offer, now)
    )


def _start_due(conn: Connection[Any], seller_id: UUID, sku: str, now: datetime) -> bool:
    with conn.transaction():
        _begin_due(conn, _locked(conn, seller_id, sku), now)
        crashpoint("start_coming_prices.written")
    crashpoint("start_coming_prices.committed")
    return True


def _begin_due(conn: Connection[Any], offer: Offer, now: datetime) -> Offer:
    """The locked offer with every price whose time has come, one after the other. Each is in the log."""
    for price in prices.waiting(conn, offer.seller_id, offer.sku, now, COMING_MAX):
        offer = _put(conn, offer, price.price_paise, price.set_by, now)
        prices.end(conn, price.price_id, "started", now)
    return offer


def coming_by_id(
    conn: Connection[Any], by: Principal, seller_id: UUID, sku: str, price_id: UUID
) -> ComingPrice:
    """Also one that has started or was cancelled. Raises NotFound, also for another's."""
    by.require_own("seller", seller_id)
    price = prices.by_id(conn, seller_id, sku, price_id)
    if price is None:
        raise NotFound(f"price of {sku} to come", price_id)
    return price


def coming_listed(
    conn: Connection[Any],
    by: Principal,
    seller_id: UUID,
    sku: str,
    status: ComingPriceStatus | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[ComingPrice]:
    """The earliest first, beginning behind (starts_at, price_id). Raises NotFound, also for another's."""
    by.require_own("seller", seller_id)
    if sellers.offered_item(conn, seller_id, sku) is None:
        raise NotFound(f"offer of seller {seller_id} for", sku)
    return prices.listed(conn, seller_id, sku, status, after, limit)


# The log


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
    event = PriceChanged.read(envelope.detail)
    price_changes.append(documents, event.event_id, price_change(event))


def _price_changed(before: Offer, after: Offer, by: str) -> PriceChanged:
    return PriceChanged(
        sku=after.sku,
        seller_id=after.seller_id,
        old_price_paise=before.price_paise,
        new_price_paise=after.price_paise,
        changed_by=by,
        version=after.version,
        occurred_at=after.updated_at,
    )
