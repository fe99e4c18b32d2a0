"""`move_batch` run by the engine: a package's whole way, a failure at each step, batches that are moved, late or lost."""

import time
from datetime import timedelta
from uuid import UUID

import pytest

from fulfillment_app.chalicelib.services import batches, line_haul
from online_kart.checks import violations
from online_kart.domain.batches import BatchFilter
from online_kart.domain.errors import NotFound
from online_kart.inventory_db import invariants, runs
from tests.faults import accept_writes, refuse_writes, sweep_runs
from tests.freight import (
    BY_AIR,
    BY_ROAD,
    Shop,
    a_batch,
    arrived,
    batch_of,
    broken_invariants,
    departed,
    history_of,
    level_at,
    load,
    package_of,
    path_of,
    put_package,
    put_shop,
)
from tests.identity import ADMIN
from tests.shop import events_of
from tests.storefront import put_customer

MACHINE = "move_batch"
SECONDS_MAX = 30


@pytest.fixture
def speed() -> float:
    """A second is five and a half hours."""
    return 20_000.0


@pytest.fixture
def shop(engine, inventory_db, documents, now) -> Shop:
    shop = put_shop(inventory_db, documents, now)
    engine.settle()  # builds the route tables
    return shop


@pytest.fixture
def send(shop, customer_db, now):
    """Puts a package whose order the customer app knows."""
    address = put_customer(customer_db, now)

    def send(stops, quantity=2):
        package_id = put_package(shop, stops, quantity)
        customer_db.execute(
            """
            INSERT INTO orders (order_id, customer_id, address_id, to_pincode, status, payment, total_paise,
                                idempotency_key, placed_at, updated_at)
            VALUES (%(order_id)s, %(customer_id)s, %(address_id)s, %(to_pincode)s, 'placed', 'cash_on_delivery',
                    100, %(order_id)s, %(now)s, %(now)s)
            """,
            {
                **address.model_dump(include={"customer_id", "address_id"}),
                **package_of(shop.conn, package_id).model_dump(include={"order_id", "to_pincode"}),
                "now": now,
            },
        )
        return package_id

    return send


def run_of(shop, batch_id):
    """The latest revision's run."""
    return runs.by_key(shop.conn, MACHINE, str(batch_id))[0]


def business_now(engine):
    return engine.clock_file.clock().now()


def wait_until(engine, condition, meanwhile=lambda: None):
    """Let business time pass and events be heard until it is so."""
    gives_up_at = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < gives_up_at, "It never came to be."
        meanwhile()
        engine.settle()
        time.sleep(0.01)


def scan_what_is_expected(engine, shop):
    """What people at the docks do."""
    now = business_now(engine)
    wanted = BatchFilter(status="in_transit", expected_before=now)
    for batch in batches.listed(shop.conn, wanted, None, 50):
        line_haul.arrive(shop.conn, shop.documents, ADMIN, batch.batch_id, None, (), now)


def carry(engine, shop, package_id, until="out_for_delivery"):
    wait_until(
        engine,
        lambda: package_of(shop.conn, package_id).status == until and no_batch_is_left(shop),
        lambda: scan_what_is_expected(engine, shop),
    )


def no_batch_is_left(shop):
    return batches.listed(shop.conn, BatchFilter(), None, 1) == []


def at_rest(shop):
    """What must hold when nothing is under way, and does not."""
    return violations(shop.conn, invariants.CHECKS, at_rest=True)


def test_a_package_is_carried_from_fc_to_fc_by_two_airports(engine, shop, send):
    package_id = send(BY_AIR)

    carry(engine, shop, package_id)
    engine.settle()

    assert history_of(shop.conn, package_id) == [
        "planned",
        *["departed", "arrived"] * 3,
        "out_for_delivery",
    ]
    stops = path_of(shop.documents, package_id).stops
    times = [
        at for stop in stops for at in (stop.actual_arrival_at, stop.actual_departure_at) if at
    ]
    assert len(times) == 6
    assert times == sorted(times)
    moves = runs.listed(shop.conn, MACHINE, None, None, 10)
    assert [(run.status, run.revision) for run in moves] == [("succeeded", 1)] * 3
    assert at_rest(shop) == []


def test_many_packages_leave_together_and_all_are_forwarded(engine, shop, send):
    package_ids = [send(BY_ROAD, quantity=1) for _ in range(30)]

    carry(engine, shop, package_ids[0])

    assert {package_of(shop.conn, each).status for each in package_ids} == {"out_for_delivery"}
    assert len(events_of(shop.conn, "BatchOpened")) == 1
    assert level_at(shop, "BLR1") == (970, 0)
    assert broken_invariants(shop.conn) == []


def test_an_empty_batch_ends_its_run_when_it_is_due(engine, shop, send):
    package_id = send(BY_ROAD)
    batch_id = batch_of(shop.conn, package_id)
    with shop.conn.transaction():
        batches.unload(shop.conn, package_id)

    wait_until(engine, lambda: run_is(shop, batch_id, "succeeded"))

    assert a_batch(shop, batch_id).departed_at is None


def run_is(shop, batch_id, status):
    found = runs.by_key(shop.conn, MACHINE, str(batch_id))
    return bool(found) and found[0].status == status


def test_a_batch_that_is_late_is_told_of_and_waited_for(engine, shop, send):
    package_id = send(BY_ROAD)
    batch_id = batch_of(shop.conn, package_id)

    wait_until(engine, lambda: len(events_of(shop.conn, "BatchDelayed")) >= 2)
    assert a_batch(shop, batch_id).status == "in_transit"
    carry(engine, shop, package_id)

    assert a_batch(shop, batch_id).late_alerts_count >= 2
    assert run_of(shop, batch_id).status == "succeeded"


