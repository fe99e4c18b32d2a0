"""What the customer app shows of the catalog: its copies of categories, items, offers and units left (C6, C7)."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import Field

from .base import Model
from .promises import WhyNot

SHOWN_UNITS_MAX = 30
"""`units_left` is told only up to this many; above, an item is simply in stock."""


FACETED_ITEMS_MAX = 10_000
"""Counted of what a search finds: more are not told apart by anybody, and counting all would take a search its time."""

FACETED_CATEGORIES_MAX = 100

PRICE_BANDS_PAISE = (0, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000)
"""Where the bands of a search's prices begin; each ends where the next one begins."""

ItemSort = Literal["sku", "name", "price", "-price"]
"""By the lowest price that anybody asks: `price` from the cheapest, `-price` from the dearest."""


class Place(NamedTuple):
    """Of an item in a sorted list: what it is sorted by (None: its SKU alone), and its SKU."""

    value: str | int | None
    sku: str


class Search(Model):
    """What items are looked for. None and False: no matter. Prices are the lowest of an item's active offers."""

    category_id: str | None = None
    text: str | None = None
    price_from: int | None = None
    price_to: int | None = None
    in_stock: bool = False


class CategoryFacet(Model):
    """`items_count` counts those of the categories below, too."""

    category_id: str
    name: str
    parent_id: str | None
    items_count: int


class PriceBandFacet(Model):
    """`below_paise` is None in the last one."""

    from_paise: int
    below_paise: int | None
    items_count: int


class ShownFacets(Model):
    """How many of the items that a search finds are of each kind; FACETED_ITEMS_MAX of them are counted at most."""

    items_count: Annotated[int, Field(le=FACETED_ITEMS_MAX)]
    in_stock_count: int
    categories: Annotated[Sequence[CategoryFacet], Field(max_length=FACETED_CATEGORIES_MAX)]
    price_bands: Sequence[PriceBandFacet]


class ShownCategory(Model):
    category_id: str
    name: str
    parent_id: str | None


class ShownPromise(Model):
    """When one unit can be at the door of the pincode that was asked about. No date where `why_not` says why."""

    promise_date: date | None = None
    why_not: WhyNot | None = None


class ShownOffer(Model):
    """One seller's price of an item. `units_left` is None where there are more than SHOWN_UNITS_MAX.

    `promise` is None where no pincode was asked about.
    """

    seller_id: UUID
    price_paise: int
    in_stock: bool
    units_left: Annotated[int, Field(ge=0, le=SHOWN_UNITS_MAX)] | None
    promise: ShownPromise | None = None


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
