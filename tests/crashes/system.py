"""One world: the whole system on one thread, where chance says what happens next, and what dies is done again.

A client repeats its request with the same key; a queue delivers a message again, up to five times and out of order; a
machine tries a step again, or fails, or its execution vanishes with its engine; a schedule runs its job again. Chance
has a seed, so a world comes out the same each time.
"""

import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from local.bus import LocalBus
from local.jobs import scheduled_event
from local.lambdas import Answer, Handler
from online_kart.crashpoints import watched
from online_kart.messaging.machines import MACHINES
from online_kart.messaging.rules import RUN_STATUS_CHANGE, queue_of
from tests.crashes.ground import MONDAY, Ground
from tests.crashes.kills import Kill, Killed, Reaper
from tests.crashes.machines import StateFailed, Task, Wait, Walk, by_value, machine, walk
from tests.crashes.processes import (
    ARN,
    FUNCTIONS,
    HTTP,
    REGION,
    AwsRefused,
    Errand,
    StandingClock,
    called,
    forget,
    in_child,
    wired,
)

BATCH_SIZE_MAX = 10
COPIES_MAX = 5
DELIVERED_AGAIN = 0.1
"""The share of messages that a queue delivers again though they were handled."""

TRIED_MAX = 25
"""A message or request that fails so often fails for good: the world is broken."""

STEPS_MAX = 5_000

FATES = {"Lambda.ServiceException": 0.6, "Runtime.ExitError": 0.15, "vanishes": 0.25}
"""What becomes of a machine's run whose step has died: AWS tries it again, or tells of it, or loses the execution."""

UNSENT = {
    "relay_inventory_outbox": (
        "inventory",
        "SELECT FROM outbox WHERE sent_at IS NULL LIMIT 1",
        "SELECT FROM item_availability_changes LIMIT 1",
    ),
    "relay_customer_outbox": ("customer", "SELECT FROM outbox WHERE sent_at IS NULL LIMIT 1"),
}
"""What each relay's schedule would find. To look is cheaper than to run it in vain."""

MostPassed = Mapping[str, Counter[str]]
"""Function → how often one call of it passes each crash point, at most, in a world without deaths."""


class Died(Exception):
    """The process of a function died."""


class Stuck(Exception):
    """The world does not come to rest, or somebody is never answered."""


class Response(NamedTuple):
    status: int
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Message:
    queue: str
    message_id: str
    body: str
    failures: int = 0
    is_copy: bool = False

    @property
    def type(self) -> str:
        return str(json.loads(self.body)["detail-type"])

    def record(self) -> dict[str, Any]:
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


@dataclass
class Execution:
    """`walk` waits for what it has yielded last."""

    machine: str
    name: str
    walk: Walk
    waits_for: Task | Wait | None = None
    status: str = "RUNNING"

    @property
    def key(self) -> str:
        """A name is one of its machine."""
        return f"{self.machine}:{self.name}"

    def is_ready(self, now: datetime) -> bool:
        if isinstance(self.waits_for, Wait):
            return datetime.fromisoformat(self.waits_for.until) <= now
        return self.waits_for is not None


@dataclass
class Mishaps:
    """What goes wrong in a flow even where nobody dies. Each is taken away by what it has hit."""

    held_back: dict[tuple[str, str], list[Message]] = field(default_factory=dict)
    """(consumer, type of event) → messages that lie in its dead-letter queue until `redrive`."""

    vanishing: set[str] = field(default_factory=set)
    """The functions of steps before which the execution vanishes."""

    failing: set[str] = field(default_factory=set)
    """The functions of steps that fail once, before they have begun, with an error that nobody tries again."""


