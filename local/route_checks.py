"""Invariants of the routes: the tables in force (8), the pincodes they serve (9), and the paths of packages (10)."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from uuid import UUID

from online_kart.documents import package_paths
from online_kart.documents.collection import in_groups
from online_kart.domain.network import LegKey, Network
from online_kart.domain.package_paths import PackagePath
from online_kart.domain.routes import RouteTable, merged
from online_kart.routing.forwarding import Forwarding
from online_kart.routing.tables import Router

from .reading import Broken, Finding, Reading

AT_ITS_END = frozenset({"delivered", "returned", "cancelled", "lost"})
PATHS_AT_ONCE = 100


# -- 8: route tables


def walks(reading: Reading) -> Finding:
    """8: each facility has its table, as a full build makes it; and from every FC to every FC, table by table."""
    tables, network = reading.tables, reading.network
    broken = [(code, "its table is lost") for code in reading.lost_tables]
    broken += _wrong_tables(reading)
    fcs = [code for code, table in sorted(tables.items()) if not table.is_hub]
    for destination in fcs:
        way = _Walk(tables, network, destination)
        broken += [wrong for origin in fcs for wrong in way.from_(origin)]
    return f"{len(tables)} tables, {len(fcs) ** 2} pairs walked", broken


def _wrong_tables(reading: Reading) -> Iterator[tuple[str, str]]:
    """A change that is told of is built: at rest the tables are those of the network as it is."""
    network, known = reading.network, reading.manifest.tables.keys()
    for facility in network.facilities:
        if facility.code not in known:
            yield facility.code, "it is open and has no table"
    for code in sorted(known - network.by_code.keys()):
        yield code, "it has a table and is not open"
    for table in Router(network).tables():
        ours = reading.tables.get(table.facility)
        if ours is not None and ours != table:
            yield table.facility, "its table is not what a full build makes"


class _Walk:
    """Ways to one FC, walked by the tables, judged by the network."""

    def __init__(self, tables: dict[str, RouteTable], network: Network, destination: str) -> None:
        self._tables, self._network, self._destination = tables, network, destination
        self._forwarding = Forwarding(tables.__getitem__, destination)

    def from_(self, origin: str) -> Iterator[tuple[str, str]]:
        """What is wrong with the way. Nothing where no way is promised."""
        key = f"{origin} to {self._destination}"
        try:
            wrong = self._wrong(origin)
        except (KeyError, AssertionError) as error:
            wrong = f"the tables on the way don't fit together: {error!r}"
        if wrong:
            yield key, wrong

    def _wrong(self, origin: str) -> str | None:
        """KeyError, or AssertionError, where a table leads to one that doesn't know the way on."""
        promised = self._forwarding.choice(origin, self._network.hop_limit)
        if origin == self._destination or promised is None:
            return None
        passed, from_hub, minutes, left = [origin], 0, 0, self._network.hop_limit
        while (here := passed[-1]) != self._destination:
            choice = self._forwarding.choice(here, left)
            if choice is None:
                return f"promised, but the way ends with {left} legs left: {passed}"
            cost = self._cost(here, choice.next_hop)
            if cost is None:
                return f"no leg from {here} to {choice.next_hop}"
            minutes += cost
            is_hub = self._network.by_code[choice.next_hop].is_hub
            left = self._network.hop_limit if is_hub else left - 1
            # An FC may be passed again where a hub lay between, which gave the legs to go on.
            if choice.next_hop in passed[0 if is_hub else from_hub :]:
                return f"a facility twice: {[*passed, choice.next_hop]}"
            from_hub = len(passed) if is_hub else from_hub
            passed.append(choice.next_hop)
        if minutes > promised.minutes:
            return f"{minutes} minutes, {promised.minutes} promised: {passed}"
        return None

    def _cost(self, origin: str, next_hop: str) -> int | None:
        """Of the leg that the table names, as the network has it. None where it has none."""
        mode = self._tables[origin].leg_to(next_hop).mode
        leg = self._network.by_key.get(LegKey(origin, next_hop, mode))
        return self._network.cost_minutes(leg) if leg else None


# -- 9: pincodes


def pincodes(reading: Reading) -> Finding:
    """9: what each FC's own table says it serves is what the database says, sorted and disjoint."""
    own = {code: table.own_ranges for code, table in sorted(reading.tables.items())}
    broken: Broken = [
        (fc.code, "table and database disagree on its pincodes")
        for fc in reading.network.fcs
        if own.get(fc.code, ()) != merged(fc.pincode_ranges)
    ]
    everywhere = sorted(
        (first, last, code) for code, ranges in own.items() for first, last in ranges
    )
    for (_, last, code), (first, _, other) in pairwise(everywhere):
        if first <= last:
            broken.append((f"{first}", f"served by {code} and {other}"))
    return f"{len(everywhere)} ranges in tables and database", broken


# -- 10: paths


def paths(reading: Reading) -> Finding:
    """10: a package's path (D3) says what its row says; what is still ahead of it exists."""
    rows = reading.inventory.execute(
        "SELECT package_id, status, version, path_revision, at_facility FROM packages"
    ).fetchall()
    path_of = _paths(reading, [row[0] for row in rows])
    gone = _Gone(reading)
    broken: Broken = []
    for package_id, *row in rows:
        path = path_of.get(package_id)
        if path is None:
            broken.append((f"package {package_id}", "has no path"))
            continue
        wrong = [*_not_as_its_row(path, *row)]
        if path.status not in AT_ITS_END:
            wrong += gone.ahead_of(path)
        broken += [(f"package {package_id}", detail) for detail in wrong]
    under_way = sum(row[1] not in AT_ITS_END for row in rows)
    return f"paths of {len(rows)} packages, {under_way} of them under way", broken


def _paths(reading: Reading, package_ids: list[UUID]) -> dict[UUID, PackagePath]:
    return {
        path.package_id: path
        for some in in_groups(package_ids, PATHS_AT_ONCE)
        for path in package_paths.by_ids(reading.documents, some)
    }


def _not_as_its_row(
    path: PackagePath, status: str, version: int, revision: int, at_facility: str | None
) -> Iterator[str]:
    """Its version may be behind: what changes neither path nor status isn't written there."""
    if (path.status, path.path_revision) != (status, revision) or path.version > version:
        yield (
            f"row {status}, version {version}, path {revision}; "
            f"D3 {path.status}, version {path.version}, path {path.path_revision}"
        )
    if status not in AT_ITS_END and at_facility not in (None, path.current_stop.facility):
        yield f"is at {at_facility}, and on its path at {path.current_stop.facility}"


class _Gone:
    """What of a path is no more. A draining facility is still there: packages leave it by its legs."""

    def __init__(self, reading: Reading) -> None:
        conn = reading.inventory
        facilities = conn.execute("SELECT code FROM facilities WHERE status <> 'closed'")
        legs = conn.execute("SELECT origin, destination, mode FROM legs")
        self._facilities = {row[0] for row in facilities}
        self._legs: set[tuple[Any, ...]] = set(legs)

    def ahead_of(self, path: PackagePath) -> Iterator[str]:
        """The leg of the current stop is its batch's: that one may have been closed before the leg went."""
        ahead = path.stops[path.current :]
        for stop in ahead:
            if stop.facility not in self._facilities:
                yield f"is to pass {stop.facility}, which is gone"
        for stop in ahead[1:]:
            if stop.leg and tuple(stop.leg.key) not in self._legs:
                yield f"is to go from {stop.facility} by a leg that is gone"
