"""Packages on their way over the network of India, in every situation in which a change of the network may find one.

They are planned by the services, and then put where a test wants them: what came before is written as it would have been
scanned, so that hundreds of them take seconds.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import cycle
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from fulfillment_app.chalicelib.services import batches, line_haul, replanning
from fulfillment_app.chalicelib.services.package_events import Step, record
from online_kart.documents import package_paths
from online_kart.documents.collection import in_groups
from online_kart.domain.batches import Batch
from online_kart.domain.network import Network
from online_kart.domain.package_paths import PackagePath, Stop
from online_kart.domain.packages import Package
from online_kart.domain.stock import Reservation
from online_kart.inventory_db import (
    batches as batches_store,
    facilities,
    manifests,
    packages,
    reservations,
    stock,
)
from online_kart.routing.tables import Router
from tests.identity import ADMIN

from .freight import package_of, path_of
from .market import Market
from .networks import HOP_LIMIT, build, put_network
from .shop import an_approved_seller, put_item

SKU = "MUG"
ON_THE_WAY = timedelta(days=2)
"""So long ago the orders were placed."""
READ_AT_ONCE = 100


class Situation(StrEnum):
    """What a package does at a stop of its path."""

    WAITS = "waits for its next truck, plane or ship"
    SEALED = "is on a sealed manifest"
    CARRIED = "is on its way to the next stop"
    SCANNED = "was scanned at the next stop and not handed on yet"
    TURNED_BACK = "waits, and goes back"
    CARRIED_BACK = "is on its way to the next stop, and will turn back there"


class Lane(NamedTuple):
    """From an FC to another, as the tables lead."""

    origin: str
    destination: str


def open_india(
    conn: Connection[Any], documents: Database[dict[str, Any]], network: Network, now: datetime
) -> Market:
    """The whole network, with its route tables in force, and an item to carry."""
    assert build(conn, documents, put_network(conn, network, now), now) == "published"
    seller_id = an_approved_seller(conn, now).seller_id
    put_item(conn, seller_id, SKU, now)
    return Market(conn, documents, network, seller_id, now)


# Lanes


def lanes_of(network: Network, remote: Sequence[str], count: int, seed: int) -> list[Lane]:
    """To and from each of the remote FCs, and as many more: a third by land, with the most legs, the others by hub."""
    router, rng = Router(network), random.Random(seed)
    codes = [fc.code for fc in network.fcs]
    lanes = [Lane(rng.choice(codes), code) for code in remote]
    lanes += [Lane(code, rng.choice(codes)) for code in remote]
    by_land: list[tuple[int, Lane]] = []
    by_hub: list[Lane] = []
    while len(by_land) < count or len(by_hub) < count:
        lane = Lane(*rng.sample(codes, 2))
        path = router.plan(*lane)
        assert path is not None, f"India is one: {lane}"
        if any(network.by_code[code].is_hub for code in path.facilities):
            by_hub.append(lane)
        else:
            by_land.append((path.hops, lane))
    longest = [lane for _, lane in sorted(by_land, reverse=True)]
    return [*lanes, *longest[: count // 3], *by_hub[: count - count // 3]]


def lanes_through_all(network: Network, seed: int) -> list[Lane]:
    """Lanes that begin, end or pass at every FC."""
    router, rng = Router(network), random.Random(seed)
    codes = [fc.code for fc in network.fcs]
    missing = rng.sample(codes, len(codes))
    lanes = []
    while missing:
        origin = missing.pop()
        lane = Lane(origin, missing[-1] if missing else rng.choice(codes))
        path = router.plan(*lane)
        assert path is not None, f"India is one: {lane}"
        missing = [code for code in missing if code not in path.facilities]
        lanes.append(lane)
    return lanes


# Packages


def put_under_way(market: Market, lanes: Sequence[Lane], places_max: int = 100) -> Iterator[UUID]:
    """At every stop of every lane but the last, a package in one of all situations, in turn.

    `places_max`: at no more stops of a lane, the first of all.
    """
    situations = cycle(Situation)
    early = market.at(market.now - ON_THE_WAY)
    for lane in lanes:
        early.put_stock(lane.origin, SKU, places_max)
        legs = market.routes.plan_to_fc(*lane).hops
        for place in sorted({place * legs // places_max for place in range(places_max)}):
            yield put_package(early, lane, place, next(situations))


def put_package(market: Market, lane: Lane, place: int, situation: Situation) -> UUID:
    """A package of a confirmed order, at the stop of that number of its path."""
    with market.conn.transaction():
        package_id = _planned(market, lane)
        _come_to(market, package_id, place)
    _put_into(market, package_id, situation)
    return package_id


def _planned(market: Market, lane: Lane) -> UUID:
    order = market.an_order((SKU, 1), to=lane.destination)
    held = Reservation(
        order_id=order.order_id,
        line_no=1,
        fc_code=lane.origin,
        sku=SKU,
        seller_id=market.seller_id,
        quantity=1,
        status="confirmed",
        held_until=market.now,
    )
    assert reservations.reserve(market.conn, [held], market.now)
    (package_id,) = market.plan(order).package_ids
    return package_id


def _come_to(market: Market, package_id: UUID, place: int) -> None:
    """As if it had been scanned there when it was expected."""
    if place == 0:
        return
    conn, path = market.conn, _travelled(path_of(market.documents, package_id), place)
    here = path.stops[place]
    manifests.take_out(conn, [package_id])
    stock.ship(conn, [package_id], market.now)
    assert here.leg is not None
    ready_at = path.ready_to_leave_at(here.facility)
    batch = batches.load(conn, package_id, here.leg, ready_at, ready_at, here.time_zone)
    path = path.expect_departure(here.facility, batch.due_at)
    _record(market, package_id, "departed", path.stops[place - 1].facility, None, None)
    _record(market, package_id, "arrived", here.facility, here, path)


def _record(
    market: Market,
    package_id: UUID,
    what: str,
    facility: str,
    at: Stop | None,
    path: PackagePath | None,
) -> None:
    """`at`: where it is then."""
    changes: dict[str, Any] = {"status": "in_transit", "at_facility": at and at.facility}
    changes |= {"budget": at.budget} if at else {}
    step = Step(package_id, what, "scanner", facility, changes, path)
    with market.conn.transaction():
        record(market.conn, market.documents, [step], market.now)


def _travelled(path: PackagePath, place: int) -> PackagePath:
    for here, there in zip(path.stops[:place], path.stops[1 : place + 1], strict=True):
        at = path.stops[path.current].expected_departure_at
        assert at is not None
        path = path.depart(here.facility, at)
        arrives_at = path.current_stop.expected_arrival_at
        assert arrives_at is not None
        path = path.arrive(there.facility, arrives_at)
    return path


def _put_into(market: Market, package_id: UUID, situation: Situation) -> None:
    if situation in (Situation.SEALED, Situation.CARRIED, Situation.SCANNED):
        _move(market, package_id, situation)
    elif situation is Situation.CARRIED_BACK:
        _move(market, package_id, Situation.CARRIED)
    if situation in (Situation.TURNED_BACK, Situation.CARRIED_BACK):
        _turn_back(market, package_id)


def _move(market: Market, package_id: UUID, until: Situation) -> None:
    """Its batch, and what else is in it, so far."""
    conn, documents = market.conn, market.documents
    batch = batches_store.share_of_package(conn, package_id)
    assert batch is not None
    line_haul.close(conn, batch.batch_id, batch.revision, batch.due_at)
    if until is Situation.SEALED:
        return
    line_haul.depart(conn, documents, batch.batch_id, batch.revision, HOP_LIMIT, batch.due_at)
    if until is Situation.SCANNED:
        batch = batches_store.share_of_package(conn, package_id)
        assert batch is not None
        assert batch.expected_at is not None
        line_haul.arrive(conn, documents, ADMIN, batch.batch_id, None, (), batch.expected_at)


def _turn_back(market: Market, package_id: UUID) -> None:
    package = package_of(market.conn, package_id)
    if package.status == "planned":
        return  # it has not left: there is nothing to send back
    with market.conn.transaction():
        facilities.lock_network_to_read(market.conn)
        replanning.send_back(
            market.conn, market.documents, package_id, "recalled", market.now, "recall_packages"
        )


# As they are


class Seen(NamedTuple):
    """A package, its batch and its path, at one moment."""

    package: Package
    batch: Batch | None
    path: PackagePath

    @property
    def place(self) -> int:
        """The number of the stop where it can turn: with a sealed batch it first goes to the next."""
        return self.path.current + (self.batch is not None and self.batch.status == "closed")

    @property
    def ahead(self) -> tuple[Stop, ...]:
        """From where it can turn."""
        return self.path.stops[self.place :]

    @property
    def is_free(self) -> bool:
        return self.batch is None or self.batch.status in ("open", "arrived")

    @property
    def is_stranded(self) -> bool:
        """Its path ends where it has no business."""
        return self.path.stops[-1].facility != self.package.destination_fc_code


def see(market: Market, package_ids: Sequence[UUID]) -> dict[UUID, Seen]:
    path_of = {
        path.package_id: path
        for some in in_groups(package_ids, READ_AT_ONCE)
        for path in package_paths.by_ids(market.documents, some)
    }
    with market.conn.transaction():
        rows = packages.lock_many(market.conn, package_ids)
    return {
        row.package_id: Seen(
            row,
            batches_store.share_of_package(market.conn, row.package_id),
            path_of[row.package_id],
        )
        for row in rows
    }
