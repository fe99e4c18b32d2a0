"""Where a network hangs by a thread: facilities and connections without which a part of it is cut off.

The network is looked at as an undirected graph of its open facilities: a *connection* joins two of them when there is a
leg, of any mode, in any direction. A facility without which others can't be reached is an articulation point, a
connection a bridge; both are *single points of failure*. Packages may be held up earlier than that: legs have a
direction, and paths a hop limit.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from online_kart.domain.network import Network

if TYPE_CHECKING:
    from igraph import Graph

Connection = tuple[str, str]
"""Two facilities, the smaller code first."""


class Connections:
    """The undirected graph of a network."""

    def __init__(self, network: Network) -> None:
        self._codes = sorted(network.by_code)
        self._place_of = {code: place for place, code in enumerate(self._codes)}
        self._joined = sorted({connection(leg.origin, leg.destination) for leg in network.legs})

    def single_points(self) -> list[str]:
        """Facilities without which others are cut off from each other, by code."""
        return sorted(self._codes[place] for place in self._graph.articulation_points())

    def bridges(self) -> list[Connection]:
        """Connections without which facilities are cut off from each other, in order."""
        return sorted(self._joined[place] for place in self._graph.bridges())

    def cut_off_without(self, code: str) -> list[str]:
        """What is no longer joined to the larger rest, were the facility gone. None where that changes nothing."""
        graph = self._graph.copy()
        neighbours = graph.neighbors(self._place_of[code])
        graph.delete_edges(graph.incident(self._place_of[code]))
        return self._smaller_parts(graph, neighbours)

    def cut_off_without_connection(self, between: Connection) -> list[str]:
        """What is no longer joined to the larger rest, were no leg left between the two."""
        graph = self._graph.copy()
        ends = [self._place_of[code] for code in between]
        graph.delete_edges([tuple(ends)])
        return self._smaller_parts(graph, ends)

    def _smaller_parts(self, graph: "Graph", ends: list[int]) -> list[str]:
        """All of the parts that hold the ends, but for the largest; of equals, that of the first code."""
        part_of = graph.connected_components().membership
        parts = {part_of[end] for end in ends}
        members = [[p for p, of in enumerate(part_of) if of == part] for part in sorted(parts)]
        members.sort(key=lambda places: (-len(places), places))
        return sorted(self._codes[place] for places in members[1:] for place in places)

    @cached_property
    def _graph(self) -> "Graph":
        import igraph  # 42 ms: only where it is needed

        edges = [(self._place_of[one], self._place_of[other]) for one, other in self._joined]
        return igraph.Graph(n=len(self._codes), edges=edges)


def connection(one: str, other: str) -> Connection:
    return min(one, other), max(one, other)