class World:
    """See the module. `functions` may have broken variants in place of the real ones."""

    def __init__(
        self,
        ground: Ground,
        name: str,
        kills: Iterable[Kill],
        real_kills_by: MostPassed | None = None,
        functions: Mapping[str, Handler] = FUNCTIONS,
    ) -> None:
        self.name, self.stores = name, ground.stores
        self._ground = ground
        self.clock = StandingClock(MONDAY)
        self.reaper = Reaper(kills)
        self.mishaps = Mishaps()
        self.most_passed: dict[str, Counter[str]] = {}
        self.real_kills_count = 0
        self._real_kills_by, self._functions = real_kills_by, functions
        self._rng = random.Random(name.partition("/")[0])  # the flow's, until somebody dies
        self._bus = LocalBus(self, region=REGION)  # type: ignore[arg-type]  # its queues are ours
        self._waiting: list[Message] = []
        self._nudged: set[str] = set()
        self.executions: dict[str, Execution] = {}

    @property
    def now(self) -> datetime:
        return self.clock.at

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Its databases are fresh, and its apps connected, as long as the block lasts."""
        forget()
        self._ground.restore()
        with (
            wired(self._ground.plugs, self._ground.apps, self.clock, self._aws),
            watched(self.reaper),
        ):
            yield

    # -- people

    def request(
        self, app: str, method: str, path: str, body: Any = None, key: str | None = None
    ) -> Response:
        """What the app answers in the end: a client repeats its request until it is answered."""
        headers = {"Idempotency-Key": key} if key else {}
        event = {"method": method, "path": path, "body": body, "headers": headers}
        for _ in range(TRIED_MAX):
            with contextlib.suppress(Died):
                answer = self.invoke(f"{HTTP}{app}", event).payload
                if answer["status"] < 500:
                    return Response(**answer)
                forget()
        raise Stuck(f"{method} {path} is never answered")

    def run_job(self, name: str) -> Any:
        """What the job answers in the end: its schedule comes again."""
        for _ in range(TRIED_MAX):
            with contextlib.suppress(Died):
                answer = self.invoke(name, scheduled_event(name))
                if not answer.is_error:
                    return answer.payload
                forget()
        raise Stuck(f"{name} never comes to its end")

    def redrive(self) -> None:
        """What lies in dead-letter queues is delivered after all."""
        held_back, self.mishaps.held_back = self.mishaps.held_back, {}
        self._waiting += [message for messages in held_back.values() for message in messages]

    # -- functions

    def invoke(self, function: str, event: dict[str, Any]) -> Answer:
        """Raises Died."""
        self.reaper.is_dead = False
        before = self.reaper.passed.copy()
        if self._may_die(function):
            answer = self._in_child(function, json.dumps(event))
        else:
            answer = self._here(function, json.dumps(event))
        if answer is None or self.reaper.is_dead:
            self._rng.seed(f"{self.name} {len(self.reaper.struck)}")
            forget()
            raise Died(function)
        known = self.most_passed.setdefault(function, Counter())
        self.most_passed[function] = known | (self.reaper.passed - before)
        return answer

    def _here(self, function: str, event: str) -> Answer | None:
        try:
            return called(self._functions[function], function, event)
        except Killed:
            return None

    def _in_child(self, function: str, event: str) -> Answer | None:
        kills = tuple(self.reaper.to_come())
        errand = Errand(self._ground.plugs, self.now, function, event, self.reaper.passed, kills)
        answer = in_child(errand, self.reaper, self._aws)
        self.real_kills_count += answer is None
        return answer

    def _may_die(self, function: str) -> bool:
        """Whether a real death may come: then the function is called in a process that can be killed."""
        if self._real_kills_by is None:
            return False
        most = self._real_kills_by.get(function, Counter())
        return any(
            kill.passing <= self.reaper.passed[kill.point] + most[kill.point]
            for kill in self.reaper.to_come()
        )

    # -- AWS

    def _aws(self, operation: str, arguments: dict[str, Any]) -> Any:
        match operation:
            case "put_events":
                answers = self._bus.put_events(arguments["Entries"])
                return {"FailedEntryCount": 0, "Entries": answers}
            case "invoke":
                self._nudged.add(arguments["FunctionName"])
                return {"StatusCode": 202}
            case "start_execution":
                name = arguments["stateMachineArn"].removeprefix(ARN)
                return self._start(name, arguments["name"], json.loads(arguments["input"]))
            case "describe_execution":
                return self._described(":".join(arguments["executionArn"].split(":")[-2:]))
            case other:
                raise ValueError(f"Nobody needs {other}.")

    def send(self, bodies: Sequence[tuple[str, str]]) -> None:
        """The bus puts messages into queues."""
        self._waiting += [
            Message(queue, f"{self._rng.getrandbits(64):x}", body) for queue, body in bodies
        ]

    # -- what happens next

    def settle(self) -> None:
        """Until nothing more happens before its time."""
        for _ in range(STEPS_MAX):
            possible = list(self._possible())
            if possible:
                self._rng.choice(possible)()
            elif not self._relayed():
                return
        raise Stuck("It does not come to rest.")

    def _possible(self) -> Iterator[Callable[[], None]]:
        self._set_aside()
        for queue in sorted({message.queue for message in self._waiting}):
            yield lambda queue=queue: self._deliver(queue)
        for relay in sorted(self._nudged):
            yield lambda relay=relay: self._relay(relay)
        for execution in list(self.executions.values()):
            if execution.is_ready(self.now):
                yield lambda execution=execution: self._go_on(execution)

    def _relayed(self) -> bool:
        """The relays' schedule: whether there was something that nobody was nudged to send."""
        relays = [relay for relay, stores in UNSENT.items() if self._is_unsent(*stores)]
        for relay in relays:
            self.run_job(relay)
        return bool(relays)

    def _is_unsent(self, side: str, *queries: str) -> bool:
        conn = getattr(self.stores, side)
        return any(conn.execute(query).fetchone() for query in queries)

    def _relay(self, name: str) -> None:
        self._nudged.discard(name)
        with contextlib.suppress(Died):
            self.invoke(name, scheduled_event(name))

    def next_moment(self) -> datetime | None:
        """The earliest time that an execution waits for."""
        waits = (each.waits_for for each in self.executions.values())
        moments = [datetime.fromisoformat(w.until) for w in waits if isinstance(w, Wait)]
        return min((moment for moment in moments if moment > self.now), default=None)

    def pass_time(self, until: datetime | timedelta) -> None:
        self.clock.at = max(self.now, self.now + until if isinstance(until, timedelta) else until)

    # -- queues

    def _set_aside(self) -> None:
        for message in self._waiting[:]:
            consumer = message.queue.removeprefix("kart-").replace("-", "_")
            aside = self.mishaps.held_back.get((consumer, message.type))
            if aside is not None:
                self._waiting.remove(message)
                aside.append(message)

    def _deliver(self, queue: str) -> None:
        """Some of a queue's messages, in any order."""
        waiting = [message for message in self._waiting if message.queue == queue]
        taken = self._rng.sample(waiting, self._rng.randint(1, min(len(waiting), BATCH_SIZE_MAX)))
        for message in taken:
            self._waiting.remove(message)
        function = queue.removeprefix("kart-").replace("-", "_")
        assert queue == queue_of(function)
        try:
            answer = self.invoke(function, {"Records": [message.record() for message in taken]})
        except Died:
            for message in taken:
                self._waiting += self._copies(message, self._rng.randint(1, COPIES_MAX))
            return
        if answer.is_error:
            raise Stuck(f"{function}: {answer.error}")
        self._judge(taken, {each["itemIdentifier"] for each in answer.payload["batchItemFailures"]})

    def _judge(self, taken: Sequence[Message], failed: set[str]) -> None:
        """What has failed comes again; what was handled mostly does not."""
        for message in taken:
            if message.message_id in failed:
                forget()
                if message.failures > TRIED_MAX:
                    raise Stuck(f"{message.queue} can't handle {message.body}")
                self._waiting.append(replace(message, failures=message.failures + 1))
            elif not message.is_copy and self._rng.random() < DELIVERED_AGAIN:
                self._waiting += self._copies(message, self._rng.randint(1, COPIES_MAX - 1))

    def _copies(self, message: Message, count: int) -> list[Message]:
        return [
            replace(message, message_id=f"{message.message_id}-{n}", is_copy=True)
            for n in range(count)
        ]

    # -- machines

    def _start(self, machine_name: str, name: str, input_: Any) -> dict[str, str]:
        execution = Execution(machine_name, name, walk(machine(machine_name), by_value(input_)))
        if execution.key in self.executions:
            raise AwsRefused("ExecutionAlreadyExists")
        self.executions[execution.key] = execution
        execution.waits_for = next(execution.walk)
        return {"executionArn": name}

    def _described(self, key: str) -> dict[str, str]:
        if key not in self.executions:
            raise AwsRefused("ExecutionDoesNotExist")
        return {"status": self.executions[key].status}

    def _go_on(self, execution: Execution) -> None:
        """The execution takes its next step."""
        if isinstance(execution.waits_for, Wait):
            self._tell(execution, lambda: execution.walk.send(None))
            return
        assert execution.waits_for is not None
        function, payload = execution.waits_for
        if function in self.mishaps.vanishing:
            self.mishaps.vanishing.discard(function)
            del self.executions[execution.key]
            return
        try:
            answer = self._step(function, payload)
        except Died:
            self._let_fate_decide(execution)
            return
        if answer.is_error:
            forget()
            error = StateFailed(answer.payload["errorType"], json.dumps(answer.payload))
            self._tell(execution, lambda: execution.walk.throw(error))
        else:
            self._tell(execution, lambda: execution.walk.send(answer.payload))

    def _step(self, function: str, payload: Any) -> Answer:
        if function in self.mishaps.failing:
            self.mishaps.failing.discard(function)
            return Answer({"errorType": "Runtime.ExitError", "errorMessage": ""}, True)
        return self.invoke(function, payload)

    def _let_fate_decide(self, execution: Execution) -> None:
        (fate,) = self._rng.choices(list(FATES), list(FATES.values()))
        if fate == "vanishes":
            del self.executions[execution.key]
        else:
            self._tell(execution, lambda: execution.walk.throw(StateFailed(fate)))

    def _tell(self, execution: Execution, go_on: Callable[[], Task | Wait]) -> None:
        error = None
        try:
            execution.waits_for = go_on()
        except StopIteration:
            execution.status = "SUCCEEDED"
        except StateFailed as failed:
            execution.status, error = "FAILED", failed
        if execution.status != "RUNNING":
            execution.waits_for = None
            self._tell_of_end(execution, error)

    def _tell_of_end(self, execution: Execution, error: StateFailed | None) -> None:
        """AWS tells the bus of Standard executions only."""
        if MACHINES[execution.machine] == "EXPRESS":
            return
        detail = {
            "executionArn": execution.key,
            "stateMachineArn": f"{ARN}{execution.machine}",
            "name": execution.name,
            "status": execution.status,
            "error": error and error.name,
            "cause": error and error.cause,
        }
        self._bus.put_events(
            [
                {
                    "Source": "aws.states",
                    "DetailType": RUN_STATUS_CHANGE,
                    "Detail": json.dumps(detail),
                    "Time": self.now,
                }
            ]
        )
