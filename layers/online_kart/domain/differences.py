"""What differs between two networks and their route tables: the answer of a dry run, and of two versions compared.

Lists are long and people read their beginning: each is told with its count, and holds the first of them.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import islice
from typing import Generic, TypeVar

from .base import Model
from .network import Mode

T = TypeVar("T")


class Listed(Model, Generic[T]):
    """How many there are, and the first of them in their order."""

    count: int
    first: tuple[T, ...] = ()


def listed(values: Iterable[T], listed_max: int) -> Listed[T]:
    rest = iter(values)
    first = tuple(islice(rest, listed_max))
    return Listed(count=len(first) + sum(1 for _ in rest), first=first)


class PincodesChange(Model):
    """Pincodes (both ends inclusive) and who serves them before and after: None is nobody."""

    first: int
    last: int
    before: str | None
    after: str | None

    @property
    def pincodes_count(self) -> int:
        return self.last - self.first + 1


class PincodesDifference(Model):
    """Counts of pincodes: those that lose or gain service, and those another FC serves. Then the ranges."""

    lost_count: int
    moved_count: int
    gained_count: int
    ranges: Listed[PincodesChange]


class WayOfRoute(Model):
    """One way of a route, as a table has it; `mode` is that of the leg to the next hop."""

    next_hop: str
    mode: Mode
    hops: int
    minutes: int


class RouteChange(Model):
    """The ways from a facility to an FC or hub, fewest hops first; none where there is no route."""

    facility: str
    destination: str
    before: tuple[WayOfRoute, ...]
    after: tuple[WayOfRoute, ...]


class HubsOfFc(Model):
    """The hub nearest to an FC, and the one it sends to with a full budget. None where there is none."""

    home_hub: str | None
    gateway: str | None


class HubsChange(Model):
    """Of an FC that is in both networks."""

    fc_code: str
    before: HubsOfFc
    after: HubsOfFc


class HubsDifference(Model):
    """`without_home_hub` and `without_gateway` are FCs that had one."""

    without_home_hub: Listed[str]
    without_gateway: Listed[str]
    changed: Listed[HubsChange]


class FcPair(Model):
    """An origin FC and a destination FC."""

    origin: str
    destination: str


class ReachDifference(Model):
    """Of FCs that are in both networks. An FC is unreachable where no other FC's packages reach it, and one could before.

    `destinations_count` is how many there are. In a network with very many pairs only `looked_at_count` of them, spread
    evenly, were looked at, here and for promise dates, and the counts are of these.
    """

    destinations_count: int
    looked_at_count: int
    unreachable_fcs: Listed[str]
    unreachable: Listed[FcPair]
    reachable: Listed[FcPair]


class PromiseChange(FcPair):
    """The promise date of a package of the pair. `days` is how much later it is; negative: earlier."""

    before: date
    after: date
    days: int


class PromisesDifference(Model):
    """Promise dates of an order of one moment, from each FC to each other that both networks lead to.

    `pairs_count` are those to the destinations looked at (`ReachDifference`) whose path or times may differ; where they
    are too many, `compared_count` of them, spread evenly, were compared, and the counts are of these. `by_days` counts
    those that move, by days (later is positive).
    """

    pairs_count: int
    compared_count: int
    moved_count: int
    by_days: Mapping[int, int]
    worst: tuple[PromiseChange, ...]


class Difference(Model):
    """All that differs. `facilities_*` come to or leave the network; `tables` are the facilities whose table differs."""

    facilities_added: Listed[str]
    facilities_removed: Listed[str]
    pincodes: PincodesDifference
    tables: Listed[str]
    routes: Listed[RouteChange]
    hubs: HubsDifference
    reach: ReachDifference
    promises: PromisesDifference
    single_points_of_failure_added: Listed[str]
    single_points_of_failure_removed: Listed[str]
