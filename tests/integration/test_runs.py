"""Runs of state machines: noted before they start, ended when told, started again when lost."""

import json
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from fulfillment_app.chalicelib.services import runs
from fulfillment_app.chalicelib.services.runs import REVISION_MAX, Engine
from online_kart.clock import Clock
from online_kart.domain.errors import NotFound
from online_kart.domain.events import (
    BatchOpened,
    CancellationRefused,
    CancellationRequested,
    EventLine,
    NetworkChanged,
    OrderCancelled,
    OrderConfirmed,
    OrderPlaced,
    OrderRejected,
    ReconciliationRequested,
    ShipmentArrived,
)
from online_kart.messaging.consumer import Envelope
from online_kart.messaging.machines import MACHINES
from online_kart.messaging.rules import RUN_STATUS_CHANGE
from tests.freight import BY_ROAD, batch_of, build_routes, forwarded, put_package, put_shop
from tests.storefront import enveloped
from tests.together import run_together

ARNS = {
    machine: f"arn:aws:states:ap-south-1:123456789012:stateMachine:{machine}"
    for machine in MACHINES
}
LOST_AFTER = timedelta(minutes=6)


class ExecutionAlreadyExists(Exception):
    pass


class ExecutionDoesNotExist(Exception):
    pass


class StepFunctionsClient:
    """As much of Step Functions as we call: executions by ARN, each name once, Standard ones to be asked for."""

    exceptions = SimpleNamespace(
        ExecutionAlreadyExists=ExecutionAlreadyExists, ExecutionDoesNotExist=ExecutionDoesNotExist
    )

    def __init__(self):
        self.executions = {}
        self.started = []
        self.is_down = False

    def start_execution(self, *, stateMachineArn, name, input):
        if self.is_down:
            raise ConnectionError("no answer")
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        if arn in self.executions:
            raise ExecutionAlreadyExists(arn)
        self.executions[arn] = "RUNNING"
        self.started.append((stateMachineArn.rpartition(":")[2], name, json.loads(input)))

    def describe_execution(self, *, executionArn):
        if executionArn not in self.executions:
            raise ExecutionDoesNotExist(executionArn)
        return {"status": self.executions[executionArn]}

    # What a test makes happen

    def end(self, machine, name, status):
        self.executions[f"{ARNS[machine].replace(':stateMachine:', ':execution:')}:{name}"] = status

    def forget_all(self):
        self.executions.clear()

    @property
    def names(self):
        return [name for _, name, _ in self.started]


@pytest.fixture
def client():
    return StepFunctionsClient()


@pytest.fixture
def engine(client):
    return Engine(client, ARNS)


def an_order_placed(now, revision=1, order_id=None):
    line = EventLine(line_no=1, sku="MUG", seller_id=uuid4(), quantity=1, unit_price_paise=100)
    return OrderPlaced(
        occurred_at=now,
        order_id=order_id or uuid4(),
        to_pincode=560001,
        placed_at=now,
        lines=(line,),
        revision=revision,
    )


def hear(conn, engine, event, clock):
    runs.start_for_event(conn, engine, enveloped(event), clock)


def record(conn, engine, event, clock):
    runs.record_end(conn, engine, enveloped(event), clock.wall_now())


def record_status(conn, engine, clock, machine, name, status, **detail):
    """What AWS tells of a Standard execution."""
    arn = ARNS.get(machine, machine)
    detail = {"stateMachineArn": arn, "name": name, "status": status, **detail}
    told = Envelope(uuid4(), RUN_STATUS_CHANGE, detail, clock.wall_now())
    runs.record_end(conn, engine, told, clock.wall_now())


def sweep_now(conn, engine, clock):
    return runs.sweep(conn, engine, clock, clock.wall_now() - LOST_AFTER)


def sweep(conn, engine, clock):
    """Once the deadline of all that is known has passed."""
    clock.advance(LOST_AFTER + timedelta(seconds=1))
    return sweep_now(conn, engine, clock)


