"""Who asks, and what they may: the roles, who may call what, and whose things are whose.

A `Principal` is made of a token that was verified (`online_kart.tokens`) and handed to services as a plain value. Which
roles may call an operation is said beside its view (`access=`); whose order or facility it is, only the service knows.
"""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from .base import Model
from .errors import NotFound, NotYourFacility, RoleMissing


class Role(StrEnum):
    CUSTOMER = "customer"
    SELLER = "seller"
    FC_STAFF = "fc_staff"
    """Acts in the facilities of their own; sees all of the network."""
    NETWORK_PLANNER = "network_planner"
    AUDITOR = "auditor"
    """Sees everything, changes nothing."""
    ADMIN = "admin"


class Access(NamedTuple):
    """The roles that may call an operation. Without sign-in: whoever asks."""

    roles: frozenset[Role]
    needs_sign_in: bool = True


def _only(*roles: Role) -> Access:
    return Access(frozenset({*roles, Role.ADMIN}))


ANYONE = Access(frozenset(), needs_sign_in=False)
NOBODY = Access(frozenset())
"""Of a view that does not say who may call it."""

CUSTOMERS_SEE = _only(Role.CUSTOMER, Role.AUDITOR)
CUSTOMERS_ACT = _only(Role.CUSTOMER)
SELLERS_SEE = _only(Role.SELLER, Role.AUDITOR)
SELLERS_ACT = _only(Role.SELLER)
STAFF_SEES = _only(Role.FC_STAFF, Role.NETWORK_PLANNER, Role.AUDITOR)
AUDITORS_SEE = _only(Role.AUDITOR)
FC_STAFF_ACTS = _only(Role.FC_STAFF)
PLANNERS_ACT = _only(Role.NETWORK_PLANNER)
ADMINS_ACT = _only()

SEE_ALL = frozenset({Role.AUDITOR, Role.ADMIN})
"""They stand in for any customer and seller, as far as the operation's access lets them."""

EVERY_FACILITY = "*"


class Principal(Model):
    """Who asks. A customer's `subject` is their `customer_id`, a seller's their `seller_id`."""

    subject: UUID
    name: str
    """As it is written where somebody did something: `customer 5f0c…`, `staff asha`."""
    roles: frozenset[Role]
    facilities: frozenset[str] = frozenset()
    """Codes of the FCs and hubs that FC staff works in, or `*`."""

    def require_role(self, access: Access) -> None:
        """Raises RoleMissing."""
        if not self.roles & access.roles:
            raise RoleMissing(sorted(access.roles))

    def new_id(self, role: Role) -> UUID | None:
        """The id that this principal gets as a customer or seller. None where they register somebody else."""
        return self.subject if role in self.roles else None

    def require_own(self, what: str, owner: UUID, key: object | None = None) -> None:
        """That what belongs to that customer or seller is theirs. Raises NotFound: a stranger can't learn that it exists.

        `key` names it in the error; without one it is the owner who is looked for.
        """
        if self.subject != owner and not self.roles & SEE_ALL:
            raise NotFound(what, owner if key is None else key)

    def facilities_seen(self, asked: str | None) -> tuple[str, ...] | None:
        """Of which facilities a list is that somebody asks for: of the one they name; else FC staff's own, and of any
        for the others. None: any."""
        if asked is not None:
            return (asked,)
        sees_all = self.roles & (SEE_ALL | {Role.NETWORK_PLANNER})
        if sees_all or Role.FC_STAFF not in self.roles or EVERY_FACILITY in self.facilities:
            return None
        return tuple(sorted(self.facilities))

    def require_facility(self, *codes: str) -> None:
        """That they work in one of the facilities. Raises NotYourFacility."""
        if Role.ADMIN in self.roles or EVERY_FACILITY in self.facilities:
            return
        if not self.facilities & set(codes):
            raise NotYourFacility(codes[0])
