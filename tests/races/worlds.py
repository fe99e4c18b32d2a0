"""Databases for races: fresh ones, servers for those that run by hand, and a server on which a commit takes its time."""

import contextlib
import os
import shutil
from collections.abc import Iterator

from local import databases
from local.databases import Databases
from local.ports import Ports
from local.postgres_server import PostgresServer
from online_kart import migrate
from online_kart.documents import connection
from online_kart.documents.collection import Documents
from online_kart.documents.indexes import ensure_collections
from tests.servers import CopyTemplate, fresh_name, template_copies

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
    state = databases.state_in_memory("races")
    state.mkdir(parents=True, exist_ok=True)
    try:
        yield databases.ensure(state, Ports.any_free(), durable=False)
    finally:
        databases.forget(state)


@contextlib.contextmanager
def inventory_copies(dsn: str) -> Iterator[CopyTemplate]:
    """Inventory databases on a server, as many as are wanted."""
    with template_copies(dsn, migrate.INVENTORY) as copy:
        yield copy


@contextlib.contextmanager
def fresh(mongodb_uri: str, copy: CopyTemplate) -> Iterator[tuple[str, Documents]]:
    """The DSN of an inventory database, and documents, that nobody has used."""
    documents = connection.database(mongodb_uri, fresh_name())
    ensure_collections(documents)
    with copy() as dsn:
        yield dsn, documents
    documents.client.drop_database(documents.name)


@contextlib.contextmanager
def slow_inventory() -> Iterator[str]:
    """The DSN of an inventory database whose every commit takes COMMIT_DELAY_MICROSECONDS longer. Its server ends with it."""
    folder = databases.state_in_memory("slow")
    server = PostgresServer(f"slow_{os.getpid()}", folder, "", durable=False, settings=SLOW_COMMITS)
    try:
        dsn = server.ensure(0)
        migrate.migrate(dsn, migrate.INVENTORY)
        yield dsn
    finally:
        server.stop()
        shutil.rmtree(server.data, ignore_errors=True)
