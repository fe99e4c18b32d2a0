"""moto's Step Functions engine, put right where it does otherwise than AWS.

- A task calls our function directly. moto builds a boto3 client for each.
- A definition is parsed once in a process, and an execution that waits keeps one thread. moto parses at each
  start (7 ms for four states) and keeps two.
- A JSONPath is parsed once. moto builds a parser each time that it looks at one, which was a fifth of
  the engine's work.
- A Wait ends at its time. moto takes local time for UTC and cuts fractions of a second off. Where business
  time gets faster or slower meanwhile, the time is when it is due by then: on AWS that can't happen.
- An execution tells of its start and its end. moto's tells nobody.
- `States.ALL` matches neither States.Runtime (an answer without the field that a path asks for) nor
  States.DataLimitExceeded: they end the execution. In moto a Catch of everything catches them, too.
- An item of a Map that times out fails the Map with States.Timeout. moto fails over the name.

The places are moto's own classes and modules, replaced for as long as the block of `put_right` is
open. moto 5.2.5 is pinned for that reason, and `tests/workflows/test_engine.py` goes over each.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from threading import Event, RLock
from types import SimpleNamespace
from typing import Any

from jsonpath_ng.ext.parser import parse as parse_path
from moto.stepfunctions.parser import models
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    ILLEGAL_CUSTOM_ERROR_PREFIX,
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import (
    ErrorEqualsDecl,
)
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)

from online_kart.clock import Anchor, Clock

from .timers import Timers

LOOK_AT_CLOCK_SECONDS = 1.0
"""How soon a waiting execution sees that business time runs at another speed."""

NEVER_CAUGHT = frozenset({"States.Runtime", "States.DataLimitExceeded"})
"""By no States.ALL."""

DEFINITIONS_KEPT = 128
PATHS_KEPT = 4_096
"""Parsed JSONPaths; a definition has a few dozen."""


@dataclass(frozen=True)
class Hooks:
    """What the engine calls instead of AWS."""

    invoke: Callable[[str, bytes], dict[str, Any]]
    """Calls a Lambda function by name; answers as Lambda's Invoke does, its Payload parsed."""
    status_changed: Callable[[Execution], None]
    lock: RLock
    """Held while an execution notes its end: who holds it sees the outcome complete."""
    clock: Clock
    retry_speed: float = 1.0
    """How much faster than defined a failed task is tried again."""
    waiting: set[Any] = field(default_factory=set)
    """Of each Wait state that waits now, its execution's ARN and a number."""


@contextmanager
def put_right(hooks: Hooks) -> Iterator[None]:
    """For as long as the block lasts moto's engine is ours."""
    timers = Timers()
    retry_time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / hooks.retry_speed))
    with ExitStack() as replaced:
        replaced.callback(timers.close)
        for owner, attribute, replacement in (
            (models, "Execution", _telling_execution(hooks)),
            (AmazonStateLanguageParser, "parse", staticmethod(_parsed)),
            (Program, "eval", _evaluate_timed(timers)),
            # Found by the component's key in an execution's heap; unique while programs live on.
            (EvalComponent, "heap_key", property(lambda component: str(id(component)))),
            (Timestamp, "_from_timestamp_string", staticmethod(_instant)),
            (Timestamp, "_get_wait_seconds", _seconds_until),
            (WaitFunction, "_wait_interval", _wait_precisely(hooks.waiting, hooks.clock)),
            (retrier_decl, "time", retry_time),
            (iteration_worker, "CustomErrorName", _error_named),
            (ErrorEqualsDecl, "_eval_body", _matching(ErrorEqualsDecl._eval_body)),
            (json_path, "parse", lru_cache(PATHS_KEPT)(parse_path)),
            (lambda_eval_utils, "_invoke_lambda_function", _invoke_directly(hooks)),
        ):
            replaced.enter_context(_replaced(owner, attribute, replacement))
        yield


def _error_named(error_name: str) -> ErrorName:
    """Of an item. moto takes each for one of ours."""
    if error_name.startswith(ILLEGAL_CUSTOM_ERROR_PREFIX):
        return StatesErrorName(StatesErrorNameType.from_name(error_name))
    return CustomErrorName(error_name)


