"""Events that nobody can handle: one is bad, one is of an unknown edition, one is too large. The others go their way."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from local.__main__ import tell_dead_letters
from local.bus import ENTRIES_BYTES_MAX
from local.engine import EngineServer
from local.environment import REGION
from local.payment_server import Books
from local.people import People
from local.ports import HOST
from local.reading import Stores
from local.user_pools import UserPools
from online_kart.messaging import outbox
from tests.buyers import Buyer, a_buyer
from tests.faults import accept_writes, refuse_writes
from tests.faults.customers import broken_invariants
from tests.market import open_market
from tests.shop import put_item
from tests.workflows.conftest import Engine

Names = Callable[[], list[str]]

pytestmark = pytest.mark.usefixtures("quick_retries")


@pytest.fixture
def shopper(engine: Engine, inventory_db: Any, customer_db: Any, documents: Any, now: Any) -> Buyer:
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 50)
    engine.settle()
    return a_buyer(customer_db, market)


@pytest.fixture
def raised(alarms: list[dict[str, Any]]) -> Names:
    return lambda: [alarm["alarm"] for alarm in alarms]


def put_event(conn: Any, type_: str, at: Any, **detail: Any) -> str:
    """Into the outbox, as no code of ours would. Its id."""
    event_id = str(uuid4())
    payload = {"event_id": event_id, "occurred_at": at.isoformat(), **detail}
    conn.execute(
        """
        INSERT INTO outbox (event_id, type, aggregate_id, payload, occurred_at)
        VALUES (%s, %s, 'none', %s, %s)
        """,
        [event_id, type_, json.dumps(payload), at],
    )
    return event_id


def forget_event(conn: Any, event_id: str) -> None:
    """It was never a fact: the invariants need not find who heard it."""
    conn.execute("DELETE FROM outbox WHERE event_id = %s", [event_id])


def letters(engine: Engine) -> list[tuple[str, str]]:
    """Of each dead letter its queue, and the id of its event."""
    return [
        (letter.queue, json.loads(letter.body)["detail"]["event_id"])
        for letter in engine.aws.queues.dead_letters()
    ]


@pytest.mark.parametrize(
    ("type_", "detail", "queue"),
    [
        pytest.param(
            "BatchOpened", {"batch_id": "nobody knows"}, "kart-start-run", id="for_a_machine"
        ),
        pytest.param(
            "AvailabilityChanged",
            {"sku": "MUG", "free_units": -1},
            "kart-project-catalog",
            id="for_a_projection",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "SaleRecorded", {}, "kart-project-seller-sales", id="for_a_log", marks=pytest.mark.slow
        ),
    ],
)
def test_a_poison_event_ends_as_a_dead_letter_and_holds_up_nothing(
    engine: Engine, shopper: Buyer, raised: Names, type_: str, detail: Any, queue: str
):
    conn = shopper.market.conn
    before = shopper.place(("MUG", 1))
    poison = put_event(conn, type_, shopper.now, **detail)
    after = shopper.place(("MUG", 1))
    engine.settle()

    assert {shopper.order(order_id).status for order_id in (before, after)} == {"confirmed"}
    assert letters(engine) == [(queue, poison)]
    assert raised() == ["DeadLetter"]
    forget_event(conn, poison)
    assert broken_invariants(Stores(conn, shopper.conn, shopper.market.documents)) == []


def dead_queues(engine: Engine) -> list[str]:
    return sorted(queue for queue, _ in letters(engine))


def test_an_event_of_an_unknown_edition_is_guessed_at_by_nobody_and_fields_of_tomorrow_hold_up_nothing(
    engine: Engine, shopper: Buyer, raised: Names
):
    conn = shopper.market.conn
    order_id = shopper.place(("MUG", 1))
    conn_customer = shopper.conn
    conn_customer.execute(
        "UPDATE outbox SET payload = payload || '{\"edition\": 2}' WHERE type = 'OrderPlaced'"
    )
    other = shopper.place(("MUG", 1))
    conn_customer.execute(
        """
        UPDATE outbox SET payload = jsonb_set(payload, '{lines,0,of_tomorrow}', '1') || '{"of_tomorrow": 1}'
         WHERE aggregate_id = %s
        """,
        [str(other)],
    )
    engine.settle()

    assert shopper.order(order_id).status == "placed"
    assert shopper.order(other).status == "confirmed"
    assert dead_queues(engine) == ["kart-log-orders", "kart-start-run"]
    assert raised() == ["DeadLetter", "DeadLetter"]
    assert conn.execute("SELECT count(*) FROM runs WHERE machine = 'place_order'").fetchone() == (
        1,
    )


@contextlib.contextmanager
def serving(engine: Engine, tmp_path: Path) -> Iterator[str]:
    """The engine over HTTP, as people reach it; its URL."""
    with contextlib.closing(Books(tmp_path / "payments.sqlite")) as books:
        server = EngineServer(0, engine.aws, books, UserPools(People(tmp_path), REGION))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()


def test_what_ended_as_a_dead_letter_is_handled_once_its_cause_is_mended_and_it_is_replayed(
    engine: Engine, shopper: Buyer, raised: Names, capsys: pytest.CaptureFixture[str], tmp_path
):
    conn = shopper.market.conn
    refuse_writes(shopper.conn, "offers")
    put_item(conn, shopper.market.seller_id, "KETTLE", shopper.now)
    order_id = shopper.place(("MUG", 1))
    engine.settle()
    assert shopper.order(order_id).status == "confirmed"
    assert set(dead_queues(engine)) == {"kart-project-catalog"}
    assert set(raised()) == {"DeadLetter"}

    count = len(raised())
    accept_writes(shopper.conn)
    with serving(engine, tmp_path) as url:
        tell_dead_letters(url, replay=False)
        tell_dead_letters(url, replay=True)
    told = capsys.readouterr().out
    assert "kart-project-catalog: project_catalog reported the message as failed" in told
    assert f"Dead letters: {count}\nDelivered once more: {count}\n" in told
    engine.settle()

    assert engine.aws.queues.dead_letters() == []
    assert broken_invariants(Stores(conn, shopper.conn, shopper.market.documents)) == []


def test_an_event_that_is_too_large_for_the_bus_stays_in_the_outbox_and_is_told_of(
    engine: Engine, shopper: Buyer, raised: Names
):
    conn = shopper.market.conn
    too_large = put_event(conn, "PriceChanged", shopper.now, blob="x" * ENTRIES_BYTES_MAX)
    put_item(conn, shopper.market.seller_id, "KETTLE", shopper.now)
    order_id = shopper.place(("MUG", 1))
    engine.settle()

    assert shopper.order(order_id).status == "confirmed"
    assert outbox.backlog(conn, shopper.now).unsent_events == 1
    assert set(raised()) == {"EventRefused"}
    forget_event(conn, too_large)
    assert broken_invariants(Stores(conn, shopper.conn, shopper.market.documents)) == []
