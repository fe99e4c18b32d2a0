"""What `/health` and `/ready` of every app answer."""

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
