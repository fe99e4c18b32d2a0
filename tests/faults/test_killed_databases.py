"""PostgreSQL dies and comes back while customers order: what was acknowledged is there, once, and is finished."""

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import psutil
import pytest

from local import processes
from local.clock import ClockFile
from local.databases import Databases
from local.postgres_server import PostgresServer
from local.reading import Stores
from online_kart.domain.errors import Unavailable
from online_kart.domain.orders import LineWanted
from online_kart.messaging.idempotency import Answer
from online_kart.postgres import Database
from tests.buyers import a_buyer
from tests.faults.conftest import Say, port_of
from tests.faults.customers import broken_invariants, seconds_until_served
from tests.market import open_market
from tests.storefront import an_order_of, place
from tests.workflows.conftest import Engine, running_engine

SHOPPERS = 3
PAUSE_SECONDS = 0.4
RETRY_SECONDS = 0.05
FIRST_SUCCESS_SECONDS_MAX = 5.0
UNITS = 100_000


def kill(server: PostgresServer) -> None:
    """All its processes, with SIGKILL and at once."""
    process_id = int((server.data / "postmaster.pid").read_text().split()[0])
    postmaster = psutil.Process(process_id)
    for process in (postmaster, *postmaster.children()):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    assert processes.wait_until(lambda: not processes.is_alive(postmaster), 10)


class Shoppers:
    """Customers who order again and again, each order with a key of its own, and ask with it until they are answered."""

    def __init__(self, engine: Engine, address: Any, now: datetime) -> None:
        self._wiring: Any = engine.apps["customer_app"].wiring
        self._command = an_order_of(address, LineWanted(sku="MUG", quantity=1))
        self._now = now
        self._stop = threading.Event()
        self.answers: dict[str, Answer] = {}
        self.retries = 0
        self.acknowledged_at: list[float] = []
        self._threads = [threading.Thread(target=self._shop) for _ in range(SHOPPERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Each gets its last answer."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def ask(self, key: str) -> Answer:
        return place(self._wiring.customer_db(), self._command, self._now, key)

    def _shop(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            key = str(uuid4())
            self.answers[key] = self._until_answered(key)
            self.acknowledged_at.append(time.monotonic())

    def _until_answered(self, key: str) -> Answer:
        while True:
            try:
                return self.ask(key)
            except Unavailable:
                self.retries += 1
                time.sleep(RETRY_SECONDS)


class World:
    """The whole system on two servers that may die; the test looks at them by connections of its own."""

    def __init__(
        self,
        servers: dict[str, PostgresServer],
        dsns: dict[str, str],
        engine: Engine,
        documents: Any,
    ) -> None:
        self.servers, self.engine, self.documents = servers, engine, documents
        self._ports = {name: port_of(dsn) for name, dsn in dsns.items()}
        self.databases = {name: Database(dsn) for name, dsn in dsns.items()}

    @property
    def stores(self) -> Stores:
        inventory, customer = (
            self.databases[name].connection() for name in ("inventory", "customer")
        )
        return Stores(inventory, customer, self.documents)

    def kill_and_restart(self, name: str) -> float:
        """When it was ready."""
        kill(self.servers[name])
        self.servers[name].ensure(self._ports[name])
        return time.monotonic()

    def first_success_seconds(self, name: str, ready_at: float) -> float:
        """How long after it was ready the apps' own connection did something again."""
        app = "customer_app" if name == "customer" else "fulfillment_app"
        wiring: Any = self.engine.apps[app].wiring
        connect = wiring.customer_db if name == "customer" else wiring.inventory_db
        while True:
            with contextlib.suppress(Unavailable):
                connect().execute("SELECT count(*) FROM outbox")
                return time.monotonic() - ready_at
            time.sleep(RETRY_SECONDS)

    def keys(self) -> list[str]:
        """Of every order."""
        rows = self.stores.customer.execute("SELECT idempotency_key FROM orders")
        return sorted(key for (key,) in rows.fetchall())


@pytest.fixture
def world(
    own_postgres: dict[str, PostgresServer],
    servers: Databases,
    documents: Any,
    tmp_path: Any,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    monkeypatch.setenv("KART_DOCUMENTS_DB", documents.name)
    clock_file = ClockFile(tmp_path)
    clock_file.anchor(1.0, starts_at=now)
    dsns = {name: server.ensure(0) for name, server in own_postgres.items()}
    where = Databases(dsns["inventory"], dsns["customer"], servers.mongodb_uri)
    with running_engine(where, clock_file, tmp_path, monkeypatch, retry_speed=10) as engine:
        world = World(own_postgres, dsns, engine, documents)
        yield world
        for database in world.databases.values():
            database.close()


@pytest.mark.parametrize(
    "kills",
    [2, pytest.param(10, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
    ids=["twice", "ten_times"],
)
def test_no_acknowledged_order_is_lost_when_postgresql_is_killed_under_load(
    world: World, now: datetime, kills: int, say: Say
):
    market = open_market(world.stores.inventory, world.documents, now)
    market.put_stock("BLR1", "MUG", UNITS)
    world.engine.settle()
    address = a_buyer(world.stores.customer, market).address
    world.engine.aws.jobs.start()
    shoppers = Shoppers(world.engine, address, now)
    waits = []
    for number in range(kills):
        time.sleep(1.0)
        name = ("customer", "inventory")[number % 2]
        ready_at = world.kill_and_restart(name)
        waits.append(world.first_success_seconds(name, ready_at))
        if name == "customer":
            waits.append(first_after(shoppers, ready_at) - ready_at)
    shoppers.stop()

    drained_in = seconds_until_served(world.engine, world.stores)

    say(
        f"{kills} kills: {len(shoppers.answers)} orders acknowledged, {shoppers.retries} asked again, "
        f"first success after at most {max(waits):.2f} s, all served {drained_in:.1f} s after the last"
    )
    assert world.keys() == sorted(shoppers.answers), "An order lost, doubled, or never answered."
    assert {key: shoppers.ask(key) for key in shoppers.answers} == shoppers.answers
    assert len(shoppers.answers) > kills
    assert broken_invariants(world.stores) == []
    if kills == 10:
        assert max(waits) <= FIRST_SUCCESS_SECONDS_MAX


def first_after(shoppers: Shoppers, ready_at: float) -> float:
    """When the first order was acknowledged after that moment."""
    while not any(at > ready_at for at in list(shoppers.acknowledged_at)):
        time.sleep(RETRY_SECONDS)
    return min(at for at in list(shoppers.acknowledged_at) if at > ready_at)
