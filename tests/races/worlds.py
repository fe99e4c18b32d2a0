"""Databases for races that run by hand: servers of their own, and servers on which a commit takes its time."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from local import databases
from local.databases import Databases
from local.ports import Ports
from local.postgres_server import PostgresServer
from online_kart import migrate
from tests.conftest import CopyTemplate, template_copies

COMMIT_DELAY_MICROSECONDS = 3_000
"""What a commit to two zones takes longer than one to the machine's own disk."""

SLOW_COMMITS = {
    "fsync": "on",  # without it there is no delay
    "synchronous_commit": "on",
    "commit_delay": str(COMMIT_DELAY_MICROSECONDS),
    "commit_siblings": "0",
}


@contextlib.contextmanager
def own_servers() -> Iterator[Databases]:
    """All three, ended and forgotten afterwards."""
    state = databases.test_state("races")
    state.mkdir(parents=True, exist_ok=True)
    try:
        yield databases.ensure(state, Ports.any_free(), durable=False)
    finally:
        databases.forget(state)


@contextlib.contextmanager
def inventory_copies(dsn: str) -> Iterator[CopyTemplate]:
    """Inventory databases on a server, as many as are wanted."""
    with contextlib.contextmanager(template_copies)(dsn, migrate.INVENTORY) as copy:
        yield copy


@contextlib.contextmanager
def slow_inventory(folder: Path) -> Iterator[str]:
    """The DSN of an inventory database whose every commit takes COMMIT_DELAY_MICROSECONDS longer."""
    server = PostgresServer(
        "slow", folder, "KART_INVENTORY_PORT", durable=False, settings=SLOW_COMMITS
    )
    dsn = server.ensure(0)
    try:
        migrate.migrate(dsn, migrate.INVENTORY)
        yield dsn
    finally:
        server.stop()
