"""What differs between two versions of the route tables: routes, pincodes, and the promise dates of an order."""

from collections.abc import Iterable
from datetime import date, datetime

from online_kart.documents import route_tables
from online_kart.documents.collection import Documents
from online_kart.domain.base import Model
from online_kart.domain.differences import Difference
from online_kart.domain.errors import NotFound, VersionNotKept
from online_kart.domain.network import LegKey
from online_kart.domain.planned_times import handled_at_end, timed_legs
from online_kart.domain.promises import promise_date
from online_kart.domain.values import Instant
from online_kart.planning import paths
from online_kart.planning.routes import Routes, StoredRoutes, routes_of
from online_kart.routing.comparison import Comparison, Planned
from online_kart.routing.differences import difference


class VersionsDifference(Model):
    """From the earlier version to the later, or the other way round. Promise dates are of an order at `ordered_at`."""

    from_version: int
    to_version: int
    ordered_at: Instant
    difference: Difference


def between(
    documents: Documents, from_version: int, to_version: int, ordered_at: datetime, listed_max: int
) -> VersionsDifference:
    """Each list of it is of at most `listed_max`. Raises VersionNotKept."""
    before = _kept(documents, from_version)
    after = _kept(documents, to_version, before)
    return VersionsDifference(
        from_version=from_version,
        to_version=to_version,
        ordered_at=ordered_at,
        difference=compared(before, after, _other_tables(before, after), ordered_at, listed_max),
    )


def _kept(documents: Documents, version: int, earlier: StoredRoutes | None = None) -> StoredRoutes:
    try:
        return routes_of(documents, version, earlier)
    except NotFound as error:
        raise VersionNotKept(version, route_tables.kept_versions(documents)) from error


def _other_tables(before: StoredRoutes, after: StoredRoutes) -> set[str]:
    """The facilities whose tables are not the same in both, by their digests."""
    old, new = before.stored.manifest.digests, after.stored.manifest.digests
    return {code for code in old.keys() | new.keys() if old.get(code) != new.get(code)}


def compared(
    before: Routes, after: Routes, codes: Iterable[str], ordered_at: datetime, listed_max: int
) -> Difference:
    """`codes`: the facilities whose tables may differ, or that are in one of the two only."""
    comparison = Comparison(
        _planned(before, ordered_at), _planned(after, ordered_at), frozenset(codes)
    )
    return difference(comparison, listed_max)


def _planned(routes: Routes, ordered_at: datetime) -> Planned:
    return Planned(routes.network, routes.table_of, OrderTimes(routes, ordered_at))


class OrderTimes:
    """When packages of an order pass the facilities of a version: what `paths.promise_of` adds up, leg by leg."""

    def __init__(self, routes: Routes, ordered_at: datetime) -> None:
        self._routes, self._ordered_at = routes, ordered_at

    def ready_at(self, origin: str) -> datetime:
        return paths.ready_to_leave_at(self._routes, origin, self._ordered_at)

    def onward(self, leg: LegKey, ready_at: datetime) -> datetime:
        network = self._routes.network
        return handled_at_end(network, timed_legs(network, [leg], ready_at), ready_at)

    def promise_date(self, destination: str, ready_at: datetime) -> date:
        end = self._routes.facility(destination)
        return promise_date(ready_at, end.calendar, end.last_mile_minutes)
