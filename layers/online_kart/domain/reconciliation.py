"""Comparing a copy with its source, and the report of a reconciliation."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from .base import Model
from .values import Instant

DIFFERENCES_KEPT_MAX = 1_000


class Reconciliation(Model):
    reconciliation_id: UUID
    status: Literal["requested", "running", "finished", "failed"]
    report: dict[str, Any] | None
    requested_at: Instant
    finished_at: Instant | None


class Difference(Model):
    """A row of a copy that is not as its source says. None: it is missing on that side."""

    table: str
    key: str
    source: list[Any] | None
    copy_: list[Any] | None


def differences(
    table: str, source: Mapping[str, Sequence[Any]], copy: Mapping[str, Sequence[Any]]
) -> list[Difference]:
    """Rows that are missing, too many, or different, in order of key.

    A copy whose version (the last value) is newer than the source's was told after the source was read: that is no
    difference.
    """
    found = []
    for key in sorted(source.keys() | copy.keys()):
        ours, theirs = source.get(key), copy.get(key)
        told_later = ours is not None and theirs is not None and theirs[-1] > ours[-1]
        if not told_later and (ours is None or theirs is None or list(ours) != list(theirs)):
            found.append(
                Difference(
                    table=table,
                    key=key,
                    source=None if ours is None else list(ours),
                    copy_=None if theirs is None else list(theirs),
                )
            )
    return found
