"""Flows of orders: placed, cancelled, given back. See `flows`."""

from collections.abc import Iterator
from datetime import timedelta

from tests.both_sides import FAR, NEIGHBOUR
from tests.crashes.ground import LAMPS, Place
from tests.crashes.people import (
    CUSTOMER,
    FULFILLMENT,
    HOLD,
    come_to_rest,
    fitting,
    has_left,
    is_over,
    ordered,
    out_for_delivery,
    packages_of,
    served,
    status_of,
    sweep,
    tell_outcome,
    travel,
    wrong_count,
    wrong_status,
)
from tests.crashes.system import Response, World


def place(world: World, ground: Place) -> Iterator[str]:
    """Two packages of one order; one that there is not enough for; one that is not undone; one whose run is lost."""
    _register(world, ground)
    world.mishaps.hold_back("confirm_reservations", "OrderConfirmed")
    split = ordered(world, ground, "split", FAR, ("MUG", 2), ("LAMP", 1), again=True)
    short = ordered(world, ground, "short", FAR, ("LAMP", LAMPS + 4))
    world.settle()
    world.mishaps.vanishing.add("discard_packages")
    undone = ordered(world, ground, "undone", NEIGHBOUR, ("MUG", 1))
    world.mishaps.failing["plan_packages"] = undone
    world.settle()
    world.mishaps.vanishing.add("plan_packages")
    world.mishaps.hold_back("record_run", "OrderConfirmed")
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
    added = world.request(CUSTOMER, "POST", path, {**home, "pincode": 110_000})
    assert added.status == 201, added
    path += f"/{added.json['address_id']}"
    assert world.request(CUSTOMER, "PUT", path, {**home, "pincode": 110_001}).status == 200
    deleted = world.request(CUSTOMER, "DELETE", path).status
    assert deleted == 204 or (world.reaper.struck and deleted == 404)


def cancel(world: World, ground: Place) -> Iterator[str]:
    """Before it left; in the truck; and when the customer has it already."""
    early = served(world, ground, "early", FAR, ("MUG", 1))
    late = served(world, ground, "late", NEIGHBOUR, ("MUG", 2))
    too_late = served(world, ground, "too late", NEIGHBOUR, ("MUG", 3))
    _cancel(world, early)
    travel(world, lambda: has_left(world, late))
    _cancel(world, late)
    has_it = _cancelled_too_late(world, too_late)
    travel(world, lambda: {"returned", "cancelled"}.issuperset(packages_of(world, late).values()))
    come_to_rest(world)
    yield from wrong_status(world, early, *fitting(world, "cancelled"))
    yield from wrong_status(world, late, *fitting(world, "cancelled"))
    yield from wrong_status(world, too_late, "finished" if has_it else "rejected")


def _cancelled_too_late(world: World, order_id: str) -> bool:
    """Asked for a moment before the package is delivered. False where the order came to nothing before."""
    travel(
        world,
        lambda: (
            is_over(world, order_id) or "out_for_delivery" in packages_of(world, order_id).values()
        ),
    )
    if is_over(world, order_id):
        return False
    (package_id,) = packages_of(world, order_id)
    assert _cancel(world, order_id).status == 202
    assert tell_outcome(world, package_id, outcome="delivered", proof="signed").status == 200
    return True


def _cancel(world: World, order_id: str) -> Response:
    """A repeat is answered the same."""
    answer = world.request(CUSTOMER, "POST", f"/orders/{order_id}/cancellation")
    assert answer.status in (202, 409), answer
    return answer


