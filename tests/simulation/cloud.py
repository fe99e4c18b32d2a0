"""What AWS does for the apps, in the world's hands: functions, the bus and its queues, executions of state machines.

Nothing happens here by itself. A queue keeps what it was told until the world delivers it: in any order, some of it twice.
"""

import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from local.aws import state_machine_arns
from local.environment import REGION
from local.jobs import scheduled_event
from local.lambdas import Answer, Context, Handler
from online_kart.domain.errors import KartError
from online_kart.messaging.machines import MACHINES
from online_kart.messaging.rules import RULES, RUN_STATUS_CHANGE
from tests.faults import DEATHS, Crash

from .machines import Execution

ARNS = state_machine_arns(REGION)
BATCH_SIZE_MAX = 10
RECEIVE_COUNT_MAX = 5
"""As the local queues' and production's: then a message is a dead letter."""

DELAYED_PERCENT = 8
"""Of the messages; by up to so many times five minutes."""


@dataclass
class Message:
    """`receive_count` deliveries have failed so far. It is delivered from `visible_at` on."""

    message_id: str
    body: str
    visible_at: datetime
    receive_count: int = 0


class ExecutionAlreadyExists(Exception):
    """As boto3 raises it."""


class ExecutionDoesNotExist(Exception):
    """As boto3 raises it."""


class Cloud:
    """`glow` is called where the caller may die. `now` is what the engine's clock shows."""

    exceptions = SimpleNamespace(
        ExecutionAlreadyExists=ExecutionAlreadyExists, ExecutionDoesNotExist=ExecutionDoesNotExist
    )

    def __init__(
        self,
        functions: Mapping[str, Handler],
        glow: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._functions = functions
        self._glow, self._now = glow, now
        self.queues: dict[str, list[Message]] = {consumer: [] for consumer in RULES}
        self.delivered: list[tuple[str, str]] = []
        self.dead_letters: list[tuple[str, str]] = []
        self.executions: dict[str, Execution] = {}
        self.bugs: list[str] = []
        self.refuses_next = False
        self.published_count = 0

    # Functions

    def invoke(self, name: str, payload: Any) -> Answer:
        """As Lambda: what goes in and out is JSON, and an error is an answer. One that is no KartError is a bug."""
        try:
            result = self._functions[name](json.loads(json.dumps(payload)), Context(name))
            return Answer(json.loads(json.dumps(result)))
        except Crash:
            return Answer({"errorType": "Crash", "errorMessage": "it died"}, True)
        except Exception as error:
            if not isinstance(error, KartError):
                self.bugs.append(f"{name} raised {error!r}")
            return Answer({"errorType": type(error).__name__, "errorMessage": str(error)}, True)

    def run_job(self, name: str) -> Answer:
        return self.invoke(name, scheduled_event(name))

    # The bus

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """boto3's. The bus may refuse the first entry of a call."""
        self._glow()
        answers: list[dict[str, str]] = []
        for entry in Entries:
            if self.refuses_next:
                self.refuses_next = False
                answers.append({"ErrorCode": "ThrottlingException"})
                continue
            self.publish(entry["DetailType"], json.loads(entry["Detail"]), entry["Time"])
            answers.append({"EventId": str(uuid.uuid4())})
        self._glow()
        refused = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": refused, "Entries": answers}

    def publish(self, type_: str, detail: Any, at: datetime) -> None:
        body = json.dumps(
            {
                "id": str(uuid.uuid4()),
                "detail-type": type_,
                "time": at.isoformat(),
                "detail": detail,
            }
        )
        self.published_count += 1
        for consumer, types in RULES.items():
            if type_ in types:
                self._enqueue(consumer, body, self._now() + _delay())

    def _enqueue(self, consumer: str, body: str, visible_at: datetime) -> None:
        self.queues[consumer].append(Message(str(uuid.uuid4()), body, visible_at))

    def visible(self, consumer: str) -> list[Message]:
        """What of its queue can be delivered now."""
        return [each for each in self.queues[consumer] if each.visible_at <= self._now()]

    def deliver(self, consumer: str, rng: random.Random) -> None:
        """Some of the queue's messages to its function, in any order; what fails comes again."""
        waiting = self.visible(consumer)
        taken = rng.sample(waiting, min(len(waiting), rng.choice([1, 2, BATCH_SIZE_MAX])))
        answer = self.invoke(consumer, {"Records": [_record(message) for message in taken]})
        failures = [] if answer.is_error else answer.payload["batchItemFailures"]
        failed = {failure["itemIdentifier"] for failure in failures}
        for message in taken:
            self.queues[consumer].remove(message)
            if answer.is_error or message.message_id in failed:
                self._failed(consumer, message)
            else:
                self.delivered.append((consumer, message.body))

    def _failed(self, consumer: str, message: Message) -> None:
        message.receive_count += 1
        if message.receive_count < RECEIVE_COUNT_MAX:
            self.queues[consumer].append(message)
        else:
            self.dead_letters.append((consumer, message.body))

    def redeliver(self, rng: random.Random, times: int) -> None:
        """What was handled some time ago comes once more, or several times."""
        for consumer, body in rng.sample(self.delivered, min(len(self.delivered), times)):
            self._enqueue(consumer, body, self._now())

    # Step Functions

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:
        """boto3's."""
        self._glow()
        machine = next(each for each, arn in ARNS.items() if arn == stateMachineArn)
        if name_of(machine, name) in self.executions:
            raise ExecutionAlreadyExists
        run = Execution(machine, name, json.loads(input), self._now())
        self.executions[name_of(machine, name)] = run
        self._glow()

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:
        """boto3's."""
        *_, machine, name = executionArn.split(":")
        if name_of(machine, name) not in self.executions:
            raise ExecutionDoesNotExist
        return {"status": self.executions[name_of(machine, name)].status}

    def ready(self) -> Iterator[Execution]:
        """Executions that may go on."""
        now = self._now()
        return (run for run in self.running() if run.ready_at <= now)

    def running(self) -> Iterator[Execution]:
        return (run for run in self.executions.values() if run.status == "RUNNING")

    def step(self, run: Execution, rng: random.Random) -> None:
        """One state of it. A function that died is told of by one of the names that AWS has for it."""

        def invoke(function: str, payload: Any) -> Answer:
            answer = self.invoke(function, payload)
            if answer.is_error and answer.payload["errorType"] == "Crash":
                return Answer({**answer.payload, "errorType": rng.choice(DEATHS)}, True)
            return answer

        run.step(invoke, self._now(), rng)
        if run.status != "RUNNING" and MACHINES[run.machine] == "STANDARD":
            self._tell_of_end(run)

    def _tell_of_end(self, run: Execution) -> None:
        detail = {
            "stateMachineArn": ARNS[run.machine],
            "name": run.name,
            "status": run.status,
            "error": run.error,
        }
        self.publish(RUN_STATUS_CHANGE, detail, self._now())

    def vanish(self, run: Execution) -> None:
        """AWS loses it: nobody is told."""
        del self.executions[name_of(run.machine, run.name)]


def _delay() -> timedelta:
    """Mostly none; seldom so long that others overtake it by far."""
    percent = uuid.uuid4().int % 100
    return timedelta(minutes=5 * percent) if percent < DELAYED_PERCENT else timedelta()


def name_of(machine: str, name: str) -> str:
    return f"{machine}:{name}"


def _record(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.message_id,
        "receiptHandle": message.message_id,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receive_count + 1)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:local:123456789012:queue",
        "awsRegion": "local",
    }
