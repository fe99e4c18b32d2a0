"""One world: the whole system on one thread, where chance says what happens next, and what dies is done again.

A client repeats its request with the same key; a queue delivers a message again, up to five times and out of order; a
machine tries a step again, or fails, or its execution vanishes with its engine; a schedule runs its job again. Chance
has a seed: the flow's until somebody dies, and then the world's own.
"""

import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from local.bus import LocalBus
from local.jobs import scheduled_event
from local.lambdas import Answer, Handler
from online_kart.crashpoints import watched
from online_kart.messaging.rules import RUN_STATUS_CHANGE
from tests.asl import Wait
from tests.crashes.engine import Engine, Execution, StatusChange
from tests.crashes.ground import MONDAY, Ground
from tests.crashes.kills import Kill, Killed, Reaper
from tests.crashes.messages import Queues
from tests.crashes.mishaps import Mishaps
from tests.crashes.processes import (
    ARN,
    FUNCTIONS,
    HTTP,
    REGION,
    Errand,
    StandingClock,
    called,
    forget,
    in_child,
    wired,
)
from tests.faults import DEATHS

TRIED_MAX = 25
"""A request or job that fails so often fails for good: the world is broken."""

STEPS_MAX = 5_000

FATES = (*DEATHS, "vanishes")
"""What becomes of a machine's run whose step has died: AWS tells of it by one of its names, or loses the execution."""

RELAYED_EARLY = 0.3
"""How often a nudged relay may come before what else there is to do."""

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


class World:
    """See the module. `functions` may have broken variants in place of the real ones.

    Where `real_kills_by` is given, what may die is called in a child, which dies of SIGKILL.
    """

    def __init__(
        self,
        ground: Ground,
        name: str,
        kills: Iterable[Kill],
        real_kills_by: MostPassed | None = None,
        functions: Mapping[str, Handler] = FUNCTIONS,
    ) -> None:
        self.name, self.stores = name, ground.stores
        self.clock = StandingClock(MONDAY)
        self.reaper = Reaper(kills)
        self.mishaps = Mishaps()
        self.most_passed: dict[str, Counter[str]] = {}
        self.real_kills_count = 0
        self._ground, self._functions = ground, functions
        self._real_kills_by = real_kills_by
        self._rng = random.Random(name.partition("/")[0])
        self._queues = Queues(self._rng)
        self._bus = LocalBus(self._queues, region=REGION)  # type: ignore[arg-type]  # it only sends
        self._engine = Engine(self._tell_of_end)
        self._nudged: set[str] = set()

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

    # -- people and schedules

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
        self._queues.waiting += self.mishaps.let_go()

    def pass_time(self, until: datetime | timedelta) -> None:
        """To a moment, or for so long."""
        self.clock.at = max(self.now, self.now + until if isinstance(until, timedelta) else until)

    def next_moment(self) -> datetime | None:
        """The earliest time to come that an execution waits for."""
        return self._engine.next_moment(self.now)

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
                return self._engine.start(name, arguments["name"], json.loads(arguments["input"]))
            case "describe_execution":
                return self._engine.describe(arguments["executionArn"])
            case other:
                raise ValueError(f"Nobody needs {other}.")

    def _tell_of_end(self, change: StatusChange) -> None:
        entry = {"Source": "aws.states", "DetailType": RUN_STATUS_CHANGE, "Time": self.now}
        self._bus.put_events([{**entry, "Detail": json.dumps(change)}])

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
        waiting = self._queues.waiting
        self._queues.waiting = [each for each in waiting if not self.mishaps.takes(each)]
        ready = self._engine.ready(self.now)
        for consumer in self._queues.consumers():
            yield partial(self._deliver, consumer)
        for execution in ready:
            yield partial(self._go_on, execution)
        # A relay that was nudged takes a moment, and then sends what many have told.
        if not (self._queues.waiting or ready) or self._rng.random() < RELAYED_EARLY:
            for relay in sorted(self._nudged):
                yield partial(self._relay, relay)

    def _relay(self, name: str) -> None:
        self._nudged.discard(name)
        with contextlib.suppress(Died):
            self.invoke(name, scheduled_event(name))

    def _relayed(self) -> bool:
        """The relays' schedule: whether there was something that nobody was nudged to send."""
        relays = [relay for relay, stores in UNSENT.items() if self._is_unsent(*stores)]
        for relay in relays:
            self.run_job(relay)
        return bool(relays)

    def _is_unsent(self, side: str, *queries: str) -> bool:
        conn = getattr(self.stores, side)
        return any(conn.execute(query).fetchone() for query in queries)

    def _deliver(self, consumer: str) -> None:
        taken = self._queues.take(consumer)
        try:
            answer = self.invoke(consumer, {"Records": [message.record() for message in taken]})
        except Died:
            self._queues.put_back(taken)
            return
        if answer.is_error:
            raise Stuck(f"{consumer}: {answer.error}")
        failed = {each["itemIdentifier"] for each in answer.payload["batchItemFailures"]}
        if failed:
            forget()
        self._queues.judge(taken, failed)

    def _go_on(self, execution: Execution) -> None:
        """The execution takes its next step."""
        if isinstance(execution.waits_for, Wait):
            self._engine.go_on(execution, lambda: execution.walk.send(None))
            return
        assert execution.waits_for is not None, "It is ready."
        function, payload = execution.waits_for
        if self.mishaps.vanishes(function):
            self._engine.forget(execution)
            return
        try:
            answer = self.mishaps.failure(function, payload) or self.invoke(function, payload)
        except Died:
            self._let_fate_decide(execution)
            return
        if answer.is_error:
            forget()
            self._engine.fail(execution, answer.payload["errorType"], answer.payload)
        else:
            self._engine.go_on(execution, lambda: execution.walk.send(answer.payload))

    def _let_fate_decide(self, execution: Execution) -> None:
        fate = self._rng.choice(FATES)
        if fate == "vanishes":
            self._engine.forget(execution)
        else:
            self._engine.fail(execution, fate)