def give_back(world: World, ground: Place) -> Iterator[str]:
    """Nobody at home three times, and another refused at the door: both return to their FC. A third is sent back."""
    # Before anything is back in the FC next door, which would serve it without a truck.
    yield from _lose_and_find(world, ground)
    yield from _send_back(world, ground)
    order_id = served(world, ground, "rto", NEIGHBOUR, ("MUG", 2))
    if status_of(world, order_id) == "confirmed":
        package_id = out_for_delivery(world, order_id)
        for attempt in (1, 2, 3):
            told = {"outcome": "failed", "attempt": attempt, "reason": "nobody at home"}
            assert tell_outcome(world, package_id, **told).status == 200
            world.settle()
            world.pass_time(timedelta(days=1))
        travel(world, lambda: packages_of(world, order_id)[package_id] == "returned")
    unwanted = served(world, ground, "unwanted", NEIGHBOUR, ("MUG", 1))
    if status_of(world, unwanted) == "confirmed":
        told = {"outcome": "refused", "reason": "not wanted any more"}
        assert tell_outcome(world, out_for_delivery(world, unwanted), **told).status == 200
        travel(world, lambda: set(packages_of(world, unwanted).values()) == {"returned"})
    come_to_rest(world)
    for each in (order_id, unwanted):
        yield from wrong_status(world, each, *fitting(world, "finished"))


def _lose_and_find(world: World, ground: Place) -> Iterator[str]:
    """It is not in the truck; found at the FC nevertheless, it goes out to its customer."""
    order_id = served(world, ground, "lost and found", NEIGHBOUR, ("MUG", 1))
    travel(world, lambda: has_left(world, order_id))
    rows = world.stores.inventory.execute(
        """
        SELECT b.batch_id::text, p.package_id::text FROM batch_packages AS b
          JOIN packages AS p ON p.package_id = b.package_id
         WHERE p.order_id = %s AND p.status = 'in_transit'
        """,
        [order_id],
    ).fetchall()
    for batch_id, package_id in rows:
        missing = {"missing": [{"package_id": package_id, "reason": "not in the truck"}]}
        arrivals = f"/batches/{batch_id}/arrivals"
        assert world.request(FULFILLMENT, "POST", arrivals, missing).status == 200
        world.settle()
        path, here = f"/packages/{package_id}/recovery", {"facility": NEIGHBOUR}
        assert world.request(FULFILLMENT, "POST", path, here).status == 200
        world.settle()
        assert tell_outcome(world, package_id, outcome="delivered", proof="signed").status == 200
        world.settle()
        world.redrive()
        yield from wrong_status(world, order_id, *fitting(world, "finished"))


def _send_back(world: World, ground: Place) -> Iterator[str]:
    """Its customer has it and doesn't like it; one unit is damaged when it is back."""
    order_id = served(world, ground, "sent back", NEIGHBOUR, ("MUG", 3))
    if status_of(world, order_id) == "rejected":
        return
    package_id = out_for_delivery(world, order_id)
    assert tell_outcome(world, package_id, outcome="delivered", proof="signed").status == 200
    world.settle()
    world.redrive()
    body = {"package_id": package_id, "reason": "too blue"}
    asked = world.request(CUSTOMER, "POST", f"/orders/{order_id}/returns", body)
    assert asked.status == 202, asked
    world.settle()
    world.redrive()
    return_id = asked.json["return_id"]
    vain = {"attempt": 1, "reason": "nobody at home"}
    failed = world.request(FULFILLMENT, "POST", f"/returns/{return_id}/failed-pickups", vain)
    assert failed.status == 200, failed
    path = f"/returns/{return_id}/receipt"
    counted = {"unsellable": [{"line_no": 1, "quantity": 1}]}
    received = world.request(FULFILLMENT, "POST", path, counted)
    assert received.status == 200, received
    world.settle()
    world.redrive()
    payout = {"amount_paise": asked.json["refund_paise"], "reference": "UPI 1"}
    path = f"/orders/{order_id}/returns/{return_id}/payout"
    paid = world.request(CUSTOMER, "PUT", path, payout)
    assert paid.status == 200, paid
    row = world.stores.customer.execute("SELECT status FROM returns").fetchone()
    if row != ("paid",):
        yield f"the return is {row}"
    taken_off = world.stores.inventory.execute(
        "SELECT sum(quantity) FROM sales WHERE order_id = %s", [order_id]
    ).fetchone()
    if taken_off != (0,):
        yield f"{taken_off} units are still sold"
