"""What a network can't do: pairs with no route, FCs with no hub, pincodes nobody serves, legs nobody takes.

Counted without looking at every pair: an FC reaches what its gateway's hub reaches, which is the
same for all FCs of that gateway, and what it reaches by land, which is little.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain, islice, pairwise
from typing import Protocol

from online_kart.domain.base import Model
from online_kart.domain.differences import Listed, listed
from online_kart.domain.errors import NotServed
from online_kart.domain.network import LegKey, Network
from online_kart.domain.routes import Ranges, RouteTable, merged

from .connections import Connection, Connections

LISTED_MAX = 100
"""Of each list, what is named; the counts are of all."""


class Tabled(Protocol):
    """A network and its route tables: a router, or what was stored."""

    @property
    def network(self) -> Network: ...

    def table(self, code: str) -> RouteTable: ...


class Health(Model):
    """Every list holds the first LISTED_MAX; the counts say how many there are.

    An FC without gateway reaches no hub within the hop limit; one without home hub, no hub reaches. `pincode_gaps` are
    those between the first and the last pincode that is served. An unused leg is one that no route table names: in as
    few legs another way is faster wherever it could lead, so no path takes it. `single_points_of_failure` are facilities,
    `bridges` connections (any leg between two facilities) without which a part of the network is cut off.
    """

    fcs: int
    hubs: int
    unreachable_pairs: int
    unreachable: tuple[tuple[str, str], ...]
    fcs_without_gateway_count: int
    fcs_without_gateway: tuple[str, ...]
    fcs_without_home_hub_count: int
    fcs_without_home_hub: tuple[str, ...]
    unserved_count: int
    unserved_pincodes: tuple[int, ...]
    pincode_gaps: Listed[tuple[int, int]]
    unused_legs: Listed[LegKey]
    single_points_of_failure: Listed[str]
    bridges: Listed[Connection]


def health(tabled: Tabled, pincodes: Iterable[int] = ()) -> Health:
    """The report of ROUTING.md, "What is fastest". `pincodes` are those that should be served."""
    network = tabled.network
    reach = _Reach(tabled)
    connections = Connections(network)
    unserved = [pincode for pincode in pincodes if not _is_served(network, pincode)]
    no_gateway = [table.facility for table in reach.tables if not table.default_routes]
    no_home_hub = [table.facility for table in reach.tables if table.home_hub is None]
    return Health(
        fcs=len(network.fcs),
        hubs=len(network.hubs),
        unreachable_pairs=sum(reach.unreachable_count(table) for table in reach.tables),
        unreachable=tuple(islice(reach.unreachable_pairs(), LISTED_MAX)),
        fcs_without_gateway_count=len(no_gateway),
        fcs_without_gateway=tuple(no_gateway[:LISTED_MAX]),
        fcs_without_home_hub_count=len(no_home_hub),
        fcs_without_home_hub=tuple(no_home_hub[:LISTED_MAX]),
        unserved_count=len(unserved),
        unserved_pincodes=tuple(unserved[:LISTED_MAX]),
        pincode_gaps=listed(_gaps(network), LISTED_MAX),
        unused_legs=listed(_unused_legs(tabled), LISTED_MAX),
        single_points_of_failure=listed(connections.single_points(), LISTED_MAX),
        bridges=listed(connections.bridges(), LISTED_MAX),
    )


def _gaps(network: Network) -> Ranges:
    """The pincodes that nobody serves, between the first and the last that somebody does."""
    served = merged(chain.from_iterable(fc.pincode_ranges for fc in network.fcs))
    return tuple((before[1] + 1, after[0] - 1) for before, after in pairwise(served))


def _unused_legs(tabled: Tabled) -> list[LegKey]:
    used = {
        LegKey(code, leg.next_hop, leg.mode)
        for code in tabled.network.by_code
        for leg in tabled.table(code).next_legs
    }
    return sorted(tabled.network.by_key.keys() - used)


def _is_served(network: Network, pincode: int) -> bool:
    try:
        network.fc_serving(pincode)
    except NotServed:
        return False
    return True


class _Reach:
    """Which FCs are reached from where, with a full budget."""

    def __init__(self, tabled: Tabled) -> None:
        self.tables = [tabled.table(fc.code) for fc in tabled.network.fcs]
        self._home_of = {table.facility: table.home_hub for table in self.tables}
        self._at_home = Counter(home for home in self._home_of.values() if home)
        self._hubs_from: dict[str | None, set[str]] = defaultdict(set)
        for hub in tabled.network.hubs:
            to_hubs = tabled.table(hub.code).hub_routes
            self._hubs_from[hub.code] = {hub.code, *(route.destination for route in to_hubs)}

    def unreachable_count(self, table: RouteTable) -> int:
        hubs = self._hubs_by(table)
        by_hub = sum(self._at_home[hub] for hub in hubs) - (self._home_of[table.facility] in hubs)
        by_land = sum(self._home_of[route.destination] not in hubs for route in table.routes)
        return len(self.tables) - 1 - by_hub - by_land

    def unreachable_pairs(self) -> Iterator[tuple[str, str]]:
        for table in self.tables:
            if self.unreachable_count(table):
                yield from self._unreachable_from(table)

    def _unreachable_from(self, table: RouteTable) -> Iterator[tuple[str, str]]:
        hubs = self._hubs_by(table)
        for fc, home in self._home_of.items():
            if home not in hubs and fc != table.facility and table.to_fc(fc) is None:
                yield table.facility, fc

    def _hubs_by(self, table: RouteTable) -> set[str]:
        """The hubs that the gateway reaches, itself among them."""
        gateway = table.gateway(table.hop_limit)
        return self._hubs_from[gateway.hub] if gateway else set()
