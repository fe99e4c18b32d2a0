"""The log of orders, their paths and timings (D4): every event of an order, as it was told."""

from typing import Any

from pymongo.database import Database

from online_kart.documents import order_log
from online_kart.messaging.consumer import Envelope

NOT_LOGGED = frozenset({"event_id", "occurred_at", "order_id"})


def append(documents: Database[dict[str, Any]], envelope: Envelope) -> None:
    """A repeat writes the same entry again."""
    order_log.append(
        documents,
        envelope.id,
        envelope.detail["order_id"],
        envelope.type,
        {key: value for key, value in envelope.detail.items() if key not in NOT_LOGGED},
        envelope.time,
    )
