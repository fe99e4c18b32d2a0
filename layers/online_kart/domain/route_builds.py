"""A build: the making of one version of all route tables."""

from typing import Literal

from .base import Model
from .values import Instant

BuildStatus = Literal["requested", "building", "published", "superseded", "failed"]


class RouteBuild(Model):
    """`build_ms` is time spent computing and writing tables, summed over the chunks.

    A build is `superseded` when a later one was asked for before it began, or published before it.
    """

    version: int
    reason: str
    status: BuildStatus
    requested_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    tables_count: int | None
    written_count: int | None
    packages_replanned_count: int | None
    build_ms: float | None
    error: str | None
