"""Registering items, offering them, and seeing where their stock is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.domain.catalog import Item
from online_kart.domain.errors import NotFound, OfferExists, SkuTaken, UnknownReference
from online_kart.domain.events import Event, ItemChanged, PriceChanged
from online_kart.domain.imports import ImportReport, Line, LineOutcome, report_of
from online_kart.domain.prices import COMING_MAX
from online_kart.domain.principals import Principal
from online_kart.domain.sellers import (
    MakeOffer,
    Offer,
    OfferedItem,
    RegisterItem,
    StockedItem,
    StockOfOffer,
    offer_changed,
)
from online_kart.inventory_db import catalog, prices, sellers
from online_kart.messaging import outbox

from . import sellers as seller_service


def register(
    conn: Connection[Any], by: Principal, seller_id: UUID, command: RegisterItem, now: datetime
) -> OfferedItem:
    """A new item and its first offer. A repeat changes nothing.

    Raises NotFound (seller), SellerNotApproved, UnknownReference (category), SkuTaken, OfferExists.
    """
    with conn.transaction():
        seller_service.approved(conn, by, seller_id)
        _register(conn, by, seller_id, command, now)
        crashpoint("register_item.written")
    crashpoint("register_item.committed")
    return _offered(conn, seller_id, command.sku)


def _register(
    conn: Connection[Any], by: Principal, seller_id: UUID, command: RegisterItem, now: datetime
) -> bool:
    """Whether anything is new."""
    if catalog.category_by_id(conn, command.category_id) is None:
        raise UnknownReference("category", command.category_id, "category_id")
    item = _new_item(seller_id, command, now)
    events: list[Event] = []
    if catalog.insert_item(conn, item):
        events.append(_item_changed(item, now))
    elif not _is_registered_alike(conn, item):
        raise SkuTaken(command.sku)
    events += _offer(conn, by, seller_id, command, now)
    outbox.append(conn, *events)
    return bool(events)


def import_items(
    conn: Connection[Any],
    by: Principal,
    seller_id: UUID,
    lines: Sequence[Line[RegisterItem]],
    dry_run: bool,
    now: datetime,
) -> ImportReport:
    """Register every line that can be; what became of each. A repeat finds all of it unchanged.

    Lines stand alone: an item that is described wrongly is no reason to keep the others from being sold. Those that are
    accepted are committed together, in the order of their SKUs, so that two files at once don't wait for each other in
    a circle. `dry_run`: nothing is kept. Raises NotFound (seller), SellerNotApproved.
    """
    with conn.transaction(force_rollback=dry_run):
        seller_service.approved(conn, by, seller_id)
        in_turn = sorted(lines, key=lambda line: line.said.sku if line.said else "")
        outcomes = [_outcome(conn, by, seller_id, line, now) for line in in_turn]
        crashpoint("import_items.written")
    crashpoint("import_items.committed")
    return report_of(outcomes, dry_run)


def _outcome(
    conn: Connection[Any], by: Principal, seller_id: UUID, line: Line[RegisterItem], now: datetime
) -> LineOutcome:
    if line.said is None:
        return LineOutcome(line=line.number, outcome="refused", problems=line.problems)
    try:
        with conn.transaction():
            is_new = _register(conn, by, seller_id, line.said, now)
    except UnknownReference as error:
        return _refused(line, error.field, f"{error.expected}. {error}")
    except SkuTaken as error:
        return _refused(line, "sku", str(error))
    except OfferExists as error:
        return _refused(line, "price_paise", str(error))
    return LineOutcome(line=line.number, outcome="accepted" if is_new else "unchanged")


def _refused(line: Line[RegisterItem], field: str | None, expected: str) -> LineOutcome:
    problems = line.refused(field, expected).problems
    return LineOutcome(line=line.number, outcome="refused", problems=problems)


def make_offer(
    conn: Connection[Any], by: Principal, seller_id: UUID, command: MakeOffer, now: datetime
) -> OfferedItem:
    """This seller, too, sells an item that is registered. A repeat changes nothing.

    Raises NotFound (seller), SellerNotApproved, UnknownReference (item), OfferExists.
    """
    with conn.transaction():
        seller_service.approved(conn, by, seller_id)
        if catalog.item_by_sku(conn, command.sku) is None:
            raise UnknownReference("item", command.sku, "sku")
        outbox.append(conn, *_offer(conn, by, seller_id, command, now))
        crashpoint("make_offer.written")
    crashpoint("make_offer.committed")
    return _offered(conn, seller_id, command.sku)


def listed(
    conn: Connection[Any], by: Principal, seller_id: UUID, after: str | None, limit: int
) -> Sequence[OfferedItem]:
    """By SKU, beginning behind `after`. Raises NotFound."""
    seller_service.by_id(conn, by, seller_id)
    return sellers.offered_items(conn, seller_id, after, limit)


def by_sku(conn: Connection[Any], by: Principal, seller_id: UUID, sku: str) -> StockedItem:
    """With the units in each FC, and the prices to come. Raises NotFound, also for another's."""
    by.require_own("seller", seller_id)
    offered = _offered(conn, seller_id, sku)
    stock = sellers.stock_of(conn, seller_id, sku, None, None, None)
    coming = prices.waiting(conn, seller_id, sku, None, COMING_MAX)
    return StockedItem(stock=stock, coming_prices=coming, **offered.model_dump())


