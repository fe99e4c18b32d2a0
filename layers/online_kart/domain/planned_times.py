"""Planned times of a path: when each of its legs can leave, leaves and arrives (ROUTING.md, "Times")."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from .batches import arrival_of, next_departure
from .network import Leg, LegKey, Network


class TimedLeg(NamedTuple):
    """A leg and its times, all in UTC: what came to its origin was handled by `ready_at`, then waits for the departure."""

    leg: Leg
    ready_at: datetime
    departs_at: datetime
    arrives_at: datetime

    @property
    def waiting(self) -> timedelta:
        return self.departs_at - self.ready_at


def timed_legs(network: Network, keys: Iterable[LegKey], ready_at: datetime) -> list[TimedLeg]:
    """The legs of a path, whose origin has handled the package by `ready_at`."""
    timed = []
    for key in keys:
        leg, origin = network.by_key[key], network.by_code[key.origin]
        departs_at = next_departure(leg, ready_at, origin.time_zone)
        arrives_at = arrival_of(departs_at, leg.transit_minutes)
        timed.append(TimedLeg(leg, ready_at, departs_at, arrives_at))
        ready_at = arrives_at + timedelta(minutes=network.by_code[key.destination].handling_minutes)
    return timed


def handled_at_end(network: Network, timed: Iterable[TimedLeg], ready_at: datetime) -> datetime:
    """When the last facility of the path has handled the package; `ready_at` where the path has no leg."""
    for last in timed:
        handling = timedelta(minutes=network.by_code[last.leg.destination].handling_minutes)
        ready_at = last.arrives_at + handling
    return ready_at
