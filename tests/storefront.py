"""Puts into a test's customer database what orders need: customers, addresses, the copies of offers; and orders."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from pymongo.database import Database

from customer_app.chalicelib.services import addresses, customers, orders
from online_kart.customer_db import catalog
from online_kart.documents import package_paths
from online_kart.domain.customers import AddAddress, Address, RegisterCustomer
from online_kart.domain.events import (
    AvailabilityChanged,
    Event,
    ItemChanged,
    OfferChanged,
    PackageChanged,
    PackageStatus,
)
from online_kart.domain.orders import LineWanted, Order, PlaceOrder
from online_kart.domain.package_paths import PackagePath, Stop
from online_kart.domain.packages import PackageLine, package_id_of
from online_kart.messaging.consumer import Envelope
from online_kart.messaging.idempotency import Answer, Keyed, digest
from tests.identity import ADMIN, the_customer

SELLER = UUID("5e11e500-0000-4000-8000-000000000001")
PINCODE = 560001
PRICE_PAISE = 49_900


def put_customer(conn: Connection[Any], now: datetime, name: str = "Asha") -> Address:
    """A customer with one address."""
    customer = customers.register(
        conn, ADMIN, RegisterCustomer(name=name, email=f"{uuid4()}@example.com"), now
    )
    command = AddAddress(
        recipient=name, street="1 MG Road", city="Bengaluru", state="Karnataka", pincode=PINCODE
    )
    return addresses.add(conn, ADMIN, customer.customer_id, command, now)


def put_offer(
    conn: Connection[Any],
    now: datetime,
    sku: str = "MUG",
    seller_id: UUID = SELLER,
    price_paise: int = PRICE_PAISE,
    free_units: int = 10,
) -> None:
    """The copies that say that the seller offers the item."""
    catalog.put_item(
        conn,
        ItemChanged(
            occurred_at=now,
            sku=sku,
            category_id="kitchen",
            name=f"A {sku.lower()}",
            brand="Plain",
            weight_grams=350,
            status="active",
            version=1,
        ),
    )
    offer = {"occurred_at": now, "sku": sku, "seller_id": seller_id, "version": 1}
    catalog.put_offer(conn, OfferChanged(price_paise=price_paise, status="active", **offer))
    catalog.put_units_left(conn, AvailabilityChanged(free_units=free_units, **offer))


def an_order_of(address: Address, *lines: LineWanted) -> PlaceOrder:
    """By default two mugs."""
    return PlaceOrder(
        customer_id=address.customer_id,
        address_id=address.address_id,
        lines=lines or (LineWanted(sku="MUG", quantity=2),),
    )


def place(
    conn: Connection[Any], command: PlaceOrder, now: datetime, key: str | None = None
) -> Answer:
    """Without a key: a request that nobody made before."""
    keyed = Keyed(
        str(command.customer_id),
        key or str(uuid4()),
        digest("POST", "/orders", command.model_dump_json()),
    )
    return orders.place_order(conn, the_customer(command.customer_id), command, keyed, now)


def a_placed_order(conn: Connection[Any], now: datetime, *lines: LineWanted) -> Order:
    """Of a new customer; its offers must be there, but for the default's."""
    if not lines:
        put_offer(conn, now)
    answer = place(conn, an_order_of(put_customer(conn, now), *lines), now)
    return orders.by_id(conn, UUID(json.loads(answer.body)["order_id"]))


def put_paths(
    documents: Database[dict[str, Any]],
    order: Order,
    now: datetime,
    *fc_codes: str,
    status: PackageStatus = "planned",
    version: int = 1,
) -> list[UUID]:
    """The paths of an order that is served by these FCs, its first line split evenly; the packages' ids."""
    packages = []
    for fc_code in fc_codes or ("BLR1",):
        package_id = package_id_of(order.order_id, fc_code)
        path = PackagePath(
            package_id=package_id,
            order_id=order.order_id,
            origin_fc_code=fc_code,
            to_pincode=order.to_pincode,
            status=status,
            promise_date=(now + timedelta(days=2)).date(),
            table_version=1,
            version=version,
            ready_at=now,
            lines=tuple(
                PackageLine(
                    line_no=line.line_no,
                    sku=line.sku,
                    seller_id=line.seller_id,
                    quantity=line.quantity // len(fc_codes or (1,)),
                    unit_price_paise=line.unit_price_paise,
                )
                for line in order.lines
            ),
            stops=(
                Stop(facility=fc_code, handling_minutes=30, time_zone="Asia/Kolkata", budget=4),
            ),
        )
        package_paths.put(documents, path)
        packages.append(package_id)
    return packages


def promise(now: datetime) -> date:
    return (now + timedelta(days=2)).date()


def confirm(
    conn: Connection[Any],
    documents: Database[dict[str, Any]],
    order: Order,
    package_ids: Sequence[UUID],
    now: datetime,
) -> Order:
    orders.confirm_order(
        conn, documents, order.order_id, package_ids, promise(now), {"why": "nearest"}, now
    )
    return orders.by_id(conn, order.order_id)


def enveloped(event: Event) -> Envelope:
    """As the bus delivers it."""
    return Envelope(event.event_id, event.type, event.model_dump(mode="json"), event.occurred_at)


def package_changed(
    order: Order, package_id: UUID, version: int, status: PackageStatus, now: datetime
) -> Envelope:
    return enveloped(
        PackageChanged(
            occurred_at=now,
            package_id=package_id,
            order_id=order.order_id,
            version=version,
            what=status,
            status=status,
        )
    )
