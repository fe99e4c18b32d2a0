"""Chunks of a build: the facilities that one step computes tables of, and what the steps of one build have in common."""

import threading
from collections.abc import Iterable
from typing import NamedTuple

from online_kart.documents import route_builds as build_documents, route_tables
from online_kart.documents.collection import Documents
from online_kart.documents.route_builds import Snapshot
from online_kart.documents.route_tables import Manifest
from online_kart.domain.base import Model
from online_kart.domain.errors import NotFound
from online_kart.domain.routes import RouteTable

from .routers import router_of

CHUNKS_MAX = 40  # an inline Map runs no more at once
CHUNK_SIZE_MIN = 120


class Chunk(Model):
    """The touched facilities of a version from place `start` to before `stop`, by their codes.

    Their tables are compared with those of `base_version`.
    """

    version: int
    base_version: int
    start: int
    stop: int


def chunks_of(snapshot: Snapshot) -> tuple[Chunk, ...]:
    """As few as there may be; none where nothing is touched."""
    count = len(snapshot.touched)
    size = max(CHUNK_SIZE_MIN, -(-count // CHUNKS_MAX))
    return tuple(
        Chunk(
            version=snapshot.version,
            base_version=snapshot.base_version,
            start=start,
            stop=min(start + size, count),
        )
        for start in range(0, count, size)
    )


class Work(NamedTuple):
    """What the chunks of one build have in common."""

    snapshot: Snapshot
    base: Manifest

    def tables(self, chunk: Chunk) -> Iterable[RouteTable]:
        """Where only some are touched, the router has made them to compare them; of all, it keeps none."""
        router = router_of(self.snapshot.network)
        codes = self.snapshot.touched[chunk.start : chunk.stop]
        return map(router.table, codes) if chunk.base_version else router.tables(codes)


class _LastWork:
    """The work of the build that this process began, or did a chunk of, last; the next chunk mostly is of the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[tuple[str, int, int], Work] | None = None

    def of(self, documents: Documents, chunk: Chunk) -> Work:
        key = (documents.name, chunk.version, chunk.base_version)
        with self._lock:  # two chunks at once: the second waits for what the first reads
            if self._last is None or self._last[0] != key:
                snapshot = _snapshot(documents, chunk)
                base = route_tables.manifest(documents, chunk.base_version)
                self._last = (key, Work(snapshot, base))
            return self._last[1]

    def keep(self, documents: Documents, snapshot: Snapshot) -> None:
        work = Work(snapshot, route_tables.manifest(documents, snapshot.base_version))
        with self._lock:
            self._last = ((documents.name, snapshot.version, snapshot.base_version), work)


_last_work = _LastWork()


def keep_work(documents: Documents, snapshot: Snapshot) -> None:
    """Where this process does chunks, too, it need not read what it has just written."""
    _last_work.keep(documents, snapshot)


def work_of(documents: Documents, chunk: Chunk) -> Work:
    """Raises NotFound where the base is gone, or another run has begun anew on another one."""
    return _last_work.of(documents, chunk)


def _snapshot(documents: Documents, chunk: Chunk) -> Snapshot:
    snapshot = build_documents.snapshot(documents, chunk.version)
    if snapshot.base_version != chunk.base_version:
        raise NotFound("network snapshot on base", f"{chunk.base_version} of {chunk.version}")
    return snapshot