def statuses(conn, machine, business_id):
    """By revision, the oldest first."""
    return [run.status for run in reversed(runs.of(conn, machine, str(business_id)))]


# -- starting


def test_each_event_starts_its_machine_named_by_business_id_and_revision(
    inventory_db, engine, client, clock, now
):
    order_id, batch_id, reconciliation_id = uuid4(), uuid4(), uuid4()
    when = {"occurred_at": now}
    for event in (
        an_order_placed(now, order_id=order_id),
        CancellationRequested(order_id=order_id, **when),
        NetworkChanged(version=7, reason="a hub was closed", **when),
        BatchOpened(batch_id=batch_id, revision=3, due_at=now, **when),
        ShipmentArrived(asn="ASN-1", fc_code="BLR1", **when),
        ReconciliationRequested(reconciliation_id=reconciliation_id, **when),
    ):
        hear(inventory_db, engine, event, clock)

    assert [(machine, name) for machine, name, _ in client.started] == [
        ("place_order", f"{order_id}-1"),
        ("cancel_order", f"{order_id}-1"),
        ("rebuild_routes", "network-7-1"),
        ("move_batch", f"{batch_id}-3"),
        ("receive_shipment", "ASN-1-1"),
        ("reconcile", f"{reconciliation_id}-1"),
    ]


def test_a_run_gets_ids_and_its_revision_and_is_noted_with_them(
    inventory_db, engine, client, clock, now
):
    event = an_order_placed(now)

    hear(inventory_db, engine, event, clock)

    (_, _, given), (run,) = (
        client.started[0],
        runs.of(inventory_db, "place_order", str(event.order_id)),
    )
    assert given == run.input
    assert given.keys() == {"order_id", "to_pincode", "placed_at", "lines", "revision"}
    assert (run.status, run.started_at) == ("running", clock.wall_now())


def test_a_machine_that_waits_gets_the_wall_clock_s_time(inventory_db, engine, client, now):
    clock = Clock(business_epoch=now, wall_epoch=now, speed=3600)
    due_at = now + timedelta(hours=4, minutes=15)
    event = BatchOpened(occurred_at=now, batch_id=uuid4(), revision=1, due_at=due_at)

    hear(inventory_db, engine, event, clock)

    assert client.started[0][2]["due_wall_at"] == "2026-03-02T04:30:04.250Z"


def test_an_event_that_comes_again_starts_nothing_more(inventory_db, engine, client, clock, now):
    event = an_order_placed(now)
    for _ in range(3):
        hear(inventory_db, engine, event, clock)

    assert client.names == [f"{event.order_id}-1"]


def test_an_event_at_two_readers_at_once_starts_one_run(
    inventory_db, inventory_dsn, engine, client, clock, now
):
    event = an_order_placed(now)

    outcomes = run_together(
        inventory_dsn, *[lambda conn: hear(conn, engine, event, clock) for _ in range(4)]
    )

    assert outcomes == [None] * 4
    assert client.names == [f"{event.order_id}-1"]


def test_a_run_that_could_not_be_started_is_started_when_its_event_comes_again(
    inventory_db, engine, client, clock, now
):
    event = an_order_placed(now)
    client.is_down = True
    with pytest.raises(ConnectionError):
        hear(inventory_db, engine, event, clock)
    assert statuses(inventory_db, "place_order", event.order_id) == ["running"]

    client.is_down = False
    hear(inventory_db, engine, event, clock)

    assert client.names == [f"{event.order_id}-1"]


def test_a_run_that_has_ended_is_not_started_by_its_event_that_comes_again(
    inventory_db, engine, client, clock, now
):
    event = ShipmentArrived(occurred_at=now, asn="ASN-1", fc_code="BLR1")
    hear(inventory_db, engine, event, clock)
    record_status(inventory_db, engine, clock, "receive_shipment", "ASN-1-1", "SUCCEEDED")
    client.forget_all()

    hear(inventory_db, engine, event, clock)

    assert client.names == ["ASN-1-1"]


