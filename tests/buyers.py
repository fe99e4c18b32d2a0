"""A customer of the market whose orders are placed as over HTTP: they start the machines by their events."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from customer_app.chalicelib.services import addresses, cancellations, customers, orders
from online_kart.domain.customers import AddAddress, Address, RegisterCustomer
from online_kart.domain.orders import LineWanted, Order
from tests.identity import ADMIN

from .builders import pincode_of
from .market import Market
from .storefront import an_order_of, place


class Buyer(NamedTuple):
    """`engine` carries what is told until nothing more happens; see `tests/workflows/conftest.py`."""

    market: Market
    conn: Connection[Any]
    address: Address

    @property
    def now(self) -> datetime:
        return self.market.now

    def place(self, *lines: tuple[str, int]) -> UUID:
        """The order's id. It is placed; its event waits in the outbox."""
        wanted = [LineWanted(sku=sku, quantity=quantity) for sku, quantity in lines]
        answer = place(self.conn, an_order_of(self.address, *wanted), self.now)
        return Order.model_validate_json(answer.body).order_id

    def cancel(self, order_id: UUID) -> None:
        cancellations.request(self.conn, ADMIN, order_id, self.now)

    def order(self, order_id: UUID) -> Order:
        return orders.by_id(self.conn, order_id)


def a_buyer(conn: Connection[Any], market: Market, lives_at: str = "DEL2") -> Buyer:
    """Lives where that FC serves; or, with a pincode of six digits, there."""
    command = RegisterCustomer(name="Asha", email=f"asha.{lives_at.lower()}@example.com")
    customer = customers.register(conn, ADMIN, command, market.now)
    pincode = int(lives_at) if lives_at.isdecimal() else pincode_of(market.network, lives_at)
    home = AddAddress(
        recipient="Asha", street="1 Ring Road", city="Delhi", state="Delhi", pincode=pincode
    )
    return Buyer(market, conn, addresses.add(conn, ADMIN, customer.customer_id, home, market.now))
