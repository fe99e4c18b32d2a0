"""Sets the clock of the local system, and keeps business time from jumping over a stop.

The clock file (`online_kart.clock`) says how business time follows from wall time. While the
system is down wall time goes on and business time must not: a truck doesn't drive while nobody
simulates it. So the engine notes the business time it has reached (`heartbeat`), and the next start
goes on from there (`hold`, then `release` once all servers answer). After a kill -9 up to
`HEARTBEAT_SECONDS` of progress are unnoted; we then go on from the latest time that can have been
shown, for business time never goes back.
"""

import json
import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

from online_kart.clock import Anchor, Clock

HEARTBEAT_SECONDS = 0.5
LATE_HEARTBEATS_MAX = 2
"""How many heartbeats a busy machine may be late before business time could go back."""

HELD_FOR = timedelta(days=1)
"""Longer than any start takes: until then on the wall clock, held business time stands still."""

RELEASE_POLL_SECONDS = 0.02


class ClockFile:
    """The clock file of one local system and the heartbeat beside it."""

    def __init__(self, state: Path) -> None:
        self.path = state / "clock.json"
        self._heartbeat_path = state / "clock-heartbeat.json"

    def clock(self) -> Clock:
        return Clock.from_file(self.path)

    def hold(self, speed: float | None = None, starts_at: datetime | None = None) -> None:
        """Let business time stand still where it stopped, the first time at `starts_at` (or now).

        Without `speed` it will run as fast as before, the first time as fast as the wall clock.
        Call it before the first process of the system looks at the clock.
        """
        if self.path.exists():
            business_at = self._stopped_at()
            speed = speed or self.clock().speed
        else:
            business_at = starts_at or self.clock().now()
        self._write(Anchor(business_at, self._wall_now() + HELD_FOR, speed or 1.0))

    def release(self) -> Clock:
        """Let business time run, from where it stands."""
        if self.is_held:
            self._write(replace(self.clock().anchor, wall_epoch=self._wall_now()))
        return self.clock()

    @property
    def is_held(self) -> bool:
        return self.clock().anchor.wall_epoch > self._wall_now()

    def wait_until_released(self, stop: Event) -> None:
        """Or until `stop` is set."""
        while self.is_held and not stop.wait(RELEASE_POLL_SECONDS):
            pass

    def anchor(self, speed: float | None = None, starts_at: datetime | None = None) -> Clock:
        """Let business time run at once: `hold` and `release`."""
        self.hold(speed, starts_at)
        return self.release()

    def set_speed(self, speed: float) -> None:
        """Change how fast business time runs from now on; it doesn't jump."""
        anchor, wall_now = self.clock().anchor, self._wall_now()
        business_at = anchor.business_time_of(wall_now)
        self._write(Anchor(business_at, max(anchor.wall_epoch, wall_now), speed))

    def heartbeat(self, *, is_last: bool = False) -> None:
        """Note the business time. `is_last`: the system stops now and showed none later."""
        entry = {"business_at": self.clock().now().isoformat(), "is_last": is_last}
        _replace(self._heartbeat_path, json.dumps(entry))

    def _stopped_at(self) -> datetime:
        clock = self.clock()
        if not self._heartbeat_path.exists():
            return clock.anchor.business_epoch
        entry = json.loads(self._heartbeat_path.read_text())
        business_at = datetime.fromisoformat(entry["business_at"])
        if entry["is_last"]:
            return business_at
        unnoted = timedelta(seconds=HEARTBEAT_SECONDS * LATE_HEARTBEATS_MAX) * clock.speed
        return min(business_at + unnoted, clock.now())

    def _wall_now(self) -> datetime:
        return self.clock().wall_now()

    def _write(self, anchor: Anchor) -> None:
        _replace(self.path, anchor.to_json())


def _replace(path: Path, text: str) -> None:
    """A reader sees the old text or the new, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, path)
