"""Building route tables and putting a version of them in force.

A build is four steps of the machine `rebuild_routes`, each safe to run twice, at the same time and
after a crash: the network of the version is kept and compared with that of the version in force
(`snapshot_network`), chunks of the facilities that the change touches get their tables
(`build_tables`), the version, with the other tables taken over, is put in force if every table is
there (`publish_version`), and packages whose path is broken are planned anew.

Two builds at once: versions are numbered in the order in which the changes were committed. A build
that is not the newest one asked for need not begin, and one that ends late is refused.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.documents import route_builds as build_documents, route_tables
from online_kart.documents.collection import Documents
from online_kart.documents.route_builds import BuiltTable, Part, Snapshot
from online_kart.documents.route_tables import NO_TABLES, Manifest
from online_kart.domain.base import Model
from online_kart.domain.errors import NotFound, RouteTablesMissing
from online_kart.domain.events import NetworkChanged
from online_kart.domain.network import Network
from online_kart.domain.route_builds import BuildFigures, RouteBuild
from online_kart.domain.routes import RouteTable
from online_kart.inventory_db import facilities, route_builds
from online_kart.messaging import outbox

from .chunks import Chunk, chunks_of, keep_work, work_of
from .routers import change_of

logger = logging.getLogger(__name__)

TABLES_EDITION = 2
"""Of the rules by which tables are made and digested. With another number, the next build takes no table over."""

VERSIONS_KEPT = 10
"""So many versions, the current one among them, can be compared. Each costs its network, and the tables it changed."""

COMPUTED_AT_ONCE = 30
"""Tables of a chunk, which are then written. A chunk has several times as many."""

PACKAGES_A_CHUNK_MIN = 100
PACKAGE_RANGES_MAX = 40  # an inline Map runs no more at once
ERROR_CHARACTERS_MAX = 2_000

Timer = Callable[[], float]
"""Seconds from any moment."""


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
        crashpoint("request_rebuild.written")
    return version


def snapshot_network(
    conn: Connection[Any],
    documents: Documents,
    version: int,
    hop_limit: int,
    now: datetime,
    timer: Timer = time.perf_counter,
) -> Started:
    """Keep the network of the version, and say in which chunks the tables that it touches are built.

    No change is under way while the network is read, and no later version was asked for: so this
    is the network of the version, and a repeat finds the same. Raises NotFound.
    """
    started_at = timer()
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
    crashpoint("snapshot_network.begun")
    read_at = timer()
    snapshot = _snapshot(documents, version, current, network)
    compared_at = timer()
    build_documents.put_snapshot(documents, snapshot)
    crashpoint("snapshot_network.put")
    keep_work(documents, snapshot)
    route_builds.note_touched(
        conn,
        version,
        snapshot.base_version,
        len(snapshot.touched),
        network_ms=(read_at - started_at) * 1000,
        comparison_ms=(compared_at - read_at) * 1000,
    )
    crashpoint("snapshot_network.noted")
    return Started(outcome="build", chunks=chunks_of(snapshot))


def _snapshot(documents: Documents, version: int, current: int, network: Network) -> Snapshot:
    """With the tables that differ from the current version's, or all where that can't be built on."""
    base = _base(documents, current)
    if base is None:
        return Snapshot(version, NO_TABLES.version, network, sorted(network.by_code))
    return Snapshot(version, current, network, sorted(change_of(base, network).touched))


def _base(documents: Documents, version: int) -> Network | None:
    """The network of a version. None where its tables, or what is known of them, can't be taken over."""
    try:
        manifest = route_tables.manifest(documents, version)
        if manifest.edition != TABLES_EDITION:
            return None
        return build_documents.snapshot(documents, version).network
    except NotFound:
        return None


def build_tables(
    documents: Documents, chunk: Chunk, timer: Timer = time.perf_counter
) -> dict[str, int]:
    """Compute the chunk's tables and write those that differ from the base version's. How many of each.

    Some are written before the next are computed: the store works while another chunk computes.
    """
    started_at, writing_seconds = timer(), 0.0
    work = work_of(documents, chunk)
    tables, built, written_count = iter(work.tables(chunk)), list[BuiltTable](), 0
    while some := list(islice(tables, COMPUTED_AT_ONCE)):
        made = [_built(work.base, chunk.version, table) for table in some]
        pairs = zip(some, made, strict=True)
        changed = [table for table, each in pairs if each.version == chunk.version]
        writing_at = timer()
        route_tables.put_tables(documents, chunk.version, changed)
        crashpoint("build_tables.tables_put")
        writing_seconds += timer() - writing_at
        built += made
        written_count += len(changed)
    part = Part(
        chunk.version,
        chunk.base_version,
        chunk.start,
        built,
        tables_ms=(timer() - started_at - writing_seconds) * 1000,
        writing_ms=writing_seconds * 1000,
    )
    build_documents.put_part(documents, part)
    crashpoint("build_tables.part_put")
    return {"tables": len(built), "written": written_count}


