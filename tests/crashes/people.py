"""People of a world: customers, drivers, who scans what arrives; and the sweeps, which come by themselves."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from tests.crashes.ground import Place
from tests.crashes.system import Response, Stuck, World

CUSTOMER, SELLER, FULFILLMENT = "customer_app", "seller_app", "fulfillment_app"

MOMENTS_MAX = 60
"""At which something happens on the way of a package, or until a run that vanished is found."""

HOLD = timedelta(minutes=15)
"""How long stock is held for an order that is not confirmed."""

LOST = timedelta(minutes=7)
"""After so long a run that nobody heard of counts as lost."""

ROUNDS_MIN, ROUNDS_MAX = 2, 8
"""Of the sweeps. A run is started again by one, and may fail again."""

MAY_BE = {
    ("move_batch", "running"),
    ("place_order", "failed"),  # for a reason that is ours: undone, and rejected
    ("reconcile", "failed"),  # people ask for another one
}

SWEEPS = ("sweep_orders", "sweep_reservations", "sweep_runs")
SELDOM = ("roll_up_sales", "close_drained_facilities", "prune_inventory", "prune_customer")


def ordered(
    world: World, ground: Place, name: str, to: str, *lines: tuple[str, int], again: bool = False
) -> str:
    """The id of the order that its customer is told of. `again`: asked once more, and answered the same."""
    body = {
        "customer_id": str(ground.customer_of[to]),
        "address_id": str(ground.address_of[to]),
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
        world.request(FULFILLMENT, "POST", f"/batches/{batch_id}/arrivals", {})
    return bool(due)


def travel(world: World, is_there: Callable[[], bool]) -> None:
    """Time passes, from one thing that happens to the next, until something is so."""
    for _ in range(MOMENTS_MAX):
        world.settle()
        if scan_what_is_due(world):
            continue
        if is_there():
            return
        if (moment := world.next_moment()) is not None:
            world.pass_time(moment)
        else:
            world.pass_time(LOST)
            sweep(world)
    raise Stuck("It never arrives.")


def out_for_delivery(world: World, order_id: str) -> str:
    """The order's one package, when it is out."""
    travel(world, lambda: "out_for_delivery" in packages_of(world, order_id).values())
    (package_id,) = packages_of(world, order_id)
    return package_id


def tell_outcome(world: World, package_id: str, **told: Any) -> Response:
    return world.request(FULFILLMENT, "POST", f"/deliveries/{package_id}/outcomes", told)


def served(world: World, ground: Place, name: str, to: str, *lines: tuple[str, int]) -> str:
    """An order that is confirmed, or was rejected because a step of its run has died for good."""
    order_id = ordered(world, ground, name, to, *lines)
    travel(world, lambda: status_of(world, order_id) != "placed")
    return order_id


def sweep(world: World) -> None:
    for job in SWEEPS:
        world.run_job(job)
    world.settle()


def come_to_rest(world: World) -> None:
    """Everything is told, and the sweeps run past their deadlines, until no run is left that has not ended well."""
    world.settle()
    world.redrive()
    for rounds in range(1, ROUNDS_MAX):
        world.pass_time(HOLD + timedelta(minutes=2))
        sweep(world)
        if rounds >= ROUNDS_MIN and not unfinished_runs(world):
            break
    for job in SELDOM:
        world.run_job(job)
    world.settle()


def unfinished_runs(world: World) -> list[str]:
    """Of those that must end well, and of orders: the last of each that is not through, nor waits for a truck."""
    rows = world.stores.inventory.execute(
        """
        SELECT DISTINCT ON (machine, business_id) machine, business_id, revision, status FROM runs
         -- of a batch that is through nothing is left to do, and its run is not started again
         WHERE machine <> 'move_batch' OR business_id IN (SELECT batch_id::text FROM batches)
         ORDER BY machine, business_id, revision DESC
        """
    ).fetchall()
    return [
        f"the run {machine} {business_id}-{revision} is {status}"
        for machine, business_id, revision, status in rows
        if status != "succeeded" and (machine, status) not in MAY_BE
    ]


def wrong_status(world: World, order_id: str, *fitting: str) -> Iterator[str]:
    status = status_of(world, order_id)
    if status not in fitting:
        yield f"the order is {status}, not {' or '.join(fitting)}"


def is_over(world: World, order_id: str) -> bool:
    return status_of(world, order_id) in ("rejected", "cancelled", "finished")


def has_left(world: World, order_id: str) -> bool:
    """Its packages left their FCs, however far they have come; or it came to nothing."""
    statuses = set(packages_of(world, order_id).values())
    return (bool(statuses) and "planned" not in statuses) or is_over(world, order_id)


def has_come(world: World, order_id: str) -> bool:
    statuses = set(packages_of(world, order_id).values())
    return statuses <= {"out_for_delivery"} or is_over(world, order_id)


def fitting(world: World, *statuses: str) -> tuple[str, ...]:
    """Where nobody died, the first: a death may take a mishap's place, but is no reason to reject anybody."""
    return statuses if world.reaper.struck else statuses[:1]


def wrong_count(world: World, table: str, expected: int) -> Iterator[str]:
    """Of the customers' table."""
    row = world.stores.customer.execute(f"SELECT count(*) FROM {table}").fetchone()
    if row != (expected,):
        yield f"{row} rows of {table}, not {expected}"
