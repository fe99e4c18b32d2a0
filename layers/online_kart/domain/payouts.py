"""Payouts: what is owed for a return of something that was paid on delivery, and how people have paid it back."""

from typing import Annotated

from pydantic import Field, StringConstraints

from .base import Model, example
from .values import Instant, Paise

Reference = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=100),
    Field(examples=["UPI 412345678901"], json_schema_extra={"pattern": r"\S[\s\S]+\S"}),
]


class RecordPayout(Model):
    """`amount_paise` is all that is owed: a mistyped amount is noticed. `reference`: where it is in the bank's books."""

    model_config = example(amount_paise=129_900, reference="UPI 412345678901")

    amount_paise: Paise
    reference: Reference


class Payout(Model):
    """Written down once, and never changed."""

    amount_paise: Paise
    reference: str
    paid_by: str
    paid_at: Instant
