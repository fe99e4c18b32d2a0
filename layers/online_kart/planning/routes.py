"""Planning paths by the route tables in force, which this process reads once and keeps."""

import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from ..documents import route_builds as build_documents, route_tables
from ..documents.collection import Documents
from ..documents.route_tables import Manifest
from ..domain.errors import NoRoute, NotFound, Unavailable
from ..domain.network import Facility, Leg, LegKey, Mode, Network
from ..domain.routes import PlannedLeg, PlannedPath, RouteTable
from ..routing.forwarding import Forwarding, TableOf

READ_AGAIN_SECONDS = 0.2
"""How long a reader may go on with the version it knows, before it asks which one is in force."""

READ_TOGETHER_MAX = 1_000
"""A version of at most so many tables is read whole when the first of them is needed: one by one that takes longer."""


class Routes:
    """The tables of one version, or of a draft, and the network they were made of. Safe to share between threads."""

    def __init__(self, version: int, network: Network, table_of: TableOf) -> None:
        self.version = version
        self.network = network
        self._table_of = table_of
        self._forwarding: dict[str, Forwarding] = {}

    def __contains__(self, code: str) -> bool:
        """Whether the facility is in this version: open when its network was read."""
        return code in self.network.by_code

    def facility(self, code: str) -> Facility:
        """Raises NotFound where the version does not have it; it may be draining."""
        if code not in self.network.by_code:
            raise NotFound("facility", code)
        return self.network.by_code[code]

    def leg(self, origin: str, destination: str, mode: Mode | str) -> Leg:
        """Raises NotFound."""
        key = LegKey(origin, destination, Mode(mode))
        if key not in self.network.by_key:
            raise NotFound("leg", f"{origin}-{destination} by {mode}")
        return self.network.by_key[key]

    def table_of(self, code: str) -> RouteTable:
        """Raises NotFound."""
        return self._table_of(code)

    def plan(self, origin: str, pincode: int, budget: int | None = None) -> PlannedPath:
        """The path from any facility to the FC that serves the pincode. Raises NotServed, NoRoute.

        `budget` is what a package under way has left; without it, the hop limit.
        """
        path = self._path(origin, self.network.fc_serving(pincode), budget)
        if path is None:
            raise NoRoute(origin, pincode)
        return path

    def plan_to_fc(self, origin: str, fc_code: str, budget: int | None = None) -> PlannedPath:
        """The path to an FC, for what returns to its origin. Raises NoRoute."""
        path = self._path(origin, fc_code, budget)
        if path is None:
            raise NoRoute(origin, fc_code)
        return path

    def plan_out_of(
        self, leaving: Facility, legs: Iterable[Leg], fc_code: str, budget: int | None = None
    ) -> PlannedPath:
        """The path to an FC from a facility that is draining: these tables leave it out.

        What is there still leaves, by one of its legs (`inventory_db.facilities.legs_from`) and
        then as the tables say. Raises NoRoute.
        """
        full = self.network.hop_limit
        left = full if budget is None or leaving.is_hub else budget
        ways = [way for leg in legs if (way := self._way_by(leaving, leg, fc_code, left))]
        if not ways:
            raise NoRoute(leaving.code, fc_code)
        return min(ways, key=lambda way: (way.minutes, way.hops, way.facilities[1]))

    def _way_by(self, leaving: Facility, leg: Leg, fc_code: str, budget: int) -> PlannedPath | None:
        """The path that begins with the leg, None where there is none within the budget."""
        if leg.destination not in self or budget < 1:
            return None
        onward = self._path(leg.destination, fc_code, budget - 1)
        if onward is None:
            return None
        minutes = leaving.handling_minutes + leg.transit_minutes
        first = PlannedLeg(leaving.code, leg.destination, leg.mode, minutes)
        return PlannedPath(
            (leaving.code, *onward.facilities), (first, *onward.legs), (budget, *onward.budgets)
        )

    def _path(self, origin: str, fc_code: str, budget: int | None) -> PlannedPath | None:
        if origin not in self or fc_code not in self:
            return None
        return self.forwarding(fc_code).path(origin, budget)

    def forwarding(self, fc_code: str) -> Forwarding:
        """Every facility's choice on the way to an FC of this version."""
        if fc_code not in self._forwarding:
            self._forwarding[fc_code] = Forwarding(self._table_of, fc_code)
        return self._forwarding[fc_code]


