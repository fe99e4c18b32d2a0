"""A run: one execution of a state machine, as our own table tells of it."""

from typing import Any, Literal

from .base import Model
from .values import Instant

RunStatus = Literal["running", "succeeded", "failed", "lost"]
Machine = Literal[
    "place_order", "cancel_order", "rebuild_routes", "move_batch", "receive_shipment", "reconcile"
]


class Run(Model):
    """Named `<business id>-<revision>`. Its times are the wall clock's: a run lives in the engine."""

    machine: Machine
    business_id: str
    revision: int
    status: RunStatus
    input: dict[str, Any]
    error: str | None
    started_at: Instant
    ended_at: Instant | None

    @property
    def name(self) -> str:
        return f"{self.business_id}-{self.revision}"
