"""The stand-in for Step Functions and Lambda: where moto differs from AWS, it must be put right."""

import json
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread, active_count
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.stepfunctions.exceptions import ExecutionAlreadyExists

from local import step_functions as limits
from local.apps import DuplicateFunction, all_functions, load_app, load_apps
from local.aws import local_aws
from local.clock import ClockFile
from local.errors import LocalError
from local.jobs import every_seconds, period_of
from local.lambdas import Throttled, UnknownFunction
from local.moto_engine import LOOK_AT_CLOCK_SECONDS
from local.queues import Queues
from local.step_functions import UnknownMachine, with_function_names
from online_kart.clock import Clock
from online_kart.messaging.rules import queue_of

from .small_apps import write_app

REGION = "ap-south-1"
TOLD_OF_RUNS = "kart-record-run"
"""A queue that RULES connects to the changes of a run's status, and that no small app reads."""


@pytest.fixture
def apps(tmp_path, monkeypatch):
    """Two apps whose modules have the same names."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = [f"{side}_{tmp_path.name.replace('-', '_')}" for side in ("north", "south")]
    for name in names:
        write_app(tmp_path, name)
    yield list(load_apps(names).values())
    for module in [m for m in sys.modules if m.split(".")[0] in names]:
        del sys.modules[module]


def task(function: str, **fields):
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "OutputPath": "$.Payload",
        **fields,
    }


def machine(first: str, **states):
    return {"StartAt": first, "TimeoutSeconds": 60, "States": states}


@pytest.fixture
def run_aws(apps, tmp_path, monkeypatch):
    """Starts the engine with the two apps and the given machines."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    opened = []

    def start(retry_speed=1000.0, clock=None, **machines):
        folder = tmp_path / "machines"
        folder.mkdir(exist_ok=True)
        for name, definition in machines.items():
            (folder / f"{name}.asl.json").write_text(json.dumps(definition))
        running = local_aws(
            {app.name: app for app in apps},
            tmp_path / "queues.sqlite",
            region=REGION,
            clock=clock or Clock(),
            definitions=folder,
            retry_speed=retry_speed,
        )
        opened.append(running)
        return running.__enter__()

    yield start
    for running in reversed(opened):
        running.__exit__(None, None, None)


def run(aws, name, event, timeout_seconds=10):
    return aws.step_functions.wait_for(
        aws.step_functions.start(name, "the-run", event), timeout_seconds
    )


def steps_of(app):
    return sys.modules[f"{app.name}.chalicelib.steps"]


# -- apps


def test_two_apps_whose_modules_have_the_same_names_both_work(apps, run_aws):
    north, south = apps
    aws = run_aws()

    assert aws.invoke(f"{north.name}_answer", b'{"n": 1}').payload == {
        "n": 1,
        "app": north.name,
        "function": f"{north.name}_answer",
    }
    assert aws.invoke(f"{south.name}_answer", b'{"n": 1}').payload["app"] == south.name


def test_what_a_function_imports_when_it_is_called_is_its_own_apps(apps, run_aws):
    aws = run_aws()

    words = [aws.invoke(f"{app.name}_answer_later").payload["word"] for app in reversed(apps)]

    assert words == [app.name for app in reversed(apps)]


def test_loading_leaves_no_module_behind_under_a_common_name(apps):
    assert [name for name in sys.modules if name.split(".")[0] == "chalicelib"] == []
    assert load_app(apps[0].name).app is apps[0].app


def test_an_app_tells_its_schedules_and_queues(apps):
    north = apps[0]

    assert north.schedules == {
        f"relay_{north.name}": "rate(1 minute)",
        f"prune_{north.name}": "rate(1 hour)",
    }
    (subscription,) = north.subscriptions
    assert (subscription.queue, subscription.function) == (
        f"kart-{north.name}-listener",
        f"{north.name}_listener",
    )


def test_two_functions_must_not_have_the_same_name(apps):
    with pytest.raises(DuplicateFunction, match=f"{apps[0].name}_answer"):
        all_functions({"one": apps[0], "two": apps[0]})


