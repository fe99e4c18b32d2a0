"""What sellers do: they announce goods, change their minds, change prices; and what is done to sellers."""

import random
from datetime import timedelta

from .staff import facilities
from .town import HOT, ITEMS, Town
from .world import Request, World

APP = "seller_app"


def announce(world: World, town: Town, rng: random.Random) -> None:
    """Goods for an FC in some days; some ask twice."""
    seller_id = town.sellers[0] if rng.random() < 0.7 else town.sellers[1]
    skus = [HOT] if seller_id == town.sellers[1] else rng.sample(ITEMS, rng.randint(1, 3))
    units = {sku: rng.randint(1, 8) for sku in skus}
    body = {
        "fc_code": rng.choice(facilities(world, "fc")),
        "expected_on": (world.now + timedelta(days=rng.randint(1, 5))).date().isoformat(),
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()],
    }
    path = f"/sellers/{seller_id}/inbound-shipments"
    request = Request(APP, "POST", path, body, key=f"key-{rng.getrandbits(64)}")
    for _ in range(rng.choice([1, 1, 2])):
        answer = world.ask(request)
    if answer.status_code < 300:
        town.shipments.append((seller_id, answer.json_body["asn"], units))


def amend(world: World, town: Town, rng: random.Random) -> None:
    """A shipment is announced otherwise, or not at all any more."""
    if not town.shipments:
        return
    place = rng.randrange(len(town.shipments))
    seller_id, asn, units = town.shipments[place]
    path = f"/sellers/{seller_id}/inbound-shipments/{asn}"
    if rng.random() < 0.4:
        world.ask(Request(APP, "DELETE", path))
        return
    units = {sku: rng.randint(1, 8) for sku in units}
    body = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]}
    if world.ask(Request(APP, "PATCH", path, body)).status_code < 300:
        town.shipments[place] = (seller_id, asn, units)


def price(world: World, town: Town, rng: random.Random) -> None:
    body = {"price_paise": rng.randint(100, 90_000)}
    path = f"/sellers/{town.sellers[0]}/items/{rng.choice(ITEMS)}/price"
    world.ask(Request(APP, "PUT", path, body))


def suspend(world: World, town: Town, rng: random.Random) -> None:
    """One of them, or he is approved again."""
    body = {"status": rng.choice(["suspended", "approved", "approved"]), "reason": "A complaint."}
    path = f"/sellers/{rng.choice(town.sellers)}"
    world.ask(Request("fulfillment_app", "PATCH", path, body))
