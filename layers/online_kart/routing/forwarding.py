"""Following route tables from facility to facility (ROUTING.md, "Forwarding").

At each facility the table there decides, with the budget the package has left: the fastest row
within the budget, or the default route within the budget and on from its hub. The package goes to
the next hop with one leg less, or with a full budget where that is a hub.

No facility promises what the next does not keep: the rest of the best way is the next facility's
best way, or it knows a better one. So the pair (minutes left, legs left) falls with every leg,
whichever way is taken, and a package neither loops nor arrives later than the first table said.
"""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from online_kart.domain.errors import NoRoute
from online_kart.domain.routes import PlannedLeg, PlannedPath, RouteTable

PATH_LEGS_MAX = 10_000
"""Tables of one version never loop. Those of two, mixed by mistake, could."""

TableOf = Callable[[str], RouteTable]
"""The table of a facility, in one version. Called often: it should remember what it read."""


class Choice(NamedTuple):
    """The whole way a facility chooses; the fields are in the order in which ways compare.

    `hub` is the gateway of a way by hub, and empty of a way by land.
    """

    minutes: int
    hops: int
    next_hop: str
    hub: str


class Forwarding:
    """Ways to one FC, over the tables of one version. Remembers its choices."""

    def __init__(self, table_of: TableOf, destination: str) -> None:
        self._table_of = table_of
        self._destination = destination
        self._home_hub = table_of(destination).home_hub
        self._choices: dict[tuple[str, int], Choice | None] = {}

    def choice(self, at: str, budget: int) -> Choice | None:
        """What the facility does with a package of this budget, None when it knows no way."""
        key = (at, budget)
        if key not in self._choices:
            self._choices[key] = self._better(self._table_of(at), budget)
        return self._choices[key]

    def ways(self, at: str, budget: int) -> list[Choice]:
        """What the facility chooses from, by land and by hub: the best first, which is the choice."""
        table = self._table_of(at)
        by_hub = self._from_hub(table) if table.is_hub else self._by_hub(table, budget)
        by_land = None if table.is_hub else self._by_land(table, budget)
        return sorted(way for way in (by_land, by_hub) if way)

    def path(self, origin: str, budget: int | None = None) -> PlannedPath | None:
        """The path from a facility, None when there is none. At a hub the budget is always full."""
        table = self._table_of(origin)
        left = table.hop_limit if budget is None or table.is_hub else budget
        facilities, budgets = [origin], [left]
        legs: list[PlannedLeg] = []
        while table.facility != self._destination:
            choice = self.choice(table.facility, left)
            if choice is None:
                return None
            assert len(legs) < PATH_LEGS_MAX, f"The tables from {origin} lead in a loop."
            leg = table.leg_to(choice.next_hop)
            legs.append(PlannedLeg(table.facility, leg.next_hop, leg.mode, leg.minutes))
            table = self._table_of(choice.next_hop)
            left = table.hop_limit if table.is_hub else left - 1
            facilities.append(table.facility)
            budgets.append(left)
        return PlannedPath(tuple(facilities), tuple(legs), tuple(budgets))

    def _better(self, table: RouteTable, budget: int) -> Choice | None:
        if table.is_hub:
            return self._from_hub(table)
        by_land, by_hub = self._by_land(table, budget), self._by_hub(table, budget)
        return min(by_land, by_hub) if by_land and by_hub else by_land or by_hub

    def _by_land(self, table: RouteTable, budget: int) -> Choice | None:
        route = table.to_fc(self._destination)
        way = route and route.fastest(budget)
        return Choice(way.minutes, way.hops, way.next_hop, "") if way else None

    def _by_hub(self, table: RouteTable, budget: int) -> Choice | None:
        gateway = table.gateway(budget)
        onward = gateway and self._from_hub(self._table_of(gateway.hub))
        if not gateway or not onward:
            return None
        minutes, hops = gateway.minutes + onward.minutes, gateway.hops + onward.hops
        return Choice(minutes, hops, gateway.next_hop, gateway.hub)

    def _from_hub(self, hub: RouteTable) -> Choice | None:
        """The one way from a hub, if there is any: through the destination's home hub."""
        last = self._from_home
        if last is None or hub.facility == self._home_hub:
            return last
        to_home = hub.to_hub(self._home_hub) if self._home_hub else None
        if to_home is None:
            return None
        first = to_home.ways[0]
        return Choice(first.minutes + last.minutes, first.hops + last.hops, first.next_hop, "")

    @cached_property
    def _from_home(self) -> Choice | None:
        """The way from the destination's home hub, None where it has none. Read when first needed."""
        if self._home_hub is None:
            return None
        route = self._table_of(self._home_hub).to_fc(self._destination)
        assert route is not None, f"{self._home_hub} has no route to {self._destination}."
        way = route.ways[0]
        return Choice(way.minutes, way.hops, way.next_hop, "")


def path_to(
    table_of: TableOf, origin: str, destination: str, budget: int | None = None
) -> PlannedPath | None:
    """The path from any facility to an FC, None when there is none.

    `budget` is what a package under way has left; without it, the hop limit of the tables.
    """
    return Forwarding(table_of, destination).path(origin, budget)


def trace_path(
    table_of: TableOf, origin: str, pincode: int, budget: int | None = None
) -> PlannedPath:
    """The path from any facility to the FC that serves the pincode, as the tables know it.

    Raises NoRoute. That no FC serves a pincode is not for tables to know: the caller asks first.
    """
    destination = _fc_for(table_of, table_of(origin), pincode)
    path = destination and path_to(table_of, origin, destination, budget)
    if not path:
        raise NoRoute(origin, pincode)
    return path


def _fc_for(table_of: TableOf, table: RouteTable, pincode: int) -> str | None:
    """The FC whose row holds the pincode: here, at a hub of the default routes, or at its home hub.

    None when none of them has such a row.
    """
    found = table.facility_for(pincode)
    for way in () if found else table.default_routes:
        found = found or table_of(way.hub).facility_for(pincode)
    if found and found != table.facility and table_of(found).is_hub:
        return table_of(found).facility_for(pincode)
    return found
