"""Setting aside what a prepaid order costs, and bringing the provider to what the order's row has decided.

No call of the provider is made in a transaction. Before each, what it is for is committed; what it did is noted after it.
So whatever dies in between, `settle` makes the call again, and the provider knows a repeat by its order.
"""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from online_kart.customer_db import payments
from online_kart.domain.errors import PaymentDeclined
from online_kart.domain.payments import Payment, PaymentProvider
from online_kart.one_by_one import one_by_one

logger = logging.getLogger(__name__)


def authorize(
    conn: Connection[Any], provider: PaymentProvider, order_id: UUID, now: datetime
) -> None:
    """Set aside what the order costs, where it is prepaid. A repeat changes nothing. Raises PaymentDeclined, Unavailable."""
    payment = payments.of_order(conn, order_id)
    if payment and payment.status == "requested":
        provider.authorize(order_id, payment.amount_paise)
        payments.note(conn, order_id, "authorized", now)


def settle(conn: Connection[Any], provider: PaymentProvider, limit: int, now: datetime) -> int:
    """Capture what was confirmed, release what was rejected or cancelled. How many; safe to run twice and at once."""
    return one_by_one(
        payments.unsettled(conn, limit), lambda payment: _settle(conn, provider, payment, now)
    )


def _settle(
    conn: Connection[Any], provider: PaymentProvider, payment: Payment, now: datetime
) -> bool:
    if payment.wanted == "released":
        provider.release(payment.order_id)
        payments.note(conn, payment.order_id, "released", now)
        return True
    try:
        provider.capture(payment.order_id)
    except PaymentDeclined:
        # It was cancelled and released meanwhile; or what was set aside has lapsed, and a person has to ask for it.
        logger.warning("A payment can't be captured", extra={"order_id": str(payment.order_id)})
        payments.put_back(conn, payment.order_id, now)
        return False
    payments.note(conn, payment.order_id, "captured", now)
    return True
