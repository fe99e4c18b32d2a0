"""What the customer app shows of the catalog: its copies of categories, items, offers and units left (C6, C7)."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field

from .base import Model

SHOWN_UNITS_MAX = 30
"""`units_left` is told only up to this many; above, an item is simply in stock."""


class ShownCategory(Model):
    category_id: str
    name: str
    parent_id: str | None


class ShownOffer(Model):
    """One seller's price of an item. `units_left` is None where there are more than SHOWN_UNITS_MAX."""

    seller_id: UUID
    price_paise: int
    in_stock: bool
    units_left: Annotated[int, Field(ge=0, le=SHOWN_UNITS_MAX)] | None


class ShownItem(Model):
    sku: str
    category_id: str
    name: str
    brand: str
    weight_grams: int
    offers: Sequence[ShownOffer]


def shown_units(free_units: int) -> int | None:
    """`only N left`: N, or None where there are plenty."""
    return free_units if free_units <= SHOWN_UNITS_MAX else None
