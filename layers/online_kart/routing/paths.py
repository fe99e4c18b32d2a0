"""Fastest paths by land, under the hop limit.

A path may take at most `hop_limit` legs between hubs, so the fastest way to a place depends on the
legs one may still take. A search by land goes in layers: layer k holds what is reached in exactly k
legs and faster than with fewer. So the layers are the Pareto front of (legs, minutes), and only what
a layer improved is expanded.

A search reaches some hundred FCs whatever the network's size; there, plain Python is faster than
building a graph of layers for igraph.
"""

from typing import NamedTuple

from .steps import Steps


class Land(NamedTuple):
    """The ways by land from one facility: labels, by FC.

    `fastest` has the fastest way to every FC that is reached. To most there is no other. To the rest
    `shorter` has those with fewer legs and more minutes, fewest legs first.
    """

    fastest: dict[str, int]
    shorter: dict[str, list[int]]

    def to(self, fc: str) -> list[int]:
        """The Pareto front of (legs, minutes), fewest legs first; empty where the FC isn't reached."""
        return [*self.shorter.get(fc, ()), self.fastest[fc]] if fc in self.fastest else []


def land(steps: Steps, source: str) -> Land:
    """The ways to every FC in at most `hop_limit` legs, with only FCs in between."""
    to_fcs, layer = steps.to_fcs, steps.first[source]
    fastest = dict(layer)
    shorter: dict[str, list[int]] = {}
    best = {source: -1} | layer  # the source is never improved: a way back to it is no way
    for _ in range(steps.labels.hop_limit - 1):
        after: dict[str, int] = {}
        for fc, label in layer.items():
            for neighbour, step in to_fcs[fc].items():
                reached = label + step
                if neighbour not in best or reached < best[neighbour]:
                    best[neighbour] = after[neighbour] = reached
        for fc in after.keys() & fastest.keys():
            shorter.setdefault(fc, []).append(fastest[fc])
        fastest |= after
        layer = after
    return Land(fastest, shorter)