def test_an_order_that_was_decided_is_not_run_again_when_it_is_told_of_again(
    inventory_db, engine, client, clock, now
):
    event = an_order_placed(now)
    hear(inventory_db, engine, event, clock)
    record(inventory_db, engine, an_order_confirmed(event, now), clock)

    hear(inventory_db, engine, an_order_placed(now, 2, event.order_id), clock)

    assert client.names == [f"{event.order_id}-1"]


def test_a_cancellation_that_was_refused_can_be_asked_for_again(
    inventory_db, engine, client, clock, now
):
    order_id = uuid4()
    when = {"occurred_at": now, "order_id": order_id}
    hear(inventory_db, engine, CancellationRequested(**when), clock)
    record(inventory_db, engine, CancellationRefused(**when), clock)

    hear(inventory_db, engine, CancellationRequested(revision=2, **when), clock)

    assert client.names == [f"{order_id}-1", f"{order_id}-2"]


# -- ending


def an_order_confirmed(placed, now):
    return OrderConfirmed(
        occurred_at=now, order_id=placed.order_id, promise_date=now.date(), package_ids=()
    )


def test_an_order_s_events_end_its_run(inventory_db, engine, clock, now):
    confirmed, refused, broken = (an_order_placed(now) for _ in range(3))
    for event in (confirmed, refused, broken):
        hear(inventory_db, engine, event, clock)
    when = {"occurred_at": now}

    record(inventory_db, engine, an_order_confirmed(confirmed, now), clock)
    for event, error in ((refused, "OutOfStock"), (broken, "States.Timeout")):
        rejected = OrderRejected(order_id=event.order_id, error=error, message="no", **when)
        record(inventory_db, engine, rejected, clock)

    ended = [
        runs.of(inventory_db, "place_order", str(event.order_id))[0]
        for event in (confirmed, refused, broken)
    ]
    assert [(run.status, run.error) for run in ended] == [
        ("succeeded", None),
        ("succeeded", "OutOfStock: no"),
        ("failed", "States.Timeout: no"),
    ]
    assert {run.ended_at for run in ended} == {clock.wall_now()}


def test_a_cancelled_order_ends_its_cancelling_and_its_placing(inventory_db, engine, clock, now):
    event = an_order_placed(now)
    hear(inventory_db, engine, event, clock)
    hear(
        inventory_db,
        engine,
        CancellationRequested(occurred_at=now, order_id=event.order_id),
        clock,
    )

    cancelled = OrderCancelled(occurred_at=now, order_id=event.order_id, refund_paise=0)
    record(inventory_db, engine, cancelled, clock)

    assert statuses(inventory_db, "place_order", event.order_id) == ["succeeded"]
    assert statuses(inventory_db, "cancel_order", event.order_id) == ["succeeded"]
    # `reservations.expired_orders` takes a run without an error for a confirmed order.
    assert runs.of(inventory_db, "place_order", str(event.order_id))[0].error is not None


@pytest.mark.parametrize(
    ("told", "status"),
    [("SUCCEEDED", "succeeded"), ("FAILED", "failed"), ("TIMED_OUT", "failed")],
)
def test_what_the_engine_tells_ends_a_standard_run(inventory_db, engine, clock, now, told, status):
    event = NetworkChanged(occurred_at=now, version=7, reason="daily")
    hear(inventory_db, engine, event, clock)

    record_status(inventory_db, engine, clock, "rebuild_routes", "network-7-1", "RUNNING")
    assert statuses(inventory_db, "rebuild_routes", "network-7") == ["running"]
    record_status(
        inventory_db, engine, clock, "rebuild_routes", "network-7-1", told, error="E", cause="why"
    )

    (run,) = runs.of(inventory_db, "rebuild_routes", "network-7")
    assert (run.status, run.error) == (status, "E why")


