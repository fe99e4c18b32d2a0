"""What customers do: they order, ask again where no answer came, and change their minds."""

import random
from datetime import timedelta

from .town import HOT, ITEMS, Town
from .world import Broken, Request, World

ANSWER_IS_KEPT = timedelta(hours=23, minutes=45)
"""24 hours by the customer side's clock, which may be wrong by some minutes."""


def place(world: World, town: Town, rng: random.Random) -> None:
    """Of several lines, the same item twice among them; by some who tap twice."""
    customer_id, address_id = rng.choice(town.homes[: None if rng.random() < 0.2 else -1])
    lines = [
        {"sku": HOT if rng.random() < 0.5 else rng.choice(ITEMS), "quantity": rng.randint(1, 4)}
        for _ in range(rng.choice([1, 1, 2, 3]))
    ]
    if rng.random() < 0.2:
        lines[0]["seller_id"] = str(rng.choice(town.sellers))
    body = {"customer_id": customer_id, "address_id": address_id, "lines": lines}
    request = Request("customer_app", "POST", "/orders", body, key=f"key-{rng.getrandbits(64)}")
    answer = world.ask(request)
    if answer.status_code != 202:
        return
    world.counts.orders += 1
    world.placed.append((request, answer.body, world.now))
    if rng.random() < 0.2:
        _compare(world, len(world.placed) - 1)


def ask_again(world: World, town: Town, rng: random.Random) -> None:
    """A client that got no answer, or that has a bug."""
    if world.placed:
        _compare(world, rng.randrange(len(world.placed)))


def _compare(world: World, place: int) -> None:
    request, body, at = world.placed[place]
    answer = world.ask(request)
    if world.now - at < ANSWER_IS_KEPT and (answer.status_code, answer.body) != (202, body):
        raise Broken(
            "the same answer", f"{body!r} first, then {answer.status_code} {answer.body!r}"
        )


def cancel(world: World, town: Town, rng: random.Random) -> None:
    """Mostly a new one."""
    orders = world.ground.eyes.customer.execute(
        "SELECT order_id FROM orders ORDER BY placed_at, order_id"
    ).fetchall()
    if orders:
        order_id = rng.choice(orders[-3 if rng.random() < 0.6 else -15 :])[0]
        world.ask(Request("customer_app", "POST", f"/orders/{order_id}/cancellation"))
