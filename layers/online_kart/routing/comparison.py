"""What differs between two networks and the route tables made of them.

Both the dry run of a change (the network as it is, and as it would be) and the comparison of two versions that were in
force are this one function: what a dry run says is what its versions show. Tables are compared row by row, and only
those that may differ. What that means to pairs of FCs is in `pairs`, and what people are told of it in `differences`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import NamedTuple, Protocol

from online_kart.domain.network import LegKey, Mode, Network
from online_kart.domain.routes import RouteTable

from .forwarding import TableOf

WayRow = tuple[str, Mode, int, int]
"""Next hop, the mode of the leg there, hops, minutes: a WayOfRoute that costs nothing to make."""

Rows = Mapping[str, Sequence[WayRow]]
"""A table's ways to each destination: FCs by land, hubs, and by default."""

NO_ROWS: Rows = {}


class Times(Protocol):
    """When packages of an order pass a network's facilities. Each answer depends on its arguments alone."""

    def ready_at(self, origin: str) -> datetime:
        """When the FC has handled the order."""

    def onward(self, leg: LegKey, ready_at: datetime) -> datetime:
        """When the leg's destination has handled what was ready for the leg then."""

    def promise_date(self, destination: str, ready_at: datetime) -> date:
        """Of what the last FC has handled then."""


class Planned(NamedTuple):
    """A network, the tables made of it, and the times of an order of the moment that is asked about."""

    network: Network
    table_of: TableOf
    times: Times

    @property
    def fc_codes(self) -> list[str]:
        return [fc.code for fc in self.network.fcs]

    def table(self, code: str) -> RouteTable | None:
        """None where the facility is not in the network."""
        return self.table_of(code) if code in self.network.by_code else None


class RowChange(NamedTuple):
    """The ways from a facility to a destination, before and after; empty where there were none."""

    facility: str
    destination: str
    before: Sequence[WayRow]
    after: Sequence[WayRow]


class Comparison:
    """Two networks side by side. `codes` are the facilities whose tables may differ: all others are equal."""

    def __init__(self, before: Planned, after: Planned, codes: Collection[str]) -> None:
        self.before, self.after = before, after
        self._codes = sorted(codes)

    @cached_property
    def changed_tables(self) -> list[str]:
        """Facilities whose table differs, or is in one of the two only."""
        return [c for c in self._codes if self.before.table(c) != self.after.table(c)]

    @cached_property
    def rows(self) -> list[RowChange]:
        """Every destination to which a facility's ways differ."""
        return [change for code in self.changed_tables for change in self._row_changes(code)]

    def _row_changes(self, code: str) -> Iterator[RowChange]:
        before, after = _rows(self.before.table(code)), _rows(self.after.table(code))
        for destination in sorted(before.keys() | after.keys()):
            old, new = before.get(destination, ()), after.get(destination, ())
            if old != new:
                yield RowChange(code, destination, old, new)

    def common_fcs(self) -> list[str]:
        """FCs of both networks, by code."""
        after = set(self.after.fc_codes)
        return [code for code in self.before.fc_codes if code in after]


def _rows(table: RouteTable | None) -> Rows:
    if table is None:
        return NO_ROWS
    mode_of = {leg.next_hop: leg.mode for leg in table.next_legs}
    rows: dict[str, list[WayRow]] = {
        route.destination: [
            (way.next_hop, mode_of[way.next_hop], way.hops, way.minutes) for way in route.ways
        ]
        for routes in (table.routes, table.hub_routes)
        for route in routes
    }
    for hub, next_hop, hops, minutes in table.default_routes:
        rows.setdefault(hub, []).append((next_hop, mode_of[next_hop], hops, minutes))
    return rows
