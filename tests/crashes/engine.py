"""The executions of a world's state machines, of which each goes on when the world says so."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from online_kart.messaging.machines import MACHINES
from tests.asl import Pause, StateFailed, Step, Task, Wait, Walk, execution
from tests.crashes.processes import ARN, AwsRefused

StatusChange = dict[str, Any]
"""The `detail` of the event that AWS calls "Step Functions Execution Status Change"."""


@dataclass
class Execution:
    """`waits_for` is what its walk has yielded last; None when it has ended."""

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
            return self.waits_for.moment <= now
        return self.waits_for is not None

    def status_change(self, error: StateFailed | None) -> StatusChange:
        return {
            "executionArn": self.key,
            "stateMachineArn": f"{ARN}{self.machine}",
            "name": self.name,
            "status": self.status,
            "error": error and error.name,
            "cause": error and error.cause,
        }


class Engine:
    """Step Functions. `on_end` hears of the ends of Standard executions, as the bus does on AWS."""

    def __init__(self, on_end: Callable[[StatusChange], None]) -> None:
        self._executions: dict[str, Execution] = {}
        self._on_end = on_end

    def start(self, machine_name: str, name: str, input_: Any) -> dict[str, str]:
        """Raises AwsRefused."""
        started = Execution(machine_name, name, execution(machine_name, name, input_))
        if started.key in self._executions:
            raise AwsRefused("ExecutionAlreadyExists")
        self._executions[started.key] = started
        self.go_on(started, lambda: next(started.walk))
        return {"executionArn": started.key}

    def describe(self, execution_arn: str) -> dict[str, str]:
        """Raises AwsRefused."""
        key = ":".join(execution_arn.split(":")[-2:])
        if key not in self._executions:
            raise AwsRefused("ExecutionDoesNotExist")
        return {"status": self._executions[key].status}

    def ready(self, now: datetime) -> list[Execution]:
        return [each for each in self._executions.values() if each.is_ready(now)]

    def next_moment(self, now: datetime) -> datetime | None:
        """The earliest time to come that an execution waits for."""
        waits = [each.waits_for for each in self._executions.values()]
        moments = (wait.moment for wait in waits if isinstance(wait, Wait))
        return min((moment for moment in moments if moment > now), default=None)

    def go_on(self, execution: Execution, step: Callable[[], Step]) -> None:
        """Let its walk take a step, and see whether that was the last. A world does not wait for another try."""
        error = None
        try:
            while isinstance(waits_for := step(), Pause):
                step = partial(execution.walk.send, None)
            execution.waits_for = waits_for
            return
        except StopIteration:
            execution.status = "SUCCEEDED"
        except StateFailed as failed:
            execution.status, error = "FAILED", failed
        execution.waits_for = None
        if MACHINES[execution.machine] == "STANDARD":
            self._on_end(execution.status_change(error))

    def fail(self, execution: Execution, error: str, cause: Any = "") -> None:
        """What it waits for has failed, by the error's name."""
        failed = StateFailed(error, json.dumps(cause))
        self.go_on(execution, lambda: execution.walk.throw(failed))

    def forget(self, execution: Execution) -> None:
        """It vanishes: nobody hears of it any more."""
        del self._executions[execution.key]