def test_the_first_end_that_is_told_counts(inventory_db, engine, clock, now):
    hear(inventory_db, engine, NetworkChanged(occurred_at=now, version=7, reason="daily"), clock)

    for status in ("SUCCEEDED", "FAILED", "RUNNING"):
        record_status(inventory_db, engine, clock, "rebuild_routes", "network-7-1", status)

    assert statuses(inventory_db, "rebuild_routes", "network-7") == ["succeeded"]


def test_machines_of_others_and_runs_that_people_started_are_none_of_ours(
    inventory_db, engine, clock
):
    record_status(inventory_db, engine, clock, "arn:of:somebody:else", "run-1", "FAILED")
    record_status(inventory_db, engine, clock, "reconcile", "by-hand", "FAILED")
    record_status(inventory_db, engine, clock, "reconcile", "9b2c-1", "FAILED")

    assert runs.listed(inventory_db, None, None, None, 10) == []


# -- sweeping: what was lost


def test_a_run_is_left_alone_until_its_time(inventory_db, engine, client, clock, now):
    hear(inventory_db, engine, an_order_placed(now), clock)
    clock.advance(LOST_AFTER)

    swept = sweep_now(inventory_db, engine, clock)

    assert swept == {"checked": 0, "restarted": 0}


def test_a_standard_run_that_still_runs_is_asked_for_and_left_alone(
    inventory_db, engine, client, clock, now
):
    hear(inventory_db, engine, NetworkChanged(occurred_at=now, version=7, reason="daily"), clock)

    assert sweep(inventory_db, engine, clock) == {"checked": 1, "restarted": 0}
    assert sweep_now(inventory_db, engine, clock) == {"checked": 0, "restarted": 0}
    assert client.names == ["network-7-1"]


def test_a_standard_run_that_vanished_is_started_again_as_its_next_revision(
    inventory_db, engine, client, clock, now
):
    hear(inventory_db, engine, NetworkChanged(occurred_at=now, version=7, reason="daily"), clock)
    client.forget_all()

    assert sweep(inventory_db, engine, clock) == {"checked": 1, "restarted": 1}

    assert client.names == ["network-7-1", "network-7-2"]
    assert statuses(inventory_db, "rebuild_routes", "network-7") == ["lost", "running"]
    assert client.started[1][2] == {"version": 7, "revision": 2}


def test_an_end_that_nobody_told_of_is_found(inventory_db, engine, client, clock, now):
    hear(inventory_db, engine, NetworkChanged(occurred_at=now, version=7, reason="daily"), clock)
    client.end("rebuild_routes", "network-7-1", "SUCCEEDED")

    assert sweep(inventory_db, engine, clock) == {"checked": 1, "restarted": 0}
    assert statuses(inventory_db, "rebuild_routes", "network-7") == ["succeeded"]


@pytest.mark.parametrize("told", [True, False])
def test_a_failed_run_of_what_must_end_well_is_started_again(
    inventory_db, engine, client, clock, now, told
):
    hear(inventory_db, engine, NetworkChanged(occurred_at=now, version=7, reason="daily"), clock)
    client.end("rebuild_routes", "network-7-1", "FAILED")
    if told:
        record_status(inventory_db, engine, clock, "rebuild_routes", "network-7-1", "FAILED")

    assert sweep(inventory_db, engine, clock)["restarted"] == 1
    assert sweep(inventory_db, engine, clock)["restarted"] == 0  # the next one is alive
    assert statuses(inventory_db, "rebuild_routes", "network-7") == ["failed", "running"]


