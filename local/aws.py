"""All that stands in for AWS, connected, in one process: `make up` and the workflow tests use it alike.

The apps call AWS through boto3 as in production. moto answers those calls; three of its answers are
ours: Lambda's Invoke calls our functions, EventBridge's PutEvents fills the durable queues, and
Step Functions' executions run our functions (see `step_functions`). An execution of a Standard
machine tells the bus of its status, as on AWS.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, cast

from moto import mock_aws
from moto.awslambda_simple.models import lambda_simple_backends
from moto.events.models import events_backends

from online_kart.clock import Clock
from online_kart.messaging.machines import MACHINES
from online_kart.messaging.rules import RUN_STATUS_CHANGE

from .apps import ROOT, LoadedApp, all_functions
from .bus import LocalBus, QueueReaders
from .jobs import SWEEP_SECONDS, Jobs, scheduled_event
from .lambdas import ACCOUNT, Answer, Lambdas
from .queues import Queues
from .step_functions import StatusChange, StepFunctions

DEFINITIONS = ROOT / "statemachines"
MOTO = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}


@dataclass(frozen=True)
class LocalAws:
    """The AWS of one local system, running."""

    lambdas: Lambdas
    queues: Queues
    bus: LocalBus
    step_functions: StepFunctions
    jobs: Jobs
    schedules: dict[str, str]

    def invoke(self, function: str, payload: bytes = b"") -> Answer:
        """Call the function and wait for its answer. Raises UnknownFunction."""
        if function in self.schedules and payload in (b"", b"{}"):
            payload = json.dumps(scheduled_event(function)).encode()
        return self.lambdas.invoke(function, payload)

    def invoke_later(self, function: str, payload: bytes = b"") -> None:
        """Call the function without waiting; calls of a scheduled one are merged to the next run.

        Raises UnknownFunction.
        """
        self.lambdas.check(function)
        if not self.jobs.nudge(function):
            Thread(target=self.lambdas.invoke, args=(function, payload), daemon=True).start()

    def is_quiet(self) -> bool:
        """Whether no message waits or is handled, and all executions that run wait for a time."""
        # Between two looks a message may become an execution, and an execution's end a message.
        looks = (self.queues.unhandled_count, self.step_functions.busy_count) * 2
        return all(look() == 0 for look in looks)

    def invoked_by_boto3(
        self,
        function_name: str,
        qualifier: str | None,
        body: bytes | str | None,
        headers: Mapping[str, str],
        response_headers: dict[str, str],
    ) -> bytes:
        payload = body.encode() if isinstance(body, str) else body or b""
        if headers.get("X-Amz-Invocation-Type") == "Event":
            self.invoke_later(function_name, payload)
            return b"{}"
        answer = self.invoke(function_name, payload)
        if answer.is_error:
            response_headers["x-amz-function-error"] = "Unhandled"
        return json.dumps(answer.payload).encode()


@contextmanager
def local_aws(
    apps: Mapping[str, LoadedApp],
    queues_file: Path,
    *,
    region: str,
    clock: Clock,
    definitions: Path = DEFINITIONS,
    retry_speed: float = 1.0,
    sweep_seconds: float = SWEEP_SECONDS,
) -> Iterator[LocalAws]:
    """AWS for as long as the block lasts. One at a time in a process: moto replaces boto3's network.

    `queues_file` outlives it, and what was not handled is delivered when it is opened again. At the
    end what is being handled finishes, what waits stays in the queues, and executions are dropped.
    Nothing runs on a schedule until `jobs.start()`, but a nudge or a call runs it.
    """
    schedules = {name: e for app in apps.values() for name, e in app.schedules.items()}
    subscriptions = [s for app in apps.values() for s in app.subscriptions]
    functions = all_functions(apps)
    with ExitStack() as closing:
        closing.enter_context(mock_aws(config=cast(Any, MOTO)))
        queues = Queues(queues_file)
        closing.callback(queues.close_file)
        lambdas = Lambdas(functions)
        closing.callback(lambdas.close)
        bus = LocalBus(queues, region=region)
        step_functions = StepFunctions(
            lambdas,
            definitions,
            region=region,
            clock=clock,
            retry_speed=retry_speed,
            on_status_change=partial(_tell_of_run, bus),
        )
        closing.callback(step_functions.close)
        jobs = Jobs(lambdas, schedules, clock, sweep_seconds)
        aws = LocalAws(lambdas, queues, bus, step_functions, jobs, schedules)
        _answer_boto3(aws, region)
        closing.enter_context(_shortened(aws, apps))
        closing.callback(QueueReaders(queues, lambdas, subscriptions, region=region).close)
        closing.callback(jobs.close)
        closing.callback(queues.close)
        yield aws


def state_machine_arns(region: str) -> dict[str, str]:
    """What `KART_STATE_MACHINE_ARNS` tells the apps: machine → ARN."""
    return {name: f"arn:aws:states:{region}:{ACCOUNT}:stateMachine:{name}" for name in MACHINES}


def _tell_of_run(bus: LocalBus, change: StatusChange) -> None:
    bus.put_events(
        [
            {
                "Source": "aws.states",
                "DetailType": RUN_STATUS_CHANGE,
                "Detail": json.dumps(change),
                "Resources": [change["executionArn"]],
            }
        ]
    )


def _answer_boto3(aws: LocalAws, region: str) -> None:
    """moto makes a backend for each region; this region's becomes ours."""
    cast(Any, events_backends[ACCOUNT][region]).put_events = aws.bus.put_events
    cast(Any, lambda_simple_backends[ACCOUNT][region]).invoke = aws.invoked_by_boto3


class _Shortcut:
    """What the apps' wiring needs of boto3's `events` and `lambda` clients, without botocore and moto between.

    Those cost 4 ms of CPU a call, and every step makes one to nudge the relay.
    """

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        answers = self._aws.bus.put_events(Entries)
        refused = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": refused, "Entries": answers}

    def invoke(self, *, FunctionName: str, InvocationType: str) -> dict[str, Any]:
        assert InvocationType == "Event", "the apps only nudge"
        self._aws.invoke_later(FunctionName)
        return {"StatusCode": 202}


@contextmanager
def _shortened(aws: LocalAws, apps: Mapping[str, LoadedApp]) -> Iterator[None]:
    """The apps in this process reach bus and functions directly; state machines still through boto3."""
    wirings = [app.wiring for app in apps.values() if hasattr(app.wiring, "aws_client")]
    originals = [wiring.aws_client for wiring in wirings if wiring]
    shortcut = _Shortcut(aws)
    for wiring, original in zip(wirings, originals, strict=True):
        _use(wiring, partial(_client, shortcut, original))
    try:
        yield
    finally:
        for wiring, original in zip(wirings, originals, strict=True):
            _use(wiring, original)


def _client(shortcut: _Shortcut, original: Callable[[str], Any], service: str) -> Any:
    return shortcut if service in ("events", "lambda") else original(service)


def _use(wiring: Any, aws_client: Callable[[str], Any]) -> None:
    """What the wiring made of the client before is forgotten."""
    wiring.aws_client = aws_client
    if hasattr(wiring, "bus"):
        wiring.bus.cache_clear()
