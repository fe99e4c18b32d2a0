"""The six flows: what people do, by HTTP as they would, and what must have come of it whatever died on the way.

A flow holds mishaps of its own (messages that lie in dead-letter queues for a while, executions that vanish, steps that
fail), so that every crash point is passed by some flow even where nobody dies.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.both_sides import FAR, NEIGHBOUR
from tests.crashes.ground import LAMPS, Place
from tests.crashes.system import Response, Stuck, World

CUSTOMER, SELLER, FULFILLMENT = "customer_app", "seller_app", "fulfillment_app"

LEGS_MAX = 60
ASKED_MAX = 5
HOLD = timedelta(minutes=15)

Flow = Callable[[World, Place], Iterator[str]]
"""Does what people do, and yields what came out wrong."""


# -- people


def ordered(
    world: World, place: Place, name: str, to: str, *lines: tuple[str, int], again: bool = False
) -> str:
    """The id of the order that its customer is told of. `again`: asked once more, and answered the same."""
    body = {
        "customer_id": str(place.customer_of[to]),
        "address_id": str(place.address_of[to]),
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
    }
    answer = world.request(CUSTOMER, "POST", "/orders", body, key=name)
    assert answer.status == 202, answer
    if again:
        assert world.request(CUSTOMER, "POST", "/orders", body, key=name) == answer
    return str(answer.json["order_id"])


def status_of(world: World, order_id: str) -> str:
    row = world.stores.customer.execute(
        "SELECT status FROM orders WHERE order_id = %s", [order_id]
    ).fetchone()
    assert row is not None, f"Order {order_id} was accepted, and is lost."
    return str(row[0])


def packages_of(world: World, order_id: str) -> dict[str, str]:
    """Package → its status."""
    rows = world.stores.inventory.execute(
        "SELECT package_id::text, status FROM packages WHERE order_id = %s ORDER BY package_id",
        [order_id],
    )
    return dict(rows.fetchall())


def scan_what_is_due(world: World) -> bool:
    """The people of the FCs and hubs: whether a batch arrived."""
    due = world.stores.inventory.execute(
        "SELECT batch_id::text FROM batches WHERE status = 'in_transit' AND expected_at <= %s",
        [world.now],
    ).fetchall()
    for (batch_id,) in due:
        world.request(FULFILLMENT, "POST", f"/batches/{batch_id}/arrivals", {"scanned_by": "Ravi"})
    return bool(due)


def travel(world: World, is_there: Callable[[], bool]) -> None:
    """Time passes, from one thing that happens to the next, until something is so."""
    for _ in range(LEGS_MAX):
        world.settle()
        if scan_what_is_due(world):
            continue
        if is_there():
            return
        if (moment := world.next_moment()) is not None:
            world.pass_time(moment)
        else:
            world.pass_time(timedelta(minutes=7))
            sweep(world)
    raise Stuck("It never arrives.")


def out_for_delivery(world: World, order_id: str) -> str:
    """The order's one package, when it is out."""
    travel(world, lambda: "out_for_delivery" in packages_of(world, order_id).values())
    (package_id,) = packages_of(world, order_id)
    return package_id


def tell_outcome(world: World, package_id: str, **told: Any) -> Response:
    return world.request(FULFILLMENT, "POST", f"/deliveries/{package_id}/outcomes", told)


def served(world: World, place: Place, name: str, to: str, *lines: tuple[str, int]) -> str:
    """An order that is confirmed, or was rejected because a step of its run has died for good."""
    order_id = ordered(world, place, name, to, *lines)
    travel(world, lambda: status_of(world, order_id) != "placed")
    return order_id


SWEEPS = ("sweep_orders", "sweep_reservations", "sweep_runs")
SELDOM = ("roll_up_sales", "close_drained_facilities", "prune_inventory", "prune_customer")


def sweep(world: World) -> None:
    for job in SWEEPS:
        world.run_job(job)
    world.settle()


def come_to_rest(world: World) -> None:
    """Everything is told, and the sweeps run past their deadlines, until none finds anything to do."""
    world.settle()
    world.redrive()
    for _ in range(2):
        world.pass_time(HOLD + timedelta(minutes=2))
        sweep(world)
    for job in SELDOM:
        world.run_job(job)
    world.settle()


def wrong_status(world: World, order_id: str, *fitting: str) -> Iterator[str]:
    status = status_of(world, order_id)
    if status not in fitting:
        yield f"the order is {status}, not {' or '.join(fitting)}"


