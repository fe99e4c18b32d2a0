"""How long builds of route tables take, stored and switched: the Indian network on embedded stores of their own.

`python -m local.stored_builds` prints it. First the whole network, by a process that has built nothing before; then
with one FC closed, whose version takes most tables over from the first.
"""

import contextlib
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from fulfillment_app.chalicelib.services import facilities, rebuilds
from online_kart import migrate
from online_kart.documents import connection
from online_kart.documents.collection import Documents
from online_kart.documents.indexes import ensure_collections
from online_kart.domain.network import Network
from online_kart.domain.route_builds import RouteBuild

from . import databases
from .demo.network import indian_network
from .ports import Ports
from .state import state_folder

CHUNKS_AT_ONCE = 10
CLOSED_FC = "AMD1"
BUSINESS_NOW = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)


class StoredBuild(NamedTuple):
    """A build from asking for its snapshot until its version is in force. CPU time is this process's alone."""

    what: str
    seconds: float
    cpu_seconds: float
    build: RouteBuild


def stored_builds(network: Network) -> list[StoredBuild]:
    """A full build of the network, and one after an FC of it was closed."""
    with _stores() as (conn, documents):
        version = facilities.put_network(conn, network, network.hop_limit, BUSINESS_NOW)
        full = _built("full build", conn, documents, network.hop_limit, version)
        version = facilities.close_fulfillment_center(conn, CLOSED_FC, BUSINESS_NOW)
        after = _built(f"{CLOSED_FC} closed", conn, documents, network.hop_limit, version)
        return [full, after]


def _built(
    what: str, conn: Connection[Any], documents: Documents, hop_limit: int, version: int
) -> StoredBuild:
    """All steps of the state machine; chunks at the same time, as its Map runs them."""
    started_at, cpu_at = time.perf_counter(), time.process_time()
    started = rebuilds.snapshot_network(conn, documents, version, hop_limit, BUSINESS_NOW)
    with ThreadPoolExecutor(CHUNKS_AT_ONCE) as pool:
        list(pool.map(lambda chunk: rebuilds.build_tables(documents, chunk), started.chunks))
    rebuilds.publish_version(conn, documents, version, BUSINESS_NOW)
    seconds, cpu_seconds = time.perf_counter() - started_at, time.process_time() - cpu_at
    return StoredBuild(what, seconds, cpu_seconds, rebuilds.build_of(conn, version))


@contextlib.contextmanager
def _stores() -> Iterator[tuple[Connection[Any], Documents]]:
    """Durable ones, as `make up` has them; they are gone afterwards."""
    state = state_folder() / "builds"
    state.mkdir(parents=True, exist_ok=True)
    try:
        addresses = databases.ensure(state, Ports.any_free())
        migrate.migrate(addresses.inventory_dsn, migrate.INVENTORY)
        documents = connection.database(addresses.mongodb_uri, "kart_builds")
        ensure_collections(documents)
        with psycopg.connect(addresses.inventory_dsn, autocommit=True) as conn:
            yield conn, documents
    finally:
        databases.stop(state)
        databases.forget(state)
        shutil.rmtree(state)


def report(builds: list[StoredBuild]) -> str:
    """A few lines for people."""
    return "\n".join(
        f"{each.what}: {each.seconds:.2f} s ({each.cpu_seconds:.2f} s CPU); "
        f"{each.build.tables_count} tables, {each.build.touched_count} touched, "
        f"{each.build.written_count} written; " + _parts(each.build)
        for each in builds
    )


def _parts(build: RouteBuild) -> str:
    parts = {
        "network": build.network_ms,
        "comparison": build.comparison_ms,
        "tables": build.tables_ms,
        "writing": build.writing_ms,
        "switching": build.switching_ms,
    }
    return ", ".join(f"{name} {milliseconds or 0:.0f} ms" for name, milliseconds in parts.items())


if __name__ == "__main__":
    sys.stdout.write(report(stored_builds(indian_network())) + "\n")
