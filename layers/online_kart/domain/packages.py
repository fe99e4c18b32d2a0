"""What ships from one FC for one order."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple, Self
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
    picked_at: Instant | None = None
    packed_at: Instant | None = None

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
    """What happened to a package, at which version of it, and who did it: a person, or a step or job."""

    version: int
    what: str
    facility: FacilityCode | None
    detail: dict[str, Any]
    happened_at: Instant
    happened_by: str


class Course(NamedTuple):
    """What a package's events tell of it: nothing else is needed to know its row's status and place."""

    version: int
    status: PackageStatus
    at_facility: str | None


STATUS_AFTER: Mapping[str, PackageStatus] = {
    "planned": "planned",
    "departed": "in_transit",
    "out_for_delivery": "out_for_delivery",
    "delivered": "delivered",
    "returning": "returning",
    "stranded": "returning",
    "returned": "returned",
    "cancelled": "cancelled",
    "lost": "lost",
    "found": "in_transit",
}
"""Events that decide a package's status. One that returns departs and arrives as one that returns. What was found and goes
back is told of again as `returning`."""


def course_of(events: Iterable[PackageEvent]) -> Course | None:
    """Of all events of a package, in their order. None where there are none."""
    course: Course | None = None
    for event in events:
        status = STATUS_AFTER.get(event.what)
        place = event.facility
        if course is not None:
            if status is None or (event.what == "departed" and course.status == "returning"):
                status = course.status
            if event.what == "departed":
                place = None
            elif event.what not in ("arrived", "found"):
                place = course.at_facility
        assert status is not None, "the first event tells that it was planned"
        course = Course(event.version, status, place)
    return course
