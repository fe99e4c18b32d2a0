"""Picking and packing: what an FC's people take from the shelves, by when, and into which packages it goes.

A list holds what leaves its origin FC: packages of confirmed orders that wait for their batch, and those that go to their
customers' doors from here. Nothing waits for the marks: a batch leaves with what was loaded into it, marked or not.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import Field

from .base import Model, example
from .packages import PackageLine
from .values import FacilityCode, Instant, Sku

PackingStep = Literal["picked", "packed"]

MARKED_AT_ONCE_MAX = 200
PRINTED_MAX = 1_000
"""Lines of a list that is printed: some twenty pages."""

COLUMNS = ("leaves_at", "sku", "name", "seller_id", "quantity", "packages_count")

STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class PickLine(Model):
    """Units of a seller's item to be taken from the shelf for packages that leave at the same time."""

    leaves_at: Instant
    sku: Sku
    name: str
    seller_id: UUID
    quantity: int
    packages_count: int


class PackageToPack(Model):
    """A package that is not packed yet. `next_stop` is where its batch goes; None where it goes to its customer's door."""

    package_id: UUID
    order_id: UUID
    leaves_at: Instant
    batch_id: UUID | None
    next_stop: FacilityCode | None
    weight_grams: int
    picked_at: Instant | None
    lines: tuple[PackageLine, ...] = ()


class MarkPackages(Model):
    """Packages of one FC that were picked, or packed."""

    model_config = example(package_ids=["5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11"])

    package_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=MARKED_AT_ONCE_MAX)]


class Marking(NamedTuple):
    """What was done in which FC to which packages."""

    fc_code: str
    step: PackingStep
    package_ids: Sequence[UUID]


class Mark(Model):
    """What became of one package of a request. `unchanged`: it was marked before. `reason`: why it was refused."""

    package_id: UUID
    outcome: Literal["marked", "unchanged", "refused"]
    reason: str | None = None


class Marks(Model):
    """One for each package of the request, in its order."""

    marks: tuple[Mark, ...]
    refused_count: int


def printed(lines: Iterable[PickLine]) -> str:
    """The list as CSV, for a spreadsheet or a printer. What a spreadsheet would take for a formula begins with `'`."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in lines:
        cells = line.model_dump(mode="json")
        writer.writerow([_text(cells[column]) for column in COLUMNS])
    return written.getvalue()


def _text(cell: object) -> str:
    text = str(cell)
    return f"'{text}" if text.startswith(STARTS_A_FORMULA) else text
