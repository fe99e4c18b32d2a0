"""Fastest paths by land, under the hop limit.

A path may take at most `hop_limit` legs between hubs, so the fastest way to a place depends on the
legs one may still take. A search by land goes in layers: layer k holds what is reached in exactly k
legs and faster than with fewer. So the layers are the Pareto front of (legs, minutes), and only what
a layer improved is expanded.

A search reaches some hundred FCs whatever the network's size; there, plain Python is faster than
building a graph of layers for igraph.
"""

from .steps import Steps

Fronts = dict[str, list[int]]
"""To each FC, the labels of the ways there: every one has more legs and fewer minutes than the last."""


def land(steps: Steps, source: str) -> Fronts:
    """The ways to every FC in at most `hop_limit` legs, with only FCs in between."""
    to_fcs, layer = steps.to_fcs, steps.first[source]
    best = {source: -1}  # never improved: a way back to the source is no way
    best |= layer
    fronts = {fc: [label] for fc, label in layer.items()}
    for _ in range(steps.labels.hop_limit - 1):
        after: dict[str, int] = {}
        for fc, label in layer.items():
            for neighbour, step in to_fcs[fc]:
                reached = label + step
                if neighbour not in best or reached < best[neighbour]:
                    best[neighbour] = after[neighbour] = reached
        for fc, label in after.items():
            if fc in fronts:
                fronts[fc].append(label)
            else:
                fronts[fc] = [label]
        layer = after
    return fronts
