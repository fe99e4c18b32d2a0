"""Batches: packages and restocking units that leave a facility for one next hop together, and when they do."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from .base import Model
from .network import Leg, LegKey, Mode
from .values import FacilityCode, Instant, Minutes, Quantity, Sku

BatchStatus = Literal["open", "closed", "in_transit", "arrived", "finished"]
"""open: packages may join. closed: its manifest is sealed. finished: all it carried is forwarded; it is history."""

SHOP_TIME_ZONE = "Asia/Kolkata"

GRID_HOURS = {Mode.ROAD: 4, Mode.AIR: 6, Mode.SEA: 12}
"""A leg without a timetable leaves every so many hours, counted from midnight in the shop's time zone."""


def next_departure(leg: Leg, ready_at: datetime, time_zone: str) -> datetime:
    """When the leg leaves next, never before `ready_at` (aware). In UTC.

    `time_zone` is the origin's: the leg's timetable is in its local times. A local time that a change of clocks
    skips departs as much later as the clocks were set forward.
    """
    if not leg.departure_times:
        return _next_on_grid(ready_at, GRID_HOURS[leg.mode])
    zone = ZoneInfo(time_zone)
    # A local day may end before `ready_at` where clocks change at midnight: two days are always enough.
    first_day = ready_at.astimezone(zone).date()
    departures = (
        departure
        for day in (first_day, first_day + timedelta(days=1), first_day + timedelta(days=2))
        for departure in _departures_on(day, leg.departure_times, zone)
    )
    return min(departure for departure in departures if departure >= ready_at)


def _departures_on(day: date, local_times: tuple[time, ...], zone: ZoneInfo) -> list[datetime]:
    return [datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for at in local_times]


def _next_on_grid(ready_at: datetime, hours: int) -> datetime:
    zone = ZoneInfo(SHOP_TIME_ZONE)
    midnight = datetime.combine(ready_at.astimezone(zone).date(), time(), tzinfo=zone)
    midnight = midnight.astimezone(UTC)
    step = timedelta(hours=hours)
    steps = -((midnight - ready_at) // step)  # rounded up: India's clocks never change
    return midnight + steps * step


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


def arrival_of(departed_at: datetime, transit_minutes: int) -> datetime:
    """When a batch that left then is expected at its destination."""
    return departed_at + timedelta(minutes=transit_minutes)
