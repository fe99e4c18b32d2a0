"""What ships from one FC for one order."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID, uuid5

from pydantic import Field

from .base import Model
from .events import PackageStatus
from .values import FacilityCode, Instant, Paise, Pincode, Quantity, Sku

UNDER_WAY: frozenset[PackageStatus] = frozenset({"planned", "in_transit", "returning"})
"""Packages whose path still leads somewhere."""


def package_id_of(order_id: UUID, fc_code: str) -> UUID:
    """An order has one package an FC, so planning it twice makes the same one."""
    return uuid5(order_id, fc_code)


class PackageLine(Model):
    """Units of one line of the order."""

    line_no: Annotated[int, Field(ge=1)]
    sku: Sku
    seller_id: UUID
    quantity: Quantity
    unit_price_paise: Paise


class Package(Model):
    """A row of `packages`. `budget` counts from `at_facility`, or from where it arrives next."""

    package_id: UUID
    order_id: UUID
    origin_fc_code: FacilityCode
    destination_fc_code: FacilityCode
    """Where its path ends: the FC of its last mile, or its origin FC when it is returning."""
    to_pincode: Pincode
    status: PackageStatus
    at_facility: FacilityCode | None
    """None while a batch carries it."""
    budget: Annotated[int, Field(ge=0)]
    weight_grams: Annotated[int, Field(gt=0)]
    promise_date: date
    table_version: int
    path_revision: int = 1
    version: int = 1
    created_at: Instant
    updated_at: Instant

    @property
    def is_at_its_end(self) -> bool:
        return self.at_facility == self.destination_fc_code

    def after(self, changes: Mapping[str, Any], now: datetime, path_version: int = 0) -> Self:
        """With the named fields changed, and a version later than its own and than its path's.

        A step that died before its commit has left a path that is ahead.
        """
        version = max(self.version, path_version) + 1
        return self.model_copy(update={**changes, "version": version, "updated_at": now})


class PackageEvent(Model):
    """What happened to a package, at which version of it."""

    version: int
    what: str
    facility: FacilityCode | None
    detail: dict[str, Any]
    happened_at: Instant
