"""The log of orders, their paths and timings (D4): every event of an order, as it was told."""

from typing import Any

from pymongo.database import Database

from online_kart.documents import order_log
from online_kart.messaging.consumer import Envelope


def append(documents: Database[dict[str, Any]], envelope: Envelope) -> None:
    """A repeat writes the same entry again."""
    order_log.append(
        documents,
        envelope.id,
        envelope.detail["order_id"],
        envelope.type,
        order_log.detail_of(envelope.detail),
        envelope.time,
    )
