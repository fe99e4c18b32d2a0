"""Changes of the network while packages are under way, each made, judged and taken back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from fulfillment_app.chalicelib.services import facilities, packages, pincodes
from online_kart.documents import package_paths
from online_kart.domain.facilities import PincodeChange
from online_kart.domain.network import Facility, Leg, LegKey, Network
from online_kart.domain.pincodes import united
from online_kart.inventory_db import packages as packages_store
from online_kart.planning.routes import Routes, current_routes
from online_kart.routing.tables import Router

from .judge import Judge
from .market import Market
from .networks import build
from .under_way import Seen, see


class Change(NamedTuple):
    """A change of the network: what makes it, and what is open afterwards."""

    make: Callable[[Connection[Any], datetime], int]
    """Through the services; it answers the version of the route tables that will have it."""
    network: Network


def closing(network: Network, *codes: str) -> Change:
    """The facilities refuse new work; what is there still leaves."""

    def close(conn: Connection[Any], now: datetime) -> int:
        versions = [_close(conn, network.by_code[code], now) for code in codes]
        return versions[-1]

    gone = set(codes)
    return Change(
        close,
        _left_of(
            network,
            [facility for facility in network.facilities if facility.code not in gone],
            [leg for leg in network.legs if not gone & {leg.origin, leg.destination}],
        ),
    )


def _close(conn: Connection[Any], facility: Facility, now: datetime) -> int:
    close = facilities.close_hub if facility.is_hub else facilities.close_fulfillment_center
    return close(conn, facility.code, now)


def deletion(network: Network, *keys: LegKey) -> Change:
    """The legs are gone; what has a sealed batch on them still goes."""

    def delete(conn: Connection[Any], now: datetime) -> int:
        versions = [facilities.delete_leg(conn, key, now) for key in keys]
        return versions[-1]

    legs = [leg for leg in network.legs if leg.key not in keys]
    return Change(delete, _left_of(network, network.facilities, legs))


def handing_over(network: Network, fc_code: str, to: str) -> Change:
    """Another FC serves all that the FC has served, which closes."""
    ranges = network.by_code[fc_code].pincode_ranges

    def hand_over(conn: Connection[Any], now: datetime) -> int:
        for first, last in ranges:
            pincodes.add(conn, to, PincodeChange(first=first, last=last, move=True), now)
        return closed.make(conn, now)

    closed = closing(network, fc_code)
    taken = united(network.by_code[to].pincode_ranges, ranges)
    left = [
        each.model_copy(update={"pincode_ranges": taken}) if each.code == to else each
        for each in closed.network.facilities
    ]
    return closed._replace(make=hand_over, network=_left_of(network, left, closed.network.legs))


def no_longer_served(network: Network, fc_code: str) -> Change:
    """Nobody serves what the FC has served."""
    ranges = network.by_code[fc_code].pincode_ranges

    def remove(conn: Connection[Any], now: datetime) -> int:
        versions = [pincodes.remove(conn, fc_code, first, last, now) for first, last in ranges]
        return versions[-1]

    left = [
        each.model_copy(update={"pincode_ranges": ()}) if each.code == fc_code else each
        for each in network.facilities
    ]
    return Change(remove, _left_of(network, left, network.legs))


def _left_of(network: Network, facilities: Sequence[Facility], legs: Sequence[Leg]) -> Network:
    """A part of a network keeps the rules that the whole one keeps."""
    return Network.model_construct(
        hop_limit=network.hop_limit, facilities=tuple(facilities), legs=tuple(legs)
    )


# Made, looked at, and taken back


def built(market: Market, change: Change) -> Routes:
    """The change made, its route tables built and put in force, as the machine does it."""
    version = change.make(market.conn, market.now)
    assert build(market.conn, market.documents, version, market.now) == "published"
    return current_routes(market.documents, at_least=version)


def on_paper(market: Market, change: Change) -> Routes:
    """The change made; its route tables are never stored: to build and store all of a version takes seconds."""
    version = change.make(market.conn, market.now)
    return Routes(version, change.network, Router(change.network).table)


class Aftermath(NamedTuple):
    """What became of the packages."""

    replanned: int
    wrong: tuple[str, ...]


@contextmanager
def undone(market: Market, before: Mapping[UUID, Seen]) -> Iterator[None]:
    """Afterwards all is as it was before, but for versions of route tables, which never go back."""
    with market.conn.transaction(force_rollback=True):
        yield
        rows = packages_store.lock_many(market.conn, list(before))
    for row in rows:
        if row.version != before[row.package_id].package.version:
            market.documents[package_paths.PATHS].delete_one({"_id": str(row.package_id)})
            package_paths.put(market.documents, before[row.package_id].path)


def replanned(
    market: Market, before: Mapping[UUID, Seen], change: Change, routes: Routes
) -> Aftermath:
    """Plan anew what the change breaks, and judge it."""
    conn, documents, now = market.conn, market.documents, market.now
    count = packages.replan_range(conn, documents, routes, None, None, now)
    after = see(market, list(before))
    judge = Judge(market.network, change.network, now)
    wrong = [
        f"{before[package_id].path.facilities}: {problem}"
        for package_id, seen in after.items()
        for problem in judge.problems(before[package_id], seen)
    ]
    again = packages.replan_range(conn, documents, routes, None, None, now)
    wrong += [f"{again} planned anew once more"] if again else []
    return Aftermath(count, (*wrong, *market.broken_invariants()))


def aftermath(market: Market, before: Mapping[UUID, Seen], change: Change) -> Aftermath:
    """What the change makes of the packages, on paper, before it is undone."""
    with undone(market, before):
        return replanned(market, before, change, on_paper(market, change))
