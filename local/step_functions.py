"""Step Functions in one process: our state machines, run by moto with our real functions.

Executions live in memory. After a restart the engine knows none of them, and the sweeps start again
what was lost: they are needed in production too, where an Express execution can get lost.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from itertools import count
from pathlib import Path
from threading import RLock
from typing import Any, cast

from botocore.exceptions import ClientError
from moto.stepfunctions.parser import models, utils
from moto.stepfunctions.parser.api import ExecutionStatus, InvalidDefinition

from online_kart.clock import Clock
from online_kart.messaging.machines import MACHINES, Kind

from .errors import LocalError
from .lambdas import ACCOUNT, Lambdas, Throttled, UnknownFunction
from .moto_engine import Hooks, put_right

FINISHED_KEPT = 500
"""Finished executions that are remembered, of each machine."""
FORGET_EVERY = 50
CLOSE_SECONDS_MAX = 5.0
SUFFIX = ".asl.json"

StatusChange = dict[str, Any]
"""The `detail` of the event that AWS calls "Step Functions Execution Status Change"."""


class UnknownMachine(LocalError):
    """The table of machines lacks one that has a definition."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}{SUFFIX} isn't in online_kart.messaging.machines.MACHINES.")


class StepFunctionsClosed(LocalError):
    """The engine is being stopped and starts nothing more."""


