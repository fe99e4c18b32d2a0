"""Sellers (I9), their offers of items, and the stock of an offer in each FC (I10)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Self
from uuid import UUID

from pydantic import model_validator

from .base import Model, example
from .catalog import Brand, CategoryId, ItemStatus, WeightGrams
from .customers import Email
from .errors import NameNotWanted
from .events import OfferChanged
from .prices import ComingPrice, PricePaise
from .values import FacilityCode, Instant, Name, Sentence, Sku

SellerStatus = Literal["pending", "approved", "refused", "suspended"]
"""pending: has applied, and waits. refused: may apply again. suspended: was approved, and may not sell for the time being."""

NameDecision = Literal["accepted", "refused"]
SellerDecision = Literal["approved", "refused", "suspended"]
OfferStatus = Literal["active", "paused"]


class RegisterSeller(Model):
    model_config = example(name="Chai and Co", email="sales@example.com")

    name: Name
    email: Email


class ChangeSeller(Model):
    """What is left out stays as it is. Another name of one who was approved waits until staff accept it."""

    model_config = example(email="orders@example.com")

    name: Name | None = None
    email: Email | None = None


DECIDED_FROM: Mapping[SellerDecision, frozenset[SellerStatus]] = {
    "approved": frozenset({"pending", "refused", "suspended"}),
    "refused": frozenset({"pending"}),
    "suspended": frozenset({"pending", "approved"}),
}
"""What can be decided about a seller of which status. The same again changes nothing."""


class JudgeSeller(Model):
    """What people of Online Kart decide about a seller. Who may not sell is told why."""

    model_config = example(status="refused", reason="The tax number belongs to somebody else.")

    status: SellerDecision
    reason: Sentence | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.status != "approved" and self.reason is None:
            raise ValueError("a seller who may not sell is told why: reason")
        return self


class JudgeName(Model):
    """What people of Online Kart decide about a name that a seller wants. `name`: the one that they have looked at."""

    model_config = example(name="Chai and Company", decision="refused", reason="A registered mark.")

    name: Name
    decision: NameDecision
    reason: Sentence | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.decision == "refused" and self.reason is None:
            raise ValueError("a seller whose name is refused is told why: reason")
        return self


class Seller(Model):
    """Only an approved one may sell. `reason`: why this one was refused or suspended.

    `wanted_name` waits for a decision of staff; `name_refusal` is why the last one was refused.
    """

    seller_id: UUID
    name: str
    email: str
    status: SellerStatus
    version: int
    registered_at: Instant
    approved_at: Instant | None
    reason: str | None = None
    wanted_name: str | None = None
    name_refusal: str | None = None

    @property
    def was_approved(self) -> bool:
        """Whether staff has looked at who this is."""
        return self.status in ("approved", "suspended")


def changed(seller: Seller, command: ChangeSeller) -> Seller:
    """The seller with what the command says, at the next version; the same where it says nothing new.

    A name that nobody has approved yet changes at once. Who asks for the name they have wants no other any more.
    """
    name = command.name or seller.wanted_name or seller.name
    is_new_wish = name not in (seller.name, seller.wanted_name)
    update: dict[str, str | None] = {"email": command.email or seller.email}
    if seller.was_approved:
        update["wanted_name"] = name if name != seller.name else None
        update["name_refusal"] = None if is_new_wish else seller.name_refusal
    else:
        update["name"] = name
    return _at_next_version(seller, update)


def name_judged(seller: Seller, command: JudgeName) -> Seller:
    """The seller after the decision about the name that is wanted; the same on a repeat. Raises NameNotWanted."""
    if seller.wanted_name != command.name:
        is_repeat = command.decision == "accepted" and seller.name == command.name
        if is_repeat and seller.wanted_name is None:
            return seller
        raise NameNotWanted(seller.seller_id, command.name, seller.wanted_name)
    is_accepted = command.decision == "accepted"
    return _at_next_version(
        seller,
        {
            "name": command.name if is_accepted else seller.name,
            "wanted_name": None,
            "name_refusal": None if is_accepted else command.reason,
        },
    )


def _at_next_version(seller: Seller, update: Mapping[str, str | None]) -> Seller:
    changed_seller = seller.model_copy(update=dict(update))
    if changed_seller == seller:
        return seller
    return changed_seller.model_copy(update={"version": seller.version + 1})


class Decision(Model):
    """What was decided about a seller, or that the seller applied again (`pending`); `version` is the seller's after it.

    With a `name`: it was decided about this name, which the seller wanted.
    """

    version: int
    status: SellerStatus | Literal["accepted"]
    reason: str | None
    decided_by: str
    decided_at: Instant
    name: str | None = None


def decision_about(seller: Seller, by: str, now: datetime) -> Decision:
    """That the seller has become what it is."""
    return Decision(
        version=seller.version,
        status=seller.status,
        reason=seller.reason,
        decided_by=by,
        decided_at=now,
    )


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


class SalesFilter(NamedTuple):
    """Which sales: of one FC, of one item, from a moment on, before another. None: any."""

    fc_code: str | None = None
    sku: str | None = None
    since: datetime | None = None
    before: datetime | None = None


class SoldTotal(Model):
    """What a seller sold of an item from one FC, returns taken off."""

    fc_code: FacilityCode
    sku: Sku
    quantity: int
    amount_paise: int