def stock_listed(
    conn: Connection[Any],
    by: Principal,
    seller_id: UUID,
    sku: str | None,
    fc_code: str | None,
    after: tuple[str, str] | None,
    limit: int,
) -> Sequence[StockOfOffer]:
    """By SKU and FC, beginning behind `after`. Raises NotFound."""
    seller_service.by_id(conn, by, seller_id)
    return sellers.stock_of(conn, seller_id, sku, fc_code, after, limit)


def _new_item(seller_id: UUID, command: RegisterItem, now: datetime) -> Item:
    return Item(
        **command.model_dump(exclude={"price_paise"}),
        registered_by=seller_id,
        status="active",
        version=1,
        created_at=now,
    )


def _is_registered_alike(conn: Connection[Any], item: Item) -> bool:
    registered = catalog.item_by_sku(conn, item.sku)
    assert registered is not None, "it was in the way of the insert"
    return registered.registered_by == item.registered_by and registered.is_described_as(item)


def _offer(
    conn: Connection[Any], by: Principal, seller_id: UUID, command: MakeOffer, now: datetime
) -> list[Event]:
    """Make the offer; the events that tell of it. None where it was made before."""
    offer = Offer(
        seller_id=seller_id,
        sku=command.sku,
        price_paise=command.price_paise,
        status="active",
        version=1,
        updated_at=now,
    )
    if sellers.insert_offer(conn, offer):
        return [offer_changed(offer), _first_price(offer, by)]
    known = sellers.lock_offer(conn, seller_id, command.sku)
    if known is None or known.price_paise != offer.price_paise:
        raise OfferExists(command.sku)
    return []


def _offered(conn: Connection[Any], seller_id: UUID, sku: str) -> OfferedItem:
    offered = sellers.offered_item(conn, seller_id, sku)
    if offered is None:
        raise NotFound(f"offer of seller {seller_id} for", sku)
    return offered


def _item_changed(item: Item, now: datetime) -> ItemChanged:
    return ItemChanged(
        sku=item.sku,
        category_id=item.category_id,
        name=item.name,
        brand=item.brand,
        weight_grams=item.weight_grams,
        status=item.status,
        version=item.version,
        occurred_at=now,
    )


def _first_price(offer: Offer, by: Principal) -> PriceChanged:
    return PriceChanged(
        sku=offer.sku,
        seller_id=offer.seller_id,
        old_price_paise=None,
        new_price_paise=offer.price_paise,
        changed_by=by.name,
        version=offer.version,
        occurred_at=offer.updated_at,
    )