@pytest.mark.parametrize("told", [True, False])
def test_a_failed_run_of_anything_else_stays_failed(inventory_db, engine, client, clock, now, told):
    key = uuid4()
    hear(
        inventory_db,
        engine,
        ReconciliationRequested(occurred_at=now, reconciliation_id=key),
        clock,
    )
    client.end("reconcile", f"{key}-1", "FAILED")
    if told:
        record_status(inventory_db, engine, clock, "reconcile", f"{key}-1", "FAILED")

    assert sweep(inventory_db, engine, clock)["restarted"] == 0
    assert statuses(inventory_db, "reconcile", key) == ["failed"]


def test_an_order_s_run_without_an_outcome_is_lost_and_started_again(
    inventory_db, engine, client, clock, now
):
    event = an_order_placed(now)
    hear(inventory_db, engine, event, clock)

    assert sweep(inventory_db, engine, clock)["restarted"] == 1

    assert client.names == [f"{event.order_id}-1", f"{event.order_id}-2"]
    record(inventory_db, engine, an_order_confirmed(event, now), clock)
    assert statuses(inventory_db, "place_order", event.order_id) == ["lost", "succeeded"]


def test_an_order_s_run_that_started_when_the_order_was_just_decided_ends_with_it(
    inventory_db, engine, client, clock, now
):
    """Its steps find that all is done and tell of nothing, so nobody tells of its end."""
    event = an_order_placed(now)
    hear(inventory_db, engine, event, clock)
    hear(inventory_db, engine, an_order_placed(now, 2, event.order_id), clock)
    inventory_db.execute(
        "UPDATE runs SET status = 'succeeded', ended_at = now() WHERE revision = 1"
    )

    assert sweep(inventory_db, engine, clock)["restarted"] == 0
    assert statuses(inventory_db, "place_order", event.order_id) == ["succeeded", "succeeded"]
    assert sweep(inventory_db, engine, clock)["checked"] == 0


def test_a_run_whose_end_is_told_while_it_is_swept_is_not_started_again(
    inventory_db, engine, client, clock, now
):
    event = an_order_placed(now)
    hear(inventory_db, engine, event, clock)
    (run,) = runs.of(inventory_db, "place_order", str(event.order_id))
    record(inventory_db, engine, an_order_confirmed(event, now), clock)

    assert not runs.restart(inventory_db, engine, clock, run)
    assert client.names == [f"{event.order_id}-1"]


def test_a_run_that_is_lost_again_and_again_ends_with_a_person(
    inventory_db, engine, client, clock, now, alarms
):
    event = an_order_placed(now)
    hear(inventory_db, engine, event, clock)

    for _ in range(REVISION_MAX + 2):
        sweep(inventory_db, engine, clock)

    assert len(client.names) == REVISION_MAX
    assert statuses(inventory_db, "place_order", event.order_id) == ["lost"] * REVISION_MAX
    assert [alarm["alarm"] for alarm in alarms] == ["RunLost"] * (REVISION_MAX - 1) + ["RunGivenUp"]


def test_a_crash_between_losing_a_run_and_starting_the_next_loses_nothing(
    inventory_db, engine, client, clock, now
):
    event = an_order_placed(now)
    hear(inventory_db, engine, event, clock)
    client.is_down = True
    with pytest.raises(ConnectionError):
        sweep(inventory_db, engine, clock)
    assert statuses(inventory_db, "place_order", event.order_id) == ["lost", "running"]

    client.is_down = False
    assert sweep(inventory_db, engine, clock)["restarted"] == 1
    assert client.names[-1] == f"{event.order_id}-3"


def test_a_run_that_can_not_be_started_holds_up_no_other(inventory_db, engine, client, clock, now):
    for version in (1, 2, 3):
        changed = NetworkChanged(occurred_at=now, version=version, reason="a test")
        hear(inventory_db, engine, changed, clock)
    client.forget_all()
    client.is_down = True

    with pytest.raises(ConnectionError):
        sweep(inventory_db, engine, clock)

    for version in (1, 2, 3):  # each was tried, and waits to be found again
        assert statuses(inventory_db, "rebuild_routes", f"network-{version}") == ["lost", "running"]
    client.is_down = False
    assert sweep(inventory_db, engine, clock)["restarted"] == 3


