"""Where a week takes place: a small network, sellers and items, stock, customers. Drawn from the week's seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from online_kart.domain.network import Facility, FacilityKind, Leg, Mode, Network
from online_kart.inventory_db import stock
from tests.builders import a_hub, a_leg, an_fc

from .wired import HOP_LIMIT
from .world import Broken, Request, World

ITEMS = ("MUG", "LAMP", "CHAIR", "FAN")
HOT = ITEMS[0]
"""Half of the lines are of it, and there are few. The others are in some FCs only, so packages go far."""
FIRST_PINCODE = 110_000
NOBODY_SERVES = 999_999


@dataclass
class Town:
    """What its people know of by heart. `homes` are addresses: customer, address."""

    sellers: list[UUID]
    homes: list[tuple[str, str]]
    shipments: list[tuple[UUID, str, dict[str, int]]] = field(default_factory=list)
    """Announced by a seller: its ASN, and units by SKU."""


def settled(world: World, seed: int) -> Town:
    """The town on its first morning, with route tables in force."""
    rng = random.Random(f"town of week {seed}")
    world.chance.seed(rng.getrandbits(32))
    network = _network(rng)
    _made(world, Request("fulfillment_app", "PUT", "/network", _as_file(network)))
    town = Town(list(_sellers(world)), [])
    _offers(world, town, rng)
    _stock(world, town, network, rng)
    town.homes = list(_homes(world, network))
    world.settle(rng)
    world.rest(rng)
    return town


def _network(rng: random.Random) -> Network:
    """4 to 10 facilities: FCs on a chain of roads with some more, hubs that are joined by air or sea."""
    fcs = [f"FC{number}" for number in range(1, rng.randint(3, 7) + 1)]
    hubs = [f"HB{number}" for number in range(1, rng.randint(1, 3) + 1)]
    legs: dict[tuple[str, str, Mode], Leg] = {}
    for place, fc in enumerate(fcs):
        near = fcs[place - 1] if place and rng.random() < 0.8 else rng.choice([*hubs, *fcs])
        for other in (near, rng.choice(hubs)):
            if other != fc:
                _join(legs, fc, other, Mode.ROAD, rng)
    for place, hub in enumerate(hubs[1:]):
        mode = Mode.AIR if rng.random() < 0.7 else Mode.SEA
        _join(legs, hubs[place], hub, mode, rng)
    facilities = [_fc(place, code, rng) for place, code in enumerate(fcs)]
    facilities += [_hub(code, rng) for code in hubs]
    return Network(hop_limit=HOP_LIMIT, facilities=tuple(facilities), legs=tuple(legs.values()))


def _join(
    legs: dict[tuple[str, str, Mode], Leg], one: str, other: str, mode: Mode, rng: random.Random
) -> None:
    """Both ways, seldom one way; some by a timetable."""
    minutes = rng.choice([30, 120, 240, 600])
    ways = [(one, other), (other, one)]
    for origin, to in ways if rng.random() < 0.93 else ways[:1]:
        leg = a_leg(origin, to, minutes, mode)
        if rng.random() < 0.2:
            leg = leg.model_copy(update={"departure_times": ("06:30", "18:00")})
        legs[leg.key] = leg


def _fc(place: int, code: str, rng: random.Random) -> Facility:
    first = FIRST_PINCODE + 1000 * place
    return an_fc(code, (first, first + 199), handling_minutes=rng.choice([0, 30, 60]))


def _hub(code: str, rng: random.Random) -> Facility:
    kind = rng.choice([FacilityKind.AIRPORT, FacilityKind.SEAPORT])
    return a_hub(code, kind, handling_minutes=rng.choice([0, 30, 60]))


def _as_file(network: Network) -> Any:
    return network.model_dump(mode="json", exclude={"attribution"})


def _made(world: World, request: Request) -> Any:
    answer = world.ask(request)
    if answer.status_code >= 300:
        raise Broken("a town can be built", f"{request} was answered {answer.body.decode()}")
    return answer.json_body


def _sellers(world: World) -> Iterator[UUID]:
    for name in ("Asha Traders", "Ravi and Sons"):
        body = {"name": name, "email": f"{name.split()[0].lower()}@example.com"}
        seller = _made(world, Request("seller_app", "POST", "/sellers", body))
        path = f"/sellers/{seller['seller_id']}"
        _made(world, Request("fulfillment_app", "PATCH", path, {"status": "approved"}))
        yield UUID(seller["seller_id"])


def _offers(world: World, town: Town, rng: random.Random) -> None:
    """The first seller offers everything, the second the hot item too."""
    category = {"category_id": "home", "name": "Home"}
    _made(world, Request("fulfillment_app", "POST", "/item-categories", category))
    first, second = (f"/sellers/{seller_id}" for seller_id in town.sellers)
    for sku in ITEMS:
        item = {
            "sku": sku,
            "name": f"A {sku.lower()}",
            "brand": "Plain",
            "category_id": "home",
            "weight_grams": 350,
            "price_paise": rng.randint(100, 90_000),
        }
        _made(world, Request("seller_app", "POST", f"{first}/items", item))
    offer = {"sku": HOT, "price_paise": rng.randint(100, 90_000)}
    _made(world, Request("seller_app", "POST", f"{second}/offers", offer))


def _stock(world: World, town: Town, network: Network, rng: random.Random) -> None:
    conn = world.ground.apps.inventory
    offers = [(town.sellers[0], sku) for sku in ITEMS] + [(town.sellers[1], HOT)]
    with conn.transaction():
        for fc in network.fcs:
            for seller_id, sku in offers:
                units = rng.choice([0, 3, 8] if sku == HOT else [0, 0, 0, 10, 40])
                if units:
                    asn = f"ASN-{fc.code}-{sku}"
                    stock.receive(conn, fc.code, seller_id, sku, units, asn, "dock", world.now)


def _homes(world: World, network: Network) -> Iterator[tuple[str, str]]:
    """An address in each FC's pincodes, and one where nobody delivers."""
    body = {"name": "Meena", "email": "meena@example.com"}
    customer_id = _made(world, Request("customer_app", "POST", "/customers", body))["customer_id"]
    pincodes = [fc.pincode_ranges[0][0] + 50 for fc in network.fcs]
    for pincode in (*pincodes, NOBODY_SERVES):
        address = {
            "recipient": "Meena",
            "street": "1 Ring Road",
            "city": "Delhi",
            "state": "Delhi",
            "pincode": pincode,
        }
        path = f"/customers/{customer_id}/addresses"
        made = _made(world, Request("customer_app", "POST", path, address))
        yield customer_id, made["address_id"]
