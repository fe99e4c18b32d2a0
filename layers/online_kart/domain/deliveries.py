"""Deliveries: packages on their last mile."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from .base import Model
from .events import PackageStatus
from .values import FacilityCode, Instant

DeliveryStatus = Literal["out", "failed"]
"""failed: the last attempt was in vain, the next one is still to come."""

ATTEMPTS_MAX = 3
"""After so many failed attempts a package goes back to where it came from."""


class Delivery(Model):
    """One package on its last mile (I6)."""

    package_id: UUID
    fc_code: FacilityCode
    order_id: UUID
    status: DeliveryStatus
    attempt: Annotated[int, Field(ge=1, le=ATTEMPTS_MAX)]
    """The attempt under way, or the next one."""
    failure_reason: str | None = None
    out_at: Instant
    """When it goes out: once its last FC has handled it."""
    expected_on: date

    @property
    def is_last_attempt(self) -> bool:
        return self.attempt >= ATTEMPTS_MAX


class Outcome(Model):
    """Where a package stands after a delivery attempt was told of. Without `attempt` there is none to come."""

    package_id: UUID
    status: PackageStatus
    attempt: int | None = None
    expected_on: date | None = None