# -- flows


def place(world: World, ground: Place) -> Iterator[str]:
    """Two packages of one order; one that there is not enough for; one that is not undone; one whose run is lost."""
    _register(world, ground)
    held_back = world.mishaps.held_back
    held_back["confirm_reservations", "OrderConfirmed"] = []
    split = ordered(world, ground, "split", FAR, ("MUG", 2), ("LAMP", 1), again=True)
    short = ordered(world, ground, "short", FAR, ("LAMP", LAMPS + 4))
    world.settle()
    world.mishaps.failing.add("plan_packages")
    world.mishaps.vanishing.add("discard_packages")
    undone = ordered(world, ground, "undone", NEIGHBOUR, ("MUG", 1))
    world.settle()
    world.mishaps.vanishing.add("plan_packages")
    held_back["record_run", "OrderConfirmed"] = []
    lost = ordered(world, ground, "lost", NEIGHBOUR, ("MUG", 3))
    world.settle()
    world.pass_time(HOLD + timedelta(minutes=1))
    sweep(world)
    world.pass_time(timedelta(minutes=11))
    sweep(world)
    come_to_rest(world)
    yield from wrong_status(world, split, *fitting(world, "confirmed"))
    yield from wrong_status(world, short, "rejected")
    yield from wrong_status(world, undone, *fitting(world, "rejected", "confirmed"))
    yield from wrong_status(world, lost, *fitting(world, "confirmed"))
    if status_of(world, split) == "confirmed" and len(packages_of(world, split)) != 2:
        yield "two FCs make two packages"
    yield from wrong_count(world, "orders", 4)


def _register(world: World, ground: Place) -> None:
    """A customer, who may be told that a request cut short had registered them; and another address."""
    ravi = {"name": "Ravi", "email": "ravi@example.com"}
    assert world.request(CUSTOMER, "POST", "/customers", ravi).status in (201, 409)
    home = {"recipient": "A", "street": "2 Ring Road", "city": "Delhi", "state": "Delhi"}
    path = f"/customers/{ground.customer_of[FAR]}/addresses"
    assert world.request(CUSTOMER, "POST", path, {**home, "pincode": 110_000}).status == 201


def fitting(world: World, *statuses: str) -> tuple[str, ...]:
    """Where nobody died, the first. A run whose step dies in a way that is not tried again rejects its order."""
    return ("rejected", *statuses) if world.reaper.struck else statuses[:1]


def wrong_count(world: World, table: str, expected: int) -> Iterator[str]:
    """Of the customers' table."""
    row = world.stores.customer.execute(f"SELECT count(*) FROM {table}").fetchone()
    if row != (expected,):
        yield f"{row} rows of {table}, not {expected}"


def cancel(world: World, ground: Place) -> Iterator[str]:
    """Before it left; in the truck; and when the customer has it already."""
    early = served(world, ground, "early", FAR, ("MUG", 1))
    late = served(world, ground, "late", NEIGHBOUR, ("MUG", 2))
    too_late = served(world, ground, "too late", NEIGHBOUR, ("MUG", 3))
    _cancel(world, early)
    travel(
        world, lambda: "in_transit" in packages_of(world, late).values() or _is_over(world, late)
    )
    _cancel(world, late)
    travel(
        world,
        lambda: (
            "out_for_delivery" in packages_of(world, too_late).values() or _is_over(world, too_late)
        ),
    )
    has_it = not _is_over(world, too_late)
    if has_it:
        (package_id,) = packages_of(world, too_late)
        assert _cancel(world, too_late).status == 202
        tell_outcome(world, package_id, outcome="delivered", proof="signed")
    travel(world, lambda: set(packages_of(world, late).values()) <= {"returned", "cancelled"})
    come_to_rest(world)
    yield from wrong_status(world, early, *fitting(world, "cancelled"))
    yield from wrong_status(world, late, *fitting(world, "cancelled"))
    yield from wrong_status(world, too_late, "finished" if has_it else "rejected")


def _is_over(world: World, order_id: str) -> bool:
    return status_of(world, order_id) in ("rejected", "cancelled", "finished")


def _cancel(world: World, order_id: str) -> Response:
    """A repeat is answered the same."""
    answer = world.request(CUSTOMER, "POST", f"/orders/{order_id}/cancellation")
    assert answer.status in (202, 409), answer
    return answer


