"""Sales: what was delivered and paid, and the totals of it (I11, I12)."""

from datetime import date
from typing import Literal
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


class MonthSales(Model):
    """What was sold in a month of the shop's time zone; returns count in the month they came back (I12)."""

    month: date
    quantity: int
    amount_paise: int
