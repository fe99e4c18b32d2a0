"""The whole system with a faulty network between it and its stores, and servers that a test may kill."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pymongo import uri_parser
from pymongo.database import Database as Documents

from local import databases
from local.accounts import server_folder
from local.clock import ClockFile
from local.databases import Databases
from local.ports import HOST, VARIABLES
from local.postgres_server import PostgresServer
from online_kart import migrate
from tests.buyers import Buyer, a_buyer
from tests.faults.proxy import LostCommits, Proxy, TornWrites
from tests.market import open_market
from tests.workflows.conftest import Engine, engine, running_engine, speed

__all__ = ["engine", "speed"]

Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Shows a measured figure beside the test's name, where nothing else captures the output."""

    def show(line: str) -> None:
        with capsys.disabled():
            print(f"\n    {line}")

    return show


@dataclass(frozen=True)
class Network:
    """The proxies before each store, and what cuts their connections at a chosen moment."""

    inventory: Proxy
    customer: Proxy
    documents: Proxy
    lost_commits: dict[str, LostCommits]
    torn_writes: TornWrites


def port_of(dsn: str) -> int:
    return int(conninfo_to_dict(dsn)["port"] or 0)


def by_proxy(dsn: str, proxy: Proxy) -> str:
    """Unencrypted, so that the proxy can read what is said."""
    return make_conninfo(dsn, host=HOST, port=proxy.port, sslmode="disable", gssencmode="disable")


@pytest.fixture
def network(servers: Databases) -> Iterator[Network]:
    lost_commits = {name: LostCommits() for name in ("inventory", "customer")}
    torn_writes = TornWrites()
    ((_, documents_port),) = uri_parser.parse_uri(servers.mongodb_uri)["nodelist"]
    proxies = (
        Proxy(port_of(servers.inventory_dsn), lost_commits["inventory"].readers),
        Proxy(port_of(servers.customer_dsn), lost_commits["customer"].readers),
        Proxy(documents_port, torn_writes.readers),
    )
    yield Network(*proxies, lost_commits, torn_writes)
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def retry_speed() -> float:
    """How much faster than defined a machine tries a failed task again."""
    return 1000.0


@pytest.fixture
def faulty(
    network: Network,
    inventory_dsn: str,
    customer_dsn: str,
    documents: Documents[dict[str, Any]],
    tmp_path: Path,
    now: datetime,
    retry_speed: float,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Engine]:
    """The engine, which reaches its stores by the proxies only; the test's own connections don't pass them."""
    monkeypatch.setenv("KART_DOCUMENTS_DB", documents.name)
    clock_file = ClockFile(tmp_path)
    clock_file.anchor(1.0, starts_at=now)
    behind = Databases(
        by_proxy(inventory_dsn, network.inventory),
        by_proxy(customer_dsn, network.customer),
        f"mongodb://{HOST}:{network.documents.port}/?directConnection=true",
    )
    with running_engine(behind, clock_file, tmp_path, monkeypatch, retry_speed) as engine:
        yield engine
        wiring: Any = engine.apps["fulfillment_app"].wiring
        wiring.documents().client.close()


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the queues."""
    monkeypatch.setattr("local.queues.RETRY_SECONDS", (0.01,) * 7)


@pytest.fixture
def buyer(faulty: Engine, inventory_db: Any, customer_db: Any, documents: Any, now: Any) -> Buyer:
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 1_000)
    faulty.settle()
    return a_buyer(customer_db, market)


# -- servers of the test's own


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[dict[str, PostgresServer]]:
    """Two durable servers with our schemas: what they have acknowledged outlives a kill -9."""
    state = tmp_path / "servers"
    folder = server_folder(state)
    migrations = {"inventory": migrate.INVENTORY, "customer": migrate.CUSTOMER}
    servers = {name: PostgresServer(name, folder, VARIABLES[name]) for name in migrations}
    with contextlib.ExitStack() as ending:
        ending.callback(databases.forget, state)
        for name, server in servers.items():
            migrate.migrate(server.ensure(0), migrations[name])
        yield servers
