"""Messages in a world's queues, and what chance does to them: delivered again, up to five times, and out of order."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from online_kart.messaging.rules import RULES, queue_of
from tests.crashes.processes import REGION

BATCH_SIZE_MAX = 10
COPIES_MAX = 5
DELIVERED_AGAIN = 0.1
"""The share of messages that a queue delivers again though they were handled."""

IN_PARTS = 0.3
"""The share of batches that are not all that waits."""

FAILURES_MAX = 25
"""A message that fails so often fails for good: the world is broken."""

CONSUMER_OF = {queue_of(consumer): consumer for consumer in RULES}


class Undeliverable(Exception):
    """A consumer never takes the message."""


@dataclass(frozen=True)
class Message:
    queue: str
    message_id: str
    body: str
    failures: int = 0
    is_copy: bool = False

    @property
    def consumer(self) -> str:
        return CONSUMER_OF[self.queue]

    @property
    def type(self) -> str:
        return str(json.loads(self.body)["detail-type"])

    def record(self) -> dict[str, Any]:
        """As SQS passes it to a function."""
        return {
            "messageId": self.message_id,
            "receiptHandle": self.message_id,
            "body": self.body,
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:0:{self.queue}",
            "awsRegion": REGION,
        }


class Queues:
    """What waits to be delivered, of all queues."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.waiting: list[Message] = []

    def send(self, bodies: Sequence[tuple[str, str]]) -> None:
        """The bus puts (queue, body) into queues."""
        self.waiting += [
            Message(queue, f"{self._rng.getrandbits(64):x}", body) for queue, body in bodies
        ]

    def consumers(self) -> list[str]:
        """Those for whom something waits."""
        return sorted({message.consumer for message in self.waiting})

    def take(self, consumer: str) -> list[Message]:
        """All of a consumer's messages that go into a batch, or some of them; in any order."""
        waiting = [message for message in self.waiting if message.consumer == consumer]
        most = min(len(waiting), BATCH_SIZE_MAX)
        count = self._rng.randint(1, most) if self._rng.random() < IN_PARTS else most
        taken = self._rng.sample(waiting, count)
        self.waiting = [message for message in self.waiting if message not in taken]
        return taken

    def put_back(self, taken: Sequence[Message]) -> None:
        """Whoever had taken them has died."""
        for message in taken:
            self._deliver_again(message, self._rng.randint(1, COPIES_MAX))

    def judge(self, taken: Sequence[Message], failed: set[str]) -> None:
        """What has failed comes again; what was handled mostly does not. Raises Undeliverable."""
        for message in taken:
            if message.message_id in failed:
                if message.failures == FAILURES_MAX:
                    raise Undeliverable(f"{message.consumer} can't handle {message.body}")
                self.waiting.append(replace(message, failures=message.failures + 1))
            elif not message.is_copy and self._rng.random() < DELIVERED_AGAIN:
                self._deliver_again(message, self._rng.randint(1, COPIES_MAX - 1))

    def _deliver_again(self, message: Message, times: int) -> None:
        self.waiting += [
            replace(message, message_id=f"{message.message_id}-{n}", is_copy=True)
            for n in range(times)
        ]
