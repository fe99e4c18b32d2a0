"""Building route tables and putting a version of them in force.

A build is four steps of the machine `rebuild_routes`, each safe to run twice, at the same time and
after a crash: the network of the version is kept (`snapshot_network`), chunks of facilities get
their tables (`build_tables`), the version is put in force if every table is there
(`publish_version`), and packages whose path is broken are planned anew.

Two builds at once: versions are numbered in the order in which the changes were committed. A build
that is not the newest one asked for need not begin, and one that ends late is refused.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg import Connection

from online_kart.documents import route_builds as build_documents, route_tables
from online_kart.documents.collection import Documents
from online_kart.documents.route_builds import BuiltTable, Part, Snapshot
from online_kart.documents.route_tables import Manifest
from online_kart.domain.base import Model
from online_kart.domain.errors import NotFound, RouteTablesMissing
from online_kart.domain.events import NetworkChanged
from online_kart.domain.route_builds import RouteBuild
from online_kart.inventory_db import facilities, route_builds
from online_kart.messaging import outbox
from online_kart.routing.tables import Router

logger = logging.getLogger(__name__)

CHUNKS_MAX = 40  # an inline Map runs no more at once
CHUNK_SIZE_MIN = 120
PACKAGES_A_CHUNK_MIN = 100
ERROR_CHARACTERS_MAX = 2_000


class Chunk(Model):
    """The facilities of a version's network from place `start` to before `stop`, by their codes.

    Their tables are compared with those of `base_version`.
    """

    version: int
    base_version: int
    start: int
    stop: int


class Started(Model):
    """How a build goes on: its chunks are built, it was published before, or a later one does its work."""

    outcome: Literal["build", "published", "superseded"]
    chunks: tuple[Chunk, ...] = ()


class PackageRange(Model):
    """Ids of packages under way, after one (None: from the first) and until another."""

    version: int
    after: UUID | None
    until: UUID


class Published(Model):
    """The packages to look at. None where a later version was in force: its build looks at them."""

    outcome: Literal["published", "superseded"]
    packages: tuple[PackageRange, ...] = ()


def request_rebuild(conn: Connection[Any], reason: str, now: datetime) -> int:
    """Ask for new route tables, in the transaction of the change that needs them. Their version."""
    with conn.transaction():
        facilities.lock_network(conn)
        version = route_builds.insert(conn, reason, now)
        outbox.append(conn, NetworkChanged(version=version, reason=reason, occurred_at=now))
    return version


def snapshot_network(
    conn: Connection[Any], documents: Documents, version: int, hop_limit: int, now: datetime
) -> Started:
    """Keep the network of the version, and say in which chunks its tables are built.

    No change is under way while the network is read, and no later version was asked for: so this
    is the network of the version, and a repeat finds the same. Raises NotFound.
    """
    with conn.transaction():
        facilities.lock_network_to_read(conn)
        build_of(conn, version)
        current = route_tables.current_version(documents)
        if max(current, route_builds.newest_version(conn)) > version:
            route_builds.supersede(conn, version, now)
            return Started(outcome="superseded")
        if current == version:
            return Started(outcome="published")
        route_builds.begin(conn, version, now)
        network = facilities.network(conn, hop_limit)
    build_documents.put_snapshot(documents, Snapshot(version, current, network))
    return Started(outcome="build", chunks=_chunks(version, current, len(network.facilities)))


def _chunks(version: int, base_version: int, facilities_count: int) -> tuple[Chunk, ...]:
    size = max(CHUNK_SIZE_MIN, -(-facilities_count // CHUNKS_MAX))
    return tuple(
        Chunk(
            version=version,
            base_version=base_version,
            start=start,
            stop=min(start + size, facilities_count),
        )
        for start in range(0, facilities_count, size)
    )


class _Work(NamedTuple):
    """What the chunks of one build have in common."""

    router: Router
    codes: Sequence[str]
    base: Manifest


class _LastWork:
    """The work of the build this process did a chunk of last; the next chunk mostly is of the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[tuple[str, int, int], _Work] | None = None

    def of(self, documents: Documents, chunk: Chunk) -> _Work:
        key = (documents.name, chunk.version, chunk.base_version)
        with self._lock:  # two chunks at once: the second waits for the first's router
            if self._last is None or self._last[0] != key:
                self._last = (key, _work(documents, chunk))
            return self._last[1]


_last_work = _LastWork()


