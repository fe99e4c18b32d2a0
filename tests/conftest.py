"""Databases and time for every test. The servers, and how a test gets databases of its own, are in `servers`."""

import contextlib
import json
import logging
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright
from psycopg import Connection
from pymongo import monitoring
from pymongo.database import Database as Documents

from local.databases import Databases
from local.demo.network import indian_network
from online_kart import metrics, migrate
from online_kart.clock import Clock
from online_kart.documents import connection
from online_kart.documents.indexes import ensure_collections
from online_kart.domain.network import Network
from online_kart.postgres import Database
from tests.portable import PortableOnly
from tests.servers import CopyTemplate, fresh_name, shared_servers, template_copies

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")

_listener = PortableOnly()
monitoring.register(_listener)  # before the first client is made


LONG_FOLDERS = ("crashes", "simulation", "faults", "races", "e2e", "workflows", "routing")
"""Their files take minutes. A worker that begins one when the others are done is waited for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, each as a whole."""
    items.sort(key=lambda item: item.path.parent.name not in LONG_FOLDERS)


@pytest.fixture(autouse=True)
def only_portable_commands() -> Iterator[None]:
    """Fails a test that asked of the document store what not every one of them has (see `tests.portable`)."""
    _listener.refused.clear()
    yield
    assert _listener.refused == []


# -- servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Databases]:
    """All three, running."""
    with shared_servers() as addresses:
        yield addresses


# -- PostgreSQL


@pytest.fixture(scope="session")
def inventory_copies(servers: Databases) -> Iterator[CopyTemplate]:
    with template_copies(servers.inventory_dsn, migrate.INVENTORY) as copies:
        yield copies


@pytest.fixture(scope="session")
def customer_copies(servers: Databases) -> Iterator[CopyTemplate]:
    with template_copies(servers.customer_dsn, migrate.CUSTOMER) as copies:
        yield copies


@pytest.fixture
def inventory_dsn(inventory_copies: CopyTemplate) -> Iterator[str]:
    """An inventory database of the test's own."""
    with inventory_copies() as dsn:
        yield dsn


@pytest.fixture
def customer_dsn(customer_copies: CopyTemplate) -> Iterator[str]:
    """A customer database of the test's own."""
    with customer_copies() as dsn:
        yield dsn


@pytest.fixture
def inventory_db(inventory_dsn: str) -> Iterator[Connection[Any]]:
    """A connection as the apps have it: autocommit, transactions where the service opens them."""
    with contextlib.closing(Database(inventory_dsn)) as database:
        yield database.connection()


@pytest.fixture
def customer_db(customer_dsn: str) -> Iterator[Connection[Any]]:
    with contextlib.closing(Database(customer_dsn)) as database:
        yield database.connection()


# -- documents


@pytest.fixture
def documents(servers: Databases) -> Iterator[Documents[dict[str, Any]]]:
    """A document database of the test's own, with collections and indexes."""
    database = connection.database(servers.mongodb_uri, fresh_name())
    ensure_collections(database)
    yield database
    database.client.drop_database(database.name)


# -- the network of the demo


@pytest.fixture(scope="session")
def india() -> Network:
    """All of it: made once, for it takes a second or two."""
    return indian_network()


# -- a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as a distribution installs it. Tests of pages are skipped, and say so, where there is none.

    Of a module: while it is open, this thread can run no event loop of its own.
    """
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        pytest.skip(f"no Chromium is installed (looked for {', '.join(CHROMIUMS)})")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )


# -- alarms


class Collecting(logging.Handler):
    """Keeps the alarms that are raised, as the objects that their lines are."""

    def __init__(self) -> None:
        super().__init__()
        self.alarms: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = json.loads(record.getMessage())
        if "alarm" in line:
            self.alarms.append(line)


@pytest.fixture
def alarms() -> Iterator[list[dict[str, Any]]]:
    """What was raised during the test, in order."""
    collecting = Collecting()
    metrics.logger.addHandler(collecting)
    yield collecting.alarms
    metrics.logger.removeHandler(collecting)


# -- time


class StandingClock(Clock):
    """Shows one moment until a test moves it."""

    def __init__(self, at: datetime) -> None:
        super().__init__(business_epoch=at, wall_epoch=at)
        self._wall_now = at

    def wall_now(self) -> datetime:
        return self._wall_now

    def advance(self, business: timedelta) -> None:
        self._wall_now += self.wall_duration_of(business)


@pytest.fixture
def now() -> datetime:
    """A Monday, 10:00 in India: offices are open, no cut-off has passed."""
    return datetime(2026, 3, 2, 4, 30, tzinfo=UTC)


@pytest.fixture
def clock(now: datetime) -> StandingClock:
    return StandingClock(now)
