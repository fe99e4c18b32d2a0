"""Announcements and counts: what fits, what differs, and what has to be explained."""

from datetime import date
from uuid import UUID

import pytest
from pydantic import ValidationError

from online_kart.domain.errors import InvalidRequest
from online_kart.domain.inbound import (
    AmendShipment,
    AnnounceShipment,
    CountedLine,
    ReceiveShipment,
    ShipmentLine,
    asn_of,
    discrepancies,
    receipt_lines,
)

SELLER = UUID("11111111-1111-4111-8111-111111111111")
OTHER = UUID("22222222-2222-4222-8222-222222222222")


def announced(**quantities):
    return [ShipmentLine(sku=sku, quantity=quantity) for sku, quantity in quantities.items()]


def counted(**quantities):
    return [CountedLine(sku=sku, quantity=quantity) for sku, quantity in quantities.items()]


def test_the_same_key_of_the_same_seller_is_the_same_shipment():
    assert asn_of(SELLER, "monday") == asn_of(SELLER, "monday")


def test_another_key_or_another_seller_is_another_shipment():
    numbers = {asn_of(SELLER, "monday"), asn_of(SELLER, "tuesday"), asn_of(OTHER, "monday")}
    assert len(numbers) == 3


def test_a_count_that_agrees_needs_no_reason():
    lines = receipt_lines(announced(MUG=5, POT=2), counted(POT=2, MUG=5))
    assert [(line.sku, line.announced, line.counted) for line in lines] == [
        ("MUG", 5, 5),
        ("POT", 2, 2),
    ]
    assert discrepancies(lines) == []


@pytest.mark.parametrize("found", [4, 6, 0])
def test_a_count_that_differs_is_refused_without_a_reason(found):
    with pytest.raises(InvalidRequest, match="no reason is given: MUG"):
        receipt_lines(announced(MUG=5), counted(MUG=found))


def test_a_count_that_differs_is_taken_with_its_reason():
    line = CountedLine(sku="MUG", quantity=4, reason="one broken")
    assert discrepancies(receipt_lines(announced(MUG=5), [line])) == list(
        receipt_lines(announced(MUG=5), [line])
    )


def test_what_was_announced_must_be_counted_even_if_none_came():
    with pytest.raises(InvalidRequest, match="Not counted: POT"):
        receipt_lines(announced(MUG=5, POT=2), counted(MUG=5))


def test_what_came_without_being_announced_was_announced_as_none_and_needs_a_reason():
    with pytest.raises(InvalidRequest, match="no reason is given: PAN"):
        receipt_lines(announced(MUG=5), counted(MUG=5, PAN=1))
    extra = CountedLine(sku="PAN", quantity=1, reason="in the same box")
    lines = receipt_lines(announced(MUG=5), [*counted(MUG=5), extra])
    assert [(line.sku, line.announced, line.counted) for line in discrepancies(lines)] == [
        ("PAN", 0, 1)
    ]


def test_no_sku_is_in_two_lines():
    twice = [{"sku": "MUG", "quantity": 1}, {"sku": "MUG", "quantity": 2}]
    with pytest.raises(ValidationError, match="each SKU once"):
        AnnounceShipment(fc_code="BLR1", expected_on=date(2026, 3, 9), lines=twice)
    with pytest.raises(ValidationError, match="each SKU once"):
        AmendShipment(lines=twice)
    with pytest.raises(ValidationError, match="each SKU once"):
        ReceiveShipment(counted=twice)
