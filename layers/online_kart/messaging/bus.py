"""The event bus: EventBridge. Locally the same client calls end in the local bus (local/bus.py)."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

logger = logging.getLogger(__name__)

ENTRIES_MAX = 10  # of one PutEvents call

OutboxRow = tuple[UUID, str, dict[str, Any], datetime]
"""event_id, type, payload, occurred_at"""


class EventsClient(Protocol):
    """What we need of boto3's `events` client."""

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...


class EventBus:
    """Publishes outbox rows. An entry that the bus answers with an error code was not taken."""

    def __init__(self, client: EventsClient, name: str) -> None:
        self._client, self._name = client, name

    def publish(self, source: str, rows: Sequence[OutboxRow]) -> list[UUID]:
        """The ids that the bus has taken, in order."""
        taken: list[UUID] = []
        for start in range(0, len(rows), ENTRIES_MAX):
            chunk = rows[start : start + ENTRIES_MAX]
            answer = self._client.put_events(
                Entries=[
                    {
                        "Source": source,
                        "DetailType": type_,
                        "Detail": json.dumps(payload),
                        "EventBusName": self._name,
                        "Time": occurred_at,
                    }
                    for _, type_, payload, occurred_at in chunk
                ]
            )
            for (event_id, type_, _, _), result in zip(chunk, answer["Entries"], strict=True):
                if result.get("ErrorCode"):
                    logger.warning(
                        "The bus refused an event",
                        extra={
                            "event_id": str(event_id),
                            "type": type_,
                            "code": result["ErrorCode"],
                        },
                    )
                else:
                    taken.append(event_id)
        return taken
