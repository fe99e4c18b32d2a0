"""Starting state machines, noting how they ended, and starting again what was lost.

The row in `runs` is written before the execution is started: a crash between leaves a running row without an execution,
which `sweep` finds like any other execution that vanished. Starting twice is harmless: executions have names, and the
steps are idempotent.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from online_kart import logs
from online_kart.alarms import raise_alarm
from online_kart.clock import Clock
from online_kart.crashpoints import crashpoint
from online_kart.domain import errors
from online_kart.domain.errors import Conflict, NotFound
from online_kart.domain.runs import Machine, Run, RunStatus
from online_kart.inventory_db import runs
from online_kart.messaging.consumer import Envelope
from online_kart.messaging.machines import MACHINES
from online_kart.one_by_one import one_by_one

from . import batches

logger = logging.getLogger(__name__)

REVISION_MAX = 20  # a run that was lost this often needs a person
CHECKED_AT_ONCE_MAX = 200
RESTARTED_WHEN_FAILED = ("move_batch", "receive_shipment", "rebuild_routes")
"""What moves goods or keeps tables true must end well. A failed order is rejected; a stuck one its app tells of again."""

REFUSED = "CancellationRefused"
OUTCOMES_OF_ORDERS = ("OrderConfirmed", "OrderRejected", "OrderCancelled", REFUSED)

STATUS_OF_EXECUTION: dict[str, RunStatus] = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "failed",
    "ABORTED": "failed",
}

Input = dict[str, Any]


class Engine:
    """Step Functions: the boto3 client, and which machine has which ARN."""

    def __init__(self, client: Any, arns: Mapping[str, str]) -> None:
        self._client, self._arns = client, arns

    def start(self, run: Run) -> None:
        """Start the named execution. One that exists already is the one we meant."""
        try:
            self._client.start_execution(
                stateMachineArn=self._arns[run.machine],
                name=run.name,
                input=json.dumps(run.input),
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            logger.info("The run was started before", extra={"run_name": run.name})

    def status(self, run: Run) -> str | None:
        """SUCCEEDED, RUNNING … None where the engine knows of no such execution."""
        arn = self._arns[run.machine].replace(":stateMachine:", ":execution:")
        try:
            answer = self._client.describe_execution(executionArn=f"{arn}:{run.name}")
        except self._client.exceptions.ExecutionDoesNotExist:
            return None
        return str(answer["status"])

    def machine_of(self, arn: str) -> str | None:
        """The machine's name in our words. None where it is none of ours."""
        return next((machine for machine, ours in self._arns.items() if ours == arn), None)


def listed(
    conn: Connection[Any],
    machine: Machine | None,
    status: RunStatus | None,
    after: tuple[datetime, str, str, int] | None,
    limit: int,
) -> Sequence[Run]:
    """The newest first, after the sort key (started_at, machine, business_id, revision)."""
    return runs.listed(conn, machine, status, after, limit)


def of(conn: Connection[Any], machine: str, business_id: str) -> list[Run]:
    """Every revision, the newest first. Raises NotFound."""
    found = runs.by_key(conn, machine, business_id)
    if not found:
        raise NotFound("run", f"{machine}/{business_id}")
    return found


def start_for_event(
    conn: Connection[Any], engine: Engine, envelope: Envelope, clock: Clock
) -> None:
    """The run that this event asks for."""
    machine, business_id, input_ = _RUN_OF_EVENT[envelope.type](envelope.detail, clock)
    start(conn, engine, machine, business_id, int(envelope.detail["revision"]), input_, clock)


def start(
    conn: Connection[Any],
    engine: Engine,
    machine: str,
    business_id: str,
    revision: int,
    input_: Input,
    clock: Clock,
) -> None:
    """Note the run, then start it. A repeat of one that has ended starts nothing.

    Nor does an order's run where another one of the order has had its outcome: told again, it would tell of no end.
    """
    outcome = _outcome(conn, machine, business_id)
    if outcome and outcome.error != REFUSED:  # who was refused may ask again
        return
    run = _noted(conn, machine, business_id, revision, input_, clock)
    crashpoint("start_run.noted")
    if run.status == "running":
        engine.start(run)
        crashpoint("start_run.started")


