"""One app over HTTP, as `make up` serves it, on databases with one of each thing."""

import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from local import processes
from local.apps import ROOT
from local.children import Child
from local.clock import ClockFile
from local.databases import Databases
from local.environment import environment
from local.ports import HOST, Ports, any_free_port
from local.reading import Stores
from online_kart import migrate
from online_kart.documents import connection
from online_kart.documents.indexes import ensure_collections
from online_kart.postgres import Database
from tests import identity
from tests.servers import fresh_name, template_copies
from tests.things import put_things

MONDAY = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
"""10:00 in India."""


class Target(NamedTuple):
    """An app that answers. `things`: what there is, by the names that paths have for it."""

    app: str
    url: str
    things: Mapping[str, str]
    log: Path


@contextmanager
def answering(servers: Databases, app: str, folder: Path) -> Iterator[Target]:
    """Its log and clock are in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        databases = Databases(
            stack.enter_context(_database(servers.inventory_dsn, migrate.INVENTORY)),
            stack.enter_context(_database(servers.customer_dsn, migrate.CUSTOMER)),
            servers.mongodb_uri,
        )
        documents_db = stack.enter_context(_documents(servers.mongodb_uri))
        things = _filled(databases, documents_db)
        ClockFile(folder).anchor(1.0, starts_at=MONDAY)
        child = _started(app, databases, documents_db, folder)
        stack.callback(processes.stop, child.process, signal.SIGTERM)
        child.wait_until_healthy()
        yield Target(app, child.url, things, child.log)


@contextmanager
def _database(dsn: str, migrations: Path) -> Iterator[str]:
    with template_copies(dsn, migrations) as copies, copies() as copy:
        yield copy


@contextmanager
def _documents(uri: str) -> Iterator[str]:
    database = connection.database(uri, fresh_name())
    ensure_collections(database)
    yield database.name
    database.client.drop_database(database.name)


def _filled(databases: Databases, documents_db: str) -> dict[str, str]:
    with (
        contextlib.closing(Database(databases.inventory_dsn)) as inventory,
        contextlib.closing(Database(databases.customer_dsn)) as customer,
    ):
        documents = connection.database(databases.mongodb_uri, documents_db)
        return put_things(Stores(inventory.connection(), customer.connection(), documents), MONDAY)


def _started(app: str, databases: Databases, documents_db: str, folder: Path) -> Child:
    """Alone: what it tells stays in its outbox, and nobody nudges a relay."""
    port = any_free_port()
    variables = environment(databases, Ports.any_free(), folder) | {
        "KART_DOCUMENTS_DB": documents_db,
        "KART_RELAY_FUNCTION": "",
        "KART_PAYMENTS_URL": "",
        identity.VARIABLE: identity.issuers(app),
    }
    log = folder / f"{app}.log"
    command = [sys.executable, "-m", "local.chalice_server", app, str(port)]
    process = processes.start(command, log, environment=variables, folder=ROOT)
    return Child(app, process, log, f"http://{HOST}:{port}")
