"""Stock of an offer in an FC, what is held of it for orders, and every change of it."""

from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import Field, field_validator

from .base import Model, example
from .values import FacilityCode, Instant, Quantity, Sku

Cause = Literal[
    "receipt",
    "reserve",
    "release",
    "ship",
    "restock",
    "return",
    "adjustment",
    "transfer_out",
    "transfer_in",
]
ReservationStatus = Literal["held", "confirmed", "shipped", "released"]

UNITS_MAX = 1_000_000


class Offer(NamedTuple):
    """A seller's offer of an item: what is on one line of an order."""

    sku: str
    seller_id: UUID


class StockFilter(NamedTuple):
    """Of one item, of one seller, or of one offer. None: of any."""

    sku: str | None = None
    seller_id: UUID | None = None


ANY_STOCK = StockFilter()


class StockLevel(Model):
    """Units of an offer in an FC (I4)."""

    fc_code: FacilityCode
    sku: Sku
    seller_id: UUID
    on_hand: int
    reserved: int

    @property
    def free(self) -> int:
        return self.on_hand - self.reserved

    @property
    def offer(self) -> Offer:
        return Offer(self.sku, self.seller_id)


class StockChange(NamedTuple):
    """What one cause changes in one row of stock. `reference` is the business id of the cause."""

    fc_code: str
    sku: str
    seller_id: UUID
    on_hand: int
    reserved: int
    reference: str


class LedgerEntry(Model):
    """A change of stock as it was written down (I4b)."""

    entry_id: int
    fc_code: FacilityCode
    sku: Sku
    seller_id: UUID
    on_hand_change: int
    reserved_change: int
    cause: Cause
    reference: str
    reason: str | None
    changed_by: str
    changed_at: Instant


class Reservation(Model):
    """Units held in one FC for one line of an order."""

    order_id: UUID
    line_no: Annotated[int, Field(ge=1)]
    fc_code: FacilityCode
    sku: Sku
    seller_id: UUID
    quantity: Quantity
    status: ReservationStatus
    held_until: Instant


class AdjustStock(Model):
    """A person's correction of what is on hand: found, lost, broken."""

    model_config = example(
        sku="MUG-350ML",
        seller_id="0b6f1d0e-58a3-4c39-8f4e-6f3f6d1d7a52",
        change=-2,
        reason="Two were broken.",
    )

    sku: Sku
    seller_id: UUID
    change: Annotated[
        int,
        Field(
            ge=-UNITS_MAX,
            le=UNITS_MAX,
            examples=[-2],
            json_schema_extra={"not": {"const": 0}},
        ),
    ]
    reason: Annotated[str, Field(min_length=3, max_length=500, examples=["Two were broken."])]

    @field_validator("change")
    @classmethod
    def _changes_something(cls, change: int) -> int:
        if change == 0:
            raise ValueError("An adjustment changes something.")
        return change
