"""Clocks that differ by up to five minutes, go backwards, and pass a month's end.

What is promised: each moment is of the clock of the side that notes it, and no rule compares moments of two sides. So
every invariant holds; a sale counts in the month that the fulfillment side's clock shows when the customer has the
package; a hold ends by the clock of who sweeps, so between two hosts whose clocks differ it may end so much earlier or
later, and no more; a wait for a moment that is past is no wait.
"""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from customer_app.chalicelib.services import orders
from fulfillment_app.chalicelib.services import deliveries, sales
from local.environment import settle_settings
from local.reading import Stores
from online_kart.clock import Anchor, Clock
from online_kart.inventory_db import batches
from tests.buyers import Buyer, a_buyer
from tests.faults import sweep_runs
from tests.faults.customers import Http, broken_invariants, placed
from tests.identity import ADMIN
from tests.market import HOLD, Market, open_market
from tests.shop import PRICE_PAISE
from tests.workflows.conftest import Engine, forget_connections

SKEW = timedelta(minutes=5)
BEFORE_MIDNIGHT = datetime(2026, 3, 31, 18, 28, tzinfo=UTC)
"""In India: two minutes later it is April."""

WAIT_SECONDS_MAX = 20.0

SetClock = Callable[[str, datetime], None]
"""Of an app; business time runs on from there."""


@pytest.fixture
def now() -> datetime:
    return BEFORE_MIDNIGHT