def test_a_moved_batch_leaves_at_its_new_time_by_a_new_run(engine, shop, send):
    package_id = send(BY_ROAD)
    in_six_hours = business_now(engine) + timedelta(hours=6)
    with shop.conn.transaction():
        batch_id = load(shop, package_id, *BY_ROAD, in_six_hours).batch_id
    engine.settle()
    due_at = in_six_hours + timedelta(hours=8)
    batches.reschedule(shop.conn, shop.documents, ADMIN, batch_id, due_at, shop.now)

    carry(engine, shop, package_id)

    batch = a_batch(shop, batch_id)
    assert batch.departed_at is not None
    assert batch.departed_at >= due_at
    wait_until(engine, lambda: all_runs_ended(shop, batch_id))
    ended = runs.by_key(shop.conn, MACHINE, str(batch_id))
    assert [(run.revision, run.status) for run in ended] == [(2, "succeeded"), (1, "succeeded")]
    assert history_of(shop.conn, package_id).count("departed") == 1


def all_runs_ended(shop, batch_id):
    return all(run.ended_at for run in runs.by_key(shop.conn, MACHINE, str(batch_id)))


def test_a_run_started_twice_moves_the_batch_once(engine, shop, send):
    package_id = send(BY_ROAD)
    batch_id = batch_of(shop.conn, package_id)
    machines = engine.aws.step_functions
    due_wall_at = engine.clock_file.clock().wall_now().isoformat().replace("+00:00", "Z")
    event = {"batch_id": str(batch_id), "revision": 1, "due_wall_at": due_wall_at}
    arns = [machines.start(MACHINE, f"{batch_id}-twice-{number}", event) for number in range(3)]

    carry(engine, shop, package_id)

    assert {machines.wait_for(arn)["status"] for arn in arns} == {"SUCCEEDED"}
    assert history_of(shop.conn, package_id) == [
        "planned",
        "departed",
        "arrived",
        "out_for_delivery",
    ]
    assert broken_invariants(shop.conn) == []


@pytest.mark.parametrize(
    ("table", "when"),
    [
        pytest.param("batches", "new.status = 'closed'", id="CloseBatch"),
        pytest.param("batches", "new.status = 'in_transit'", id="DepartBatch"),
        pytest.param("batches", "new.late_alerts_count > 0", id="AlertLate"),
        pytest.param("deliveries", "true", id="ForwardPackage"),
        pytest.param("batches_history", "true", id="FinishBatch"),
    ],
)
def test_a_step_that_fails_is_done_by_the_next_run(engine, shop, send, table, when):
    package_id = send(BY_ROAD)
    batch_id = batch_of(shop.conn, package_id)
    refuse_writes(shop.conn, table, when)

    def scan_unless_the_alert_is_to_fail():
        if "alerts" not in when:
            scan_what_is_expected(engine, shop)

    wait_until(engine, lambda: run_is(shop, batch_id, "failed"), scan_unless_the_alert_is_to_fail)
    assert "the disk is full" in (run_of(shop, batch_id).error or "")
    accept_writes(shop.conn)
    sweep_runs(engine, shop.conn)
    carry(engine, shop, package_id)

    wait_until(engine, lambda: run_is(shop, batch_id, "succeeded"))
    assert run_of(shop, batch_id).revision == 2
    assert history_of(shop.conn, package_id) == [
        "planned",
        "departed",
        "arrived",
        "out_for_delivery",
    ]
    assert level_at(shop, "BLR1") == (998, 0)
    assert at_rest(shop) == []


def test_a_batch_that_vanished_fails_the_check_of_its_arrival(engine, shop, send):
    batch_id = batch_of(shop.conn, send(BY_ROAD))
    wait_until(engine, lambda: a_batch(shop, batch_id).status == "in_transit")
    shop.conn.execute("DELETE FROM batch_packages")
    shop.conn.execute("DELETE FROM batches")

    wait_until(engine, lambda: run_is(shop, batch_id, "failed"))

    assert NotFound.__name__ in (run_of(shop, batch_id).error or "")


@pytest.mark.parametrize("status", ["open", "in_transit", "arrived"])
def test_a_batch_whose_run_was_lost_gets_another_and_is_carried_on(engine, shop, send, status):
    package_id = send(BY_ROAD)
    batch_id = batch_of(shop.conn, package_id)
    {"open": a_batch, "in_transit": departed, "arrived": arrived}[status](shop, batch_id)
    lose_the_run(shop, batch_id)

    sweep_runs(engine, shop.conn)
    carry(engine, shop, package_id)

    lost, again = reversed(runs.by_key(shop.conn, MACHINE, str(batch_id)))
    assert (lost.status, again.revision) == ("lost", 2)
    assert broken_invariants(shop.conn) == []


def lose_the_run(shop: Shop, batch_id: UUID) -> None:
    """It is noted, its event was sent, and the engine knows nothing of it."""
    shop.conn.execute("UPDATE outbox SET sent_at = %s WHERE type = 'BatchOpened'", [shop.now])
    event = {"batch_id": str(batch_id), "due_wall_at": "2026-03-02T04:30:00Z", "revision": 1}
    runs.insert(shop.conn, MACHINE, str(batch_id), 1, event, shop.now)