class StoredTables:
    """The tables of a version as they are stored. Safe to share between threads.

    They are read when they are first needed and kept. Those that are the same documents in an `earlier` version that
    this process has read are taken from there.
    """

    def __init__(
        self, documents: Documents, manifest: Manifest, earlier: "StoredTables | None" = None
    ) -> None:
        self.manifest = manifest
        self._documents = documents
        self._tables = earlier.shared_with(manifest) if earlier else {}
        self._reading = threading.Lock()

    def table_of(self, code: str) -> RouteTable:
        """Raises NotFound."""
        if code not in self._tables:
            with self._reading:  # others wait here for what the first of them reads
                if code not in self._tables:
                    self._read_with(code)
        return self._tables[code]

    def _read_with(self, code: str) -> None:
        wanted = self.manifest.tables
        if code not in wanted or len(wanted) > READ_TOGETHER_MAX:
            self._tables[code] = route_tables.table_in(self._documents, code, self.manifest)
            return
        missing = wanted.keys() - self._tables.keys()
        self._tables.update(route_tables.tables_in(self._documents, missing, self.manifest))

    def shared_with(self, manifest: Manifest) -> dict[str, RouteTable]:
        """Tables that were read and are the same documents in another version."""
        return {
            code: table
            for code, table in list(self._tables.items())
            if manifest.tables.get(code) == self.manifest.tables[code]
        }


class StoredRoutes(Routes):
    """The routes of a version that is kept."""

    def __init__(self, stored: StoredTables, network: Network) -> None:
        super().__init__(stored.manifest.version, network, stored.table_of)
        self.stored = stored


class _Read(NamedTuple):
    database: str
    at: float
    routes: StoredRoutes


class _CurrentRoutes:
    """The version in force, as this process knows it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: _Read | None = None

    def of(self, documents: Documents, at_least: int) -> StoredRoutes:
        return self._known(documents, at_least) or self._look(documents, at_least)

    def _known(self, documents: Documents, at_least: int) -> StoredRoutes | None:
        """None where it is time to look again."""
        read = self._read
        if read is None or read.database != documents.name or read.routes.version < at_least:
            return None
        fresh = time.monotonic() - read.at < READ_AGAIN_SECONDS
        return read.routes if fresh else None

    def _look(self, documents: Documents, at_least: int) -> StoredRoutes:
        with self._lock:  # others wait here for what the first of them reads
            known = self._known(documents, at_least)
            if known:
                return known
            at = time.monotonic()
            version = route_tables.current_version(documents)
            if version == 0:
                raise Unavailable("No version of the route tables is in force yet.")
            read = self._read
            if read and (read.database, read.routes.version) == (documents.name, version):
                routes = read.routes
            else:
                same = read is not None and read.database == documents.name
                routes = routes_of(documents, version, read.routes if read and same else None)
            self._read = _Read(documents.name, at, routes)
            return routes


_current_routes = _CurrentRoutes()


def current_routes(documents: Documents, at_least: int = 0) -> StoredRoutes:
    """The version in force, of at most READ_AGAIN_SECONDS ago. Raises Unavailable before the first.

    With `at_least` a process that knows an older version looks at once.
    """
    return _current_routes.of(documents, at_least)


def routes_of(
    documents: Documents, version: int, earlier: StoredRoutes | None = None
) -> StoredRoutes:
    """A version that is kept. Raises NotFound."""
    manifest = route_tables.manifest(documents, version)
    network = build_documents.snapshot(documents, version).network
    stored = StoredTables(documents, manifest, earlier.stored if earlier else None)
    return StoredRoutes(stored, network)
