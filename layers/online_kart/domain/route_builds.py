"""A build: the making of one version of all route tables."""

from typing import Literal

from .base import Model
from .values import Instant

BuildStatus = Literal["requested", "building", "published", "superseded", "failed"]


class RouteBuild(Model):
    """Of `tables_count` tables the change could touch `touched_count`, and `written_count` differ and were written.

    All the others are those of `base_version`; 0: all were built. The times are milliseconds: reading the network,
    comparing it with the base's, computing tables and writing them (both summed over the chunks, and together
    `build_ms`), and switching to the version. A build is `superseded` when a later one was asked for before it began, or
    published before it.
    """

    version: int
    reason: str
    status: BuildStatus
    requested_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    base_version: int | None
    tables_count: int | None
    touched_count: int | None
    written_count: int | None
    packages_replanned_count: int | None
    build_ms: float | None
    network_ms: float | None
    comparison_ms: float | None
    tables_ms: float | None
    writing_ms: float | None
    switching_ms: float | None
    error: str | None


class BuildFigures(Model):
    """What a build made, and how long its later parts took, in milliseconds."""

    tables_count: int
    written_count: int
    tables_ms: float
    writing_ms: float
    switching_ms: float
