"""Prices of offers: the change of one, now or later, and the log of all that were (D7)."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from .base import Model, example
from .errors import InvalidRequest
from .events import PriceChanged
from .values import AskedInstant, Instant, Sku

PricePaise = Annotated[int, Field(ge=1, le=10**12, examples=[129_900])]
"""What a unit costs: never nothing."""

ComingPriceStatus = Literal["waiting", "started", "cancelled"]

COMING_MAX = 20
"""Prices that an offer may have to come: a sale a month, and its end."""

AHEAD_MAX = timedelta(days=366)


class ChangePrice(Model):
    model_config = example(price_paise=119_900)

    price_paise: PricePaise


class SetComingPrice(ChangePrice):
    """A price that starts later."""

    model_config = example(price_paise=99_900, starts_at="2026-10-20T00:00:00+05:30")

    starts_at: AskedInstant


class ComingPrice(Model):
    """A price that waits for its time, or has. `ended_at`: when it stopped waiting, because it was started or cancelled."""

    price_id: UUID
    seller_id: UUID
    sku: Sku
    price_paise: PricePaise
    starts_at: Instant
    status: ComingPriceStatus
    set_by: str
    set_at: Instant
    ended_at: Instant | None


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


def check_start(starts_at: datetime, now: datetime) -> None:
    """Raises InvalidRequest where a price could not start then."""
    if not now < starts_at <= now + AHEAD_MAX:
        raise InvalidRequest(
            "A price can't start then.",
            "starts_at",
            f"a moment to come, within {AHEAD_MAX.days} days",
        )
