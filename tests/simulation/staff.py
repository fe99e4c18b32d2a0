"""What people in FCs do: they scan batches, deliver packages, count what arrives, correct stock, move units and batches."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from .town import HOT, ITEMS, Town
from .world import Request, World

APP = "fulfillment_app"
SOON = timedelta(hours=6)


def scan(world: World, town: Town, rng: random.Random) -> None:
    """Some batches where they arrive: early or late, whole or with packages that are lost or broken, some twice."""
    under_way = world.ground.eyes.inventory.execute(
        "SELECT batch_id, expected_at FROM batches WHERE status = 'in_transit'"
        " ORDER BY expected_at, batch_id"
    ).fetchall()
    due = [batch for batch in under_way if batch[1] - world.now < SOON or rng.random() < 0.2]
    for batch_id, _ in rng.sample(due, min(len(due), rng.choice([1, 2, 4]))):
        request = Request(APP, "POST", f"/batches/{batch_id}/arrivals", _scan(world, batch_id, rng))
        world.ask(request)
        if rng.random() < 0.1:
            world.ask(request)


def _scan(world: World, batch_id: UUID, rng: random.Random) -> dict[str, Any]:
    carried = _ids(
        world, "SELECT package_id FROM batch_packages WHERE batch_id = %s ORDER BY 1", batch_id
    )
    body: dict[str, Any] = {}
    missing = [each for each in carried if rng.random() < 0.05]
    if missing:
        body["missing"] = [
            {"package_id": each, "reason": rng.choice(["lost", "damaged"])} for each in missing
        ]
    if rng.random() < 0.15:  # each by itself, and sometimes one that is none of this batch's
        body["scanned"] = [each for each in carried if each not in missing]
        if rng.random() < 0.3:
            body["scanned"].append(str(UUID(int=rng.getrandbits(128), version=4)))
    return body


def _ids(world: World, query: Any, *values: Any) -> list[str]:
    return [str(row[0]) for row in world.ground.eyes.inventory.execute(query, values)]


def attempt(world: World, town: Town, rng: random.Random) -> None:
    """Deliveries of some packages: in vain, told twice, told of the wrong attempt."""
    out = world.ground.eyes.inventory.execute(
        "SELECT package_id, attempt FROM deliveries ORDER BY out_at, package_id"
    ).fetchall()
    for package_id, number in rng.sample(out, min(len(out), rng.choice([1, 2, 3, 5]))):
        body: dict[str, Any] = {"outcome": "delivered", "proof": "signed"}
        if rng.random() < 0.35:
            told = max(1, min(3, number + rng.choice([0, 0, 0, 0, -1, 1])))
            body = {"outcome": "failed", "reason": "nobody at home", "attempt": told}
        request = Request(APP, "POST", f"/deliveries/{package_id}/outcomes", body)
        for _ in range(rng.choice([1, 1, 1, 2])):
            world.ask(request)


def work_a_shift(world: World) -> None:
    """Every batch is scanned whole, and every customer is at home."""
    for batch_id in _ids(
        world, "SELECT batch_id FROM batches WHERE status = 'in_transit' ORDER BY 1"
    ):
        world.ask(Request(APP, "POST", f"/batches/{batch_id}/arrivals", {}))
    for package_id in _ids(world, "SELECT package_id FROM deliveries ORDER BY 1"):
        body = {"outcome": "delivered", "proof": "signed"}
        world.ask(Request(APP, "POST", f"/deliveries/{package_id}/outcomes", body))


def under_way(world: World) -> list[str]:
    """Packages that are not at their end, but for those that are stranded."""
    return _ids(
        world,
        """
        SELECT package_id FROM packages
         WHERE status IN ('planned', 'in_transit', 'out_for_delivery', 'returning')
           AND package_id NOT IN (SELECT package_id FROM batch_packages JOIN batches USING (batch_id)
                                   WHERE batches.status = 'arrived')
         ORDER BY 1
        """,
    )


def receive(world: World, town: Town, rng: random.Random) -> None:
    """A shipment at the dock; what was counted may not be what was announced."""
    if not town.shipments:
        return
    _, asn, announced = rng.choice(town.shipments)
    counted = [_counted(sku, units, rng) for sku, units in announced.items()]
    if rng.random() < 0.1:
        others = [sku for sku in ITEMS if sku not in announced]
        counted += [{"sku": sku, "quantity": 2, "reason": "unannounced"} for sku in others[:1]]
    body = {"counted": counted}
    request = Request(APP, "POST", f"/inbound-shipments/{asn}/receipts", body)
    for _ in range(rng.choice([1, 1, 2])):
        world.ask(request)


def _counted(sku: str, announced: int, rng: random.Random) -> dict[str, Any]:
    quantity = max(0, announced + rng.choice([0, 0, 0, -1, -announced, 2]))
    reason = {"reason": "miscounted"} if quantity != announced else {}
    return {"sku": sku, "quantity": quantity, **reason}


def adjust(world: World, town: Town, rng: random.Random) -> None:
    """Found, broken; told twice."""
    fc_code = rng.choice(facilities(world, "fc"))
    seller_id = rng.choice(town.sellers)
    sku = HOT if seller_id == town.sellers[1] or rng.random() < 0.5 else rng.choice(ITEMS)
    change = rng.choice([-3, -2, -1, 1, 2, 5])
    body = {"sku": sku, "seller_id": str(seller_id), "change": change, "reason": "counted again"}
    path = f"/fulfillment-centers/{fc_code}/stock-adjustments"
    request = Request(APP, "POST", path, body, key=f"key-{rng.getrandbits(64)}")
    for _ in range(rng.choice([1, 1, 2])):
        world.ask(request)


def move_batch(world: World, town: Town, rng: random.Random) -> None:
    """An open batch leaves at another time."""
    opened = _ids(world, "SELECT batch_id FROM batches WHERE status = 'open' ORDER BY due_at, 1")
    if opened:
        due_at = world.now + timedelta(minutes=rng.randint(-10, 600))
        body = {"due_at": due_at.isoformat()}
        world.ask(Request(APP, "PATCH", f"/batches/{rng.choice(opened)}", body))


def send_units(world: World, town: Town, rng: random.Random) -> None:
    """From FC to FC by the leg between them, where there is one."""
    legs = world.ground.eyes.inventory.execute(
        "SELECT l.origin, l.destination FROM legs AS l"
        " JOIN fulfillment_centers AS o ON o.fc_code = l.origin"
        " JOIN fulfillment_centers AS d ON d.fc_code = l.destination ORDER BY 1, 2"
    ).fetchall()
    if not legs:
        return
    origin, destination = rng.choice(legs)
    body = {
        "transfer_id": str(UUID(int=rng.getrandbits(128), version=4)),
        "sku": rng.choice(ITEMS),
        "seller_id": str(town.sellers[0]),
        "quantity": rng.randint(1, 3),
        "origin": origin,
        "destination": destination,
    }
    for _ in range(rng.choice([1, 2])):
        world.ask(Request(APP, "POST", "/batches/units", body))


def reconcile(world: World, town: Town, rng: random.Random) -> None:
    """At any time, also while everything moves."""
    world.ask(Request(APP, "POST", "/reconciliations"))


def facilities(world: World, kind: str, status: str = "%") -> list[str]:
    """Codes of FCs (`fc`) or hubs."""
    is_fc = "=" if kind == "fc" else "<>"
    rows = world.ground.eyes.inventory.execute(
        f"SELECT code FROM facilities WHERE kind {is_fc} 'fc' AND status LIKE %s ORDER BY code",
        [status],
    )
    return [row[0] for row in rows]