def give_back(world: World, ground: Place) -> Iterator[str]:
    """Nobody at home three times: the package returns to its FC, and its units are on hand again."""
    order_id = served(world, ground, "rto", NEIGHBOUR, ("MUG", 2))
    if status_of(world, order_id) == "confirmed":
        package_id = out_for_delivery(world, order_id)
        for attempt in (1, 2, 3):
            told = {"outcome": "failed", "attempt": attempt, "reason": "nobody at home"}
            assert tell_outcome(world, package_id, **told).status == 200
            world.settle()
            world.pass_time(timedelta(days=1))
        travel(world, lambda: packages_of(world, order_id)[package_id] == "returned")
    come_to_rest(world)
    yield from wrong_status(world, order_id, *fitting(world, "finished"))


def rebuild(world: World, ground: Place) -> Iterator[str]:
    """The last leg of a package goes while it is under way, twice; an FC opens and closes."""
    order_id = served(world, ground, "far", FAR, ("MUG", 2))
    travel(world, lambda: _in_transit(world, order_id))
    pune = {"fc_code": "PNQ1", "name": "Pune", "latitude": 18.5, "longitude": 73.8}
    pune |= {"handling_minutes": 30, "pincode_ranges": [[411_000, 411_099]]}
    _change(world, "POST", "/fulfillment-centers", pune)
    _change(world, "POST", "/legs", _leg("DEL", "DEL2"))
    world.settle()
    world.mishaps.failing.add("publish_version")
    _change(world, "DELETE", "/legs/DEL1/DEL2/road")
    world.settle()
    world.pass_time(timedelta(minutes=7))
    sweep(world)
    _change(world, "POST", "/legs", _leg("DEL1", "DEL2"))
    world.settle()
    world.mishaps.vanishing.add("replan_packages")
    _change(world, "DELETE", "/legs/DEL/DEL2/road")
    _change(world, "POST", "/fulfillment-centers/PNQ1/closure")
    travel(world, lambda: _has_come(world, order_id))
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


def _in_transit(world: World, order_id: str) -> bool:
    return "in_transit" in packages_of(world, order_id).values() or _is_over(world, order_id)


def _has_come(world: World, order_id: str) -> bool:
    statuses = set(packages_of(world, order_id).values())
    return statuses <= {"out_for_delivery"} or _is_over(world, order_id)


def batch(world: World, ground: Place) -> Iterator[str]:
    """A batch leaves earlier, one gets lost by its engine, one is late; units ride along; the customer has the package."""
    order_id = served(world, ground, "far", FAR, ("MUG", 2))
    units = {"transfer_id": str(UUID(int=7)), "origin": "BLR1", "destination": "BLR2"}
    units |= {"sku": "MUG", "seller_id": str(ground.seller_id), "quantity": 4}
    assert world.request(FULFILLMENT, "POST", "/batches/units", units).status == 202
    _reschedule_one(world)
    world.mishaps.vanishing.add("depart_batch")
    travel(world, lambda: _in_transit(world, order_id))
    world.pass_time(timedelta(hours=9))  # nobody scans it: it is late
    world.settle()
    travel(world, lambda: _has_come(world, order_id))
    if "out_for_delivery" in (packages := packages_of(world, order_id)).values():
        (package_id,) = packages
        tell_outcome(world, package_id, outcome="delivered", proof="signed")
    travel(world, lambda: _at("BLR2", world) == 4)
    come_to_rest(world)
    yield from wrong_status(world, order_id, *fitting(world, "finished"))
    sales = world.stores.inventory.execute("SELECT count(*) FROM sales").fetchone()
    if sales != (1 if status_of(world, order_id) == "finished" else 0,):
        yield f"{sales} sales"


def _reschedule_one(world: World) -> None:
    row = world.stores.inventory.execute(
        "SELECT batch_id, due_at FROM batches WHERE status = 'open' ORDER BY destination"
    ).fetchone()
    if row:
        due_at = (row[1] + timedelta(minutes=5)).isoformat()
        world.request(FULFILLMENT, "PATCH", f"/batches/{row[0]}", {"due_at": due_at})


def _at(fc_code: str, world: World) -> int:
    row = world.stores.inventory.execute(
        "SELECT on_hand FROM stock WHERE fc_code = %s AND sku = 'MUG'", [fc_code]
    ).fetchone()
    return int(row[0]) if row else 0


