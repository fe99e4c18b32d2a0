"""What `/health` and `/ready` of every app answer."""

from datetime import datetime
from typing import Literal

from .domain.base import Model
from .domain.values import Instant


class Up(Model):
    app: str
    status: Literal["up"]


class Ready(Model):
    """`now` is business time. `unsent_events` wait in the outbox of the app's database, the oldest since so long."""

    app: str
    now: Instant
    unsent_events: int
    outbox_lag_seconds: float


def readiness(app: str, now: datetime, backlog: tuple[int, datetime | None]) -> Ready:
    """What an app answers whose stores have answered."""
    unsent, oldest = backlog
    lag = max((now - oldest).total_seconds(), 0.0) if oldest else 0.0
    return Ready(app=app, now=now, unsent_events=unsent, outbox_lag_seconds=lag)
