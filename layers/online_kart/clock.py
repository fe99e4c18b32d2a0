"""Business time, and its relation to the wall clock.

In production both are the same. Locally business time may run faster, so that an order's week
passes in a minute with the state machines of production: `business = business_epoch + (wall -
wall_epoch) × speed`. The running system keeps these three numbers in a small JSON file which every
process reads; whoever changes the speed replaces the file (`local/clock.py`). What it costs: one
`stat` for each look at the clock.

This is the only module that asks the computer for the time; but each line of `alarms` bears the wall clock's.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Anchor:
    """At `wall_epoch` it is `business_epoch`; from then on business time runs at `speed`, until then it stands still."""

    business_epoch: datetime
    wall_epoch: datetime
    speed: float = 1.0

    def __post_init__(self) -> None:
        for epoch in (self.business_epoch, self.wall_epoch):
            if epoch.tzinfo is None:
                raise ValueError(f"The epoch {epoch} has no time zone.")
        if not self.speed > 0:
            raise ValueError(f"Business time can't run at speed {self.speed}.")

    def business_time_of(self, wall_at: datetime) -> datetime:
        running_for = max(wall_at - self.wall_epoch, timedelta())
        business = self.business_epoch + running_for * self.speed
        return business.astimezone(UTC)

    def wall_time_of(self, business_at: datetime) -> datetime:
        wall = self.wall_epoch + (business_at - self.business_epoch) / self.speed
        return wall.astimezone(UTC)

    def to_json(self) -> str:
        return json.dumps(
            {
                "business_epoch": self.business_epoch.isoformat(),
                "wall_epoch": self.wall_epoch.isoformat(),
                "speed": self.speed,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        entry = json.loads(text)
        return cls(
            business_epoch=datetime.fromisoformat(entry["business_epoch"]),
            wall_epoch=datetime.fromisoformat(entry["wall_epoch"]),
            speed=float(entry["speed"]),
        )


_THE_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REAL_TIME = Anchor(business_epoch=_THE_EPOCH, wall_epoch=_THE_EPOCH)


class Clock:
    """Tells business time. Safe to share between threads."""

    def __init__(
        self,
        business_epoch: datetime = _THE_EPOCH,
        wall_epoch: datetime = _THE_EPOCH,
        speed: float = 1.0,
    ) -> None:
        self._anchor = Anchor(business_epoch, wall_epoch, speed)

    @staticmethod
    def from_file(path: Path | str | None) -> "Clock":
        """The clock that the file sets, as often as it is replaced. Without a file: real time."""
        return FileClock(Path(path)) if path else Clock()

    @property
    def anchor(self) -> Anchor:
        return self._anchor

    @property
    def speed(self) -> float:
        return self.anchor.speed

    def now(self) -> datetime:
        """Business time, aware, UTC."""
        return self.anchor.business_time_of(self.wall_now())

    def wall_now(self) -> datetime:
        return datetime.now(UTC)

    def wall_time_of(self, business_at: datetime) -> datetime:
        """When the wall clock will show what business time calls `business_at`; aware, UTC."""
        return self.anchor.wall_time_of(business_at)

    def wall_duration_of(self, business: timedelta) -> timedelta:
        """How long a stretch of business time lasts on the wall clock."""
        return business / self.speed


class FileClock(Clock):
    """A clock set by a file, which is read again when it was replaced.

    As long as there is no such file it shows real time: an app started by itself has no use for
    a clock of its own.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        # One tuple, replaced as a whole: a reader in another thread sees the old or the new one.
        self._read: tuple[tuple[int, int] | None, Anchor] = (None, REAL_TIME)

    @property
    def anchor(self) -> Anchor:
        stamp, anchor = self._read
        found = self._stamp()
        if found != stamp:
            anchor = REAL_TIME if found is None else Anchor.from_json(self._path.read_text())
            self._read = (found, anchor)
        return anchor

    def _stamp(self) -> tuple[int, int] | None:
        """What tells one version of the file from the next; None if there is no file."""
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return None
        # Two versions within one tick of the file system's clock differ in their inode.
        return status.st_mtime_ns, status.st_ino
