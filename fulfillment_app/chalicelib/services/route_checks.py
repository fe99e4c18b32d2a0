"""Invariants of the routes: the tables in force (8), the pincodes they serve (9), and the paths of packages (10).

Each check adds to the findings and answers what it looked at. What is not at rest is left out: packages that somebody
worked on since `before`, and tables while a build of them is under way.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from online_kart.documents import package_paths, route_tables
from online_kart.documents.collection import Documents
from online_kart.documents.route_tables import Manifest
from online_kart.domain.network import HOP_LIMIT_DEFAULT, LegKey, Network
from online_kart.domain.package_paths import PackagePath
from online_kart.domain.reconciliation import Findings
from online_kart.domain.routes import RouteTable, merged
from online_kart.inventory_db import facilities, reconciliations
from online_kart.inventory_db.reconciliations import PackagePlace
from online_kart.routing.forwarding import Forwarding
from online_kart.routing.tables import Router

AT_ITS_END = frozenset({"delivered", "returned", "cancelled", "lost"})
PATHS_AT_ONCE = 100

TABLES, PINCODES, PATHS, WAYS, LOST_PATHS, STRAYED = (
    "route tables",
    "pincodes",
    "package paths",
    "ways ahead",
    "lost paths",
    "strayed packages",
)
"""What the findings are of."""


class Period(NamedTuple):
    """Packages are looked at that are under way, or changed since, but not after `before`."""

    since: datetime
    before: datetime


class InForce:
    """The route tables in force and the network as it is, each read once."""

    def __init__(self, inventory: Connection[Any], documents: Documents) -> None:
        self.inventory, self.documents = inventory, documents

    @cached_property
    def manifest(self) -> Manifest:
        """Of the version in force; an empty one before the first."""
        version = route_tables.current_version(self.documents)
        return route_tables.manifest(self.documents, version)

    @cached_property
    def lost_tables(self) -> list[str]:
        """The codes of facilities whose tables the manifest names, and which are not there."""
        return route_tables.missing_tables(self.documents, self.manifest.tables)

    @cached_property
    def tables(self) -> dict[str, RouteTable]:
        """Every table of the version in force."""
        codes = self.manifest.tables.keys() - set(self.lost_tables)
        return route_tables.tables_in(self.documents, sorted(codes), self.manifest)

    @cached_property
    def network(self) -> Network:
        """What is open now."""
        hop_limit = next((t.hop_limit for t in self.tables.values()), HOP_LIMIT_DEFAULT)
        return facilities.network(self.inventory, hop_limit)

    @cached_property
    def right_tables(self) -> dict[str, RouteTable]:
        """As a full build of the network makes them."""
        return {table.facility: table for table in Router(self.network).tables()}


# -- 8: route tables


def walks(reading: InForce, findings: Findings, pairs_max: int | None = None) -> str:
    """8: each facility has its table, as a full build makes it; and from every FC to every FC, table by table.

    `pairs_max`: to every n-th FC only, so that no more pairs are walked.
    """
    tables, network = reading.tables, reading.network
    for code in reading.lost_tables:
        findings.add(8, TABLES, code, "its table is lost")
    for code, wrong in _wrong_tables(reading):
        findings.add(8, TABLES, code, wrong)
    fcs = [code for code, table in sorted(tables.items()) if not table.is_hub]
    every = -(-(len(fcs) ** 2) // pairs_max) if pairs_max else 1
    destinations = fcs[:: max(every, 1)]
    for destination in destinations:
        way = _Walk(tables, network, destination)
        for key, wrong in (wrong for origin in fcs for wrong in way.from_(origin)):
            findings.add(8, TABLES, key, wrong)
    findings.checked(8, TABLES, len(tables) + len(reading.lost_tables))
    return f"{len(tables)} tables, {len(fcs) * len(destinations)} pairs walked"


def _wrong_tables(reading: InForce) -> Iterator[tuple[str, str]]:
    """A change that is told of is built: at rest the tables are those of the network as it is."""
    network, known = reading.network, reading.manifest.tables.keys()
    for facility in network.facilities:
        if facility.code not in known:
            yield facility.code, "it is open and has no table"
    for code in sorted(known - network.by_code.keys()):
        yield code, "it has a table and is not open"
    for code, right in reading.right_tables.items():
        ours = reading.tables.get(code)
        if ours is not None and ours != right:
            yield code, "its table is not what a full build makes"


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


def pincodes(reading: InForce, findings: Findings) -> str:
    """9: what each FC's own table says it serves is what the database says, sorted and disjoint."""
    own = {code: table.own_ranges for code, table in sorted(reading.tables.items())}
    for fc in reading.network.fcs:
        if own.get(fc.code, ()) != merged(fc.pincode_ranges):
            findings.add(9, PINCODES, fc.code, "table and database disagree on its pincodes")
    everywhere = sorted(
        (first, last, code) for code, ranges in own.items() for first, last in ranges
    )
    for (_, last, code), (first, _, other) in pairwise(everywhere):
        if first <= last:
            findings.add(9, PINCODES, f"{first}", f"served by {code} and {other}")
    findings.checked(9, PINCODES, len(everywhere))
    return f"{len(everywhere)} ranges in tables and database"


