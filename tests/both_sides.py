"""Both sides of the shop at once, without an engine: what the bus and the machines would do, done in order and at once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from customer_app.chalicelib.services import (
    cancellations,
    catalog,
    orders,
    returns as customer_returns,
)
from fulfillment_app.chalicelib.services import availability, deliveries, order_log, returns, stock
from local.reading import Stores
from online_kart.domain.sourcing import OrderToServe
from online_kart.messaging.consumer import Envelope
from online_kart.messaging.rules import RULES
from seller_app.chalicelib.services import prices, sales
from tests.buyers import Buyer, a_buyer
from tests.freight import Shop, batch_of, departed, forwarded
from tests.identity import ADMIN
from tests.market import Market, open_market

NEAR, FAR, NEIGHBOUR = "BLR1", "DEL2", "BLR2"
"""Where the stock is; a flight away; a road away."""


class BothSides(NamedTuple):
    stores: Stores
    market: Market

    @property
    def shop(self) -> Shop:
        market = self.market
        return Shop(market.conn, market.documents, market.seller_id, market.now)

    def buyer(self, lives_at: str) -> Buyer:
        return a_buyer(self.stores.customer, self.market, lives_at)

    def confirmed(self, buyer: Buyer, *lines: tuple[str, int]) -> UUID:
        """The one package of a new order, which is confirmed."""
        order_id = buyer.place(*lines)
        order = to_serve(self.stores.customer, order_id)
        sourcing = self.market.reserve(order)
        planned = self.market.plan(order)
        orders.confirm_order(
            self.stores.customer,
            self.market.documents,
            order_id,
            planned.package_ids,
            planned.promise_date,
            sourcing.model_dump(mode="json"),
            self.market.now,
        )
        self.tell()
        (package_id,) = planned.package_ids
        return package_id

    def rejected(self, buyer: Buyer, *lines: tuple[str, int]) -> UUID:
        order_id = buyer.place(*lines)
        orders.reject_order(self.stores.customer, order_id, "OutOfStock", "", self.market.now)
        self.tell()
        return order_id

    def cancelled(self, buyer: Buyer, *lines: tuple[str, int]) -> UUID:
        """An order that was confirmed before; its package had not left."""
        package_id = self.confirmed(buyer, *lines)
        order = to_serve(self.stores.customer, _order_of(self.stores.inventory, package_id))
        buyer.cancel(order.order_id)
        self.market.recall(order)
        self.market.release(order)
        cancellations.finish(self.stores.customer, order.order_id, self.market.now)
        self.tell()
        return order.order_id

    def depart(self, package_id: UUID) -> None:
        departed(self.shop, batch_of(self.market.conn, package_id))
        self.tell()

    def hand_over(self, package_id: UUID) -> None:
        """One leg on, its last, and out for delivery."""
        forwarded(self.shop, batch_of(self.market.conn, package_id))
        self.tell()

    def deliver(self, package_id: UUID) -> None:
        later = self.market.now + timedelta(days=2)
        deliveries.delivered(
            self.market.conn, self.market.documents, ADMIN, package_id, "signed", later
        )
        self.tell()

    def tell(self) -> None:
        """Every event to every consumer, until there is nothing more to tell."""
        now = self.market.now
        told = [self._tell_of(conn, now) for conn in (self.stores.inventory, self.stores.customer)]
        if any(told) or availability.project(self.stores.inventory, now):
            self.tell()

    def _tell_of(self, conn: Connection[Any], now: datetime) -> int:
        unsent = conn.execute(
            "SELECT event_id, type, payload, occurred_at FROM outbox WHERE sent_at IS NULL ORDER BY position"
        ).fetchall()
        for event_id, type_, payload, occurred_at in unsent:
            envelope = Envelope(event_id, type_, payload, occurred_at)
            for consumer, handle in self._consumers(now).items():
                if type_ in RULES[consumer]:
                    handle(envelope)
            conn.execute("UPDATE outbox SET sent_at = %s WHERE event_id = %s", [now, event_id])
        return len(unsent)

    def _consumers(self, now: datetime) -> dict[str, Callable[[Envelope], None]]:
        """All but those of the machines' runs."""
        inventory, customer, documents = (
            self.stores.inventory,
            self.stores.customer,
            self.stores.documents,
        )
        return {
            "project_catalog": lambda e: catalog.project(customer, e, now),
            "track_packages": lambda e: orders.track_package(customer, e, now),
            "confirm_reservations": lambda e: stock.confirm_reservations(
                inventory, documents, e, now
            ),
            "take_returns": lambda e: returns.take(inventory, documents, e, now),
            "track_returns": lambda e: customer_returns.track(customer, e, now),
            "log_orders": lambda e: order_log.append(documents, e),
            "log_price_changes": lambda e: prices.log_change(documents, e),
            "project_seller_sales": lambda e: sales.project(documents, e),
        }


def to_serve(conn: Connection[Any], order_id: UUID) -> OrderToServe:
    """As the machine is told of it."""
    row = conn.execute(
        "SELECT payload FROM outbox WHERE type = 'OrderPlaced' AND aggregate_id = %s",
        [str(order_id)],
    ).fetchone()
    assert row is not None
    return OrderToServe.model_validate(
        {field: row[0][field] for field in OrderToServe.model_fields}
    )


def _order_of(conn: Connection[Any], package_id: UUID) -> UUID:
    row = conn.execute(
        "SELECT order_id FROM packages WHERE package_id = %s", [package_id]
    ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def open_both_sides(stores: Stores, now: datetime, units: int = 50) -> BothSides:
    """The two cities, with an item in stock that customers see."""
    sides = BothSides(stores, open_market(stores.inventory, stores.documents, now))
    sides.market.put_stock(NEAR, "MUG", units)
    sides.tell()
    return sides
