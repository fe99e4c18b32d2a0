"""A world with one of each thing that an operation names in its path, all of them somebody's."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from customer_app.chalicelib.services import returns
from fulfillment_app.chalicelib.services import reconciliations
from local.reading import Stores
from online_kart.domain.inbound import AnnounceShipment, ShipmentLine
from online_kart.domain.prices import SetComingPrice
from online_kart.domain.returns import RequestReturn, Return
from online_kart.messaging.idempotency import Keyed
from seller_app.chalicelib.services import inbound, prices
from tests.both_sides import FAR, NEIGHBOUR, BothSides, open_both_sides
from tests.builders import pincode_of
from tests.freight import batch_of
from tests.identity import ADMIN


def put_things(stores: Stores, now: datetime) -> dict[str, str]:
    """By the names that paths have for them."""
    sides = open_both_sides(stores, now)
    buyer = sides.buyer(FAR)
    order_id = buyer.place(("MUG", 1))
    returned = a_return(sides, buyer.address.customer_id)
    batch_id = batch_of(stores.inventory, sides.confirmed(buyer, ("MUG", 1)))
    return {
        "customer_id": str(buyer.address.customer_id),
        "address_id": str(buyer.address.address_id),
        "order_id": str(returned.order_id),
        "return_id": str(returned.return_id),
        "placed": str(order_id),
        "package_id": str(a_delivery(sides)),
        "batch_id": str(batch_id),
        "seller_id": str(sides.market.seller_id),
        "sku": "MUG",
        "price_id": a_coming_price(sides),
        "asn": an_asn(sides),
        "fc_code": "BLR1",
        "hub_code": "BLR",
        "facility_code": "BLR1",
        "origin": "BLR1",
        "destination": "BLR2",
        "mode": "road",
        "category_id": "kitchen",
        "version": "1",
        "reconciliation_id": str(reconciliations.request(stores.inventory, now)),
        "machine": "move_batch",
        "business_id": a_run(stores, batch_id, now),
    }


def a_run(stores: Stores, batch_id: Any, now: datetime) -> str:
    business_id = f"batch-{batch_id}"
    stores.inventory.execute(
        """
        INSERT INTO runs (machine, business_id, revision, status, input, started_at, checked_at)
        VALUES ('move_batch', %s, 1, 'running', '{}', %s, %s)
        """,
        [business_id, now, now],
    )
    return business_id


def order_of(stores: Stores, package_id: UUID) -> UUID:
    row = stores.inventory.execute(
        "SELECT order_id FROM packages WHERE package_id = %s", [package_id]
    ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def a_return(sides: BothSides, customer_id: UUID) -> Return:
    """Of an order that a neighbour has placed, and that is the customer's from now on."""
    package_id = a_delivery(sides, lives_at=str(pincode_of(sides.market.network, NEIGHBOUR) + 1))
    sides.deliver(package_id)
    order_id = order_of(sides.stores, package_id)
    sides.stores.customer.execute(
        "UPDATE orders SET customer_id = %s WHERE order_id = %s", [customer_id, order_id]
    )
    command = RequestReturn(package_id=package_id, reason="too blue")
    asked = returns.request(sides.stores.customer, ADMIN, order_id, command, sides.market.now)
    sides.tell()
    return asked


def a_coming_price(sides: BothSides) -> str:
    now = sides.market.now
    command = SetComingPrice(price_paise=39_900, starts_at=now + timedelta(hours=2))
    price = prices.set_coming(
        sides.stores.inventory, ADMIN, sides.market.seller_id, "MUG", command, now
    )
    return str(price.price_id)


def a_delivery(sides: BothSides, lives_at: str = NEIGHBOUR) -> UUID:
    package_id = sides.confirmed(sides.buyer(lives_at), ("MUG", 1))
    sides.depart(package_id)
    sides.hand_over(package_id)
    return package_id


def an_asn(sides: BothSides) -> str:
    market = sides.market
    command = AnnounceShipment(
        fc_code="BLR1",
        expected_on=market.now.date() + timedelta(days=3),
        lines=(ShipmentLine(sku="MUG", quantity=5),),
    )
    keyed = Keyed("Asha", str(uuid4()), "digest")
    answer = inbound.announce(
        market.conn, market.documents, ADMIN, market.seller_id, command, keyed, market.now
    )
    return str(json.loads(answer.body)["asn"])
