"""A small Online Kart, met over HTTP as its people meet it: eight FCs, five airports, a seller, and customers.

Two ways lead from Bengaluru to Delhi by air, the shorter one by Hyderabad; to the Andamans there is one.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from local.clock import ClockFile
from local.databases import Databases
from local.demo.client import Kart
from local.demo.run import ORDER_ENDS, check_at_rest
from local.demo.setup import load_network, wait_until
from local.environment import documents_db
from local.people import People
from local.sign_in import SignIn
from local.system import ENGINE, System
from online_kart.documents import connection
from online_kart.documents.collection import Documents
from online_kart.domain.customers import AddAddress, RegisterCustomer
from online_kart.domain.network import Leg, Network
from online_kart.domain.sellers import RegisterSeller
from tests.builders import a_network, flights, pincode_of, roads
from tests.e2e.shell import Shell

PRICE_PAISE = 49_900
ROADS = (
    *("BLR1 BLR2", "BLR1 BLR", "BLR2 BLR", "DEL1 DEL2", "DEL1 DEL", "DEL2 DEL"),
    *("HYD1 HYD", "BOM1 BOM2", "BOM1 BOM", "IXZ1 IXZ"),
)
FLIGHTS = {"BLR HYD": 60, "HYD DEL": 120, "BLR BOM": 100, "BOM DEL": 130, "BLR IXZ": 150}


def small_network() -> Network:
    legs: list[Leg] = []
    for pair in ROADS:
        origin, to = pair.split()
        legs += [*roads(origin, to, minutes=60), *roads(to, origin, minutes=60)]
    for pair, minutes in FLIGHTS.items():
        origin, to = pair.split()
        legs += [*flights(origin, to, minutes=minutes), *flights(to, origin, minutes=minutes)]
    return a_network(legs, hubs="BLR HYD BOM DEL IXZ", handling_minutes=30)


class Buyer(NamedTuple):
    customer_id: str
    address_id: str


class SmallKart:
    """The apps of a running system, and what is behind them. Items have a category of their own."""

    def __init__(self, kart: Kart, databases: Databases, clock_file: ClockFile) -> None:
        self.kart, self.databases, self.clock_file = kart, databases, clock_file
        self.clock = clock_file.clock()
        self.network = small_network()
        self.seller_id = ""

    @property
    def documents(self) -> Documents:
        return connection.database(self.databases.mongodb_uri, documents_db())

    # -- the seller

    def open(self, stock: Mapping[str, Mapping[str, int]]) -> None:
        """A seller who is approved, with items that are announced, received and shown: sku → FC → units."""
        load_network(self.kart, self.network)
        seller = RegisterSeller(name="Malabar Traders", email=f"{uuid4()}@example.com")
        self.seller_id = str(self.kart.seller.register(seller).seller_id)
        approval = {"status": "approved"}
        self.kart.fulfillment.call("PATCH", f"/sellers/{self.seller_id}", approval)
        for sku in stock:
            self._list_item(sku)
        for fc_code in sorted({fc_code for units in stock.values() for fc_code in units}):
            self._receive(fc_code, {sku: stock[sku].get(fc_code, 0) for sku in stock})
        wait_until("the shop window", lambda: all(self.units_left(sku) for sku in stock))

    def _list_item(self, sku: str) -> None:
        category = {"category_id": category_of(sku), "name": sku.title(), "parent_id": None}
        self.kart.fulfillment.call("POST", "/item-categories", category)
        item = {
            "sku": sku,
            "category_id": category_of(sku),
            "name": f"A {sku.lower()}",
            "brand": "Plain",
            "weight_grams": 300,
            "price_paise": PRICE_PAISE,
        }
        self.kart.seller.call("POST", f"/sellers/{self.seller_id}/items", item)

    def _receive(self, fc_code: str, units: Mapping[str, int]) -> None:
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in units.items() if quantity]
        expected_on = (self.clock.now() + timedelta(days=1)).date().isoformat()
        announced = self.kart.seller.call(
            "POST",
            f"/sellers/{self.seller_id}/inbound-shipments",
            {"fc_code": fc_code, "expected_on": expected_on, "lines": lines},
            key=str(uuid4()),
        )
        path = f"/inbound-shipments/{announced['asn']}"
        counted = {"counted": lines}
        self.kart.fulfillment.call("POST", f"{path}/receipts", counted)
        wait_until(
            "the receipt",
            lambda: self.kart.fulfillment.get(f"{path}/receipt")["status"] == "closed",
        )

    # -- customers

    def register_customer(self, near_fc: str) -> Buyer:
        """A customer whose pincode the FC serves."""
        customer = self.kart.customer.register(
            RegisterCustomer(name="Asha", phone="9876543210", email=f"{uuid4()}@example.com")
        )
        lives_at = AddAddress(
            recipient="Asha",
            street="1 MG Road",
            city="Anywhere",
            state="Karnataka",
            pincode=pincode_of(self.network, near_fc),
        )
        address = self.kart.customer.add_address(customer.customer_id, lives_at)
        return Buyer(str(customer.customer_id), str(address.address_id))

    def order(
        self,
        buyer: Buyer,
        sku: str,
        quantity: int,
        key: str | None = None,
        payment: str = "cash_on_delivery",
    ) -> str:
        """The id of the order."""
        lines = [{"sku": sku, "seller_id": self.seller_id, "quantity": quantity}]
        body = {**buyer._asdict(), "lines": lines, "payment": payment}
        placed = self.kart.customer.send("POST", "/orders", body, key=key or str(uuid4()))
        assert placed.status_code == 202, placed.text
        order_id: str = placed.json()["order_id"]
        assert placed.headers["Location"] == f"/orders/{order_id}"
        return order_id

    def cancel(self, order_id: str) -> None:
        self.kart.customer.cancel(UUID(order_id))

    def order_of(self, order_id: str) -> dict[str, Any]:
        order: dict[str, Any] = self.kart.customer.get(f"/orders/{order_id}")
        return order

    def wait_for(self, order_id: str, *statuses: str) -> dict[str, Any]:
        wait_until(
            f"order {order_id} to be {' or '.join(statuses)}",
            lambda: self.order_of(order_id)["status"] in statuses,
        )
        return self.order_of(order_id)

    def wait_for_end(self, order_id: str) -> dict[str, Any]:
        return self.wait_for(order_id, *ORDER_ENDS)

    # -- looking on

    def units_left(self, sku: str) -> int:
        """As customers see it, 0 while they see nothing."""
        offers = [
            offer
            for item in self.kart.customer.pages("/items")
            if item["sku"] == sku
            for offer in item["offers"]
        ]
        return sum(offer["units_left"] or 0 for offer in offers)

    def package_of(self, order_id: str) -> dict[str, Any]:
        """With its path and events. The order has one."""
        (package,) = self.order_of(order_id)["packages"]
        found: dict[str, Any] = self.kart.fulfillment.get(f"/packages/{package['package_id']}")
        return found

    def level(self, sku: str, fc_code: str) -> tuple[int, int]:
        """On hand and reserved."""
        (row,) = self.kart.seller.stock(UUID(self.seller_id), sku, fc_code)
        return row.on_hand, row.reserved

    def broken_invariants(self) -> list[str]:
        return [
            f"{outcome.invariant} {violation.key}: {violation.detail}"
            for outcome in check_at_rest(self.databases, documents_db())
            for violation in outcome.violations
        ]


def category_of(sku: str) -> str:
    return f"{sku.lower()}s"


@contextmanager
def small_kart(shell: Shell) -> Iterator[SmallKart]:
    """Of the system that runs in the shell."""
    system = System(shell.state, shell.system_ports)
    addresses = system.addresses()
    assert addresses is not None, "nothing runs"
    urls = (addresses.url(f"{app}_app") for app in ("fulfillment", "seller", "customer"))
    sign_in = SignIn(addresses.url(ENGINE), People(shell.state))
    with closing(Kart(sign_in, *urls)) as kart:
        shop = SmallKart(kart, addresses.databases, system.clock_file)
        yield shop
        shop.documents.client.close()
