"""Whose things are whose, by the principal alone."""

from uuid import uuid4

import pytest

from online_kart.domain.errors import NotFound, NotYourFacility, RoleMissing
from online_kart.domain.principals import (
    FC_STAFF_ACTS,
    NOBODY,
    STAFF_SEES,
    Principal,
    Role,
)


def somebody(*roles, facilities=()):
    return Principal(
        subject=uuid4(),
        name="somebody",
        roles=frozenset(roles),
        facilities=frozenset(facilities),
    )


def test_a_customer_has_what_is_their_own_and_nobody_else_s():
    customer, another = somebody(Role.CUSTOMER), uuid4()

    customer.require_own("customer", customer.subject)
    with pytest.raises(NotFound):
        customer.require_own("customer", another)


def test_what_is_a_stranger_s_is_named_as_it_was_asked_for():
    order_id = uuid4()

    with pytest.raises(NotFound) as refused:
        somebody(Role.CUSTOMER).require_own("order", uuid4(), order_id)

    assert refused.value.facts() == {"what": "order", "key": str(order_id)}


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMIN])
def test_auditors_and_admins_stand_in_for_any_customer_and_seller(role):
    somebody(role).require_own("customer", uuid4())


@pytest.mark.parametrize("role", [Role.FC_STAFF, Role.NETWORK_PLANNER, Role.SELLER])
def test_others_do_not(role):
    with pytest.raises(NotFound):
        somebody(role).require_own("customer", uuid4())


def test_fc_staff_acts_where_it_works():
    asha = somebody(Role.FC_STAFF, facilities=["BLR1"])

    asha.require_facility("BLR1")
    asha.require_facility("DEL1", "BLR1")
    with pytest.raises(NotYourFacility):
        asha.require_facility("DEL1")
    somebody(Role.FC_STAFF, facilities=["*"]).require_facility("DEL1")
    somebody(Role.ADMIN).require_facility("DEL1")


def test_who_has_none_of_the_roles_is_told_which_there_are():
    with pytest.raises(RoleMissing) as refused:
        somebody(Role.AUDITOR).require_role(FC_STAFF_ACTS)

    assert refused.value.roles == ["admin", "fc_staff"]
    somebody(Role.AUDITOR).require_role(STAFF_SEES)


@pytest.mark.parametrize("role", Role)
def test_what_says_nobody_is_for_nobody(role):
    with pytest.raises(RoleMissing):
        somebody(role).require_role(NOBODY)


def test_who_is_signed_in_as_a_customer_registers_as_themselves_and_an_admin_as_somebody_new():
    customer = somebody(Role.CUSTOMER)

    assert customer.new_id(Role.CUSTOMER) == customer.subject
    assert somebody(Role.ADMIN).new_id(Role.CUSTOMER) is None
