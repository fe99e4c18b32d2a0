"""Sales: what was delivered and paid, and the totals of it (I11, I12)."""

from datetime import date
from typing import Literal, NamedTuple
from uuid import UUID

from .base import Model
from .values import FacilityCode, Instant, Sku


class Sale(Model):
    """A delivered package line; a return has negative numbers."""

    sale_id: UUID
    package_id: UUID
    order_id: UUID
    line_no: int
    kind: Literal["sale", "return"]
    sku: Sku
    seller_id: UUID
    fc_code: FacilityCode
    category_id: str
    quantity: int
    amount_paise: int
    sold_at: Instant


class CategorySales(Model):
    """What a category sold since ever, its own items only; returns are taken off (I11)."""

    category_id: str
    name: str
    quantity: int
    amount_paise: int


class ItemSales(Model):
    """What was sold of an item from an FC in a month of the shop's time zone; returns count in the month they came back."""

    month: date
    fc_code: FacilityCode
    sku: Sku
    item_name: str
    quantity: int
    amount_paise: int


class ItemSalesFilter(NamedTuple):
    """Of one month (its first day), of one FC, of one item. None: any."""

    month: date | None = None
    fc_code: str | None = None
    sku: str | None = None


class MonthSales(Model):
    """What was sold in a month of the shop's time zone; returns count in the month they came back (I12)."""

    month: date
    quantity: int
    amount_paise: int
