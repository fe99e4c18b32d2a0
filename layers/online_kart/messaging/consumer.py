"""A consumer's side of a queue: opens EventBridge envelopes, handles each, and tells the queue which ones failed.

One bad event doesn't hold up the others of its batch: it alone is delivered again, and after the queue's bound it
ends in the dead-letter queue.
"""

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from ..crashpoints import crashpoint

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event as the bus delivers it. `detail` is the event model's JSON, or what AWS tells of an execution."""

    id: UUID
    type: str
    detail: dict[str, Any]
    time: datetime


class Record(Protocol):
    """What we read of one of Chalice's SQS records."""

    body: str

    def to_dict(self) -> dict[str, Any]: ...


def handle_each(
    records: Iterable[Record], handle: Callable[[Envelope], None]
) -> dict[str, list[dict[str, str]]]:
    """What SQS expects of a function with ReportBatchItemFailures. `handle` must be safe to repeat."""
    failures = []
    for record in records:
        try:
            handle(open_envelope(record.body))
            crashpoint("consumer.handled")
        except Exception:
            message_id = str(record.to_dict()["messageId"])
            logger.exception("An event could not be handled", extra={"message_id": message_id})
            failures.append({"itemIdentifier": message_id})
    return {"batchItemFailures": failures}


def open_envelope(body: str) -> Envelope:
    """From the JSON in a queue's message. Our events carry their own id; AWS's get the bus's."""
    message = json.loads(body)
    detail = message["detail"]
    return Envelope(
        id=UUID(detail.get("event_id") or message["id"]),
        type=message["detail-type"],
        detail=detail,
        time=datetime.fromisoformat(message["time"].replace("Z", "+00:00")),
    )
