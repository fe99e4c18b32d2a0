"""Executions of the state machines, in the world's hands: it says which goes on, and when."""

import json
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from local.lambdas import Answer
from tests.asl import Pause, StateFailed, Step, Task, Wait, execution

Invoke = Callable[[str, Any], Answer]
"""Calls the function of that name with the payload."""

Status = Literal["RUNNING", "SUCCEEDED", "FAILED"]


class Execution:
    """One run of a machine, which may go on from `ready_at`. Items of a Map are done in any order."""

    def __init__(self, machine: str, name: str, input_: Any, now: datetime) -> None:
        self.machine, self.name = machine, name
        self.status: Status = "RUNNING"
        self.error: str | None = None
        self.ready_at = now
        self._rng = random.Random(name)
        self._walk = execution(machine, name, input_, lambda count: self._rng.randrange(count))
        self._waits_for: Step | None = None
        self._go_on(lambda: next(self._walk), now)

    @property
    def next_step(self) -> str:
        """What it does next, for people."""
        return (
            self._waits_for.function if isinstance(self._waits_for, Task) else "what it waits for"
        )

    def step(self, invoke: Invoke, now: datetime, rng: random.Random) -> None:
        """Call one function, then go on to what calls the next one, waits, or ends it."""
        self._rng = rng
        if not isinstance(self._waits_for, Task):
            self._go_on(lambda: self._walk.send(None), now)
            return
        answer = invoke(*self._waits_for)
        if answer.is_error:
            failed = StateFailed(answer.payload["errorType"], json.dumps(answer.payload))
            self._go_on(lambda: self._walk.throw(failed), now)
        else:
            self._go_on(lambda: self._walk.send(answer.payload), now)

    def _go_on(self, step: Callable[[], Step], now: datetime) -> None:
        try:
            self._waits_for = step()
        except StopIteration:
            self.status, self._waits_for = "SUCCEEDED", None
        except StateFailed as failed:
            self.status, self.error, self._waits_for = "FAILED", str(failed), None
        self.ready_at = _ready_at(self._waits_for, now)


def _ready_at(step: Step | None, now: datetime) -> datetime:
    match step:
        case Wait():
            return step.moment
        case Pause(length):
            return now + length
    return now
