"""Inbound shipments: a seller announces goods to an FC (ASN), the FC counts what arrived.

A shipment is announced in documents (D1) until it is received; from its arrival on, the receipt says what was
counted, and the announcement can't be changed any more.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Literal, Self, TypeVar
from uuid import UUID, uuid5

from pydantic import Field, StringConstraints, model_validator

from .base import Model, example
from .errors import InvalidRequest
from .values import AskedDay, FacilityCode, Instant, Name, Quantity, Sku

ASN_NAMESPACE = UUID("5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11")
ASN_DIGITS = 16
LINES_MAX = 200

Asn = Annotated[
    str,
    StringConstraints(pattern=r"^ASN-[0-9A-F]{16}$"),
    Field(examples=["ASN-3F2A9C01D4E57B68"]),
]
ShipmentStatus = Literal["announced", "arrived", "received", "cancelled"]
ReceiptStatus = Literal["arrived", "booked", "closed"]
"""arrived: counted at the dock. booked: its units are in stock. closed: the announcement is gone from D1."""


C = TypeVar("C")


class ShipmentLine(Model):
    sku: Sku
    quantity: Quantity


Lines = Annotated[tuple[ShipmentLine, ...], Field(min_length=1, max_length=LINES_MAX)]


def _named_twice(skus: Iterable[Sku]) -> list[Sku]:
    return [sku for sku, times in Counter(skus).items() if times > 1]


class AnnounceShipment(Model):
    model_config = example(
        fc_code="BLR1",
        expected_on="2026-03-05",
        lines=[{"sku": "MUG-350ML", "quantity": 40}],
    )

    fc_code: FacilityCode
    expected_on: AskedDay
    lines: Lines

    @model_validator(mode="after")
    def _has_one_line_a_sku(self) -> Self:
        return _checked_once(self, self.lines)


class AmendShipment(Model):
    """What is left out stays as it is."""

    model_config = example(expected_on="2026-03-06")

    expected_on: AskedDay | None = None
    lines: Lines | None = None

    @model_validator(mode="after")
    def _has_one_line_a_sku(self) -> Self:
        return _checked_once(self, self.lines or ())


class CountedLine(Model):
    """`reason` is asked for where the count is not what was announced."""

    sku: Sku
    quantity: Annotated[int, Field(ge=0, le=1_000_000)]
    reason: Name | None = None


class ReceiveShipment(Model):
    model_config = example(
        counted=[{"sku": "MUG-350ML", "quantity": 38, "reason": "Two were broken."}],
    )

    counted: Annotated[tuple[CountedLine, ...], Field(min_length=1, max_length=LINES_MAX)]

    @model_validator(mode="after")
    def _has_one_line_a_sku(self) -> Self:
        return _checked_once(self, self.counted)


def _checked_once(command: C, lines: Sequence[ShipmentLine | CountedLine]) -> C:
    twice = _named_twice(line.sku for line in lines)
    if twice:
        raise ValueError(f"each SKU once; there twice or more: {', '.join(twice)}")
    return command


class InboundShipment(Model):
    """What a seller has announced (D1). `version` counts its changes."""

    asn: Asn
    fc_code: FacilityCode
    seller_id: UUID
    seller_name: str
    expected_on: date
    lines: Lines
    version: int
    announced_at: Instant
    updated_at: Instant


class ShownShipment(InboundShipment):
    status: ShipmentStatus


def shown(shipment: InboundShipment, status: ShipmentStatus) -> ShownShipment:
    return ShownShipment(status=status, **shipment.model_dump())


class ReceiptLine(Model):
    sku: Sku
    announced: int
    counted: int
    reason: str | None


class Receipt(Model):
    """What arrived of an announced shipment."""

    asn: Asn
    fc_code: FacilityCode
    seller_id: UUID
    status: ReceiptStatus
    received_by: str
    arrived_at: Instant
    closed_at: Instant | None
    lines: tuple[ReceiptLine, ...] = ()

    @property
    def discrepancies(self) -> list[ReceiptLine]:
        return discrepancies(self.lines)

    def is_count_of(self, counted: Iterable[CountedLine]) -> bool:
        """Whether these counts, told again, are the receipt's."""
        told = {(line.sku, line.quantity, line.reason) for line in counted}
        return told == {(line.sku, line.counted, line.reason) for line in self.lines}


def asn_of(seller_id: UUID, key: str) -> Asn:
    """The number of the shipment that a seller announces under this Idempotency-Key: a repeat is the same shipment."""
    return "ASN-" + uuid5(ASN_NAMESPACE, f"{seller_id} {key}").hex[:ASN_DIGITS].upper()


def receipt_lines(
    announced: Iterable[ShipmentLine], counted: Iterable[CountedLine]
) -> tuple[ReceiptLine, ...]:
    """Announced against counted, by SKU, in the order in which stock rows are locked.

    What came without being announced has 0 announced. Raises InvalidRequest where an announced SKU was not counted,
    or a difference has no reason.
    """
    wanted = {line.sku: line.quantity for line in announced}
    found = {line.sku: line for line in counted}
    uncounted = sorted(wanted.keys() - found.keys())
    if uncounted:
        raise InvalidRequest(
            f"Not counted: {', '.join(uncounted)}.", "counted", "every announced SKU, 0 for none"
        )
    lines = tuple(
        ReceiptLine(
            sku=sku,
            announced=wanted.get(sku, 0),
            counted=found[sku].quantity,
            reason=found[sku].reason,
        )
        for sku in sorted(found)
    )
    unexplained = [line.sku for line in discrepancies(lines) if not line.reason]
    if unexplained:
        raise InvalidRequest(
            f"Counted is not what was announced, and no reason is given: {', '.join(unexplained)}.",
            "counted",
            "a reason for every difference",
        )
    return lines


def discrepancies(lines: Iterable[ReceiptLine]) -> list[ReceiptLine]:
    """The lines where more or less arrived than was announced."""
    return [line for line in lines if line.counted != line.announced]
