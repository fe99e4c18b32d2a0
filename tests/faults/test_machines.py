"""A step of a machine fails, hangs, answers garbage or too much, is throttled, or its execution vanishes.

Each hits one order or one build: others go on, an alarm tells of it, and once it is mended the work is done.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import pytest

from fulfillment_app.chalicelib.services import rebuilds
from local.aws import DEFINITIONS
from local.clock import ClockFile
from local.databases import Databases
from local.environment import REGION
from local.lambdas import Throttled
from local.reading import Stores
from online_kart.documents import route_tables
from tests.buyers import Buyer, a_buyer
from tests.faults import sweep_runs
from tests.faults.customers import broken_invariants
from tests.market import Market, open_market
from tests.workflows.conftest import Engine, running_engine

ITEM_SECONDS_MAX = 2
"""What the build of a chunk may take here, so that a test need not wait for as long as production would."""

Names = Callable[[], list[str]]


@pytest.fixture
def hasty(tmp_path: Path) -> Path:
    """The definitions, with items that time out soon."""
    folder = tmp_path / "machines"
    folder.mkdir()
    for path in DEFINITIONS.glob("*.json"):
        definition = json.loads(path.read_text())
        if path.name.startswith("rebuild_routes"):
            items = definition["States"]["BuildChunks"]["ItemProcessor"]["States"]
            items["BuildTables"]["TimeoutSeconds"] = ITEM_SECONDS_MAX
        (folder / path.name).write_text(json.dumps(definition))
    return folder


@pytest.fixture
def engine(
    servers: Databases,
    inventory_dsn: str,
    customer_dsn: str,
    documents: Any,
    tmp_path: Path,
    hasty: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Engine]:
    monkeypatch.setenv("KART_DOCUMENTS_DB", documents.name)
    clock_file = ClockFile(tmp_path)
    clock_file.anchor(1.0, starts_at=now)
    where = Databases(inventory_dsn, customer_dsn, servers.mongodb_uri)
    with running_engine(where, clock_file, tmp_path, monkeypatch, definitions=hasty) as engine:
        yield engine


@pytest.fixture
def market(engine: Engine, inventory_db: Any, documents: Any, now: datetime) -> Market:
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 50)
    engine.settle()
    return market


@pytest.fixture
def buyer(market: Market, customer_db: Any) -> Buyer:
    return a_buyer(customer_db, market)


@pytest.fixture
def raised(alarms: list[dict[str, Any]]) -> Names:
    """The names of the alarms until now."""
    return lambda: [alarm["alarm"] for alarm in alarms]


def stores(buyer: Buyer) -> Stores:
    return Stores(buyer.market.conn, buyer.conn, buyer.market.documents)


def sweep_orders(engine: Engine, buyer: Buyer) -> None:
    """As the schedule does, when an order was silent for long enough."""
    buyer.conn.execute("UPDATE orders SET updated_at = updated_at - interval '1 hour'")
    engine.invoke("sweep_orders")
    engine.settle()


# An item of a Map


def fails(event: Any, context: Any) -> Any:
    raise RuntimeError("a bug")


def hangs(event: Any, context: Any) -> Any:
    time.sleep(ITEM_SECONDS_MAX + 1)
    return {}


def answers_garbage(event: Any, context: Any) -> Any:
    return ["what", {"is": None}, "this?"]


def is_throttled(event: Any, context: Any) -> Any:
    raise Throttled("build_tables")


@pytest.mark.parametrize(
    ("item", "error"),
    [
        (fails, "RuntimeError"),
        (hangs, "States.Timeout"),
        (answers_garbage, "RouteTablesMissing"),
        pytest.param(is_throttled, "Lambda.TooManyRequestsException", marks=pytest.mark.slow),
    ],
)
def test_a_build_with_an_item_that_goes_wrong_is_undone_told_of_and_done_once_it_is_mended(
    engine: Engine, market: Market, buyer: Buyer, raised: Names, item: Any, error: str
):
    conn, documents = market.conn, market.documents
    in_force = route_tables.current_version(documents)
    conn.execute("UPDATE legs SET transit_minutes = transit_minutes + 1 WHERE mode = 'air'")
    version = rebuilds.request_rebuild(conn, "a flight takes longer", market.now)
    with engine.aws.lambdas.replaced("build_tables", item):
        order_id = buyer.place(("MUG", 1))
        engine.settle()

    assert buyer.order(order_id).status == "confirmed", "Others are not affected."
    assert route_tables.current_version(documents) == in_force
    build = rebuilds.build_of(conn, version)
    assert (build.status, str(build.error).partition(":")[0]) == ("failed", error)
    assert raised() == ["RunFailed"]

    sweep_runs(engine, conn)

    assert route_tables.current_version(documents) == version
    assert raised() == ["RunFailed", "RunLost"]
    assert broken_invariants(stores(buyer)) == []


# A step of an order


def test_a_step_that_is_throttled_for_a_while_is_tried_again_and_nobody_is_told(
    engine: Engine, buyer: Buyer, raised: Names
):
    calls: list[None] = []

    def throttled_twice(event: Any, context: Any) -> Any:
        calls.append(None)
        if len(calls) <= 2:
            raise Throttled("plan_packages")
        return original(event, context)

    with engine.aws.lambdas.replaced("plan_packages", throttled_twice) as original:
        order_id = buyer.place(("MUG", 1))
        engine.settle()

    assert (buyer.order(order_id).status, len(calls)) == ("confirmed", 3)
    assert raised() == []


def too_much(event: Any, context: Any) -> Any:
    return {"sourcing": "x" * 300_000, "package_ids": ["x" * 300_000], "promise_date": "2026-03-09"}


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("reserve_stock", is_throttled),
        ("plan_packages", too_much),
        ("plan_packages", answers_garbage),
        pytest.param("reserve_stock", too_much, marks=pytest.mark.slow),
        pytest.param("reserve_stock", answers_garbage, marks=pytest.mark.slow),
        pytest.param("plan_packages", is_throttled, marks=pytest.mark.slow),
    ],
)
def test_an_order_whose_step_goes_wrong_waits_is_told_of_and_is_served_once_it_is_mended(
    engine: Engine, market: Market, buyer: Buyer, raised: Names, step: str, fault: Any
):
    spared = buyer.place(("MUG", 1))
    engine.settle()
    with engine.aws.lambdas.replaced(step, fault):
        order_id = buyer.place(("MUG", 2))
        engine.settle()
        assert buyer.order(order_id).status == "placed", "Rejected for what is ours to mend."
        sweep_orders(engine, buyer)
        assert buyer.order(order_id).status == "placed"

    assert raised() == ["OrderStuck"]
    sweep_orders(engine, buyer)

    assert buyer.order(order_id).status == buyer.order(spared).status == "confirmed"
    assert market.level("BLR1") == (50, 3)
    assert broken_invariants(stores(buyer)) == []


def test_a_step_with_a_bug_is_undone_and_its_order_rejected_and_told_of(
    engine: Engine, market: Market, buyer: Buyer, raised: Names
):
    def fails_for_two(event: Any, context: Any) -> Any:
        if event["lines"][0]["quantity"] == 2:
            raise RuntimeError("a bug")
        return original(event, context)

    with engine.aws.lambdas.replaced("plan_packages", fails_for_two) as original:
        order_id, other = buyer.place(("MUG", 2)), buyer.place(("MUG", 1))
        engine.settle()

    assert (buyer.order(order_id).status, buyer.order(other).status) == ("rejected", "confirmed")
    assert market.level("BLR1") == (50, 1)
    assert raised() == ["RunFailed"]
    assert broken_invariants(stores(buyer)) == []


# An execution that vanishes


def stop_execution(engine: Engine, order_id: UUID) -> None:
    """Of the first run of an order; an Express one tells nobody."""
    arn = engine.aws.step_functions.arns["place_order"].replace("stateMachine", "execution")
    client = boto3.client("stepfunctions", region_name=REGION)
    client.stop_execution(executionArn=f"{arn}:{order_id}-1")


@pytest.mark.parametrize(
    "step",
    [
        "plan_packages",
        pytest.param("reserve_stock", marks=pytest.mark.slow),
        pytest.param("confirm_order", marks=pytest.mark.slow),
    ],
)
def test_an_order_whose_execution_vanished_gets_another_and_is_served_once(
    engine: Engine, market: Market, buyer: Buyer, raised: Names, step: str
):
    is_called, may_go_on = threading.Event(), threading.Event()

    def waits(event: Any, context: Any) -> Any:
        answer = original(event, context)
        is_called.set()
        may_go_on.wait(10)
        return answer

    with engine.aws.lambdas.replaced(step, waits) as original:
        order_id = buyer.place(("MUG", 1))
        engine.invoke("relay_customer_outbox")
        assert is_called.wait(20)
        stop_execution(engine, order_id)
        may_go_on.set()
    engine.settle()
    sweep_runs(engine, market.conn)

    assert buyer.order(order_id).status == "confirmed"
    assert market.level("BLR1") == (50, 1)
    # Once it is confirmed it is told so, whoever carries its run.
    assert raised() == ([] if step == "confirm_order" else ["RunLost"])
    assert broken_invariants(stores(buyer)) == []