def test_functions_share_few_threads_so_that_connections_are_used_again(apps, run_aws):
    aws = run_aws(
        place_order=machine(
            "Each",
            Each={
                "Type": "Map",
                "ItemsPath": "$.items",
                "ItemProcessor": {
                    "StartAt": "Tell",
                    "States": {"Tell": task(f"{apps[0].name}_tell_thread", End=True)},
                },
                "End": True,
            },
        )
    )

    described = run(aws, "place_order", {"items": [{}] * 100})

    threads = json.loads(described["output"])
    assert len(threads) == 100
    assert 1 < len(set(threads)) <= 16


# -- state machines


def test_a_machine_runs_functions_of_several_apps_in_order(apps, run_aws):
    north, south = apps
    aws = run_aws(
        place_order=machine(
            "First",
            First=task(f"{north.name}_answer", Next="Second"),
            Second=task(f"{south.name}_answer", End=True),
        )
    )

    described = run(aws, "place_order", {"order_id": "o-1"})

    assert described["status"] == "SUCCEEDED"
    assert json.loads(described["output"])["app"] == south.name
    assert steps_of(south).calls[0]["app"] == north.name
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in aws.step_functions.history(described["executionArn"])
        if "stateEnteredEventDetails" in event
    ]
    assert entered == ["First", "Second"]


def test_substitutions_become_the_names_of_functions():
    assert (
        with_function_names('"${ReserveStock}", "${CountUnits}"')
        == '"reserve_stock", "count_units"'
    )


def test_an_error_is_caught_by_the_name_of_its_class(apps, run_aws):
    north = apps[0]
    aws = run_aws(
        place_order=machine(
            "Refuse",
            Refuse=task(
                f"{north.name}_refuse",
                Catch=[{"ErrorEquals": ["OutOfStock"], "ResultPath": "$.error", "Next": "Undo"}],
                End=True,
            ),
            Undo=task(f"{north.name}_answer", End=True),
        )
    )

    described = run(aws, "place_order", {"order_id": "o-1"})

    assert described["status"] == "SUCCEEDED"
    error = steps_of(north).calls[0]["error"]
    assert error["Error"] == "OutOfStock"
    assert json.loads(error["Cause"])["errorMessage"] == f"MUG by {UUID(int=1)}: 2 wanted, 1 free."


def test_an_error_that_nobody_catches_fails_the_execution(apps, run_aws):
    aws = run_aws(place_order=machine("Refuse", Refuse=task(f"{apps[0].name}_refuse", End=True)))

    described = run(aws, "place_order", {})

    assert (described["status"], described["error"]) == ("FAILED", "OutOfStock")


@pytest.mark.parametrize(
    ("answer", "error"),
    [({}, "States.Runtime"), ({"word": "x" * 300_000}, "States.DataLimitExceeded")],
    ids=["a_field_is_missing", "more_than_256_KiB"],
)
def test_an_answer_that_no_machine_can_take_ends_the_execution_as_on_aws(
    apps, run_aws, answer, error
):
    """Also where the machine catches everything."""
    north = f"{apps[0].name}_answer"
    step = task(
        north,
        ResultSelector={"word.$": "$.Payload.word"},
        Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Undo"}],
        End=True,
    )
    del step["OutputPath"]
    aws = run_aws(place_order=machine("Answer", Answer=step, Undo={"Type": "Succeed"}))

    with aws.lambdas.replaced(north, lambda event, context: answer):
        described = run(aws, "place_order", {})

    assert (described["status"], described["error"]) == ("FAILED", error)


def test_a_function_that_is_throttled_is_an_error_a_machine_can_name(apps, run_aws):
    north = f"{apps[0].name}_answer"
    aws = run_aws(place_order=machine("Answer", Answer=task(north, End=True)))

    def throttled(event, context):
        raise Throttled(north)

    with aws.lambdas.replaced(north, throttled):
        described = run(aws, "place_order", {})

    assert (described["status"], described["error"]) == (
        "FAILED",
        "Lambda.TooManyRequestsException",
    )


def test_a_function_that_no_app_has_is_an_error_a_machine_can_name(run_aws):
    aws = run_aws(place_order=machine("Gone", Gone=task("gone", End=True)))

    described = run(aws, "place_order", {})

    assert (described["status"], described["error"]) == (
        "FAILED",
        "Lambda.ResourceNotFoundException",
    )


