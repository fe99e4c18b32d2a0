"""The event bus: EventBridge. Locally the same client calls end in the local bus (local/bus.py)."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from ..alarms import raise_alarm
from ..crashpoints import crashpoint

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
            taken += self._put(source, rows[start : start + ENTRIES_MAX])
            crashpoint("bus.published")
        return taken

    def _put(self, source: str, rows: Sequence[OutboxRow]) -> list[UUID]:
        """Those of one call that the bus took. A call that it refuses as a whole is made again for each alone."""
        try:
            answer = self._client.put_events(Entries=[self._entry(source, row) for row in rows])
        except Exception as error:
            if not was_answered(error):
                raise
            if len(rows) > 1:
                return [id_ for row in rows for id_ in self._put(source, [row])]
            _tell_refusal(rows[0], str(error))
            return []
        taken = []
        for row, result in zip(rows, answer["Entries"], strict=True):
            if result.get("ErrorCode"):
                _tell_refusal(row, result["ErrorCode"])
            else:
                taken.append(row[0])
        return taken

    def _entry(self, source: str, row: OutboxRow) -> dict[str, Any]:
        _, type_, payload, occurred_at = row
        return {
            "Source": source,
            "DetailType": type_,
            "Detail": json.dumps(payload),
            "EventBusName": self._name,
            "Time": occurred_at,
        }


def was_answered(error: Exception) -> bool:
    """Whether AWS has refused the call, as botocore's ClientError tells. Else it could not be reached."""
    return hasattr(error, "response")  # importing botocore takes 155 ms


def _tell_refusal(row: OutboxRow, code: str) -> None:
    raise_alarm("EventRefused", event_id=row[0], type=row[1], code=code)
