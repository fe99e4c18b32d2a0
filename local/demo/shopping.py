"""Customers who register, choose and order, several at once; and a few who change their mind."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from . import catalog, geography
from .client import App, Kart, Refused
from .setup import Shop

CLIENTS = 8
CANCELLED_SHARE = 0.04
SCARCE_ORDER_SHARE = 0.15
LINES_MAX = 3


@dataclass(frozen=True)
class Buyer:
    app: App
    """The customer app, signed in to as this customer."""
    customer_id: str
    address_id: str
    pincode: int


def register_customers(kart: Kart, count: int, session: str, rng: random.Random) -> list[Buyer]:
    """Customers with an address each, spread over India by number of post offices."""
    people = catalog.customers(count, rng)
    places = geography.addresses(count, rng)

    def register(numbered: tuple[int, catalog.Customer, geography.Address]) -> Buyer:
        number, person, place = numbered
        name, _, domain = person.email.partition("@")
        email = f"{name}+{session}-{number}@{domain}"
        app = kart.a_customer(email)
        customer = _registered(app, {"name": person.name, "phone": person.phone, "email": email})
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
        return Buyer(app, customer, address["address_id"], place.pincode)

    numbered = [(n, *pair) for n, pair in enumerate(zip(people, places, strict=True))]
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(register, numbered))


def _registered(app: App, body: dict[str, Any]) -> str:
    """The new customer's id; also where the first try's answer got lost."""
    answer = app.send("POST", "/customers", body)
    found = answer.json()
    if answer.status_code == HTTPStatus.CONFLICT:
        return str(found["key"])
    if answer.is_error:
        raise Refused("POST", "/customers", answer.status_code, found)
    return str(found["customer_id"])


def place_orders(
    buyers: Sequence[Buyer],
    shop: Shop,
    count: int,
    session: str,
    rng: random.Random,
) -> list[tuple[str, App]]:
    """The orders' ids, each with the app as its customer has it.

    The first orders go to each buyer once, so that every remote place gets one.
    """
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

    def place(basket: tuple[int, Buyer, list[dict[str, Any]]]) -> tuple[str, App]:
        number, buyer, lines = basket
        body = {"customer_id": buyer.customer_id, "address_id": buyer.address_id, "lines": lines}
        order = buyer.app.call("POST", "/orders", body, key=f"{session}-order-{number}")
        return str(order["order_id"]), buyer.app

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(place, baskets))


def cancel_some(orders: Sequence[tuple[str, App]], rng: random.Random) -> list[str]:
    """A few customers change their mind; an order that is over by then is left. The ids that were cancelled."""
    cancelled = []
    count = max(1, round(len(orders) * CANCELLED_SHARE))
    for order_id, app in rng.sample(list(orders), count):
        answer = app.send("POST", f"/orders/{order_id}/cancellation", {})
        if answer.status_code == 202:
            cancelled.append(order_id)
    return cancelled
