"""A consumer's side of a queue: opens EventBridge envelopes, handles each, and tells the queue which ones failed.

One bad event doesn't hold up the others of its batch: it alone is delivered again, and after the queue's bound it
ends in the dead-letter queue. So does one of an edition that this code does not know, until code that does is deployed
and the letter is replayed.
"""

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from .. import metrics
from ..crashpoints import crashpoint
from ..domain.errors import Unavailable, UnknownEdition
from ..domain.events import EDITION
from ..logs import CORRELATION_ID, marked
from .published import editions_known

logger = logging.getLogger(__name__)

UNAVAILABLE_MAX = 3
"""What did not answer for so many events of a batch is not asked for the rest: each would wait until it gives up."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event as the bus delivers it. `detail` is the event model's JSON, or what AWS tells of an execution."""

    id: UUID
    type: str
    detail: dict[str, Any]
    time: datetime

    @property
    def correlation_id(self) -> str:
        """What it was told under; its own id where that is not known, as of AWS's events."""
        return str(self.detail.get(CORRELATION_ID) or self.id)


class Record(Protocol):
    """What we read of one of Chalice's SQS records."""

    body: str

    def to_dict(self) -> dict[str, Any]: ...


def handle_each(
    records: Iterable[Record],
    handle: Callable[[Envelope], None],
    measured_as: tuple[str, datetime] | None = None,
) -> dict[str, list[dict[str, str]]]:
    """What SQS expects of a function with ReportBatchItemFailures. `handle` must be safe to repeat.

    `measured_as`: the consumer, and business time: how long the slowest of the events took to it is a metric.
    """
    times: list[datetime] = []

    def handle_and_note(envelope: Envelope) -> None:
        handle(envelope)
        times.append(envelope.time)

    answer = _handle_each(records, handle_and_note)
    if times and measured_as:
        consumer, now = measured_as
        lag = max((now - min(times)).total_seconds(), 0.0)
        metrics.put({"event_lag": (lag, "Seconds")}, consumer=consumer)
    return answer


def _handle_each(
    records: Iterable[Record], handle: Callable[[Envelope], None]
) -> dict[str, list[dict[str, str]]]:
    failed: list[str] = []
    unavailable = 0
    for record in records:
        message_id = str(record.to_dict()["messageId"])
        if unavailable >= UNAVAILABLE_MAX:
            failed.append(message_id)
            continue
        error = _error_of(record, handle, message_id)
        if error:
            failed.append(message_id)
            unavailable += isinstance(error, Unavailable)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _error_of(
    record: Record, handle: Callable[[Envelope], None], message_id: str
) -> Exception | None:
    """What stood in the way of handling the event, which is logged. None where nothing did."""
    with ExitStack() as marks:
        try:
            envelope = open_envelope(record.body)
            marks.enter_context(marked(correlation_id=envelope.correlation_id))
            handle(envelope)
            crashpoint("consumer.handled")
        except Exception as error:
            logger.exception("An event could not be handled", extra={"message_id": message_id})
            return error
    return None


def open_envelope(body: str) -> Envelope:
    """From the JSON in a queue's message. Our events carry their own id; AWS's get the bus's. Raises UnknownEdition."""
    message = json.loads(body)
    detail = message["detail"]
    edition = detail.get("edition", EDITION)
    if edition not in editions_known(message["detail-type"]):
        raise UnknownEdition(message["detail-type"], edition)
    return Envelope(
        id=UUID(detail.get("event_id") or message["id"]),
        type=message["detail-type"],
        detail=detail,
        time=datetime.fromisoformat(message["time"].replace("Z", "+00:00")),
    )
