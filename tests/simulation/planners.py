"""What planners do to the network: facilities are added, closed, opened and deleted; pincodes move; legs come and go."""

import random
from datetime import timedelta
from typing import Any

from .staff import APP, facilities
from .town import FIRST_PINCODE, Town
from .world import Request, World

KINDS = {"fc": "/fulfillment-centers", "hub": "/hubs"}
OPEN_MIN = 2
"""So many FCs stay open, or a week is over early."""


def close(world: World, town: Town, rng: random.Random) -> None:
    """It drains, and is closed when nothing is in it any more."""
    kind = "fc" if rng.random() < 0.7 else "hub"
    opened = facilities(world, kind, "open")
    if len(opened) > (OPEN_MIN if kind == "fc" else 0):
        world.ask(Request(APP, "POST", f"{KINDS[kind]}/{rng.choice(opened)}/closure", {}))


def open_(world: World, town: Town, rng: random.Random) -> None:
    """One that drains or is closed opens again."""
    kind = rng.choice(list(KINDS))
    closed = [*facilities(world, kind, "draining"), *facilities(world, kind, "closed")]
    if closed:
        path = f"{KINDS[kind]}/{rng.choice(closed)}"
        world.ask(Request(APP, "PATCH", path, {"status": "open"}))


def add_fc(world: World, town: Town, rng: random.Random) -> None:
    number = rng.randint(20, 60)
    first = FIRST_PINCODE + 1000 * number
    body = {
        "fc_code": f"FC{number}",
        "name": f"FC {number}",
        "state": "Delhi",
        "latitude": 12.9,
        "longitude": 77.5,
        "handling_minutes": rng.choice([0, 30]),
        "pincode_ranges": [[first, first + 99]],
    }
    world.ask(Request(APP, "POST", "/fulfillment-centers", body))
    _join(world, f"FC{number}", rng)


def add_hub(world: World, town: Town, rng: random.Random) -> None:
    number = rng.randint(20, 60)
    body = {
        "hub_code": f"HB{number}",
        "kind": "airport",
        "name": f"Hub {number}",
        "state": "Delhi",
        "latitude": 13.2,
        "longitude": 77.7,
        "handling_minutes": rng.choice([0, 30]),
    }
    world.ask(Request(APP, "POST", "/hubs", body))
    _join(world, f"HB{number}", rng)


def _join(world: World, code: str, rng: random.Random) -> None:
    """By road, both ways, with one or two others."""
    others = [
        each for each in (*facilities(world, "fc"), *facilities(world, "hub")) if each != code
    ]
    for other in rng.sample(others, min(len(others), rng.randint(1, 2))):
        for origin, destination in ((code, other), (other, code)):
            _add_leg(world, origin, destination, "road", rng)


def _add_leg(world: World, origin: str, destination: str, mode: str, rng: random.Random) -> None:
    body = {
        "origin": origin,
        "destination": destination,
        "mode": mode,
        "transit_minutes": rng.choice([20, 60, 200, 500]),
    }
    world.ask(Request(APP, "POST", "/legs", body))


def delete_facility(world: World, town: Town, rng: random.Random) -> None:
    """Refused while something holds it."""
    kind = rng.choice(list(KINDS))
    codes = [*facilities(world, kind, "closed"), *facilities(world, kind)[-1:]]
    if codes:
        world.ask(Request(APP, "DELETE", f"{KINDS[kind]}/{rng.choice(codes)}"))


def move_pincodes(world: World, town: Town, rng: random.Random) -> None:
    """Half a range of one FC to another."""
    fcs, given = facilities(world, "fc", "open"), _a_range(world, rng)
    if fcs and given:
        _, first, last = given
        body = {"first": first, "last": (first + last) // 2, "move": True}
        path = f"/fulfillment-centers/{rng.choice(fcs)}/pincodes"
        world.ask(Request(APP, "POST", path, body))


def remove_pincodes(world: World, town: Town, rng: random.Random) -> None:
    """Nobody serves them any more."""
    if given := _a_range(world, rng):
        fc_code, first, last = given
        query = f"first={first}&last={(first + last) // 2}"
        world.ask(Request(APP, "DELETE", f"/fulfillment-centers/{fc_code}/pincodes?{query}"))


def _a_range(world: World, rng: random.Random) -> tuple[str, int, int] | None:
    """FC, first and last pincode."""
    rows = world.ground.eyes.inventory.execute(
        "SELECT fc_code, lower(pincodes), upper(pincodes) - 1 FROM pincode_ranges ORDER BY 2"
    ).fetchall()
    if not rows:
        return None
    fc_code, first, last = rng.choice(rows)
    return fc_code, first, last


def add_leg(world: World, town: Town, rng: random.Random) -> None:
    """By road between any two, by air between hubs."""
    hubs = facilities(world, "hub")
    if rng.random() < 0.3 and len(hubs) > 1:
        origin, destination = rng.sample(hubs, 2)
        _add_leg(world, origin, destination, "air", rng)
    else:
        origin, destination = rng.sample([*facilities(world, "fc"), *hubs], 2)
        _add_leg(world, origin, destination, "road", rng)


def change_leg(world: World, town: Town, rng: random.Random) -> None:
    if path := _a_leg(world, rng):
        body: dict[str, Any] = {"transit_minutes": rng.choice([20, 60, 200, 500])}
        if rng.random() < 0.3:
            body["departure_times"] = rng.choice([["07:15"], ["mon,thu 21:15"], []])
        world.ask(Request(APP, "PATCH", path, body))


def delete_leg(world: World, town: Town, rng: random.Random) -> None:
    """Batches that were opened on it still leave."""
    if path := _a_leg(world, rng):
        world.ask(Request(APP, "DELETE", path))


def _a_leg(world: World, rng: random.Random) -> str | None:
    rows = world.ground.eyes.inventory.execute(
        "SELECT origin, destination, mode FROM legs ORDER BY 1, 2, 3"
    ).fetchall()
    return "/legs/{}/{}/{}".format(*rng.choice(rows)) if rows else None


def holiday(world: World, town: Town, rng: random.Random) -> None:
    """Of one FC or all, within the week."""
    day = (world.now + timedelta(days=rng.randint(0, 4))).date()
    body = {"day": day.isoformat(), "name": "Holi"}
    if rng.random() < 0.5:
        body["fc_code"] = rng.choice(facilities(world, "fc"))
    world.ask(Request(APP, "POST", "/holidays", body))


def rebuild(world: World, town: Town, rng: random.Random) -> None:
    world.ask(Request(APP, "POST", "/route-tables/rebuilds", {"reason": "a planner asked"}))