def retrying(function: str, interval_seconds: int):
    retry = {"ErrorEquals": ["Unavailable"], "IntervalSeconds": interval_seconds, "MaxAttempts": 4}
    return machine("Try", Try=task(function, Retry=[retry], End=True))


def test_a_task_is_tried_again_faster_than_defined(apps, run_aws):
    aws = run_aws(place_order=retrying(f"{apps[0].name}_fail_twice", interval_seconds=10))
    started = time.monotonic()

    described = run(aws, "place_order", {})

    assert json.loads(described["output"]) == {"tries": 3}
    assert time.monotonic() - started < 2


def test_retries_of_one_execution_are_not_counted_for_another(apps, run_aws):
    north = apps[0]
    aws = run_aws(place_order=retrying(f"{north.name}_fail_twice", interval_seconds=1))
    for number in range(3):
        steps_of(north).calls.clear()
        arn = aws.step_functions.start("place_order", f"run-{number}", {})

        assert aws.step_functions.wait_for(arn)["status"] == "SUCCEEDED"


@pytest.fixture(params=["Asia/Kolkata", "UTC"])
def time_zone(request, monkeypatch):
    """Of the process; moto looks at it."""
    with monkeypatch.context() as zoned:
        zoned.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("time_zone")
def test_a_wait_ends_at_its_time_and_not_before(apps, run_aws):
    aws = run_aws(
        move_batch=machine(
            "WaitUntilDue",
            WaitUntilDue={"Type": "Wait", "TimestampPath": "$.due_at", "Next": "Depart"},
            Depart=task(f"{apps[0].name}_note_time", End=True),
        )
    )
    due_at = Clock().wall_now() + timedelta(milliseconds=350)
    wait = {"due_at": due_at.isoformat().replace("+00:00", "Z")}

    late = json.loads(run(aws, "move_batch", wait)["output"])["woke_at"] - due_at.timestamp()

    assert 0 <= late < 0.2


def test_a_wait_for_a_business_time_follows_a_change_of_speed(apps, run_aws, tmp_path):
    clock_file = ClockFile(tmp_path)
    clock = clock_file.anchor(speed=1)
    aws = run_aws(
        clock=clock,
        move_batch=machine(
            "WaitUntilDue",
            WaitUntilDue={"Type": "Wait", "TimestampPath": "$.due_at", "Next": "Depart"},
            Depart=task(f"{apps[0].name}_note_time", End=True),
        ),
    )
    due_at = clock.now() + timedelta(hours=1)
    wait = {"due_at": clock.wall_time_of(due_at).isoformat().replace("+00:00", "Z")}
    arn = aws.step_functions.start("move_batch", "the-run", wait)
    while aws.step_functions.busy_count():
        time.sleep(0.01)

    clock_file.set_speed(3600)

    output = json.loads(aws.step_functions.wait_for(arn, timeout_seconds=10)["output"])
    woke_at = clock.anchor.business_time_of(datetime.fromtimestamp(output["woke_at"], UTC))
    assert due_at <= woke_at < due_at + timedelta(hours=2 * LOOK_AT_CLOCK_SECONDS)


def test_a_time_without_a_zone_is_refused_as_on_aws(apps, run_aws):
    aws = run_aws(
        move_batch=machine(
            "Wait",
            Wait={"Type": "Wait", "TimestampPath": "$.due_at", "Next": "Depart"},
            Depart=task(f"{apps[0].name}_note_time", End=True),
        )
    )

    described = run(aws, "move_batch", {"due_at": "2026-03-02T10:00:00"})

    assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")


def test_an_execution_ends_when_its_time_is_up(apps, run_aws):
    waiting = machine(
        "Wait",
        Wait={"Type": "Wait", "Seconds": 60, "Next": "Depart"},
        Depart=task(f"{apps[0].name}_note_time", End=True),
    )
    aws = run_aws(move_batch={**waiting, "TimeoutSeconds": 1})

    assert run(aws, "move_batch", {}, timeout_seconds=5)["status"] == "TIMED_OUT"
    assert aws.step_functions.running_count() == 0


