"""What people are told of a comparison: pincodes, tables, routes, hubs, reach, promise dates and single points of failure."""

from collections.abc import Iterator
from itertools import pairwise

from online_kart.domain.differences import (
    Difference,
    HubsChange,
    HubsDifference,
    HubsOfFc,
    PincodesChange,
    PincodesDifference,
    RouteChange,
    WayOfRoute,
    listed,
)
from online_kart.domain.errors import NotServed
from online_kart.domain.network import Network
from online_kart.domain.routes import RouteTable

from .comparison import Comparison, RowChange, WayRow
from .connections import Connections
from .pairs import pair_differences

LISTED_MAX = 50


def difference(comparison: Comparison, listed_max: int = LISTED_MAX) -> Difference:
    """All of it; lists name the first `listed_max`."""
    before, after = comparison.before.network, comparison.after.network
    points_before, points_after = (
        set(Connections(each).single_points()) for each in (before, after)
    )
    reach, promises = pair_differences(comparison, listed_max)
    return Difference(
        facilities_added=listed(sorted(after.by_code.keys() - before.by_code.keys()), listed_max),
        facilities_removed=listed(sorted(before.by_code.keys() - after.by_code.keys()), listed_max),
        pincodes=_pincodes_difference(before, after, listed_max),
        tables=listed(comparison.changed_tables, listed_max),
        routes=listed(map(_shown, comparison.rows), listed_max),
        hubs=_hubs_difference(comparison, listed_max),
        reach=reach,
        promises=promises,
        single_points_of_failure_added=listed(sorted(points_after - points_before), listed_max),
        single_points_of_failure_removed=listed(sorted(points_before - points_after), listed_max),
    )


def _shown(change: RowChange) -> RouteChange:
    return RouteChange(
        facility=change.facility,
        destination=change.destination,
        before=tuple(map(_shown_way, change.before)),
        after=tuple(map(_shown_way, change.after)),
    )


def _shown_way(row: WayRow) -> WayOfRoute:
    next_hop, mode, hops, minutes = row
    return WayOfRoute(next_hop=next_hop, mode=mode, hops=hops, minutes=minutes)


# -- hubs


def _hubs_difference(comparison: Comparison, listed_max: int) -> HubsDifference:
    changes = list(_hubs_changes(comparison))
    return HubsDifference(
        without_home_hub=listed(
            [each.fc_code for each in changes if each.before.home_hub and not each.after.home_hub],
            listed_max,
        ),
        without_gateway=listed(
            [each.fc_code for each in changes if each.before.gateway and not each.after.gateway],
            listed_max,
        ),
        changed=listed(changes, listed_max),
    )


def _hubs_changes(comparison: Comparison) -> Iterator[HubsChange]:
    changed = set(comparison.changed_tables)
    for code in comparison.common_fcs():
        if code in changed:
            before = _hubs_of(comparison.before.table_of(code))
            after = _hubs_of(comparison.after.table_of(code))
            if before != after:
                yield HubsChange(fc_code=code, before=before, after=after)


def _hubs_of(table: RouteTable) -> HubsOfFc:
    gateway = table.gateway(table.hop_limit)
    return HubsOfFc(home_hub=table.home_hub, gateway=gateway.hub if gateway else None)


# -- pincodes


def _pincodes_difference(before: Network, after: Network, listed_max: int) -> PincodesDifference:
    changes = list(pincodes_changes(before, after))
    lost = [each for each in changes if each.after is None]
    gained = [each for each in changes if each.before is None]
    total = sum(each.pincodes_count for each in changes)
    lost_count = sum(each.pincodes_count for each in lost)
    gained_count = sum(each.pincodes_count for each in gained)
    return PincodesDifference(
        lost_count=lost_count,
        moved_count=total - lost_count - gained_count,
        gained_count=gained_count,
        ranges=listed(changes, listed_max),
    )


def pincodes_changes(before: Network, after: Network) -> list[PincodesChange]:
    """The pincodes that another FC serves than before, in order; neighbours with the same answer are one."""
    edges = sorted(
        edge
        for one, other in ((before, after), (after, before))
        for first, last in _ranges_of_changed(one, other)
        for edge in (first, last + 1)
    )
    changes: list[PincodesChange] = []
    for first, beyond in pairwise(edges):
        was, will_be = _fc_or_none(before, first), _fc_or_none(after, first)
        if was == will_be or first == beyond:
            continue
        if changes and _goes_on(changes[-1], first, was, will_be):
            first = changes.pop().first
        changes.append(PincodesChange(first=first, last=beyond - 1, before=was, after=will_be))
    return changes


def _ranges_of_changed(network: Network, other: Network) -> Iterator[tuple[int, int]]:
    """The ranges of FCs that serve others in the other network."""
    for fc in network.fcs:
        known = other.by_code.get(fc.code)
        if known is None or known.pincode_ranges != fc.pincode_ranges:
            yield from fc.pincode_ranges


def _fc_or_none(network: Network, pincode: int) -> str | None:
    try:
        return network.fc_serving(pincode)
    except NotServed:
        return None


def _goes_on(change: PincodesChange, first: int, was: str | None, will_be: str | None) -> bool:
    return (change.last + 1, change.before, change.after) == (first, was, will_be)
