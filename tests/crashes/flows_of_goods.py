"""Flows of goods under way: the network is rebuilt below them, and batches carry them. See `flows`."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.both_sides import FAR
from tests.crashes.ground import Place
from tests.crashes.people import (
    FULFILLMENT,
    LOST,
    come_to_rest,
    fitting,
    has_come,
    has_left,
    packages_of,
    served,
    status_of,
    sweep,
    tell_outcome,
    travel,
    wrong_status,
)
from tests.crashes.system import World


def rebuild(world: World, ground: Place) -> Iterator[str]:
    """The last leg of a package goes while it is under way, twice; an FC opens and closes."""
    order_id = served(world, ground, "far", FAR, ("MUG", 2))
    travel(world, lambda: has_left(world, order_id))
    pune: dict[str, Any] = {"fc_code": "PNQ1", "name": "Pune", "latitude": 18.5, "longitude": 73.8}
    pune |= {"handling_minutes": 30, "pincode_ranges": [[411_000, 411_099]]}
    _change(world, "POST", "/fulfillment-centers", pune)
    _change(world, "POST", "/legs", _leg("DEL", "DEL2"))
    world.settle()
    world.mishaps.failing["publish_version"] = None
    _change(world, "DELETE", "/legs/DEL1/DEL2/road")
    world.settle()
    world.pass_time(LOST)
    sweep(world)
    _change(world, "POST", "/legs", _leg("DEL1", "DEL2"))
    world.settle()
    _change(world, "POST", "/fulfillment-centers/PNQ1/closure")
    world.settle()
    world.mishaps.vanishing.add("replan_packages")  # nobody plans it anew before it is to go on
    _change(world, "DELETE", "/legs/DEL/DEL2/road")
    travel(world, lambda: has_come(world, order_id))
    come_to_rest(world)
    yield from wrong_status(world, order_id, *fitting(world, "confirmed"))
    row = world.stores.inventory.execute("SELECT status FROM facilities WHERE code = 'PNQ1'")
    if row.fetchone() != ("closed",):
        yield "the drained FC is not closed"


def _change(world: World, method: str, path: str, body: Any = None) -> None:
    """Of the network. A request that was cut short may have made it: then the second one is refused."""
    answer = world.request(FULFILLMENT, method, path, body)
    refused_again = {"POST": 409, "DELETE": 404}[method]
    assert answer.status == 202 or (world.reaper.struck and answer.status == refused_again), answer


def _leg(origin: str, destination: str) -> dict[str, Any]:
    return {"origin": origin, "destination": destination, "mode": "road", "transit_minutes": 90}


def batch(world: World, ground: Place) -> Iterator[str]:
    """A batch leaves earlier, one gets lost by its engine, one is late; units ride along; the customer has the package."""
    order_id = served(world, ground, "far", FAR, ("MUG", 2))
    units: dict[str, Any] = {
        "transfer_id": str(UUID(int=7)),
        "origin": "BLR1",
        "destination": "BLR2",
    }
    units |= {"sku": "MUG", "seller_id": str(ground.seller_id), "quantity": 4}
    assert world.request(FULFILLMENT, "POST", "/batches/units", units).status == 202
    _pack(world, order_id)
    _load_by_hand(world, order_id)
    _reschedule_one(world)
    world.mishaps.vanishing.add("depart_batch")
    travel(world, lambda: has_left(world, order_id))
    world.pass_time(timedelta(hours=9))  # nobody scans it: it is late
    world.settle()
    _unload(world)
    travel(world, lambda: has_come(world, order_id))
    if "out_for_delivery" in (packages := packages_of(world, order_id)).values():
        (package_id,) = packages
        tell_outcome(world, package_id, outcome="delivered", proof="signed")
    travel(world, lambda: _at("BLR2", world) == 4)
    come_to_rest(world)
    yield from wrong_status(world, order_id, *fitting(world, "finished"))
    is_sold = status_of(world, order_id) == "finished"
    sales = world.stores.inventory.execute("SELECT count(*) FROM sales").fetchone()
    if sales != (int(is_sold),):
        yield f"{sales} sales"


def _pack(world: World, order_id: str) -> None:
    """What the order's one package holds is picked; then it is packed."""
    told = {"package_ids": list(packages_of(world, order_id))}
    for step in ("picks", "packs"):
        if told["package_ids"]:
            path = f"/fulfillment-centers/BLR1/{step}"
            assert world.request(FULFILLMENT, "POST", path, told).status == 200


def _load_by_hand(world: World, order_id: str) -> None:
    """The order's one package is taken off its batch, and loaded into it again."""
    rows = world.stores.inventory.execute(
        """
        SELECT b.batch_id::text, p.package_id::text FROM batch_packages AS b
          JOIN packages AS p ON p.package_id = b.package_id
         WHERE p.order_id = %s AND p.status = 'planned'
        """,
        [order_id],
    ).fetchall()
    for batch_id, package_id in rows:
        path = f"/batches/{batch_id}/packages"
        taken_off = world.request(FULFILLMENT, "DELETE", f"{path}/{package_id}")
        assert taken_off.status in (200, 404), taken_off  # 404: the request that died had done it
        loaded = world.request(FULFILLMENT, "POST", path, {"package_ids": [package_id]})
        assert loaded.status == 200, loaded


def _unload(world: World) -> None:
    """Every batch that is due is scanned package by package."""
    rows = world.stores.inventory.execute(
        """
        SELECT b.batch_id::text, p.package_id::text FROM batches AS b
          JOIN batch_packages AS p ON p.batch_id = b.batch_id
         WHERE b.status = 'in_transit' AND b.expected_at <= %s
        """,
        [world.now],
    ).fetchall()
    for batch_id, package_id in rows:
        scan = {"package_ids": [package_id]}
        assert world.request(FULFILLMENT, "POST", f"/batches/{batch_id}/scans", scan).status == 200


def _reschedule_one(world: World) -> None:
    row = world.stores.inventory.execute(
        "SELECT batch_id, due_at FROM batches WHERE status = 'open' ORDER BY destination, due_at"
    ).fetchone()
    if row:
        due_at = (row[1] + timedelta(minutes=5)).isoformat()
        world.request(FULFILLMENT, "PATCH", f"/batches/{row[0]}", {"due_at": due_at})


def _at(fc_code: str, world: World) -> int:
    row = world.stores.inventory.execute(
        "SELECT on_hand FROM stock WHERE fc_code = %s AND sku = 'MUG'", [fc_code]
    ).fetchone()
    return int(row[0]) if row else 0