def _built(base: Manifest, version: int, table: RouteTable) -> BuiltTable:
    """The base's document where it says the same, else one of this version."""
    code, digest = table.facility, table.digest()
    written_in = base.tables[code] if base.digests.get(code) == digest else version
    return BuiltTable(code, written_in, digest, table.home_hub)


def publish_version(
    conn: Connection[Any],
    documents: Documents,
    version: int,
    now: datetime,
    timer: Timer = time.perf_counter,
) -> Published:
    """Put the version in force if every table is there. Raises RouteTablesMissing, NotFound.

    The document comes first: a crash after it leaves a row that the repeat makes true.
    """
    started_at = timer()
    if route_tables.current_version(documents) < version:
        _put_manifest(documents, version)
        crashpoint("publish_version.manifest_put")
    in_force = route_tables.make_current(documents, version)
    crashpoint("publish_version.switched")
    with conn.transaction():
        facilities.lock_network(conn)
        if not in_force or route_tables.current_version(documents) != version:
            route_builds.supersede(conn, version, now)
            return Published(outcome="superseded")
        manifest = route_tables.manifest(documents, version)
        figures = _figures(documents, manifest, switching_ms=(timer() - started_at) * 1000)
        route_builds.publish(conn, version, figures, now)
        route_builds.set_home_hubs(conn, manifest.home_hubs)
        crashpoint("publish_version.written")
    crashpoint("publish_version.committed")
    logger.info("Route tables are in force", extra={"version": version, **figures.model_dump()})
    return Published(outcome="published", packages=_packages_under_way(conn, version))


def _put_manifest(documents: Documents, version: int) -> None:
    """The tables that were built, and those of the base that were not touched. Raises RouteTablesMissing, NotFound.

    A part is written when its tables are; those of earlier versions are looked for, as somebody may have removed them.
    """
    outline = build_documents.outline(documents, version)
    base = route_tables.manifest(documents, outline.base_version)
    built = {
        each.code: each
        for part in build_documents.parts(documents, version, outline.base_version)
        for each in part.tables
    }
    taken_over = set(outline.codes).difference(outline.touched).intersection(base.tables)
    table_of = {code: _taken_over(base, code) for code in taken_over} | built
    written_in = {code: each.version for code, each in table_of.items()}
    missing = sorted(set(outline.codes) - table_of.keys())
    earlier = {code: each for code, each in written_in.items() if each != version}
    missing += route_tables.missing_tables(documents, earlier)
    if missing:
        raise RouteTablesMissing(version, missing)
    route_tables.put_manifest(
        documents,
        Manifest(
            version,
            written_in,
            {code: each.digest for code, each in table_of.items()},
            {code: each.home_hub for code, each in table_of.items()},
            TABLES_EDITION,
        ),
    )


def _taken_over(base: Manifest, code: str) -> BuiltTable:
    return BuiltTable(code, base.tables[code], base.digests[code], base.home_hubs[code])


def _figures(documents: Documents, manifest: Manifest, switching_ms: float) -> BuildFigures:
    outline = build_documents.outline(documents, manifest.version)
    parts = build_documents.parts(documents, manifest.version, outline.base_version)
    return BuildFigures(
        tables_count=len(manifest.tables),
        written_count=sum(each == manifest.version for each in manifest.tables.values()),
        tables_ms=sum(part.tables_ms for part in parts),
        writing_ms=sum(part.writing_ms for part in parts),
        switching_ms=switching_ms,
    )


def _packages_under_way(conn: Connection[Any], version: int) -> tuple[PackageRange, ...]:
    ranges = route_builds.under_way_ranges(conn, PACKAGES_A_CHUNK_MIN, PACKAGE_RANGES_MAX)
    return tuple(PackageRange(version=version, after=a, until=u) for a, u in ranges)


def note_replanned(conn: Connection[Any], version: int, packages_count: int) -> None:
    """Count packages that were planned anew because of the version."""
    if packages_count:
        route_builds.add_replanned(conn, version, packages_count)
        crashpoint("note_replanned.committed")


def fail_build(conn: Connection[Any], version: int, error: str, now: datetime) -> None:
    """Note why the build failed. The version in force stays as it is."""
    route_builds.fail(conn, version, error[:ERROR_CHARACTERS_MAX], now)
    crashpoint("fail_build.committed")
    logger.error("A build of route tables failed", extra={"version": version, "error": error})


def prune(documents: Documents, versions_kept: int = VERSIONS_KEPT) -> int:
    """Forget the versions that nothing uses. How many tables went."""
    current = route_tables.current_version(documents)
    bases = build_documents.base_versions(documents, current)
    removed, kept = route_tables.prune(documents, bases, versions_kept)
    crashpoint("prune_versions.tables_gone")
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
