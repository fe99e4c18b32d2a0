"""What the tables of a network rest on: steps, gateways, home hubs, ways between hubs, pincodes.

After a change of the network it is made of what was there: only what the change can reach is found
anew. By land that is what lies within the hop limit of a leg that differs. It is seen from both
networks: what is gone was reached in the old one, what is new is reached in the new one.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from online_kart.domain.network import Network
from online_kart.domain.routes import Ranges, merged

from .air import Air, Flights, air, flights
from .changes import Difference
from .labels import Labels
from .nearest import Layers, gateways, homes, no_layers, without
from .steps import Moved, Steps

AtHome = dict[str, dict[str, int]]
"""For each hub that has any, the FCs at home there and the labels of the ways to them."""


class Reach(NamedTuple):
    """Whose tables a change may have reached.

    `fcs` and `hubs` may have other rows. Those of `named` have: they have a way by land to an FC that
    is new, gone, or serves other pincodes, or are one. At `homes` the pincodes of all FCs at home
    differ, which every hub that has a way to one of these names in one row.
    """

    named: frozenset[str]
    fcs: frozenset[str]
    hubs: frozenset[str]
    homes: frozenset[str]


@dataclass(frozen=True)
class Groundwork:
    """Never changed once it is made: routers of several networks share parts of it."""

    steps: Steps
    gateways: Layers
    homes: Layers
    at_home: AtHome
    ranges: dict[str, Ranges]
    hub_ranges: dict[str, Ranges]
    flights: Flights
    air: Air

    @classmethod
    def of(cls, network: Network, labels: Labels | None = None) -> "Groundwork":
        steps = Steps(network, labels or Labels(network.by_code, network.hop_limit))
        fcs = [code for code in steps.to_fcs if code in steps.from_any]
        home_layers = homes(steps, fcs, no_layers(network.hop_limit))
        at_home = _at_home(home_layers)
        ranges = {fc: merged(network.by_code[fc].pincode_ranges) for fc in fcs}
        between_hubs = flights(steps)
        return cls(
            steps=steps,
            gateways=gateways(steps, fcs, no_layers(network.hop_limit)),
            homes=home_layers,
            at_home=at_home,
            ranges=ranges,
            hub_ranges={hub: _served(at_home, ranges, hub) for hub in at_home},
            flights=between_hubs,
            air=air(between_hubs),
        )

    def home(self, fc: str) -> str | None:
        """The hub nearest to the FC, None where no hub reaches it."""
        way = self.homes[-1].get(fc)
        return way and way.hub

    def served_from(self, hub: str) -> Ranges:
        """The pincodes of all FCs at home at the hub."""
        return self.hub_ranges.get(hub, ())


def _at_home(home_layers: Layers) -> AtHome:
    at_home: AtHome = defaultdict(dict)
    for fc, (label, hub) in home_layers[-1].items():
        at_home[hub][fc] = label
    return dict(at_home)


def _served(at_home: AtHome, ranges: dict[str, Ranges], hub: str) -> Ranges:
    """The pincodes of all FCs at home at the hub."""
    return merged(each for fc in at_home.get(hub, ()) for each in ranges[fc])


def changed(
    old: Groundwork, network: Network, difference: Difference, labels: Labels
) -> tuple[Groundwork, Reach]:
    """The groundwork of another network with the same hop limit, and whom the change reaches.

    `labels` are the old ones with room made for the other network's codes.
    """
    steps, moved = old.steps.changed_to(network, labels, difference)
    legs = network.hop_limit - 1
    upstream = _upstream(old.steps, steps, moved.origins, legs)
    new_homes, moved_home = _homes(old, steps, moved, legs)
    ranges = _ranges(old, network, difference, steps)
    at_home = _at_home_after(old, new_homes, moved_home)
    served_else = _homes_of(old, new_homes, moved_home | difference.put | difference.gone)
    hub_ranges = old.hub_ranges | {hub: _served(at_home, ranges, hub) for hub in served_else}
    between_hubs = flights(steps)
    new = Groundwork(
        steps=steps,
        gateways=_gateways(old, steps, upstream),
        homes=new_homes,
        at_home=at_home,
        ranges=ranges,
        hub_ranges={hub: hub_ranges[hub] for hub in at_home},
        flights=between_hubs,
        air=old.air if between_hubs == old.flights else air(between_hubs),
    )
    else_named = {
        fc for fc in difference.put | difference.gone if old.ranges.get(fc) != ranges.get(fc)
    }
    named = _upstream(old.steps, steps, else_named, network.hop_limit)
    return new, Reach(
        named=frozenset(named & ranges.keys()),
        fcs=frozenset((upstream | moved_home) & ranges.keys() - named),
        hubs=frozenset(
            (served_else | moved.origins | difference.put | _flown(old, new)) & steps.hubs
        ),
        homes=frozenset(h for h in served_else if old.served_from(h) != new.served_from(h)),
    )


def _upstream(old: Steps, new: Steps, facilities: Iterable[str], legs: int) -> set[str]:
    """The FCs of either network from which one of these is reached in so many legs."""
    return old.upstream(facilities, legs) | new.upstream(facilities, legs)


def _gateways(old: Groundwork, steps: Steps, upstream: set[str]) -> Layers:
    others = without(old.gateways, upstream | (old.ranges.keys() - steps.from_any.keys()))
    return gateways(steps, upstream & steps.from_any.keys(), others)


def _homes(old: Groundwork, steps: Steps, moved: Moved, legs: int) -> tuple[Layers, set[str]]:
    """All ways home, and the FCs of either network whose last one differs."""
    fcs = steps.from_any.keys()
    reached = old.steps.downstream(moved.targets, legs) | steps.downstream(moved.targets, legs)
    reached |= old.ranges.keys() - fcs
    layers = homes(steps, reached & fcs, without(old.homes, reached))
    last, before = layers[-1], old.homes[-1]
    return layers, {fc for fc in reached if last.get(fc) != before.get(fc)}


def _ranges(
    old: Groundwork, network: Network, difference: Difference, steps: Steps
) -> dict[str, Ranges]:
    put = {fc: merged(network.by_code[fc].pincode_ranges) for fc in difference.put - steps.hubs}
    gone = old.ranges.keys() - steps.from_any.keys()
    return {fc: ranges for fc, ranges in (old.ranges | put).items() if fc not in gone}


def _at_home_after(old: Groundwork, home_layers: Layers, moved_home: set[str]) -> AtHome:
    at_home = dict(old.at_home)
    for hub in _homes_of(old, home_layers, moved_home):
        at_home[hub] = {
            fc: label for fc, label in at_home.get(hub, {}).items() if fc not in moved_home
        }
    for fc in moved_home & home_layers[-1].keys():
        label, hub = home_layers[-1][fc]
        at_home[hub][fc] = label
    return {hub: fcs for hub, fcs in at_home.items() if fcs}


def _homes_of(old: Groundwork, home_layers: Layers, fcs: Iterable[str]) -> set[str]:
    """The hubs where these FCs were at home, or are now."""
    ways = [layer.get(fc) for layer in (old.homes[-1], home_layers[-1]) for fc in fcs]
    return {way.hub for way in ways if way}


def _flown(old: Groundwork, new: Groundwork) -> set[str]:
    """The hubs whose ways to other hubs differ."""
    if new.air is old.air:
        return set()
    return {hub for hub, ways in new.air.items() if ways != old.air.get(hub)}
