"""Payments of orders: what may be charged follows from what the order's row has decided, never the other way round.

An amount is authorized before the order is confirmed, captured only once it is, and released when it is rejected or
cancelled. What is wanted is written in the transaction that decides the order; a job brings the provider there, as often
as it takes.
"""

from typing import Literal, Protocol
from uuid import UUID

from .base import Model
from .values import Paise

PaymentMethod = Literal["cash_on_delivery", "prepaid"]
PaymentStatus = Literal["requested", "authorized", "captured", "released"]


class Payment(Model):
    """Of a prepaid order. `status` is how far the provider is known to be; `wanted` is where it has to be brought."""

    order_id: UUID
    amount_paise: Paise
    status: PaymentStatus
    wanted: PaymentStatus
    refund_paise: Paise
    """What the customer gets back of what was, or might have been, captured."""


class PaymentProvider(Protocol):
    """The port. Each call is named by its order: a repeat changes nothing and answers as the first did.

    Each raises Unavailable where the provider does not answer: then nobody knows whether it has taken the call.
    """

    def authorize(self, order_id: UUID, amount_paise: int) -> None:
        """Set the amount aside. Raises PaymentDeclined; also once it was released, however late this comes."""

    def capture(self, order_id: UUID) -> None:
        """Charge what was set aside. Raises PaymentDeclined where nothing is, or it was released."""

    def refund(self, order_id: UUID, return_id: UUID, amount_paise: int) -> None:
        """Give back a part of what was captured. Raises PaymentDeclined where that is less, or nothing.

        Named by its return as well: an order may have several.
        """

    def release(self, order_id: UUID) -> None:
        """Charge nothing: what was set aside is free, what was captured is refunded, what was never asked for is refused."""
