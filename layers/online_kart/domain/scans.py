"""Unloading a batch bit by bit: packages are scanned as they come off, some now and some later."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from .base import Model, example
from .batches import BatchStatus

SCANNED_AT_ONCE_MAX = 1_000
MISSING_SHOWN_MAX = 200


class ScanPackages(Model):
    model_config = example(package_ids=["5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11"])

    package_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=SCANNED_AT_ONCE_MAX)]


class ScannedPackage(Model):
    """`unchanged`: it was scanned before. `unknown`: the batch does not carry it."""

    package_id: UUID
    outcome: Literal["scanned", "unchanged", "unknown"]


class Scans(Model):
    """What became of each package of a request, in its order, and how far the batch is.

    With the last package the batch has `arrived`. `missing` are the first of those that are still to come.
    """

    batch_id: UUID
    batch_status: BatchStatus
    packages: tuple[ScannedPackage, ...]
    missing_count: int
    missing: tuple[UUID, ...]