@pytest.fixture
def set_clock(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Each app gets a clock of its own."""
    paths = {name: tmp_path / f"{name}-clock.json" for name in engine.apps}

    def set_clock(name: str, at: datetime) -> None:
        fresh = paths[name].with_suffix(".new")
        fresh.write_text(Anchor(at, Clock().wall_now(), 1.0).to_json())
        fresh.replace(paths[name])

    for name, app in engine.apps.items():
        set_clock(name, BEFORE_MIDNIGHT)
        monkeypatch.setenv("KART_CLOCK_FILE", str(paths[name]))
        forget_connections(app)
        settle_settings(app)
    return set_clock


@pytest.fixture
def market(set_clock: SetClock, engine: Engine, inventory_db: Any, documents: Any, now: datetime):
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 50)
    engine.settle()
    return market


@pytest.fixture
def shelf(inventory_db: Any, documents: Any, now: datetime) -> Market:
    """For what needs no machine."""
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 50)
    return market


def stores(buyer: Buyer) -> Stores:
    return Stores(buyer.market.conn, buyer.conn, buyer.market.documents)


def package_of(buyer: Buyer, order_id: UUID) -> UUID:
    (package,) = orders.by_id(buyer.conn, order_id).packages
    return package.package_id


@pytest.mark.parametrize(
    "skew", [SKEW, pytest.param(-SKEW, marks=pytest.mark.slow)], ids=["fast", "slow"]
)
def test_customers_whose_clock_differs_are_served_and_sales_count_in_the_month_of_their_delivery(
    engine: Engine, set_clock: SetClock, market: Market, customer_db: Any, skew: timedelta
):
    neighbour = a_buyer(customer_db, market, lives_at="BLR1")
    months: dict[date, int] = {}
    for fulfillment_now in (
        BEFORE_MIDNIGHT,
        BEFORE_MIDNIGHT + SKEW,  # April
        BEFORE_MIDNIGHT,  # the clock is put back over the month's end
        BEFORE_MIDNIGHT + 2 * SKEW,
    ):
        set_clock("fulfillment_app", fulfillment_now)
        set_clock("customer_app", fulfillment_now + skew)
        order_id = placed(engine, neighbour)
        engine.settle()
        at: Any = engine.apps["fulfillment_app"].wiring
        deliveries.delivered(
            market.conn,
            market.documents,
            ADMIN,
            package_of(neighbour, order_id),
            "signed",
            at.now(),
        )
        month = date(2026, 3 if fulfillment_now == BEFORE_MIDNIGHT else 4, 1)
        months[month] = months.get(month, 0) + 1
        engine.settle()
        assert neighbour.order(order_id).status == "finished"
        assert broken_invariants(stores(neighbour)) == []

    sales.roll_up(market.conn)
    counted = {row.month: row.quantity for row in sales.by_month(market.conn, None, 100)}
    assert counted == months == {date(2026, 3, 1): 2, date(2026, 4, 1): 2}
    paise = sum(row.amount_paise for row in sales.by_month(market.conn, None, 100))
    assert paise == 4 * PRICE_PAISE
    assert broken_invariants(stores(neighbour)) == []


def test_a_hold_ends_at_most_the_clocks_difference_early_or_late(shelf: Market):
    """Held by a host with the right time, swept by one whose clock is fast, and by one whose clock is slow."""
    order = shelf.an_order()
    shelf.reserve(order)
    second = timedelta(seconds=1)
    for true_time in (shelf.now, shelf.now + HOLD - SKEW - second):
        assert shelf.at(true_time + SKEW).release_expired() == 0, "By the fast one."
    assert shelf.at(shelf.now + HOLD + SKEW - second - SKEW).release_expired() == 0, (
        "By the slow one."
    )

    assert shelf.at(shelf.now + HOLD - SKEW + second + SKEW).release_expired() == 1
    assert shelf.held_at(order) == {}
    assert shelf.broken_invariants() == []


def test_a_clock_that_is_put_back_releases_nothing_twice_and_loses_no_hold(shelf: Market):
    kept, expired = shelf.an_order(), shelf.an_order()
    shelf.reserve(expired)
    late = shelf.now + HOLD + timedelta(seconds=1)
    shelf.at(late).reserve(kept)
    assert shelf.at(late).release_expired() == 1

    assert shelf.at(late - SKEW).release_expired() == 0
    assert shelf.at(late - SKEW).release(expired) == 0

    assert shelf.held_at(kept) == {"BLR1": 1}
    assert shelf.level("BLR1") == (50, 1)
    assert shelf.broken_invariants() == []


def test_a_stuck_order_is_told_of_though_its_clock_was_put_back(
    engine: Engine, set_clock: SetClock, market: Market, customer_db: Any
):
    buyer = a_buyer(customer_db, market)
    order_id = placed(engine, buyer)
    buyer.conn.execute("UPDATE outbox SET sent_at = occurred_at")  # and then it was long under way
    set_clock("customer_app", BEFORE_MIDNIGHT - SKEW)
    assert engine.invoke("sweep_orders") == {"swept": 0}

    # What an order waits for is over so much later at most.
    wiring: Any = engine.apps["customer_app"].wiring
    waits = timedelta(seconds=wiring.settings().order_stuck_after_seconds + 10)
    set_clock("customer_app", BEFORE_MIDNIGHT + waits)
    assert engine.invoke("sweep_orders") == {"swept": 1}
    engine.settle()
    assert buyer.order(order_id).status == "confirmed"

    buyer.conn.execute("UPDATE outbox SET sent_at = NULL WHERE type = 'OrderPlaced'")
    engine.settle()
    assert broken_invariants(stores(buyer)) == []


def test_an_answer_is_the_same_on_either_side_of_a_clock_that_is_put_back(
    engine: Engine, set_clock: SetClock, market: Market, customer_db: Any
):
    buyer, http = a_buyer(customer_db, market), Http(engine)
    first = http.place(buyer, "once")
    answers = []
    for moved in (SKEW, -SKEW):
        set_clock("customer_app", BEFORE_MIDNIGHT + moved)
        answers.append(http.place(buyer, "once"))

    assert {answer.body for answer in answers} == {first.body}
    assert buyer.conn.execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_a_batch_that_is_past_its_time_leaves_at_once_and_not_again_when_the_clock_is_put_back(
    engine: Engine, set_clock: SetClock, market: Market, customer_db: Any
):
    buyer = a_buyer(customer_db, market)
    order_id = placed(engine, buyer)
    engine.settle()
    conn, package_id = market.conn, package_of(buyer, order_id)
    share = batches.share_of_package(conn, package_id)
    assert share is not None
    due_at = conn.execute(
        "SELECT due_at FROM batches WHERE batch_id = %s", [share.batch_id]
    ).fetchone()
    assert due_at is not None
    set_clock("fulfillment_app", due_at[0] + SKEW)
    arn = engine.aws.step_functions.start(
        "move_batch",
        f"{share.batch_id}-again",
        {"batch_id": str(share.batch_id), "revision": 1, "due_wall_at": "2020-01-01T00:00:00Z"},
    )
    wait_for(lambda: status_of(conn, package_id) == "in_transit")

    set_clock("fulfillment_app", due_at[0] - SKEW)
    sweep_runs(engine, conn)

    assert engine.aws.step_functions.describe(arn)["status"] == "RUNNING", "It waits for the scan."
    departures = conn.execute(
        "SELECT count(*) FROM package_events WHERE package_id = %s AND what = 'departed'",
        [package_id],
    ).fetchone()
    assert departures == (1,)
    assert market.level("BLR1") == (49, 0)
    assert market.broken_invariants() == []


def status_of(conn: Any, package_id: UUID) -> str:
    row = conn.execute("SELECT status FROM packages WHERE package_id = %s", [package_id]).fetchone()
    return str(row[0])


def wait_for(condition: Callable[[], bool]) -> None:
    gives_up_at = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < gives_up_at, "It never came to be."
        time.sleep(0.02)
