"""The jobs of the orders' side: what the schedules call, in the real apps."""

from datetime import timedelta
from time import sleep
from uuid import uuid4

import pytest

from local.engine import start_again_what_was_lost
from online_kart.clock import Clock
from online_kart.domain.events import OrderFinished
from online_kart.inventory_db import runs
from online_kart.messaging import inbox, outbox
from tests.shop import events_of
from tests.storefront import a_placed_order

LONG_AGO = timedelta(days=36)


@pytest.fixture
def order(engine, customer_db, now):
    return a_placed_order(customer_db, now)


def test_every_job_of_every_app_runs_when_there_is_nothing_to_do(engine):
    for job in engine.aws.schedules:
        engine.invoke(job, b"{}")
        engine.invoke(job, b"{}")
    engine.settle()


def test_the_relay_sends_more_than_one_batch(engine, customer_db, now):
    count = 2 * outbox.BATCH_SIZE_MAX + 1
    finished = [OrderFinished(occurred_at=now, order_id=uuid4()) for _ in range(count)]
    outbox.append(customer_db, *finished)

    assert engine.invoke("relay_customer_outbox", b"{}") == {"sent": count}
    assert outbox.backlog(customer_db, now).unsent_events == 0


def test_an_order_that_is_stuck_is_told_of_again(engine, customer_db, order, now):
    assert engine.invoke("sweep_orders", b"{}") == {"swept": 0}

    customer_db.execute("UPDATE orders SET updated_at = updated_at - interval '11 minutes'")

    assert engine.invoke("sweep_orders", b"{}") == {"swept": 1}
    assert [e["revision"] for e in events_of(customer_db, "OrderPlaced")] == [1, 2]


def test_a_new_engine_starts_again_once_what_the_one_before_it_took_along(
    engine, customer_db, inventory_db, order
):
    engine.invoke("relay_customer_outbox")
    while not (started := runs.by_key(inventory_db, "place_order", str(order.order_id))):
        sleep(0.005)
    # Nobody relays the order's outcome: as far as can be known, each of its runs might be lost.
    began_at = Clock().wall_now()

    assert start_again_what_was_lost(engine.aws, began_at) == 1

    found = runs.by_key(inventory_db, "place_order", str(order.order_id))
    assert [run.revision for run in found] == [2, 1]
    assert found[1].started_at == started[0].started_at < began_at < found[0].started_at


@pytest.mark.parametrize(("job", "side"), [("prune_customer", 0), ("prune_inventory", 1)])
def test_what_was_handled_long_ago_is_forgotten(
    engine, customer_db, inventory_db, order, now, job, side
):
    conn = (customer_db, inventory_db)[side]
    inbox.first_time(conn, "somebody", order.order_id, now - LONG_AGO)
    customer_db.execute(
        "UPDATE outbox SET (sent_at, occurred_at) = (%(at)s, %(at)s)", {"at": now - LONG_AGO}
    )

    forgotten = engine.invoke(job, b"{}")

    assert forgotten["inbox"] == 1
    assert forgotten["outbox"] == (1 if conn is customer_db else 0)