def test_hundreds_of_executions_wait_on_one_thread_each_and_all_wake(apps, run_aws):
    aws = run_aws(
        move_batch=machine(
            "Wait",
            Wait={"Type": "Wait", "TimestampPath": "$.due_at", "Next": "Depart"},
            Depart=task(f"{apps[0].name}_note_time", End=True),
        )
    )
    threads_before = active_count()
    due_at = (Clock().wall_now() + timedelta(seconds=6)).isoformat().replace("+00:00", "Z")
    arns = [
        aws.step_functions.start("move_batch", f"b-{n}", {"due_at": due_at}) for n in range(300)
    ]
    while aws.step_functions.busy_count():
        time.sleep(0.01)

    assert active_count() - threads_before <= 320
    assert aws.step_functions.running_count() == 300
    assert {aws.step_functions.wait_for(arn)["status"] for arn in arns} == {"SUCCEEDED"}


@pytest.fixture
def threads_take_turns_often():
    """Python lets a thread run for 5 ms, in which a race is over."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("threads_take_turns_often")
def test_of_many_that_start_the_same_run_at_once_one_starts_it(apps, run_aws):
    north = apps[0]
    aws = run_aws(place_order=machine("First", First=task(f"{north.name}_answer", End=True)))
    barrier = Barrier(8)

    def start_all():
        for number in range(20):
            barrier.wait()
            with suppress(ExecutionAlreadyExists):
                aws.step_functions.start("place_order", f"o-{number}", {})

    threads = [Thread(target=start_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while not aws.is_quiet():
        time.sleep(0.01)

    assert len(steps_of(north).calls) == 20


def test_boto3_starts_and_describes_executions(apps, run_aws):
    aws = run_aws(place_order=machine("First", First=task(f"{apps[0].name}_answer", End=True)))
    client = boto3.client("stepfunctions", region_name=REGION)
    first = {"stateMachineArn": aws.step_functions.arns["place_order"], "name": "o-1-1"}

    arn = client.start_execution(**first, input='{"order_id": "o-1"}')["executionArn"]
    aws.step_functions.wait_for(arn)

    described = client.describe_execution(executionArn=arn)
    assert (described["status"], described["name"]) == ("SUCCEEDED", "o-1-1")
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        client.start_execution(**first, input='{"order_id": "o-1"}')


def test_finished_executions_are_forgotten_in_time(apps, run_aws, monkeypatch):
    monkeypatch.setattr(limits, "FINISHED_KEPT", 10)
    monkeypatch.setattr(limits, "FORGET_EVERY", 1)
    aws = run_aws(place_order=machine("First", First=task(f"{apps[0].name}_answer", End=True)))
    arns = []
    for number in range(30):
        arns.append(aws.step_functions.start("place_order", f"o-{number}", {}))
        aws.step_functions.wait_for(arns[-1])
    while not aws.is_quiet():
        time.sleep(0.01)

    client = boto3.client("stepfunctions", region_name=REGION)
    assert client.describe_execution(executionArn=arns[-1])["status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        client.describe_execution(executionArn=arns[0])


def test_a_definition_that_is_none_is_named(run_aws):
    with pytest.raises(LocalError, match=r"place_order\.asl\.json"):
        run_aws(place_order={"StartAt": "Nowhere"})


def test_a_machine_must_be_in_the_table_of_machines(run_aws):
    with pytest.raises(UnknownMachine, match="make_tea"):
        run_aws(make_tea=machine("Boil", Boil={"Type": "Succeed"}))


# -- what the bus is told of runs


def told(aws_closed_queues: Path):
    queues = Queues(aws_closed_queues)
    try:
        count = queues.unhandled_count()
        return [json.loads(m.body) for m in queues.take(TOLD_OF_RUNS, 100)] if count else []
    finally:
        queues.close_file()


def test_a_standard_execution_tells_of_its_start_and_its_end(apps, run_aws):
    aws = run_aws(move_batch=machine("First", First=task(f"{apps[0].name}_answer", End=True)))
    assert queue_of("record_run") == TOLD_OF_RUNS

    described = run(aws, "move_batch", {"batch_id": "b-1"})

    while aws.queues.unhandled_count() < 2:
        time.sleep(0.01)
    start, end = (json.loads(m.body) for m in aws.queues.take(TOLD_OF_RUNS, 10))
    assert start["source"] == "aws.states"
    assert start["detail-type"] == "Step Functions Execution Status Change"
    assert (start["detail"]["status"], start["detail"]["stopDate"]) == ("RUNNING", None)
    assert end["detail"]["status"] == "SUCCEEDED"
    assert end["detail"]["executionArn"] == described["executionArn"]
    assert end["detail"]["name"] == "the-run"
    assert json.loads(end["detail"]["input"]) == {"batch_id": "b-1"}
    assert end["detail"]["stopDate"] >= end["detail"]["startDate"] > 10**12


def test_an_express_execution_tells_nobody(apps, run_aws):
    aws = run_aws(place_order=machine("Refuse", Refuse=task(f"{apps[0].name}_refuse", End=True)))

    run(aws, "place_order", {})
    time.sleep(0.05)

    assert aws.queues.unhandled_count() == 0


def test_an_execution_that_the_engines_end_interrupts_is_not_told_as_failed(
    apps, tmp_path, monkeypatch
):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    folder = tmp_path / "machines"
    folder.mkdir()
    waiting = machine(
        "Wait",
        Wait={"Type": "Wait", "Seconds": 60, "Next": "Depart"},
        Depart=task(f"{apps[0].name}_answer", End=True),
    )
    (folder / "move_batch.asl.json").write_text(json.dumps(waiting))
    queues_file = tmp_path / "queues.sqlite"
    with local_aws(
        {apps[0].name: apps[0]}, queues_file, region=REGION, clock=Clock(), definitions=folder
    ) as aws:
        aws.step_functions.start("move_batch", "b-1", {})
        while aws.step_functions.busy_count():
            time.sleep(0.01)

    assert [event["detail"]["status"] for event in told(queues_file)] == ["RUNNING"]
    assert steps_of(apps[0]).calls == []


# -- Lambda's Invoke, and schedules


def test_boto3_reaches_our_functions(apps, run_aws):
    aws = run_aws()
    client = boto3.client("lambda", region_name=REGION)

    answer = client.invoke(FunctionName=f"{apps[0].name}_answer", Payload=b'{"n": 1}')
    refusal = client.invoke(FunctionName=f"{apps[0].name}_refuse", Payload=b"{}")

    assert json.load(answer["Payload"])["n"] == 1
    assert refusal["FunctionError"] == "Unhandled"
    assert json.load(refusal["Payload"])["errorType"] == "OutOfStock"
    with pytest.raises(UnknownFunction):
        aws.invoke("gone")


def test_an_answer_that_json_cannot_carry_is_an_error(apps, run_aws):
    aws = run_aws()
    aws.lambdas._handlers["tell_time"] = lambda event, context: datetime.now(UTC)  # noqa: TID251

    assert aws.invoke("tell_time").payload["errorType"] == "TypeError"


def test_many_nudges_become_few_runs_and_none_is_lost(apps, run_aws):
    north = apps[0]
    aws = run_aws()
    aws.jobs.start()
    relay = f"relay_{north.name}"

    for _ in range(100):
        aws.invoke_later(relay)
    time.sleep(0.02)  # the first run is under way
    runs_before = len(steps_of(north).calls)
    aws.invoke_later(relay)
    time.sleep(0.3)

    runs = len(steps_of(north).calls)
    assert runs_before <= 2
    assert runs_before < runs <= 4
    assert steps_of(north).calls[0]["detail-type"] == "Scheduled Event"


def test_a_job_never_runs_twice_at_the_same_time(apps, run_aws):
    north = apps[0]
    under_way, most = [], []
    aws = run_aws()

    def relay(event, context):
        under_way.append(1)
        most.append(len(under_way))
        time.sleep(0.02)
        under_way.pop()

    aws.lambdas._handlers[f"relay_{north.name}"] = relay
    aws.jobs.start()
    for _ in range(20):
        aws.invoke_later(f"relay_{north.name}")
        time.sleep(0.01)

    assert max(most) == 1
    assert len(most) > 3


def test_what_production_runs_each_minute_runs_here_every_few_seconds():
    fast = Clock(speed=3600)

    assert every_seconds("sweep_orders", "rate(5 minutes)", fast, 3) == 3
    assert every_seconds("relay_customer_outbox", "rate(1 minute)", fast, 3) == 1
    assert every_seconds("prune_customer", "rate(1 day)", Clock(speed=60), 3) == 1440
    assert every_seconds("prune_customer", "rate(1 hour)", fast, 3) == 600
    assert period_of("cron(0 3 * * ? *)") == timedelta(days=1)
