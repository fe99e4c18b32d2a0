"""The races: what happens at the same moment, and what must be so whoever wins.

Each is a function of a world, which it leaves fit for the next trial, and raises AssertionError where an answer was wrong.
Everything goes through the services, as the apps call them.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from psycopg import Connection

from fulfillment_app.chalicelib.services import line_haul, rebuilds, stock
from online_kart.documents import route_tables
from online_kart.domain.errors import OutOfStock, StockTooLow
from online_kart.domain.sourcing import OrderToServe
from online_kart.domain.stock import AdjustStock
from online_kart.inventory_db import packages
from online_kart.messaging.idempotency import Keyed
from tests.freight import batch_of
from tests.identity import ADMIN
from tests.market import HOLD, Market
from tests.networks import HOP_LIMIT, build

from .arena import Arena, outcomes

NEAR, FAR = "BLR1", "DEL1"
DEPARTURES_APART = timedelta(hours=4)
"""On the grid of roads."""


class World(NamedTuple):
    market: Market
    arena: Arena
    numbers: "count[int]"
    """Of trials."""

    def reserve(self, order: OrderToServe) -> Callable[[Connection[Any]], Any]:
        return lambda conn: self.market.on(conn).reserve(order)

    def release(self, order: OrderToServe) -> Callable[[Connection[Any]], Any]:
        return lambda conn: self.market.on(conn).release(order)

    def adjust(self, change: int, fc_code: str = NEAR) -> Callable[[Connection[Any]], Any]:
        """By a person, with a key of its own."""
        market = self.market
        command = AdjustStock(
            sku="MUG", seller_id=market.seller_id, change=change, reason="Counted again."
        )
        keyed = Keyed("Ravi", str(uuid4()), "digest")
        return lambda conn: stock.adjust_stock(conn, ADMIN, fc_code, command, keyed, market.now)

    def put_free(self, units: int, fc_code: str = NEAR) -> None:
        """So many free units are there, whatever a trial has left."""
        on_hand, reserved = self.market.level(fc_code)
        if on_hand == 0:
            self.market.put_stock(fc_code, "MUG", units)
        elif on_hand - reserved != units:
            self.adjust(units - on_hand + reserved, fc_code)(self.market.conn)


def last_unit(world: World) -> None:
    """Four orders want the last unit."""
    world.put_free(1)
    orders = [world.market.an_order(("MUG", 1)) for _ in range(4)]

    answers = world.arena.run(*map(world.reserve, orders))

    assert outcomes(answers) == {"Sourcing": 1, "OutOfStock": 3}, answers
    assert sum(sum(world.market.held_at(order).values()) for order in orders) == 1


def same_item_on_two_lines(world: World) -> None:
    """Three carts name an item on two lines; there are units for one cart and a half."""
    world.put_free(3)
    orders = [world.market.an_order(("MUG", 1), ("MUG", 1)) for _ in range(3)]

    answers = world.arena.run(*map(world.reserve, orders))

    assert outcomes(answers) == {"Sourcing": 1, "OutOfStock": 2}, answers
    assert sorted(sum(world.market.held_at(order).values()) for order in orders) == [0, 0, 2]
    for order in orders:
        world.market.release(order)


def reserve_release_adjust_receive(world: World) -> None:
    """Of ten units, four are held. Three are wanted, the four given back, five written off, two received."""
    market = world.market
    world.put_free(10)
    held, wanted = market.an_order(("MUG", 4)), market.an_order(("MUG", 3))
    market.reserve(held)
    on_hand, reserved = market.level(NEAR)

    def receive(conn: Connection[Any]) -> None:
        market.on(conn).put_stock(NEAR, "MUG", 2)

    reserved_it, released, adjusted, received = world.arena.run(
        world.reserve(wanted), world.release(held), world.adjust(-5), receive
    )

    took, wrote_off = not isinstance(reserved_it, Exception), not isinstance(adjusted, Exception)
    assert took or isinstance(reserved_it, OutOfStock), reserved_it
    assert wrote_off or isinstance(adjusted, StockTooLow), adjusted
    assert took or wrote_off, "Each was refused because of the other."
    assert (released, received) == (1, None)
    assert market.level(NEAR) == (on_hand + 2 - 5 * wrote_off, reserved - 4 + 3 * took)
    market.release(wanted)


def two_cancels(world: World) -> None:
    """An order is cancelled twice, by two runs of the machine."""
    market = world.market
    world.put_free(2)
    order = market.served(("MUG", 2))
    on_hand, reserved = market.level(NEAR)

    def cancel(conn: Connection[Any]) -> tuple[int, int]:
        here = market.on(conn)
        return here.recall(order), here.release(order)

    answers = world.arena.run(cancel, cancel)

    assert sorted(recalled for recalled, _ in answers) == [0, 1], answers
    assert sorted(released for _, released in answers) == [0, 1], answers
    assert market.level(NEAR) == (on_hand, reserved - 2)
    assert package_statuses(market, order) == ["cancelled"]


def cancel_against_depart(world: World) -> None:
    """The truck leaves while the order is cancelled: the package stays and its stock is back, or it left and returns.

    Each trial has a departure of its own.
    """
    market = world.market.at(world.market.now + next(world.numbers) * DEPARTURES_APART)
    world.put_free(2)
    order = market.served(("MUG", 2))
    on_hand, reserved = market.level(NEAR)
    batch_id = batch_of(market.conn, package_ids(market, order)[0])

    def cancel(conn: Connection[Any]) -> tuple[int, int]:
        here = market.on(conn)
        return here.recall(order), here.release(order)

    def depart(conn: Connection[Any]) -> None:
        batch = market.conn.execute(
            "SELECT revision, due_at FROM batches WHERE batch_id = %s", [batch_id]
        ).fetchone()
        assert batch
        revision, due_at = batch
        line_haul.close(conn, batch_id, revision, due_at)
        line_haul.depart(conn, market.documents, batch_id, revision, HOP_LIMIT, due_at)

    cancelled, departed = world.arena.run(cancel, depart)

    assert not isinstance(departed, Exception), departed
    (status,) = package_statuses(market, order)
    left = status == "returning"
    assert left or status == "cancelled"
    assert cancelled == (1, 0 if left else 1), cancelled
    assert market.level(NEAR) == (on_hand - 2 * left, reserved - 2)


def two_fcs_in_opposite_order(world: World) -> None:
    """Four carts need both FCs, whose nearest is another for each; there are units for one."""
    for fc_code in (NEAR, FAR):
        world.put_free(3, fc_code)
    homes = (NEAR, FAR, "BLR2", "DEL2")
    orders = [world.market.an_order(("MUG", 5), to=home) for home in homes]

    answers = world.arena.run(*map(world.reserve, orders))

    assert outcomes(answers) == {"Sourcing": 1, "OutOfStock": 3}, answers
    assert sorted(sum(world.market.held_at(order).values()) for order in orders) == [0, 0, 0, 5]
    for order in orders:
        world.market.release(order)


def expiry_against_confirm(world: World) -> None:
    """The sweep finds the order past its deadline at the moment at which it is confirmed."""
    world.put_free(2)
    order = world.market.an_order(("MUG", 2))
    world.market.reserve(order)
    world.market.plan(order)
    on_hand, reserved = world.market.level(NEAR)
    later = world.market.at(world.market.now + HOLD)

    expired, confirmed = world.arena.run(
        lambda conn: later.on(conn).release_expired(), lambda conn: later.on(conn).confirm(order)
    )

    assert confirmed is None, confirmed
    assert expired in (0, 1), expired
    assert package_statuses(later, order) == ["cancelled" if expired else "planned"]
    assert later.level(NEAR) == (on_hand, reserved - 2 * expired)
    if not expired:
        later.recall(order)
        later.release(order)


def two_builds(world: World) -> None:
    """Two versions of the route tables are built at once, or one by two runs: the newest is in force, and whole."""
    market = world.market
    number = next(world.numbers)
    versions = [rebuilds.request_rebuild(market.conn, "a race", market.now)]
    if number % 2:
        versions.append(rebuilds.request_rebuild(market.conn, "a race", market.now))

    def run(version: int, conn: Connection[Any]) -> str:
        return build(conn, market.documents, version, market.now)

    answers = world.arena.run(partial(run, versions[0]), partial(run, versions[-1]))

    assert answers[1] == "published", answers
    assert answers[0] in ("published", "superseded"), answers
    assert route_tables.current_version(market.documents) == versions[-1]
    manifest = route_tables.manifest(market.documents, versions[-1])
    tables = route_tables.tables_in(market.documents, manifest.tables, manifest)
    assert tables.keys() == {facility.code for facility in market.network.facilities}


def package_ids(market: Market, order: OrderToServe) -> list[UUID]:
    with market.conn.transaction():
        return [each.package_id for each in packages.lock_of_order(market.conn, order.order_id)]


def package_statuses(market: Market, order: OrderToServe) -> list[str]:
    with market.conn.transaction():
        return [each.status for each in packages.lock_of_order(market.conn, order.order_id)]


RACES: tuple[Callable[[World], None], ...] = (
    last_unit,
    same_item_on_two_lines,
    reserve_release_adjust_receive,
    two_cancels,
    cancel_against_depart,
    two_fcs_in_opposite_order,
    expiry_against_confirm,
    two_builds,
)
