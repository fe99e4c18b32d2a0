"""A shop that can serve orders: two cities with route tables, an item or two, stock where a test puts it.

BLR1 and BLR2 are joined by road, DEL1 and DEL2 too; flights join the airports BLR and DEL, which BLR1 and DEL1 are near.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from psycopg import Connection
from pymongo.database import Database

from fulfillment_app.chalicelib.services import packages, recalls, stock
from fulfillment_app.chalicelib.services.packages import PlannedPackages
from online_kart.domain.events import EventLine, OrderConfirmed
from online_kart.domain.network import Network
from online_kart.domain.sourcing import OrderToServe, Sourcing
from online_kart.domain.stock import Offer
from online_kart.inventory_db import invariants, reservations, stock as stock_store
from online_kart.planning.routes import Routes, current_routes

from .builders import pincode_of
from .networks import build, put_network, two_cities
from .shop import PRICE_PAISE, an_approved_seller, put_item
from .storefront import enveloped

Documents = Database[dict[str, Any]]

HOLD = timedelta(minutes=15)


class Market(NamedTuple):
    """What a test's databases hold, and the moment at which everything happens unless a test says otherwise."""

    conn: Connection[Any]
    documents: Documents
    network: Network
    seller_id: UUID
    now: datetime

    @property
    def routes(self) -> Routes:
        return current_routes(self.documents)

    def on(self, conn: Connection[Any]) -> "Market":
        """The same, over another connection."""
        return self._replace(conn=conn)

    def at(self, now: datetime) -> "Market":
        return self._replace(now=now)

    def put_stock(self, fc_code: str, sku: str, units: int) -> None:
        asn = f"ASN-{uuid4()}"
        with self.conn.transaction():
            stock_store.receive(
                self.conn, fc_code, self.seller_id, sku, units, asn, "dock", self.now
            )

    def an_order(self, *lines: tuple[str, int], to: str = "DEL2") -> OrderToServe:
        """Of (sku, quantity), to the first pincode that the FC serves."""
        return OrderToServe(
            order_id=uuid4(),
            to_pincode=pincode_of(self.network, to),
            placed_at=self.now,
            lines=tuple(
                EventLine(
                    line_no=line_no,
                    sku=sku,
                    seller_id=self.seller_id,
                    quantity=quantity,
                    unit_price_paise=PRICE_PAISE,
                )
                for line_no, (sku, quantity) in enumerate(lines or (("MUG", 1),), start=1)
            ),
        )

    def reserve(self, order: OrderToServe) -> Sourcing:
        return stock.reserve_stock(self.conn, self.routes, order, self.now + HOLD, self.now)

    def plan(self, order: OrderToServe) -> PlannedPackages:
        return packages.plan_packages(
            self.conn, self.documents, self.routes, order, self.now + HOLD, self.now
        )

    def confirm(self, order: OrderToServe) -> None:
        confirmed = OrderConfirmed(
            occurred_at=self.now,
            order_id=order.order_id,
            promise_date=self.now.date(),
            package_ids=(),
        )
        stock.confirm_reservations(self.conn, self.documents, enveloped(confirmed), self.now)

    def served(self, *lines: tuple[str, int], to: str = "DEL2") -> OrderToServe:
        """An order with stock held, packages planned, and confirmed."""
        order = self.an_order(*lines, to=to)
        self.reserve(order)
        self.plan(order)
        self.confirm(order)
        return order

    def release(self, order: OrderToServe) -> int:
        return stock.release_stock(self.conn, order.order_id, self.now)

    def recall(self, order: OrderToServe) -> int:
        return recalls.recall_packages(self.conn, self.documents, order.order_id, self.now)

    def discard(self, order: OrderToServe) -> int:
        return recalls.discard_packages(self.conn, self.documents, order.order_id, self.now)

    def release_expired(self) -> int:
        return recalls.release_expired(self.conn, self.documents, self.now, 100)

    def held_at(self, order: OrderToServe) -> dict[str, int]:
        """Units held or gone for the order, by FC."""
        held: dict[str, int] = {}
        for each in reservations.of_order(self.conn, order.order_id):
            if each.status != "released":
                held[each.fc_code] = held.get(each.fc_code, 0) + each.quantity
        return held

    def level(self, fc_code: str, sku: str = "MUG") -> tuple[int, int]:
        """(on hand, reserved)"""
        level = stock_store.level(self.conn, fc_code, Offer(sku, self.seller_id))
        return (level.on_hand, level.reserved) if level else (0, 0)

    def broken_invariants(self) -> list[str]:
        """What every commit must keep."""
        return [
            f"{check.invariant}: {key}: {detail}"
            for check in invariants.CHECKS
            if not check.at_rest
            for key, detail in self.conn.execute(check.statement).fetchall()
        ]


def open_market(
    conn: Connection[Any],
    documents: Documents,
    now: datetime,
    skus: Sequence[str] = ("MUG", "LAMP"),
    network: Network | None = None,
) -> Market:
    """Nothing is in stock yet. The network is that of two cities, or another."""
    network = network or two_cities()
    assert build(conn, documents, put_network(conn, network, now), now) == "published"
    seller_id = an_approved_seller(conn, now).seller_id
    for sku in skus:
        put_item(conn, seller_id, sku, now)
    return Market(conn, documents, network, seller_id, now)
