"""Customers who register, choose and order, several at once; and a few who change their mind."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from . import catalog, geography
from .client import App, Refused
from .setup import Shop

CLIENTS = 8
CANCELLED_SHARE = 0.04
SCARCE_ORDER_SHARE = 0.15
LINES_MAX = 3


@dataclass(frozen=True)
class Buyer:
    customer_id: str
    address_id: str
    pincode: int


def register_customers(app: App, count: int, session: str, rng: random.Random) -> list[Buyer]:
    """Customers with an address each, spread over India by number of post offices."""
    people = catalog.customers(count, rng)
    places = geography.addresses(count, rng)

    def register(numbered: tuple[int, catalog.Customer, geography.Address]) -> Buyer:
        number, person, place = numbered
        name, _, domain = person.email.partition("@")
        body = {"name": person.name, "phone": person.phone}
        customer = _registered(app, body, f"{name}+{session}-{number}", domain)
        address = app.call(
            "POST",
            f"/customers/{customer}/addresses",
            {
                "recipient": person.name,
                "street": place.line,
                "city": place.town,
                "state": place.state,
                "pincode": place.pincode,
            },
        )
        return Buyer(customer, address["address_id"], place.pincode)

    numbered = [(n, *pair) for n, pair in enumerate(zip(people, places, strict=True))]
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(register, numbered))


def _registered(app: App, body: dict[str, Any], name: str, domain: str) -> str:
    """The new customer's id. Where the first try's answer got lost the address is taken: then another one."""
    for attempt in range(5):
        suffix = f"-{attempt}" if attempt else ""
        try:
            customer = app.call("POST", "/customers", {**body, "email": f"{name}{suffix}@{domain}"})
            return str(customer["customer_id"])
        except Refused as refused:
            if refused.status != 409:
                raise
    raise AssertionError("five e-mail addresses in a row were taken")


def place_orders(
    app: App,
    buyers: Sequence[Buyer],
    shop: Shop,
    count: int,
    session: str,
    rng: random.Random,
) -> list[str]:
    """The order ids. The first orders go to each buyer once, so that every remote place gets one."""
    offers = sorted(offer for offer, units in shop.units.items() if units)
    plenty = [offer for offer in offers if offer not in set(shop.scarce)]
    baskets = []
    for number in range(count):
        buyer = buyers[number] if number < len(buyers) else rng.choice(buyers)
        lines = [
            {"sku": sku, "seller_id": seller_id, "quantity": rng.randint(1, 2)}
            for sku, seller_id in rng.sample(plenty, rng.randint(1, LINES_MAX))
        ]
        if rng.random() < SCARCE_ORDER_SHARE:
            sku, seller_id = rng.choice(shop.scarce)
            lines = [{"sku": sku, "seller_id": seller_id, "quantity": rng.randint(2, 3)}]
        baskets.append((number, buyer, lines))

    def place(basket: tuple[int, Buyer, list[dict[str, Any]]]) -> str:
        number, buyer, lines = basket
        body = {"customer_id": buyer.customer_id, "address_id": buyer.address_id, "lines": lines}
        order = app.call("POST", "/orders", body, key=f"{session}-order-{number}")
        return str(order["order_id"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(place, baskets))


def cancel_some(app: App, order_ids: Sequence[str], rng: random.Random) -> list[str]:
    """A few customers change their mind; an order that is over by then is left. The ids that were cancelled."""
    cancelled = []
    for order_id in rng.sample(list(order_ids), max(1, round(len(order_ids) * CANCELLED_SHARE))):
        answer = app.send("POST", f"/orders/{order_id}/cancellation", {})
        if answer.status_code == 202:
            cancelled.append(order_id)
    return cancelled
