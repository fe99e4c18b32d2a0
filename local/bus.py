"""EventBridge and its queues in one process: rules copy an event to each consumer's queue.

An event that `put_events` has taken is on the disk, once for each consumer that hears its type
(`online_kart.messaging.rules`), before the answer goes out: the relay then marks it as sent, and a
kill -9 between the two is no loss. The consumers are the functions that Chalice would connect to
the queues; they get events of the same form, in batches, on threads of their own.
"""

import json
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import Any

from online_kart.clock import Clock
from online_kart.messaging.rules import RULES, queue_of

from .errors import LocalError
from .lambdas import ACCOUNT, Lambdas
from .queues import Message, Queues

logger = logging.getLogger(__name__)

ENTRIES_BYTES_MAX = 256 * 1024
"""Of one call, as on AWS."""

BATCH_SIZE_MAX = 10
READERS = 2
"""How many batches of one queue are handled at once."""


class EntriesTooLarge(LocalError):
    """The call is refused as a whole."""

    def __init__(self) -> None:
        super().__init__(f"The entries of a call are more than {ENTRIES_BYTES_MAX} bytes.")
        self.response = {"Error": {"Code": "ValidationException", "Message": str(self)}}


class LocalBus:
    """Takes events as EventBridge's PutEvents does."""

    def __init__(
        self,
        queues: Queues,
        *,
        region: str,
        rules: Mapping[str, Iterable[str]] = RULES,
    ) -> None:
        self._queues, self._region = queues, region
        self._consumers: dict[str, list[str]] = {}
        for consumer, types in rules.items():
            for type_ in types:
                self._consumers.setdefault(type_, []).append(consumer)

    def put_events(self, entries: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
        """One answer an entry: its EventId, or why it was refused. The rest is taken together. Raises EntriesTooLarge."""
        if sum(len(str(entry.get("Detail", "")).encode()) for entry in entries) > ENTRIES_BYTES_MAX:
            raise EntriesTooLarge
        answers, bodies = [], []
        for entry in entries:
            refusal = _refusal(entry)
            if refusal is None:
                envelope = self._envelope(entry)
                bodies += [(queue, json.dumps(envelope)) for queue in self._queues_for(envelope)]
                answers.append({"EventId": envelope["id"]})
            else:
                answers.append(refusal)
        self._queues.send(bodies)
        return answers

    def _queues_for(self, envelope: Mapping[str, Any]) -> list[str]:
        return [queue_of(consumer) for consumer in self._consumers.get(envelope["detail-type"], [])]

    def _envelope(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "version": "0",
            "id": str(
                uuid.uuid4()
            ),  # of this publication, as on AWS; the detail has the event's own
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": ACCOUNT,
            "time": _rfc3339(entry.get("Time")),
            "region": self._region,
            "resources": list(entry.get("Resources", [])),
            "detail": json.loads(entry["Detail"]),
        }


@dataclass(frozen=True)
class Subscription:
    """A function that Chalice connects to a queue."""

    queue: str
    function: str
    batch_size: int = BATCH_SIZE_MAX


class QueueReaders:
    """Threads that carry messages from the queues to their functions."""

    def __init__(
        self,
        queues: Queues,
        lambdas: Lambdas,
        subscriptions: Iterable[Subscription],
        *,
        region: str,
    ) -> None:
        self._queues, self._lambdas, self._region = queues, lambdas, region
        self._threads = [
            Thread(target=self._read, args=(subscription,), name=subscription.queue, daemon=True)
            for subscription in subscriptions
            for _ in range(READERS)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Let what is being handled finish. The queues must have been closed."""
        for thread in self._threads:
            thread.join()

    def _read(self, subscription: Subscription) -> None:
        batch_size = min(subscription.batch_size, BATCH_SIZE_MAX)
        while messages := self._queues.take(subscription.queue, batch_size):
            self._deliver(subscription, messages)

    def _deliver(self, subscription: Subscription, messages: list[Message]) -> None:
        event = {"Records": [self._record(message) for message in messages]}
        answer = self._lambdas.invoke(subscription.function, json.dumps(event))
        if answer.is_error:
            self._queues.failed(messages, answer.error)
            return
        failures = (answer.payload or {}).get("batchItemFailures", [])
        failed_ids = {failure["itemIdentifier"] for failure in failures}
        self._queues.done(m for m in messages if m.message_id not in failed_ids)
        self._queues.failed(
            [m for m in messages if m.message_id in failed_ids],
            f"{subscription.function} reported the message as failed; its log says why.",
        )

    def _record(self, message: Message) -> dict[str, Any]:
        return {
            "messageId": message.message_id,
            "receiptHandle": message.message_id,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receive_count + 1)},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{self._region}:{ACCOUNT}:{message.queue}",
            "awsRegion": self._region,
        }


def _refusal(entry: Mapping[str, Any]) -> dict[str, str] | None:
    """What EventBridge answers to an entry that it doesn't take. None if it does."""
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"{name} is required."}
    try:
        json.loads(entry["Detail"])
    except ValueError:
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    return None


def _rfc3339(time: datetime | float | str | None) -> str:
    """boto3 sends seconds since 1970; whoever calls us directly may pass a datetime."""
    if isinstance(time, str):
        return time
    if time is None:
        time = Clock().wall_now()
    elif not isinstance(time, datetime):
        time = datetime.fromtimestamp(time, UTC)
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
