"""Sellers (I9), their offers of items, and the stock of an offer in each FC (I10)."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from .base import Model, example
from .catalog import Brand, CategoryId, ItemStatus, WeightGrams
from .customers import Email
from .events import OfferChanged
from .prices import ComingPrice, PricePaise
from .values import FacilityCode, Instant, Name, Sku

SellerStatus = Literal["pending", "approved", "suspended"]
OfferStatus = Literal["active", "paused"]


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
    """`stock` has at most one entry for each FC; `coming_prices` those that wait for their time, the earliest first."""

    stock: Sequence[StockOfOffer]
    coming_prices: Sequence[ComingPrice]


class SoldLine(Model):
    """An entry of a seller's sold history (D8). A return is one with negative numbers."""

    sale_id: UUID
    seller_id: UUID
    sku: Sku
    fc_code: FacilityCode
    quantity: int
    amount_paise: int
    sold_at: Instant


class SoldTotal(Model):
    """What a seller sold of an item from one FC, returns taken off."""

    fc_code: FacilityCode
    sku: Sku
    quantity: int
    amount_paise: int
