"""The hub nearest to an FC: its gateway for each budget, and its home hub (ROUTING.md).

Both are searches in layers. Layer k holds, for each FC, the best way in at most k legs: a leg to or
from a hub, or the best that a neighbour has in k - 1 legs, and the leg between.

**Ties between hubs.** A hub is preferred by (minutes, legs, code of the next hop, code of the hub).
A neighbour offers one way for each budget: its own. So a way to a gateway through a neighbour leads
to the neighbour's gateway; were it to name another hub, as near but with a smaller code, the
neighbour would forward elsewhere, and a table would promise what the next one does not keep.

After a change, the layers of the FCs that it can reach are made anew over those of all others.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from .steps import Steps

ALL_BITS = -1


class ByHub(NamedTuple):
    """A way between an FC and a hub: its label and the hub. The smaller one is the better."""

    label: int
    hub: str


NO_WAY = ByHub(1 << 128, "")  # slower than any

Layers = tuple[dict[str, ByHub], ...]
"""The first for one leg, the last for as many as the hop limit."""


def no_layers(hop_limit: int) -> Layers:
    return tuple({} for _ in range(hop_limit))


def gateways(steps: Steps, fcs: Collection[str], others: Layers) -> Layers:
    """For each budget, the ways of these FCs to a hub; `others` has those of all the others.

    A label names the next hop from the FC, so a neighbour's label changes its key by the leg there.
    """
    search = _Search(
        direct={fc: _leg_to_hub(steps, fc) for fc in fcs},
        adjacent=steps.first,
        kept_bits=~steps.labels.key_mask,
    )
    return search.over(others)


def homes(steps: Steps, fcs: Collection[str], others: Layers) -> Layers:
    """For each number of legs, the ways from a hub to these FCs. The last layer names home hubs.

    A label names the next hop from the hub, so it stays whatever legs are added at its end.
    """
    search = _Search(
        direct={fc: _leg_from_hub(steps, fc) for fc in fcs},
        adjacent=steps.from_any,
        kept_bits=ALL_BITS,
    )
    return search.over(others)


def front(layers: Layers, fc: str) -> list[ByHub]:
    """The ways that are better than all with fewer legs, fewest legs first."""
    ways: list[ByHub] = []
    for layer in layers:
        way = layer.get(fc)
        if way is not None and (not ways or way != ways[-1]):
            ways.append(way)
    return ways


def without(layers: Layers, gone: Iterable[str]) -> Layers:
    """A copy to write to."""
    copies = tuple(dict(layer) for layer in layers)
    for fc in gone:
        for layer in copies:
            layer.pop(fc, None)
    return copies


class _Search(NamedTuple):
    """`kept_bits` of a neighbour's label are added to what `adjacent` says of the leg between."""

    direct: dict[str, ByHub | None]
    adjacent: dict[str, dict[str, int]]
    kept_bits: int

    def over(self, others: Layers) -> Layers:
        before: dict[str, ByHub] = {}
        for layer in others:
            for fc, way in self.direct.items():
                best = self._better(fc, before.get(fc, way), before) if before else way
                if best is not None:
                    layer[fc] = best
            before = layer
        return others

    def _better(self, fc: str, way: ByHub | None, before: dict[str, ByHub]) -> ByHub | None:
        """The best of the way known so far and those of the neighbours. Run for every leg there is."""
        known_so_far = way or NO_WAY
        label, hub = known_so_far
        kept_bits = self.kept_bits
        for neighbour, step in self.adjacent[fc].items():
            if neighbour in before:
                known, known_hub = before[neighbour]
                offered = (known & kept_bits) + step
                if offered < label or (offered == label and known_hub < hub):
                    label, hub = offered, known_hub
        return way if (label, hub) == known_so_far else ByHub(label, hub)


def _leg_to_hub(steps: Steps, fc: str) -> ByHub | None:
    labels, hubs = steps.labels, steps.hubs
    return min(
        (
            ByHub(labels.step(minutes) + labels.key_of[to], to)
            for to, (minutes, _) in steps.cheapest[fc].items()
            if to in hubs
        ),
        default=None,
    )


def _leg_from_hub(steps: Steps, fc: str) -> ByHub | None:
    key = steps.labels.key_of[fc]
    from_any = steps.from_any[fc].items()
    return min(
        (ByHub(step + key, hub) for hub, step in from_any if hub in steps.hubs), default=None
    )
