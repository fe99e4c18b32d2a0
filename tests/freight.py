"""Puts into a test's databases what batches carry: a small network, stock, and packages with their paths.

BLR1 and BLR2 are FCs in Bengaluru, DEL1 one in Delhi; BLR and DEL are airports. Every facility handles for 30 minutes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from psycopg import Connection
from pymongo.database import Database

from fulfillment_app.chalicelib.services import batches, package_events
from online_kart.documents import package_paths
from online_kart.domain.batches import Batch
from online_kart.domain.network import Facility, FacilityKind, Leg, Mode
from online_kart.domain.packages import (
    Onward,
    Package,
    PackageLine,
    PackagePath,
    origin_stop,
    planned_stops,
)
from online_kart.domain.promises import promise_date
from online_kart.domain.stock import Offer, Reservation
from online_kart.inventory_db import invariants, packages, stock

from .shop import PRICE_PAISE, an_approved_seller, put_fc, put_item

Documents = Database[dict[str, Any]]

HOP_LIMIT = 4
SKU = "MUG"
DELHI_PINCODE = 110_001
BENGALURU_PINCODE = 560_001
HANDLING = timedelta(minutes=30)

HUBS = ("BLR", "DEL")
LEGS = {
    (origin, destination): Leg(
        origin=origin, destination=destination, mode=mode, transit_minutes=minutes
    )
    for one, other, mode, minutes in (
        ("BLR1", "BLR", Mode.ROAD, 60),
        ("BLR1", "BLR2", Mode.ROAD, 45),
        ("BLR", "DEL", Mode.AIR, 180),
        ("DEL", "DEL1", Mode.ROAD, 60),
    )
    for origin, destination in ((one, other), (other, one))
}
BY_AIR = ("BLR1", "BLR", "DEL", "DEL1")
BY_ROAD = ("BLR1", "BLR2")


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
    """The network, and an item with units in BLR1."""
    for fc_code in ("BLR1", "BLR2", "DEL1"):
        put_fc(conn, fc_code, now)
    for hub_code in HUBS:
        _put_hub(conn, hub_code, now)
    for leg in LEGS.values():
        conn.execute(
            """
            INSERT INTO legs (origin, destination, mode, transit_minutes)
            VALUES (%(origin)s, %(destination)s, %(mode)s, %(transit_minutes)s)
            """,
            leg.model_dump(),
        )
    for fc_code, first in (("DEL1", DELHI_PINCODE), ("BLR1", BENGALURU_PINCODE), ("BLR2", 560_101)):
        conn.execute(
            "INSERT INTO pincode_ranges (fc_code, pincodes) VALUES (%s, int4range(%s, %s))",
            [fc_code, first, first + 100],
        )
    seller_id = an_approved_seller(conn, now).seller_id
    put_item(conn, seller_id, SKU, now)
    with conn.transaction():
        stock.receive(conn, "BLR1", seller_id, SKU, units, "ASN-1", "dock", now)
    return Shop(conn, documents, seller_id, now)


def _put_hub(conn: Connection[Any], code: str, now: datetime) -> None:
    conn.execute(
        """
        INSERT INTO facilities (code, kind, name, latitude, longitude, handling_minutes, created_at, updated_at)
        VALUES (%(code)s, 'airport', %(code)s, 13.2, 77.7, 30, %(now)s, %(now)s)
        """,
        {"code": code, "now": now},
    )
    conn.execute("INSERT INTO hubs (hub_code, kind) VALUES (%s, 'airport')", [code])


def _facility(code: str) -> Facility:
    return Facility(
        code=code,
        kind=FacilityKind.AIRPORT if code in HUBS else FacilityKind.FC,
        handling_minutes=30,
        latitude=13,
        longitude=77,
    )


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
        stock.insert_reservations(conn, [reservation], now)
        assert stock.reserve(conn, [reservation], now)
    return package_id


def _path(
    shop: Shop,
    order_id: UUID,
    package_id: UUID,
    stops: Sequence[str],
    ready_at: datetime,
    quantity: int,
) -> PackagePath:
    legs = tuple(LEGS[pair] for pair in pairwise(stops))
    budgets = [HOP_LIMIT]
    for code in stops[1:]:
        budgets.append(HOP_LIMIT if code in HUBS else budgets[-1] - 1)
    onward = Onward(
        legs=legs,
        facilities=tuple(_facility(code) for code in stops[1:]),
        budgets=tuple(budgets[1:]),
    )
    planned = planned_stops(origin_stop(_facility(stops[0]), HOP_LIMIT), onward, ready_at)
    last_arrival = planned[-1].planned_arrival_at
    assert last_arrival is not None
    return PackagePath(
        package_id=package_id,
        order_id=order_id,
        origin_fc_code=stops[0],
        to_pincode=DELHI_PINCODE if stops[-1] == "DEL1" else BENGALURU_PINCODE,
        status="planned",
        promise_date=promise_date(last_arrival + HANDLING),
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
    leg = LEGS[origin, destination]
    return batches.load(conn or shop.conn, package_id, leg, ready_at, shop.now, "Asia/Kolkata")


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
