"""The naive way: every pair by a plain shortest path over the hop-expanded graph, in three libraries.

A node is a facility and the legs taken since the last hub; a leg leads to the copy of its
destination with one leg more, and into a hub to the copy with none. What such a search finds is the
fastest path that the hop limit allows, over any hubs. ROUTING.md's rule (one gateway, the home hub)
can't be faster and may be slower; what it buys is tables. By land, with all hubs left out, both must
agree to the minute.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from online_kart.domain.network import Network

Node = tuple[str, int]
Minutes = dict[str, int]
"""To each FC that is reached, the minutes of the fastest path there."""


class Edge(NamedTuple):
    origin: Node
    destination: Node
    minutes: int


def hop_expanded(network: Network, by_land: bool) -> Iterator[Edge]:
    for leg in network.legs:
        from_hub = network.by_code[leg.origin].is_hub
        to_hub = network.by_code[leg.destination].is_hub
        if by_land and (from_hub or to_hub):
            continue
        for hops in range(1 if from_hub else network.hop_limit):
            to = (leg.destination, 0 if to_hub else hops + 1)
            yield Edge((leg.origin, hops), to, network.cost_minutes(leg))


Search = Callable[[str], Mapping[Node, float]]
"""From an FC to all nodes that are reached."""


def with_networkx(edges: Iterator[Edge], nodes: list[Node]) -> Search:
    import networkx

    graph = networkx.DiGraph()
    graph.add_nodes_from(nodes)
    for origin, destination, minutes in _lightest(edges):
        graph.add_edge(origin, destination, weight=minutes)

    def search(source: str) -> Mapping[Node, float]:
        lengths: dict[Node, float] = networkx.single_source_dijkstra_path_length(graph, (source, 0))
        return lengths

    return search


def with_rustworkx(edges: Iterator[Edge], nodes: list[Node]) -> Search:
    import rustworkx

    graph: Any = rustworkx.PyDiGraph()
    index_of = dict(zip(nodes, graph.add_nodes_from(nodes), strict=True))
    graph.add_edges_from(
        [(index_of[origin], index_of[to], float(minutes)) for origin, to, minutes in edges]
    )

    def search(source: str) -> Mapping[Node, float]:
        lengths = rustworkx.digraph_dijkstra_shortest_path_lengths(
            graph, index_of[source, 0], float
        )
        return {nodes[index]: minutes for index, minutes in lengths.items()}

    return search


def with_igraph(edges: Iterator[Edge], nodes: list[Node]) -> Search:
    import igraph

    index_of = {node: index for index, node in enumerate(nodes)}
    listed = list(edges)
    graph = igraph.Graph(
        n=len(nodes),
        edges=[(index_of[edge.origin], index_of[edge.destination]) for edge in listed],
        directed=True,
    )
    minutes = [edge.minutes for edge in listed]

    def search(source: str) -> Mapping[Node, float]:
        [lengths] = graph.distances(source=[index_of[source, 0]], weights=minutes)
        return {
            node: length
            for node, length in zip(nodes, lengths, strict=True)
            if length != float("inf")
        }

    return search


def _lightest(edges: Iterator[Edge]) -> Iterator[Edge]:
    """A graph without parallel edges keeps the last of them, so we give it the lightest alone."""
    lightest: dict[tuple[Node, Node], int] = {}
    for origin, to, minutes in edges:
        lightest[origin, to] = min(minutes, lightest.get((origin, to), minutes))
    return (Edge(origin, to, minutes) for (origin, to), minutes in lightest.items())


LIBRARIES: dict[str, Callable[[Iterator[Edge], list[Node]], Search]] = {
    "igraph": with_igraph,
    "rustworkx": with_rustworkx,
    "networkx": with_networkx,
}


def nodes_of(network: Network) -> list[Node]:
    return [
        (facility.code, hops)
        for facility in network.facilities
        for hops in range(1 if facility.is_hub else network.hop_limit + 1)
    ]


def to_fcs(lengths: Mapping[Node, float], network: Network, source: str) -> Minutes:
    """Of all copies of an FC, the one reached first."""
    minutes: Minutes = {}
    for (code, _), length in lengths.items():
        if code != source and not network.by_code[code].is_hub:
            minutes[code] = min(round(length), minutes.get(code, round(length)))
    return minutes
