"""What a cart would become if it were ordered now: packages, dates, prices. A quote holds no stock and promises none."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from .base import Model, example
from .orders import LINES_MAX, LineWanted, OrderLine
from .promises import WhyNot
from .storefront import SHOWN_UNITS_MAX
from .values import FacilityCode, Instant, Paise, Pincode, Quantity, Sku


class AskQuote(Model):
    model_config = example(pincode=560001, lines=[{"sku": "MUG-350ML", "quantity": 2}])

    pincode: Pincode
    lines: Annotated[tuple[LineWanted, ...], Field(min_length=1, max_length=LINES_MAX)]


class QuotedPackage(Model):
    """What one FC would send."""

    origin_fc_code: FacilityCode
    promise_date: date
    lines: dict[int, int] = Field(description="line_no → quantity")


class ShortLine(Model):
    """An offer of which fewer units are left than wanted. `units_left` is None above SHOWN_UNITS_MAX."""

    sku: Sku
    seller_id: UUID
    item_name: str
    wanted: Quantity
    units_left: Annotated[int, Field(ge=0, le=SHOWN_UNITS_MAX)] | None


class CartQuote(Model):
    """`packages` is empty, and there is no date, where `why_not` says why; `short_items` has what is out of stock then."""

    to_pincode: Pincode
    quoted_at: Instant
    lines: tuple[OrderLine, ...]
    total_paise: Paise
    promise_date: date | None = None
    packages: tuple[QuotedPackage, ...] = ()
    why_not: WhyNot | None = None
    short_items: tuple[ShortLine, ...] = ()
