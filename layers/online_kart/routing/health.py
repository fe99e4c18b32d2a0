"""What a network can't do: pairs with no route, FCs with no hub, pincodes nobody serves.

Counted without looking at every pair: an FC reaches what its gateway's hub reaches, which is the
same for all FCs of that gateway, and what it reaches by land, which is little.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from online_kart.domain.errors import NotServed
from online_kart.domain.network import Network
from online_kart.domain.routes import RouteTable

from .tables import Router

LISTED_MAX = 100
"""Pairs and pincodes that are named; the counts are of all."""


@dataclass(frozen=True)
class Health:
    """`unreachable` and `unserved_pincodes` list the first; the counts say how many there are.

    An FC without gateway reaches no hub within the hop limit; one without home hub, no hub reaches.
    """

    fcs: int
    hubs: int
    unreachable_pairs: int
    unreachable: tuple[tuple[str, str], ...]
    fcs_without_gateway: tuple[str, ...]
    fcs_without_home_hub: tuple[str, ...]
    unserved_count: int
    unserved_pincodes: tuple[int, ...]


def health(router: Router, pincodes: Iterable[int] = ()) -> Health:
    """The report of ROUTING.md, "What is fastest". `pincodes` are those that should be served."""
    network = router.network
    reach = _Reach(router)
    unserved = [pincode for pincode in pincodes if not _is_served(network, pincode)]
    return Health(
        fcs=len(network.fcs),
        hubs=len(network.hubs),
        unreachable_pairs=sum(reach.unreachable_count(table) for table in reach.tables),
        unreachable=tuple(islice(reach.unreachable_pairs(), LISTED_MAX)),
        fcs_without_gateway=tuple(t.facility for t in reach.tables if not t.default_routes),
        fcs_without_home_hub=tuple(t.facility for t in reach.tables if t.home_hub is None),
        unserved_count=len(unserved),
        unserved_pincodes=tuple(unserved[:LISTED_MAX]),
    )


def _is_served(network: Network, pincode: int) -> bool:
    try:
        network.fc_serving(pincode)
    except NotServed:
        return False
    return True


class _Reach:
    """Which FCs are reached from where, with a full budget."""

    def __init__(self, router: Router) -> None:
        self.tables = [router.table(fc.code) for fc in router.network.fcs]
        self._home_of = {table.facility: table.home_hub for table in self.tables}
        self._at_home = Counter(home for home in self._home_of.values() if home)
        self._hubs_from: dict[str | None, set[str]] = defaultdict(set)
        for hub in router.network.hubs:
            to_hubs = router.table(hub.code).hub_routes
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
