"""Batches: packages and restocking units that leave a facility for one next hop together, and when they do."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from .base import Model, example
from .network import Leg, LegKey, Mode
from .timetables import last_of, next_of
from .values import FacilityCode, Instant, Minutes, Quantity, Sku

BatchStatus = Literal["open", "closed", "in_transit", "arrived", "finished"]
"""open: packages may join. closed: its manifest is sealed. finished: all it carried is forwarded; it is history."""

SHOP_TIME_ZONE = "Asia/Kolkata"

GRID_HOURS = {Mode.ROAD: 4, Mode.AIR: 6, Mode.SEA: 12}
"""A leg without a timetable leaves every so many hours, counted from midnight in the shop's time zone."""

GRID_STARTS_AT = datetime.combine(
    date(2026, 1, 1), time(), tzinfo=ZoneInfo(SHOP_TIME_ZONE)
).astimezone(UTC)
"""Some midnight there. Every one is on the grid of every mode: a day is whole steps, and India's clocks never change."""


def next_departure(leg: Leg, ready_at: datetime, time_zone: str) -> datetime:
    """When the leg leaves next, never before `ready_at` (aware). In UTC.

    `time_zone` is the origin's: the leg's timetable is in its local times and weekdays.
    """
    if leg.departure_times:
        return next_of(leg.departure_times, ready_at, ZoneInfo(time_zone))
    step = timedelta(hours=GRID_HOURS[leg.mode])
    return GRID_STARTS_AT - (GRID_STARTS_AT - ready_at) // step * step  # rounded up


def last_departure(leg: Leg, latest: datetime, time_zone: str) -> datetime:
    """The leg's last departure that is not after `latest` (aware). In UTC; `next_departure` from behind."""
    if leg.departure_times:
        return last_of(leg.departure_times, latest, ZoneInfo(time_zone))
    step = timedelta(hours=GRID_HOURS[leg.mode])
    return GRID_STARTS_AT + (latest - GRID_STARTS_AT) // step * step


class Batch(Model):
    """A batch, of the working table or of the history (`finished`; without `transit_minutes` and `closed_at`)."""

    batch_id: UUID
    origin: FacilityCode
    destination: FacilityCode
    mode: Mode
    status: BatchStatus
    revision: Annotated[int, Field(ge=1)]
    """Of the run that moves it; an older run ends by itself."""
    due_at: Instant
    transit_minutes: Minutes | None = None
    opened_at: Instant
    closed_at: Instant | None = None
    departed_at: Instant | None = None
    expected_at: Instant | None = None
    """When it should arrive. None until it departs."""
    arrived_at: Instant | None = None
    late_alerts_count: Annotated[int, Field(ge=0)] = 0
    finished_at: Instant | None = None

    @property
    def leg_key(self) -> LegKey:
        return LegKey(self.origin, self.destination, self.mode)

    @property
    def leg(self) -> Leg:
        """As it was when the batch was opened."""
        assert self.transit_minutes is not None, "of the working table"
        return Leg(
            origin=self.origin,
            destination=self.destination,
            mode=self.mode,
            transit_minutes=self.transit_minutes,
        )

    def is_due(self, now: datetime) -> bool:
        return now >= self.due_at


class Units(Model):
    """Restocking units in a batch: one transfer of one offer from FC to FC."""

    transfer_id: UUID
    sku: Sku
    seller_id: UUID
    quantity: Quantity


class SendUnits(Units):
    """A request to restock an FC from another, by the leg between them. A repeat with its `transfer_id` is the same."""

    model_config = example(
        transfer_id="5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11",
        sku="MUG-350ML",
        seller_id="0b6f1d0e-58a3-4c39-8f4e-6f3f6d1d7a52",
        quantity=40,
        origin="BLR1",
        destination="MAA1",
    )

    origin: FacilityCode
    destination: FacilityCode


class Manifest(Model):
    """What a batch carries. Sealed when the batch closes."""

    package_ids: tuple[UUID, ...]
    units: tuple[Units, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.package_ids and not self.units


class BatchWithManifest(Model):
    """A batch and what it holds, or was closed with."""

    batch: Batch
    manifest: Manifest


class BatchFilter(NamedTuple):
    """Which batches to list. None: any."""

    status: BatchStatus | None = None
    origin: str | None = None
    destination: str | None = None
    expected_before: datetime | None = None
    facilities: Sequence[str] | None = None
    """That it leaves from or goes to."""


def arrival_of(departed_at: datetime, transit_minutes: int) -> datetime:
    """When a batch that left then is expected at its destination."""
    return departed_at + timedelta(minutes=transit_minutes)