def test_two_sweeps_at_once_start_a_lost_run_again_once(
    inventory_db, inventory_dsn, engine, client, clock, now
):
    events = [an_order_placed(now) for _ in range(5)]
    for event in events:
        hear(inventory_db, engine, event, clock)
    clock.advance(LOST_AFTER + timedelta(seconds=1))

    def restarted(conn):
        return sweep_now(conn, engine, clock)["restarted"]

    assert sum(run_together(inventory_dsn, restarted, restarted)) == 5
    assert sorted(client.names[5:]) == sorted(f"{event.order_id}-2" for event in events)


def test_a_batch_that_lost_its_run_gets_the_next_by_an_event_with_its_next_revision(
    inventory_db, documents, engine, client, clock, now
):
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    package_id = put_package(shop)
    batch_id = batch_of(inventory_db, package_id)
    opened = last_event(inventory_db, "BatchOpened")
    hear(inventory_db, engine, opened, clock)
    client.forget_all()

    assert sweep(inventory_db, engine, clock)["restarted"] == 1

    again = last_event(inventory_db, "BatchOpened")
    assert (again.batch_id, again.revision, again.due_at) == (batch_id, 2, opened.due_at)
    hear(inventory_db, engine, again, clock)
    assert client.names == [f"{batch_id}-1", f"{batch_id}-2"]
    assert statuses(inventory_db, "move_batch", batch_id) == ["lost", "running"]


def test_a_run_that_failed_when_its_batch_was_through_is_not_swept_for_ever(
    inventory_db, documents, engine, clock, now
):
    """Its last step had committed when it died."""
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    batch_id = batch_of(inventory_db, put_package(shop, BY_ROAD))
    hear(inventory_db, engine, last_event(inventory_db, "BatchOpened"), clock)
    forwarded(shop, batch_id)
    record_status(inventory_db, engine, clock, "move_batch", f"{batch_id}-1", "FAILED")

    swept = [sweep(inventory_db, engine, clock) for _ in range(2)]

    assert swept == [{"checked": 1, "restarted": 0}, {"checked": 0, "restarted": 0}]
    assert statuses(inventory_db, "move_batch", batch_id) == ["succeeded"]


def last_event(conn, type_):
    row = conn.execute(
        "SELECT payload FROM outbox WHERE type = %s ORDER BY position DESC LIMIT 1", [type_]
    ).fetchone()
    return BatchOpened.model_validate(row[0])


# -- reading


def test_runs_are_listed_the_newest_first_by_machine_and_status(inventory_db, engine, clock, now):
    events = []
    for version in range(1, 6):
        event = NetworkChanged(occurred_at=now, version=version, reason="daily")
        hear(inventory_db, engine, event, clock)
        events.append(event)
        clock.advance(timedelta(seconds=1))
    hear(inventory_db, engine, an_order_placed(now), clock)
    record_status(inventory_db, engine, clock, "rebuild_routes", "network-3-1", "FAILED")

    def names(machine=None, status=None, after=None, limit=10):
        found = runs.listed(inventory_db, machine, status, after, limit)
        return [run.business_id for run in found]

    assert names("rebuild_routes") == [f"network-{n}" for n in (5, 4, 3, 2, 1)]
    assert names(status="failed") == ["network-3"]
    last = runs.listed(inventory_db, "rebuild_routes", None, None, 2)[-1]
    key = (last.started_at, last.machine, last.business_id, last.revision)
    assert names("rebuild_routes", after=key, limit=2) == ["network-3", "network-2"]


def test_what_never_ran_is_not_found(inventory_db):
    with pytest.raises(NotFound):
        runs.of(inventory_db, "place_order", str(uuid4()))