def _work(documents: Documents, chunk: Chunk) -> _Work:
    network = build_documents.snapshot(documents, chunk.version).network
    base = route_tables.manifest(documents, chunk.base_version)
    return _Work(Router(network), sorted(network.by_code), base)


def build_tables(
    documents: Documents, chunk: Chunk, timer: Callable[[], float] = time.perf_counter
) -> dict[str, int]:
    """Compute the chunk's tables and write those that differ from the base version's. How many of each."""
    started = timer()
    work = _last_work.of(documents, chunk)
    built, changed = [], []
    for table in work.router.tables(work.codes[chunk.start : chunk.stop]):
        code, digest = table.facility, table.digest()
        same = work.base.digests.get(code) == digest
        written_in = work.base.tables[code] if same else chunk.version
        built.append(BuiltTable(code, written_in, digest, table.home_hub))
        if not same:
            changed.append(table)
    route_tables.put_tables(documents, chunk.version, changed)
    build_ms = (timer() - started) * 1000
    build_documents.put_part(documents, Part(chunk.version, chunk.start, built, build_ms))
    return {"tables": len(built), "written": len(changed)}


def publish_version(
    conn: Connection[Any], documents: Documents, version: int, now: datetime
) -> Published:
    """Put the version in force if every table is there. Raises RouteTablesMissing, NotFound.

    The document comes first: a crash after it leaves a row that the repeat makes true.
    """
    parts = build_documents.parts(documents, version)
    tables = {built.code: built for part in parts for built in part.tables}
    if route_tables.current_version(documents) < version:
        codes = build_documents.snapshot(documents, version).network.by_code
        _put_manifest(documents, version, codes, tables)
    in_force = route_tables.make_current(documents, version)
    with conn.transaction():
        facilities.lock_network(conn)
        if not in_force or route_tables.current_version(documents) != version:
            route_builds.supersede(conn, version, now)
            return Published(outcome="superseded")
        written = sum(built.version == version for built in tables.values())
        build_ms = sum(part.build_ms for part in parts)
        route_builds.publish(conn, version, len(tables), written, build_ms, now)
        route_builds.set_home_hubs(conn, _home_hubs(tables.values()))
    logger.info("Route tables are in force", extra={"version": version, "written": written})
    return Published(outcome="published", packages=_packages_under_way(conn, version))


def _put_manifest(
    documents: Documents, version: int, codes: Iterable[str], tables: Mapping[str, BuiltTable]
) -> None:
    written_in = {code: built.version for code, built in tables.items()}
    missing = sorted(set(codes) - tables.keys())
    missing += route_tables.missing_tables(documents, written_in)
    if missing:
        raise RouteTablesMissing(version, missing)
    digests = {code: built.digest for code, built in tables.items()}
    route_tables.put_manifest(documents, Manifest(version, written_in, digests))


def _home_hubs(tables: Iterable[BuiltTable]) -> dict[str, str | None]:
    """Of every facility; a hub's is None, and no FC has its code."""
    return {built.code: built.home_hub for built in tables}


def _packages_under_way(conn: Connection[Any], version: int) -> tuple[PackageRange, ...]:
    ranges = route_builds.under_way_ranges(conn, PACKAGES_A_CHUNK_MIN, CHUNKS_MAX)
    return tuple(PackageRange(version=version, after=a, until=u) for a, u in ranges)


def note_replanned(conn: Connection[Any], version: int, packages_count: int) -> None:
    """Count packages that were planned anew because of the version."""
    if packages_count:
        route_builds.add_replanned(conn, version, packages_count)


def fail_build(conn: Connection[Any], version: int, error: str, now: datetime) -> None:
    """Note why the build failed. The version in force stays as it is."""
    route_builds.fail(conn, version, error[:ERROR_CHARACTERS_MAX], now)
    logger.error("A build of route tables failed", extra={"version": version, "error": error})


def prune(documents: Documents) -> int:
    """Forget the versions that nothing uses. How many tables went."""
    current = route_tables.current_version(documents)
    bases = build_documents.base_versions(documents, current)
    removed, kept = route_tables.prune(documents, bases)
    build_documents.prune(documents, current, kept)
    return removed


# -- reading


def build_of(conn: Connection[Any], version: int) -> RouteBuild:
    """Raises NotFound."""
    build = route_builds.by_version(conn, version)
    if build is None:
        raise NotFound("build of route tables", version)
    return build


def builds(conn: Connection[Any], before: int | None, limit: int) -> Sequence[RouteBuild]:
    """The newest first, before a version."""
    return route_builds.listed(conn, before, limit)
