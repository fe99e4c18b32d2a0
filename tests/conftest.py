"""Databases and time for every test.

The servers are embedded ones on free ports, or those the environment names. Sessions that run at
the same time share them, and the last one stops them. A test gets databases of its own: copies of a
template that has the migrations, some 15 ms each.
"""

import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, sync_playwright
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo
from psycopg.errors import ObjectInUse
from pymongo import monitoring
from pymongo.database import Database as Documents

from local import databases
from local.databases import Databases
from local.demo.network import indian_network
from local.ports import Ports
from local.state import locked
from online_kart import migrate
from online_kart.clock import Clock
from online_kart.documents import connection
from online_kart.documents.indexes import ensure_collections
from online_kart.domain.network import Network
from online_kart.postgres import Database
from tests.portable import PortableOnly

STATE = databases.test_state()
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
PREFIX = "kart_test_"
"""Databases that a killed session leaves behind are known by it."""

_numbers = itertools.count(1)
_listener = PortableOnly()
monitoring.register(_listener)  # before the first client is made


def fresh_name() -> str:
    return f"{PREFIX}{os.getpid()}_{next(_numbers)}"


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


@contextlib.contextmanager
def shared_servers() -> Iterator[Databases]:
    """Also for what is no test run of pytest's, and for several processes at once."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "sessions.lock").open("a") as sessions:
        alone = _try_flock(sessions.fileno(), fcntl.LOCK_EX)
        addresses = databases.ensure(STATE, Ports.any_free(), durable=False)
        if alone:
            for dsn in (addresses.inventory_dsn, addresses.customer_dsn):
                drop_leftovers(dsn)
        fcntl.flock(sessions, fcntl.LOCK_SH)
        yield addresses
        connection.database(addresses.mongodb_uri, PREFIX).client.close()
        if _try_flock(sessions.fileno(), fcntl.LOCK_EX):
            databases.forget(STATE)


def _try_flock(file_descriptor: int, kind: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file_descriptor, kind | fcntl.LOCK_NB)
        return True
    return False


def drop_leftovers(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        leftovers = conn.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX]
        ).fetchall()
        for (name,) in leftovers:
            with contextlib.suppress(ObjectInUse):
                conn.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


# -- PostgreSQL

CopyTemplate = Callable[[], AbstractContextManager[str]]
"""Makes a database with all migrations, gives its DSN, and drops it."""


def template_copies(dsn: str, migrations: Path) -> Iterator[CopyTemplate]:
    """A template database, made once for each state of the migrations, and the way to copy it."""
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in sorted(migrations.glob("*.sql"))))
    template = sql.Identifier(f"template_{digest.hexdigest()[:16]}")
    with psycopg.connect(dsn, autocommit=True) as admin:
        with locked(STATE / "templates.lock"):
            if not database_exists(admin, template):
                make_template(admin, dsn, template, migrations)

        used: list[str] = []

        @contextlib.contextmanager
        def copy() -> Iterator[str]:
            # A test's goes two tests later: PostgreSQL looks every 100 ms whether its connections
            # have ended, and they take a moment.
            while len(used) > 1:
                drop(admin, used.pop(0))
            name = fresh_name()
            # FILE_COPY: half the time of WAL_LOG for so small a database.
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(name), template
                )
            )
            try:
                yield make_conninfo(dsn, dbname=name)
            finally:
                used.append(name)

        yield copy
        while used:
            drop(admin, used.pop())


def drop(admin: Connection[Any], name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def database_exists(conn: Connection[Any], name: sql.Identifier) -> bool:
    found = conn.execute(
        "SELECT FROM pg_database WHERE datname = %s", [name.as_string().strip('"')]
    )
    return found.rowcount == 1


def make_template(
    admin: Connection[Any], dsn: str, template: sql.Identifier, migrations: Path
) -> None:
    """In one step: the database gets the template's name when its migrations are through."""
    draft = fresh_name()
    admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
    migrate.migrate(make_conninfo(dsn, dbname=draft), migrations)
    admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), template))


@pytest.fixture(scope="session")
def inventory_copies(servers: Databases) -> Iterator[CopyTemplate]:
    yield from template_copies(servers.inventory_dsn, migrate.INVENTORY)


@pytest.fixture(scope="session")
def customer_copies(servers: Databases) -> Iterator[CopyTemplate]:
    yield from template_copies(servers.customer_dsn, migrate.CUSTOMER)


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