def _noted(
    conn: Connection[Any],
    machine: str,
    business_id: str,
    revision: int,
    input_: Input,
    clock: Clock,
) -> Run:
    """The run as our table knows it, now or from before."""
    correlation = {logs.CORRELATION_ID: id_} if (id_ := logs.correlation_id()) else {}
    payload = {**correlation, **input_, "revision": revision}
    runs.insert(conn, machine, business_id, revision, payload, clock.wall_now())
    known = runs.by_key(conn, machine, business_id)
    return next(run for run in known if run.revision == revision)


def _outcome(conn: Connection[Any], machine: str, business_id: str) -> Run | None:
    """The run that decided an order. None where none has, and for Standard machines: theirs are told of one by one."""
    if MACHINES[machine] == "STANDARD":
        return None
    known = runs.by_key(conn, machine, business_id)
    return next((run for run in known if run.status in ("succeeded", "failed")), None)


def _place_order(detail: Input, clock: Clock) -> tuple[str, str, Input]:
    kept = ("order_id", "to_pincode", "placed_at", "lines")
    return "place_order", detail["order_id"], {key: detail[key] for key in kept}


def _cancel_order(detail: Input, clock: Clock) -> tuple[str, str, Input]:
    return "cancel_order", detail["order_id"], {"order_id": detail["order_id"]}


def _rebuild_routes(detail: Input, clock: Clock) -> tuple[str, str, Input]:
    return "rebuild_routes", f"network-{detail['version']}", {"version": detail["version"]}


def _move_batch(detail: Input, clock: Clock) -> tuple[str, str, Input]:
    due_wall_at = clock.wall_time_of(datetime.fromisoformat(detail["due_at"]))
    return (
        "move_batch",
        detail["batch_id"],
        {"batch_id": detail["batch_id"], "due_wall_at": timestamp(due_wall_at)},
    )


def _receive_shipment(detail: Input, clock: Clock) -> tuple[str, str, Input]:
    return "receive_shipment", detail["asn"], {"asn": detail["asn"]}


def _reconcile(detail: Input, clock: Clock) -> tuple[str, str, Input]:
    key = "reconciliation_id"
    return "reconcile", detail[key], {key: detail[key]}


_RUN_OF_EVENT: dict[str, Callable[[Input, Clock], tuple[str, str, Input]]] = {
    "OrderPlaced": _place_order,
    "CancellationRequested": _cancel_order,
    "NetworkChanged": _rebuild_routes,
    "BatchOpened": _move_batch,
    "ShipmentArrived": _receive_shipment,
    "ReconciliationRequested": _reconcile,
}


def timestamp(wall_at: datetime) -> str:
    """As a Wait state takes it: RFC 3339 with `Z`."""
    return wall_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def record_end(
    conn: Connection[Any], engine: Engine, envelope: Envelope, wall_now: datetime
) -> None:
    """Note in `runs` what the engine (Standard) or the order's own events (Express) tell."""
    if envelope.type in OUTCOMES_OF_ORDERS:
        _record_end_of_order(conn, envelope, wall_now)
        return
    machine = engine.machine_of(envelope.detail["stateMachineArn"])
    status = STATUS_OF_EXECUTION.get(envelope.detail["status"])
    if machine is None or status is None:
        return  # not ours, or it only began
    business_id, _, revision = envelope.detail["name"].rpartition("-")
    if not revision.isdecimal():
        return  # somebody started it by hand
    error = " ".join(filter(None, (envelope.detail.get("error"), envelope.detail.get("cause"))))
    if status == "failed":
        raise_alarm("RunFailed", machine=machine, run=envelope.detail["name"], error=error)
    runs.end(conn, machine, business_id, int(revision), status, error or None, wall_now)


def _record_end_of_order(conn: Connection[Any], envelope: Envelope, wall_now: datetime) -> None:
    order_id, detail = envelope.detail["order_id"], envelope.detail
    if envelope.type == REFUSED:
        runs.end(conn, "cancel_order", order_id, None, "succeeded", envelope.type, wall_now)
        return
    if envelope.type == "OrderCancelled":
        runs.end(conn, "cancel_order", order_id, None, "succeeded", None, wall_now)
        crashpoint("record_end.cancellation_ended")
        # One that was still being placed has no other outcome.
        runs.end(conn, "place_order", order_id, None, "succeeded", envelope.type, wall_now)
        return
    error = f"{detail['error']}: {detail['message']}" if envelope.type == "OrderRejected" else None
    status: RunStatus = "succeeded" if error is None or is_expected(detail["error"]) else "failed"
    if status == "failed":
        raise_alarm("RunFailed", machine="place_order", run=order_id, error=error)
    runs.end(conn, "place_order", order_id, None, status, error, wall_now)