def receive(world: World, ground: Place) -> Iterator[str]:
    """A new seller's item is announced, amended, received, adjusted; a copy that drifted is repaired."""
    known = ground.seller_id
    new = {"name": "New Traders", "email": "new@example.com"}
    assert world.request(SELLER, "POST", "/sellers", new).status in (201, 409)
    row = world.stores.inventory.execute(
        "SELECT seller_id FROM sellers WHERE email = %s", [new["email"]]
    )
    (seller,) = row.fetchone() or ("",)
    approval = {"status": "approved"}
    assert world.request(FULFILLMENT, "PATCH", f"/sellers/{seller}", approval).status == 200
    for body in ({"category_id": "lamps", "name": "Lamps"},):
        assert world.request(FULFILLMENT, "POST", "/item-categories", body).status in (200, 201)
    world.request(FULFILLMENT, "PUT", "/item-categories/lamps", {"name": "Lights"})
    item = {
        "sku": "BULB",
        "name": "A bulb",
        "category_id": "lamps",
        "weight_grams": 50,
        "price_paise": 900,
    }
    assert world.request(SELLER, "POST", f"/sellers/{seller}/items", item).status in (200, 201)
    world.request(SELLER, "POST", f"/sellers/{known}/offers", {"sku": "BULB", "price_paise": 950})
    world.request(SELLER, "PUT", f"/sellers/{seller}/items/BULB/price", {"price_paise": 800})
    asn = _announced(world, seller, "kept", 10)
    given_up = _announced(world, seller, "given up", 3)
    world.request(
        SELLER,
        "PATCH",
        f"/sellers/{seller}/inbound-shipments/{asn}",
        {"lines": [{"sku": "BULB", "quantity": 12}]},
    )
    world.request(SELLER, "DELETE", f"/sellers/{seller}/inbound-shipments/{given_up}")
    world.mishaps.held_back["record_run", "Step Functions Execution Status Change"] = []
    counted = {
        "counted": [{"sku": "BULB", "quantity": 11, "reason": "one broke"}],
        "received_by": "Ravi",
    }
    assert (
        world.request(FULFILLMENT, "POST", f"/inbound-shipments/{asn}/receipts", counted).status
        == 202
    )
    world.settle()
    found = {"sku": "BULB", "seller_id": str(seller), "change": 2, "reason": "Two were found."}
    world.request(
        FULFILLMENT, "POST", "/fulfillment-centers/BLR1/stock-adjustments", found, key="found"
    )
    world.pass_time(timedelta(minutes=7))
    sweep(world)
    world.redrive()
    world.stores.customer.execute("DELETE FROM offers WHERE sku = 'LAMP'")
    world.mishaps.failing.add("report_differences")
    world.run_job("reconcile_daily")
    world.settle()
    _reconcile(world)
    come_to_rest(world)
    row = world.stores.inventory.execute(
        "SELECT on_hand FROM stock WHERE fc_code = 'BLR1' AND sku = 'BULB'"
    ).fetchone()
    if row != (13,):
        yield f"{row} bulbs on hand, not 11 received and 2 found"


def _reconcile(world: World) -> None:
    """Asked for until one comes to its end: a failed one repairs nothing, and waits for a person to ask again."""
    for _ in range(ASKED_MAX):
        assert world.request(FULFILLMENT, "POST", "/reconciliations").status == 202
        travel(world, lambda: not _is_reconciling(world))
        if "finished" in _reconciliations(world):
            return
    raise Stuck("No reconciliation comes to its end.")


def _reconciliations(world: World) -> list[str]:
    rows = world.stores.inventory.execute("SELECT status FROM reconciliations").fetchall()
    return [row[0] for row in rows]


def _is_reconciling(world: World) -> bool:
    return not {"finished", "failed"}.issuperset(_reconciliations(world))


def _announced(world: World, seller: str, key: str, quantity: int) -> str:
    body = {
        "fc_code": "BLR1",
        "expected_on": world.now.date().isoformat(),
        "lines": [{"sku": "BULB", "quantity": quantity}],
    }
    answer = world.request(SELLER, "POST", f"/sellers/{seller}/inbound-shipments", body, key=key)
    assert answer.status == 201, answer
    return str(json.loads(answer.body)["asn"])


FLOWS: Mapping[str, Flow] = {
    "place": place,
    "cancel": cancel,
    "return": give_back,
    "rebuild": rebuild,
    "batch": batch,
    "receive": receive,
}