# -- 10: paths


def paths(reading: InForce, findings: Findings, period: Period) -> str:
    """10: a package's path (D3) says what its row says; what is still ahead of it exists."""
    ahead = _Ahead(*reconciliations.legs_and_facilities(reading.inventory))
    count = under_way = 0
    for places in _places(reading.inventory, period):
        path_of = {
            path.package_id: path
            for path in package_paths.by_ids(
                reading.documents, [each.package_id for each in places]
            )
        }
        for place in places:
            for subject, wrong in _wrong_path(place, path_of.get(place.package_id), ahead):
                findings.add(10, subject, f"package {place.package_id}", wrong)
        count += len(places)
        under_way += sum(place.status not in AT_ITS_END for place in places)
    findings.checked(10, PATHS, count)
    return f"paths of {count} packages, {under_way} of them under way"


def _places(conn: Connection[Any], period: Period) -> Iterator[list[PackagePlace]]:
    after: UUID | None = None
    while places := reconciliations.package_places(conn, *period, after, PATHS_AT_ONCE):
        yield places
        after = places[-1].package_id


def _wrong_path(
    place: PackagePlace, path: PackagePath | None, ahead: "_Ahead"
) -> Iterator[tuple[str, str]]:
    """(subject, what is wrong)"""
    if path is None:
        yield LOST_PATHS, "has no path"
        return
    yield from _not_as_its_row(path, place)
    if path.status not in AT_ITS_END:
        yield from ((WAYS, wrong) for wrong in ahead.gone(path))


def _not_as_its_row(path: PackagePath, place: PackagePlace) -> Iterator[tuple[str, str]]:
    """Its version may be behind: what changes neither path nor status isn't written there."""
    same = (path.status, path.path_revision) == (place.status, place.path_revision)
    if not same or path.version > place.version:
        yield (
            PATHS,
            f"row {place.status}, version {place.version}, path {place.path_revision}; "
            f"D3 {path.status}, version {path.version}, path {path.path_revision}",
        )
    if place.status not in AT_ITS_END and place.at_facility not in (
        None,
        path.current_stop.facility,
    ):
        yield STRAYED, f"is at {place.at_facility}, and on its path at {path.current_stop.facility}"


class _Ahead:
    """What of a path is no more. A draining facility is still there: packages leave it by its legs."""

    def __init__(
        self, legs: frozenset[tuple[str, str, str]], facility_codes: frozenset[str]
    ) -> None:
        self._legs, self._facilities = legs, facility_codes

    def gone(self, path: PackagePath) -> Iterator[str]:
        """The leg of the current stop is its batch's: that one may have been closed before the leg went."""
        ahead = path.stops[path.current :]
        for stop in ahead:
            if stop.facility not in self._facilities:
                yield f"is to pass {stop.facility}, which is gone"
        for stop in ahead[1:]:
            if stop.leg and tuple(stop.leg.key) not in self._legs:
                yield f"is to go from {stop.facility} by a leg that is gone"
