"""Puts into a test's databases what batches carry: the network of two cities, stock, and packages with their paths."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from psycopg import Connection
from pymongo.database import Database

from fulfillment_app.chalicelib.services import (
    batches,
    forwarding,
    line_haul,
    package_events,
    rebuilds,
)
from online_kart.documents import package_paths
from online_kart.domain.batches import Batch
from online_kart.domain.calendars import Calendar
from online_kart.domain.network import Leg
from online_kart.domain.package_paths import Onward, PackagePath, planned_stops, stop_at
from online_kart.domain.packages import Package, PackageLine
from online_kart.domain.promises import promise_date
from online_kart.domain.stock import Offer, Reservation
from online_kart.inventory_db import invariants, manifests, packages, reservations, stock
from tests.identity import ADMIN

from .builders import pincode_of
from .networks import HOP_LIMIT, build, put_network, two_cities
from .shop import PRICE_PAISE, an_approved_seller, put_item

Documents = Database[dict[str, Any]]

SKU = "MUG"
HANDLING = timedelta(minutes=30)
TIME_ZONE = "Asia/Kolkata"

NETWORK = two_cities()
BY_AIR = ("BLR1", "BLR", "DEL", "DEL1")
BY_ROAD = ("BLR1", "BLR2")


def leg(origin: str, destination: str) -> Leg:
    return next(
        each for each in NETWORK.legs if (each.origin, each.destination) == (origin, destination)
    )


class Shop(NamedTuple):
    """What `put_shop` has put into the databases."""

    conn: Connection[Any]
    documents: Documents
    seller_id: UUID
    now: datetime

    @property
    def offer(self) -> Offer:
        return Offer(SKU, self.seller_id)


def put_shop(conn: Connection[Any], documents: Documents, now: datetime, units: int = 1000) -> Shop:
    """The network, whose route tables `build_routes` builds, and an item with units in BLR1."""
    put_network(conn, NETWORK, now)
    seller_id = an_approved_seller(conn, now).seller_id
    put_item(conn, seller_id, SKU, now)
    with conn.transaction():
        stock.receive(conn, "BLR1", seller_id, SKU, units, "ASN-1", "dock", now)
    return Shop(conn, documents, seller_id, now)


def build_routes(shop: Shop) -> None:
    """Of the network as it is now."""
    version = rebuilds.request_rebuild(shop.conn, "a test", shop.now)
    assert build(shop.conn, shop.documents, version, shop.now) == "published"


def put_package(
    shop: Shop, stops: Sequence[str] = BY_AIR, quantity: int = 2, loaded: bool = True
) -> UUID:
    """A package of one confirmed order, at its origin, in the batch of its first leg."""
    order_id, package_id, now = uuid4(), uuid4(), shop.now
    conn = shop.conn
    ready_at = now + HANDLING
    path = _path(shop, order_id, package_id, stops, ready_at, quantity)
    reservation = Reservation(
        order_id=order_id,
        line_no=1,
        fc_code=stops[0],
        sku=SKU,
        seller_id=shop.seller_id,
        quantity=quantity,
        status="confirmed",
        held_until=now + timedelta(hours=1),
    )
    package = Package(
        package_id=package_id,
        order_id=order_id,
        origin_fc_code=stops[0],
        destination_fc_code=stops[-1],
        to_pincode=path.to_pincode,
        status="planned",
        at_facility=stops[0],
        budget=HOP_LIMIT,
        weight_grams=700,
        promise_date=path.promise_date,
        table_version=1,
        created_at=now,
        updated_at=now,
    )
    package_paths.put(shop.documents, path)
    with conn.transaction():
        packages.insert(conn, package, path.lines)
        package_events.announce(conn, package, now)
        if loaded:
            load(shop, package_id, stops[0], stops[1], ready_at)
        assert reservations.reserve(conn, [reservation], now)
    return package_id


def _path(
    shop: Shop,
    order_id: UUID,
    package_id: UUID,
    stops: Sequence[str],
    ready_at: datetime,
    quantity: int,
) -> PackagePath:
    budgets = [HOP_LIMIT]
    for code in stops[1:]:
        budgets.append(HOP_LIMIT if NETWORK.by_code[code].is_hub else budgets[-1] - 1)
    onward = Onward(
        legs=tuple(leg(*pair) for pair in pairwise(stops)),
        facilities=tuple(NETWORK.by_code[code] for code in stops[1:]),
        budgets=tuple(budgets[1:]),
    )
    origin = NETWORK.by_code[stops[0]]
    planned = planned_stops(stop_at(origin, HOP_LIMIT), onward, ready_at)
    last_arrival = planned[-1].planned_arrival_at
    assert last_arrival is not None
    return PackagePath(
        package_id=package_id,
        order_id=order_id,
        origin_fc_code=stops[0],
        to_pincode=pincode_of(NETWORK, stops[-1]),
        status="planned",
        promise_date=promise_date(last_arrival + HANDLING, Calendar(TIME_ZONE), None),
        table_version=1,
        ready_at=ready_at,
        lines=(
            PackageLine(
                line_no=1,
                sku=SKU,
                seller_id=shop.seller_id,
                quantity=quantity,
                unit_price_paise=PRICE_PAISE,
            ),
        ),
        stops=planned,
    )


def load(
    shop: Shop,
    package_id: UUID,
    origin: str,
    destination: str,
    ready_at: datetime,
    conn: Connection[Any] | None = None,
) -> Batch:
    way = leg(origin, destination)
    return batches.load(conn or shop.conn, package_id, way, ready_at, shop.now, TIME_ZONE)


def a_batch(shop: Shop, batch_id: UUID) -> Batch:
    return batches.by_id(shop.conn, batch_id).batch


def batch_of(conn: Connection[Any], package_id: UUID) -> UUID:
    row = conn.execute(
        "SELECT batch_id FROM batch_packages WHERE package_id = %s", [package_id]
    ).fetchone()
    assert row is not None, "the package is in no batch"
    return UUID(str(row[0]))


def package_of(conn: Connection[Any], package_id: UUID) -> Package:
    package = packages.by_id(conn, package_id)
    assert package is not None
    return package


def level_at(shop: Shop, fc_code: str) -> tuple[int, int]:
    """On hand and reserved."""
    level = stock.level(shop.conn, fc_code, shop.offer)
    return (level.on_hand, level.reserved) if level else (0, 0)


def path_of(documents: Documents, package_id: UUID) -> PackagePath:
    path = package_paths.by_id(documents, package_id)
    assert path is not None
    return path


def history_of(conn: Connection[Any], package_id: UUID) -> list[str]:
    """What happened to the package, in order."""
    return [event.what for event in packages.events_of(conn, package_id)]


def broken_invariants(conn: Connection[Any]) -> list[str]:
    """What must hold at any moment, and does not."""
    return [
        f"{check.invariant}: {key}: {detail}"
        for check in invariants.CHECKS
        if not check.at_rest
        for key, detail in conn.execute(check.statement).fetchall()
    ]


# Its way


def departed(shop: Shop, batch_id: UUID) -> Batch:
    """The batch, closed and departed at its time."""
    batch = a_batch(shop, batch_id)
    line_haul.close(shop.conn, batch_id, batch.revision, batch.due_at)
    line_haul.depart(shop.conn, shop.documents, batch_id, batch.revision, HOP_LIMIT, batch.due_at)
    return a_batch(shop, batch_id)


def arrived(shop: Shop, batch_id: UUID) -> Batch:
    """The batch, departed, and scanned when it was expected."""
    expected_at = departed(shop, batch_id).expected_at
    assert expected_at is not None
    return line_haul.arrive(shop.conn, shop.documents, ADMIN, batch_id, None, (), expected_at)


def forwarded(shop: Shop, batch_id: UUID) -> Batch:
    """The batch, arrived and through: all its packages went on at once."""
    batch = arrived(shop, batch_id)
    assert batch.arrived_at is not None
    for package_id in manifests.packages_in(shop.conn, batch_id):
        forwarding.forward(shop.conn, shop.documents, batch_id, package_id, batch.arrived_at)
    forwarding.finish(shop.conn, batch_id, batch.revision, batch.arrived_at)
    return a_batch(shop, batch_id)


def at_last_fc(shop: Shop, stops: Sequence[str] = BY_ROAD) -> UUID:
    """A package that went all its way and is out for delivery."""
    package_id = put_package(shop, stops)
    for _ in stops[1:]:
        forwarded(shop, batch_of(shop.conn, package_id))
    return package_id
