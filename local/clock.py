"""Sets the clock of the local system, and keeps business time from jumping over a stop.

The clock file (`online_kart.clock`) says how business time follows from wall time. While the
system is down wall time goes on and business time must not: a truck doesn't drive while nobody
simulates it. So the engine notes the business time it has reached (`heartbeat`), and the next start
goes on from there (`anchor`). After a kill -9 up to `HEARTBEAT_SECONDS` of progress are unnoted;
we then go on from the latest time that can have been shown, for business time never goes back.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from online_kart.clock import Anchor, Clock

HEARTBEAT_SECONDS = 0.5
LATE_HEARTBEATS_MAX = 2
"""How many heartbeats a busy machine may be late before business time could go back."""


class ClockFile:
    """The clock file of one local system and the heartbeat beside it."""

    def __init__(self, state: Path) -> None:
        self.path = state / "clock.json"
        self._heartbeat_path = state / "clock-heartbeat.json"

    def clock(self) -> Clock:
        return Clock.from_file(self.path)

    def anchor(self, speed: float | None = None, starts_at: datetime | None = None) -> Clock:
        """Let business time run: from where it stopped, the first time from `starts_at` (or now).

        Without `speed` it runs as fast as before, the first time as fast as the wall clock.
        Call it before the first process of the system looks at the clock.
        """
        if self.path.exists():
            business_at = self._stopped_at()
            speed = speed or self.clock().speed
        else:
            business_at = starts_at or self.clock().now()
        self._write(business_at, speed or 1.0)
        return self.clock()

    def set_speed(self, speed: float) -> None:
        """Change how fast business time runs from now on; it doesn't jump."""
        self._write(self.clock().now(), speed)

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

    def _write(self, business_at: datetime, speed: float) -> None:
        anchor = Anchor(business_at.astimezone(UTC), self.clock().wall_now(), speed)
        _replace(self.path, anchor.to_json())


def _replace(path: Path, text: str) -> None:
    """A reader sees the old text or the new, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, path)