def _matching(matches: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def match(names: Any, env: Any) -> None:
        error = env.stack[-1].error_name
        matches(names, env)
        if error in NEVER_CAUGHT and names._STATE_ALL_ERROR in names.error_names:
            env.stack[-1] = False

    return match


def _invoke_directly(hooks: Hooks) -> Callable[..., Any]:
    def invoke(parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        return hooks.invoke(parameters["FunctionName"], parameters.get("Payload") or b"{}")

    return invoke


def _telling_execution(hooks: Hooks) -> type[Execution]:
    class TellingExecution(Execution):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.exec_status = ExecutionStatus.RUNNING

        def start(self) -> None:
            hooks.status_changed(self)
            super().start()

        def _get_start_execution_worker_comm(self) -> BaseExecutionWorkerCommunication:
            return TellingEnd(self)

    class TellingEnd(BaseExecutionWorkerCommunication):
        def terminated(self) -> None:
            with hooks.lock:  # nobody sees it ended before that was told
                super().terminated()
                hooks.status_changed(self.execution)

    return TellingExecution


_parse = AmazonStateLanguageParser.parse


@lru_cache(DEFINITIONS_KEPT)
def _parsed(definition: str) -> tuple[EvalComponent, Any]:
    """A parsed program holds no state of an execution, so all executions share it, also those of later engines."""
    return _parse(definition)


def _evaluate_timed(timers: Timers) -> Callable[[Any, Any], None]:
    """As moto's, without a second thread to watch the time."""

    def evaluate(program: Any, env: Any) -> None:
        env.next_state_name = program.start_at.start_at_name
        timeout = program.timeout_seconds
        with _timed(timers, timeout.timeout_seconds, env) if timeout else nullcontext():
            EvalComponent.eval(program, env)

    return evaluate


@contextmanager
def _timed(timers: Timers, seconds: float, env: Any) -> Iterator[None]:
    is_late = Event()

    def time_out() -> None:
        is_late.set()
        env.set_timed_out()

    with timers.after(seconds, time_out):
        yield
    if is_late.is_set():  # the task that was cut short may have set an error meanwhile
        env.set_timed_out()


def _instant(timestamp: str) -> datetime | None:
    """None if it isn't a time in UTC that Step Functions would take."""
    if not Timestamp._is_valid_timestamp_pattern(timestamp):
        return None
    try:
        return datetime.fromisoformat(timestamp)
    except ValueError:
        return None


def _seconds_until(wait: Any, env: Any) -> float:
    wait.string.eval(env=env)
    timestamp = env.stack.pop()
    instant = _instant(timestamp)
    if instant is None:
        raise FailureEventException(wait._create_failure_event(env, timestamp))
    return instant.timestamp() - time.time()


def _wait_precisely(waiting: set[Any], clock: Clock) -> Callable[[Any, Any, float], None]:
    def wait_interval(wait: Any, env: Any, wait_seconds: float) -> None:
        wakes_at, anchor = time.time() + wait_seconds, clock.anchor
        execution_arn = env.states.context_object.context_object_data["Execution"]["Id"]
        entry = (execution_arn, id(env))
        waiting.add(entry)
        try:
            while env.is_running() and (remaining := wakes_at - time.time()) > 0:
                env.program_state_event.wait(min(remaining, LOOK_AT_CLOCK_SECONDS))
                if isinstance(wait, Timestamp) and anchor != clock.anchor:
                    wakes_at, anchor = _at_same_business_time(wakes_at, anchor, clock.anchor)
        finally:
            waiting.discard(entry)

    return wait_interval


def _at_same_business_time(wakes_at: float, before: Anchor, now: Anchor) -> tuple[float, Anchor]:
    """When it is by the clock as it runs now what it would have been at `wakes_at`; and that clock."""
    business_at = before.business_time_of(datetime.fromtimestamp(wakes_at, UTC))
    return now.wall_time_of(business_at).timestamp(), now


@contextmanager
def _replaced(owner: Any, attribute: str, replacement: Any) -> Iterator[None]:
    original = vars(owner)[attribute]
    setattr(owner, attribute, replacement)
    try:
        yield
    finally:
        setattr(owner, attribute, original)