class StepFunctions:
    """The state machines of a folder, their tasks run by `lambdas`. Needs moto's `mock_aws`.

    One at a time in a process, because moto's engine is one. `retry_speed` shortens the waits
    between retries; `on_status_change` hears of Standard executions only, as the bus does on AWS.
    """

    def __init__(
        self,
        lambdas: Lambdas,
        definitions: Path,
        *,
        region: str,
        clock: Clock,
        kinds: Mapping[str, Kind] = MACHINES,
        retry_speed: float = 1.0,
        on_status_change: Callable[[StatusChange], None] = lambda change: None,
    ) -> None:
        self._lambdas, self._kinds, self._on_status_change = lambdas, kinds, on_status_change
        self._is_closing = False
        self._ended = count(1)
        self._lock = RLock()
        hooks = Hooks(self._invoke, self._status_changed, self._lock, clock, retry_speed)
        self._waiting = hooks.waiting
        with ExitStack() as moto:
            moto.enter_context(put_right(hooks))
            self._backend = cast(Any, models.stepfunctions_parser_backends[ACCOUNT][region])
            self._backend.start_execution = self._start_once(self._backend.start_execution)
            self.arns = {
                path.name.removesuffix(SUFFIX): self._create(path)
                for path in sorted(definitions.glob(f"*{SUFFIX}"))
            }
            self._moto = moto.pop_all()

    def start(self, machine: str, name: str, event: Mapping[str, Any]) -> str:
        """Start an execution; its ARN. Apps do the same through boto3."""
        execution = self._backend.start_execution(self.arns[machine], name, json.dumps(event))
        return str(execution.execution_arn)

    def describe(self, execution_arn: str) -> dict[str, Any]:
        with self._lock:
            return dict(self._backend.describe_execution(execution_arn).to_describe_output())

    def history(self, execution_arn: str) -> list[dict[str, Any]]:
        return list(self._backend.get_execution_history(execution_arn)["events"])

    def wait_for(self, execution_arn: str, timeout_seconds: float = 30) -> dict[str, Any]:
        """Describe the execution when it has ended. Raises TimeoutError."""
        gives_up_at = time.monotonic() + timeout_seconds
        while (described := self.describe(execution_arn))["status"] == "RUNNING":
            if time.monotonic() > gives_up_at:
                raise TimeoutError(f"{execution_arn} still runs after {timeout_seconds} s.")
            time.sleep(0.005)
        return described

    def running_count(self) -> int:
        return len(self._running())

    def busy_count(self) -> int:
        """How many executions run and don't just wait for a time."""
        waiting = {execution_arn for execution_arn, _ in list(self._waiting)}
        return sum(e.exec_arn not in waiting for e in self._running())

    def close(self) -> None:
        """Drop what is running, as a power cut would: nobody is told, and no step is undone."""
        self._is_closing = True
        for execution in self._running():
            if execution.exec_worker and execution.exec_worker.env:
                execution.stop(Clock().wall_now(), error=None, cause="The engine was stopped.")
        gives_up_at = time.monotonic() + CLOSE_SECONDS_MAX
        for thread in list(utils.TMP_THREADS):
            thread.join(max(0.0, gives_up_at - time.monotonic()))
        utils.TMP_THREADS.clear()
        self._moto.close()

    def _create(self, path: Path) -> str:
        name = path.name.removesuffix(SUFFIX)
        if name not in self._kinds:
            raise UnknownMachine(name)
        definition = with_function_names(path.read_text())
        role = f"arn:aws:iam::{ACCOUNT}:role/local"
        try:
            machine = self._backend.create_state_machine(
                name, definition, role, sm_type=self._kinds[name]
            )
        except InvalidDefinition as error:
            raise LocalError(f"{path} can't be read: {error.message}") from error
        return str(machine.arn)

    def _start_once(self, start: Callable[..., Any]) -> Callable[..., Any]:
        """Of two that start the same name at once, moto would start both."""

        def start_execution(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                if self._is_closing:
                    raise StepFunctionsClosed
                return start(*args, **kwargs)

        return start_execution

    def _invoke(self, function: str, payload: bytes) -> dict[str, Any]:
        name = function.rpartition(":function:")[2]
        try:
            answer = self._lambdas.invoke(name, payload)
        except UnknownFunction as error:
            raise _client_error("ResourceNotFoundException", 404, error) from error
        except Throttled as error:
            raise _client_error("TooManyRequestsException", 429, error) from error
        response = {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": answer.payload}
        return response | ({"FunctionError": "Unhandled"} if answer.is_error else {})

    def _status_changed(self, execution: Any) -> None:
        if self._is_closing:
            return
        if self._kinds[execution.state_machine.name] == "STANDARD":
            self._on_status_change(_status_change(execution))
        if not _is_running(execution) and next(self._ended) % FORGET_EVERY == 0:
            self._forget_old_ones()

    def _running(self) -> list[Any]:
        with self._lock:
            return [e for m in self._backend.state_machines for e in m.executions if _is_running(e)]

    def _forget_old_ones(self) -> None:
        with self._lock:
            for machine in self._backend.state_machines:
                finished = [e for e in machine.executions if not _is_running(e)]
                old = set(finished[:-FINISHED_KEPT])
                if old:
                    machine.executions = [e for e in machine.executions if e not in old]
            utils.TMP_THREADS[:] = [thread for thread in utils.TMP_THREADS if thread.is_alive()]


def with_function_names(definition: str) -> str:
    """The definition with `${ReserveStock}` replaced by the function's name, `reserve_stock`."""
    return re.sub(r"\$\{(\w+)\}", lambda match: snake_case(match[1]), definition)


def snake_case(pascal_case: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", pascal_case).lower()


def _is_running(execution: Any) -> bool:
    return execution.exec_status is ExecutionStatus.RUNNING


def _status_change(execution: Any) -> StatusChange:
    described = execution.to_describe_output()
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": _millis(execution.start_date),
        "stopDate": _millis(execution.stop_date),
        "input": described["input"],
        "output": described.get("output"),
        "error": described.get("error"),
        "cause": described.get("cause"),
    }


def _millis(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)


def _client_error(code: str, http_status: int, error: LocalError) -> ClientError:
    """What the machine is told as `Lambda.<code>`."""
    metadata = {"HTTPStatusCode": http_status, "RequestId": "local"}
    answer = {"Error": {"Code": code, "Message": str(error)}, "ResponseMetadata": metadata}
    return ClientError(cast(Any, answer), "Invoke")
