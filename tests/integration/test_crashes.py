"""Every journey of an order, with a crash at every moment of it: what died is done again, and nothing is lost or doubled.

A step that dies is run again, as its machine, queue or client would; everything before and behind it runs once. A
journey lights the fuse where it parts from those before it. The journeys share one world, each a day later; a crash
leaves what every commit must keep, and the world at rest all of it.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import count
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID, uuid4

import pytest

from customer_app.chalicelib.services import cancellations, orders
from fulfillment_app.chalicelib.services import deliveries, line_haul
from local.invariants import check_all
from local.reading import Stores
from online_kart.domain.customers import Address
from online_kart.domain.orders import LineWanted, Order
from online_kart.inventory_db import batches
from tests.both_sides import FAR, NEIGHBOUR, BothSides, open_both_sides, to_serve
from tests.faults import Crash
from tests.freight import broken_invariants, departed, forwarded, history_of
from tests.fuses import Fuse, FusedDocuments, fused_connection
from tests.identity import ADMIN
from tests.market import Market
from tests.storefront import an_order_of, place

MOMENTS_MAX = 300
"""More than any journey has."""

LOOKED_EVERY = 12
"""Journeys from one look at everything to the next: it takes as long as a journey."""

T = TypeVar("T")


class World(NamedTuple):
    """`sides` are behind the fuse, `stores` are not: they show what is there."""

    stores: Stores
    sides: BothSides
    fuse: Fuse
    addresses: dict[str, Address]

    @property
    def market(self) -> Market:
        return self.sides.market

    def at(self, now: datetime) -> "World":
        return self._replace(sides=self.sides._replace(market=self.market.at(now)))

    def do(self, step: Callable[[], T]) -> T:
        """Also where it dies: then again, as its machine or its client does."""
        try:
            return step()
        except Crash:
            assert broken_invariants(self.stores.inventory) == []
            return step()

    # Steps

    def placed(self, to: str) -> UUID:
        command = an_order_of(self.addresses[to], LineWanted(sku="MUG", quantity=2))
        key, conn = str(uuid4()), self.sides.stores.customer
        answer = self.do(lambda: place(conn, command, self.market.now, key))
        return Order.model_validate_json(answer.body).order_id

    def planned(self, order_id: UUID) -> UUID:
        """Its package."""
        order = to_serve(self.stores.customer, order_id)
        self.do(lambda: self.market.reserve(order))
        (package_id,) = self.do(lambda: self.market.plan(order)).package_ids
        return package_id

    def confirmed(self, order_id: UUID) -> UUID:
        """Its package."""
        package_id = self.planned(order_id)
        now = self.market.now
        self.do(
            lambda: orders.confirm_order(
                self.sides.stores.customer,
                self.market.documents,
                order_id,
                [package_id],
                now.date() + timedelta(days=9),
                None,
                now,
            )
        )
        self.told()
        return package_id

    def told(self) -> None:
        self.do(self.sides.tell)

    def batch_of(self, package_id: UUID) -> UUID:
        batch = batches.share_of_package(self.stores.inventory, package_id)
        assert batch is not None
        return batch.batch_id

    def leg_begun(self, package_id: UUID) -> None:
        batch_id = self.batch_of(package_id)
        self.do(lambda: departed(self.sides.shop, batch_id))

    def leg_done(self, package_id: UUID) -> None:
        """Departed, arrived, and handed on."""
        batch_id = self.batch_of(package_id)
        self.do(lambda: forwarded(self.sides.shop, batch_id))

    def cancelled(self, order_id: UUID) -> None:
        order = to_serve(self.stores.customer, order_id)
        customer, now = self.sides.stores.customer, self.market.now
        self.do(lambda: cancellations.request(customer, ADMIN, order_id, now))
        self.do(lambda: self.market.recall(order))
        self.do(lambda: self.market.release(order))
        self.do(lambda: cancellations.finish(customer, order_id, now))
        self.told()

    def at_rest(self) -> None:
        """Everything is told, and a batch that nothing joined ended when it was due."""
        self.told()
        left = self.stores.inventory.execute("SELECT batch_id, due_at FROM batches").fetchall()
        for batch_id, due_at in left:
            line_haul.close(self.stores.inventory, batch_id, 1, due_at)

    def broken(self) -> list[tuple[int, str, str]]:
        """What breaks an invariant, at rest."""
        return [
            (violation.invariant, violation.key, violation.detail)
            for outcome in check_all(self.stores)
            for violation in outcome.violations
        ]

    def history_of(self, package_id: UUID) -> str:
        return " ".join(history_of(self.stores.inventory, package_id))

    def order_status(self, order_id: UUID) -> str:
        return orders.by_id(self.stores.customer, order_id).status


@pytest.fixture
def world(
    inventory_db: Any,
    customer_db: Any,
    documents: Any,
    inventory_dsn: str,
    customer_dsn: str,
    now: datetime,
) -> Iterator[World]:
    stores, fuse = Stores(inventory_db, customer_db, documents), Fuse()
    sides = open_both_sides(stores, now)
    sides.market.put_stock("BLR1", "MUG", 10_000)
    homes = {to: sides.buyer(to).address for to in (NEIGHBOUR, FAR)}
    with (
        closing(fused_connection(inventory_dsn, fuse)) as inventory,
        closing(fused_connection(customer_dsn, fuse)) as customer,
    ):
        fused = Stores(inventory, customer, cast(Any, FusedDocuments(documents, fuse)))
        market = sides.market._replace(conn=inventory, documents=fused.documents)
        yield World(stores, BothSides(fused, market), fuse, homes)


def to_the_door(world: World) -> None:
    """By road, and the customer is out the first time."""
    world.fuse.light()
    order_id = world.placed(NEIGHBOUR)
    package_id = world.confirmed(order_id)
    world.leg_done(package_id)
    conn, documents, now = world.market.conn, world.market.documents, world.market.now
    world.do(
        lambda: deliveries.failed(conn, documents, ADMIN, package_id, 1, "nobody at home", now)
    )
    world.do(lambda: deliveries.delivered(conn, documents, ADMIN, package_id, "signed", now))
    world.told()
    assert world.order_status(order_id) == "finished"
    assert world.history_of(package_id) == (
        "planned departed arrived out_for_delivery delivery_failed delivered"
    )


def cancelled_in_the_truck(world: World) -> None:
    """It comes back to the shelf."""
    order_id = world.placed(FAR)
    package_id = world.confirmed(order_id)
    world.leg_begun(package_id)
    world.fuse.light()
    world.cancelled(order_id)
    for _ in range(2):
        world.leg_done(package_id)
    assert world.order_status(order_id) == "cancelled"
    assert world.history_of(package_id) == (
        "planned departed returning arrived departed arrived returned"
    )


def cancelled_before_it_left(world: World) -> None:
    order_id = world.placed(NEIGHBOUR)
    package_id = world.confirmed(order_id)
    world.fuse.light()
    world.cancelled(order_id)
    assert world.order_status(order_id) == "cancelled"
    assert world.history_of(package_id) == "planned cancelled"


def nobody_at_home(world: World) -> None:
    """Three times: it goes back."""
    order_id = world.placed(NEIGHBOUR)
    package_id = world.confirmed(order_id)
    world.leg_done(package_id)
    conn, documents, now = world.market.conn, world.market.documents, world.market.now
    for attempt in (1, 2, 3):
        if attempt == 2:
            world.fuse.light()
        told = (conn, documents, ADMIN, package_id, attempt, "nobody at home", now)
        world.do(lambda told=told: deliveries.failed(*told))  # type: ignore[misc]
    world.leg_done(package_id)
    world.told()
    assert world.order_status(order_id) == "finished"
    assert world.history_of(package_id) == (
        "planned departed arrived out_for_delivery delivery_failed delivery_failed delivery_failed"
        " returning departed arrived returned"
    )


def refused_after_it_was_planned(world: World) -> None:
    """The machine undoes what it has done."""
    order_id = world.placed(NEIGHBOUR)
    package_id = world.planned(order_id)
    world.fuse.light()
    order = to_serve(world.stores.customer, order_id)
    customer, now = world.sides.stores.customer, world.market.now
    assert world.do(lambda: orders.reject_order(customer, order_id, "States.Timeout", "", now))
    world.do(lambda: world.market.discard(order))
    world.do(lambda: world.market.release(order))
    assert world.order_status(order_id) == "rejected"
    assert world.history_of(package_id) == "planned cancelled"


@pytest.mark.parametrize(
    "journey",
    [
        pytest.param(to_the_door, marks=pytest.mark.slow),  # in `make crash`
        pytest.param(cancelled_in_the_truck, marks=pytest.mark.slow),
        cancelled_before_it_left,
        pytest.param(nobody_at_home, marks=pytest.mark.slow),
        refused_after_it_was_planned,
    ],
)
def test_a_crash_at_any_moment_loses_and_doubles_nothing(world, journey):
    for moment in count(1):
        assert moment < MOMENTS_MAX, "It never comes to its end."
        tomorrow = world.at(world.market.now + timedelta(days=moment))
        world.fuse.set(moment)
        journey(tomorrow)
        if not world.fuse.is_burnt:
            break
        tomorrow.at_rest()
        if moment % LOOKED_EVERY == 0:
            assert tomorrow.broken() == []
    world.fuse.set(0)
    tomorrow.at_rest()
    assert tomorrow.broken() == []
    assert moment > 5, "There is hardly anything to die at."
