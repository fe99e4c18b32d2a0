"""An order's rules: what its status may become, how lines add up, when it is over."""

from uuid import uuid4

import pytest
from pydantic import ValidationError

from online_kart.domain.errors import InvalidRequest
from online_kart.domain.orders import (
    ALLOWED_CHANGES,
    LINES_MAX,
    PlaceOrder,
    is_over,
    may_become,
    refuse_too_large,
    summed,
)
from online_kart.domain.values import PAISE_MAX, QUANTITY_MAX

ASHA, BALA = uuid4(), uuid4()


def test_an_order_that_has_ended_stays_as_it_is():
    for ended in ("rejected", "cancelled", "finished"):
        assert ALLOWED_CHANGES[ended] == set()


def test_a_confirmed_order_can_not_be_rejected():
    assert not may_become("confirmed", "rejected")


def test_an_order_that_is_being_cancelled_can_only_become_cancelled():
    assert ALLOWED_CHANGES["cancelling"] == {"cancelled"}


def test_no_status_can_become_itself_so_every_repeat_is_told_from_a_change():
    assert not any(may_become(status, status) for status in ALLOWED_CHANGES)


def test_lines_with_the_same_offer_are_summed_in_the_order_first_met():
    lines = [("MUG", ASHA, 2), ("CUP", ASHA, 1), ("MUG", ASHA, 3)]

    assert list(summed(lines).items()) == [(("MUG", ASHA), 5), (("CUP", ASHA), 1)]


def test_the_same_item_of_two_sellers_is_two_lines():
    assert summed([("MUG", ASHA, 2), ("MUG", BALA, 2)]) == {("MUG", ASHA): 2, ("MUG", BALA): 2}


def test_lines_that_fit_alone_but_not_together_are_refused():
    with pytest.raises(InvalidRequest, match="units"):
        refuse_too_large([QUANTITY_MAX + 1], total_paise=1)
    with pytest.raises(InvalidRequest, match="worth"):
        refuse_too_large([1], total_paise=PAISE_MAX + 1)


def test_an_order_at_its_limits_is_taken():
    refuse_too_large([QUANTITY_MAX], total_paise=PAISE_MAX)


@pytest.mark.parametrize("count", [0, LINES_MAX + 1])
def test_an_order_has_one_to_fifty_lines(count):
    with pytest.raises(ValidationError):
        PlaceOrder(
            customer_id=uuid4(), address_id=uuid4(), lines=[{"sku": "MUG", "quantity": 1}] * count
        )


def test_an_order_is_over_when_every_package_is_at_its_end():
    assert is_over(["delivered", "returned", "cancelled", "lost"])
    assert not is_over(["delivered", "in_transit"])
    assert not is_over(["delivered", "returning"])


def test_an_order_without_packages_is_not_over():
    assert not is_over([])
