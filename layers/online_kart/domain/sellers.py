"""Sellers (I9), their offers of items, and the stock of an offer in each FC (I10)."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import Field

from .base import Model, example
from .catalog import Brand, CategoryId, ItemStatus, WeightGrams
from .customers import Email
from .events import OfferChanged, PriceChanged
from .values import FacilityCode, Instant, Name, Sku

SellerStatus = Literal["pending", "approved", "suspended"]
OfferStatus = Literal["active", "paused"]
PricePaise = Annotated[int, Field(ge=1, le=10**12, examples=[129_900])]
"""What a unit costs: never nothing."""


class RegisterSeller(Model):
    model_config = example(name="Chai and Co", email="sales@example.com")

    name: Name
    email: Email


class JudgeSeller(Model):
    """What people of Online Kart decide about a seller."""

    model_config = example(status="approved")

    status: Literal["approved", "suspended"]


class Seller(Model):
    """Only an approved one may sell."""

    seller_id: UUID
    name: str
    email: str
    status: SellerStatus
    version: int
    registered_at: Instant
    approved_at: Instant | None


class MakeOffer(Model):
    """To sell an item that is registered."""

    model_config = example(sku="MUG-350ML", price_paise=129_900)

    sku: Sku
    price_paise: PricePaise


class RegisterItem(MakeOffer):
    """To sell an item that nobody sold before."""

    model_config = example(
        sku="MUG-350ML",
        price_paise=129_900,
        name="Mug",
        brand="Chai",
        category_id="kitchen",
        weight_grams=420,
    )

    name: Name
    brand: Brand = ""
    category_id: CategoryId
    weight_grams: WeightGrams


class ChangePrice(Model):
    model_config = example(price_paise=119_900)

    price_paise: PricePaise


class Offer(Model):
    """`paused` while its seller is suspended."""

    seller_id: UUID
    sku: Sku
    price_paise: PricePaise
    status: OfferStatus
    version: int
    updated_at: Instant


def offer_changed(offer: Offer) -> OfferChanged:
    """The event that tells of the offer as it is now."""
    return OfferChanged(
        sku=offer.sku,
        seller_id=offer.seller_id,
        price_paise=offer.price_paise,
        status=offer.status,
        version=offer.version,
        occurred_at=offer.updated_at,
    )


class OfferedItem(Model):
    """An item, and the seller's offer of it."""

    sku: Sku
    category_id: CategoryId
    name: str
    brand: str
    weight_grams: int
    item_status: ItemStatus
    seller_id: UUID
    price_paise: PricePaise
    offer_status: OfferStatus
    offer_version: int
    updated_at: Instant


class StockOfOffer(Model):
    """Units of a seller's item in one FC."""

    sku: Sku
    fc_code: FacilityCode
    on_hand: int
    reserved: int
    free: int


class StockedItem(OfferedItem):
    """`stock` has at most one entry for each FC."""

    stock: Sequence[StockOfOffer]


class PriceChange(Model):
    """An entry of the log of prices (D7). `old_price_paise` is None where the offer was made."""

    sku: Sku
    seller_id: UUID
    old_price_paise: PricePaise | None
    new_price_paise: PricePaise
    changed_by: str
    changed_at: Instant
    version: int


def price_change(event: PriceChanged) -> PriceChange:
    """The entry of the log that the event makes."""
    return PriceChange(
        sku=event.sku,
        seller_id=event.seller_id,
        old_price_paise=event.old_price_paise,
        new_price_paise=event.new_price_paise,
        changed_by=event.changed_by,
        changed_at=event.occurred_at,
        version=event.version,
    )


class SoldLine(Model):
    """An entry of a seller's sold history (D8). A return is one with negative numbers."""

    sale_id: UUID
    seller_id: UUID
    sku: Sku
    fc_code: FacilityCode
    quantity: int
    amount_paise: int
    sold_at: Instant


class SoldFilter(NamedTuple):
    """Of which FC and item sales are wanted; None: of all."""

    fc_code: str | None
    sku: str | None


class SoldTotal(Model):
    """What a seller sold of an item from one FC, returns taken off."""

    fc_code: FacilityCode
    sku: Sku
    quantity: int
    amount_paise: int