def is_expected(error_name: str) -> bool:
    """A refusal (nothing left, nowhere to go) is an outcome; anything else is a failure."""
    kind = getattr(errors, error_name, None)
    return isinstance(kind, type) and issubclass(kind, (Conflict, NotFound))


def sweep(
    conn: Connection[Any], engine: Engine, clock: Clock, unheard_since: datetime
) -> dict[str, int]:
    """Ask the engine about runs that nobody heard of since then (wall time), and start lost ones again.

    Standard executions can be asked for. Express ones can't (on AWS), but live five minutes at most: an order's run
    that has no outcome by then is lost. Answers how many were asked about, and how many started again.
    """
    wall_now = clock.wall_now()
    with conn.transaction():
        unchecked = runs.take_unchecked(
            conn,
            unheard_since,
            RESTARTED_WHEN_FAILED,
            REVISION_MAX,
            CHECKED_AT_ONCE_MAX,
            wall_now,
        )
    crashpoint("sweep_runs.taken")
    restarted = one_by_one(unchecked, lambda run: _check(conn, engine, clock, run))
    return {"checked": len(unchecked), "restarted": restarted}


def _check(conn: Connection[Any], engine: Engine, clock: Clock, run: Run) -> bool:
    """True where the run was lost, or failed, and is started again."""
    if run.status == "failed":
        return restart(conn, engine, clock, run)
    ended = _end_of(conn, engine, run)
    if ended is None:
        return restart(conn, engine, clock, run)
    status, error = ended
    if status == "running":
        return False
    # It ended, and what tells of it got lost.
    runs.end(conn, *_key(run), status, error, clock.wall_now())
    crashpoint("sweep_runs.end_noted")
    must_end_well = status == "failed" and run.machine in RESTARTED_WHEN_FAILED
    return must_end_well and restart(conn, engine, clock, run.model_copy(update={"status": status}))


def _end_of(conn: Connection[Any], engine: Engine, run: Run) -> tuple[RunStatus, str | None] | None:
    """The status and error that the run should have. None where it is lost."""
    if MACHINES[run.machine] == "EXPRESS":
        outcome = _outcome(conn, run.machine, run.business_id)
        return (outcome.status, outcome.error) if outcome else None
    execution = engine.status(run)
    if execution is None:
        return None
    return STATUS_OF_EXECUTION.get(execution, "running"), None


def _key(run: Run) -> tuple[str, str, int]:
    return run.machine, run.business_id, run.revision


def restart(conn: Connection[Any], engine: Engine, clock: Clock, run: Run) -> bool:
    """Start the next revision of a run that was lost or failed, which ends it as lost if nobody told of its end.

    False where its end was told meanwhile, where it was started again too often, or where there is nothing left to do.
    """
    with conn.transaction():  # a crash must not leave a run that is lost and has no next revision
        if run.status == "running" and not runs.end(
            conn, *_key(run), "lost", "the execution vanished", clock.wall_now()
        ):
            return False
        if run.revision >= REVISION_MAX:
            raise_alarm("RunGivenUp", machine=run.machine, run=run.name)
            return False
        raise_alarm("RunLost", machine=run.machine, run=run.name, status=run.status)
        if run.machine == "move_batch":  # its revision is the batch's, and the event starts it
            is_left = batches.bump_revision(conn, UUID(run.business_id), clock.now())
            if not is_left:  # it failed behind its last commit; no sweep is to look at it again
                runs.succeed_after_all(conn, *_key(run))
            return is_left
        revision = runs.latest_revision(conn, run.machine, run.business_id) + 1
        following = _noted(conn, run.machine, run.business_id, revision, run.input, clock)
        crashpoint("restart_run.written")
    crashpoint("restart_run.committed")
    engine.start(following)
    crashpoint("restart_run.started")
    return True
