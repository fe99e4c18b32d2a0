"""What happened can be told from the logs alone: after a long mixed history stock, orders, packages, totals and prices
are rebuilt from nothing but their logs, and equal the tables; and every entry says who did it, when, and why.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from customer_app.chalicelib.services import cancellations
from fulfillment_app.chalicelib.services import deliveries, sales, stock
from local.invariants import check_all
from local.reading import Stores
from online_kart.documents import connection, order_log, price_changes
from online_kart.documents.indexes import ensure_collections
from online_kart.domain.batches import SHOP_TIME_ZONE
from online_kart.domain.errors import StockTooLow
from online_kart.domain.order_log import status_told
from online_kart.domain.packages import course_of
from online_kart.domain.prices import ChangePrice
from online_kart.domain.stock import AdjustStock
from online_kart.inventory_db import packages
from online_kart.messaging.idempotency import Keyed
from online_kart.postgres import Database
from seller_app.chalicelib.services import prices
from tests.both_sides import FAR, NEAR, NEIGHBOUR, BothSides, open_both_sides, to_serve
from tests.buyers import Buyer
from tests.freight import batch_of, forwarded
from tests.identity import ADMIN
from tests.servers import fresh_name

STEPS = 150
SEED = 1
BEGINS_AT = datetime(2026, 3, 28, 4, 30, tzinfo=UTC)
"""So that it goes over a month's end."""

SKUS = ("MUG", "LAMP")
NOBODY = {"", "system", "unknown"}


class Shop:
    """Random things happen in it, each some hours after the one before."""

    def __init__(self, sides: BothSides, seed: int) -> None:
        self.sides, self.rng = sides, random.Random(seed)
        self.buyers = [sides.buyer(fc) for fc in (NEAR, NEIGHBOUR, FAR)]
        self.done: Counter[str] = Counter()

    def go_on(self) -> None:
        market = self.sides.market
        later = market.now + timedelta(hours=self.rng.randint(1, 6))
        self.sides = self.sides._replace(market=market.at(later))
        self.buyers = [buyer._replace(market=buyer.market.at(later)) for buyer in self.buyers]
        action = self.rng.choice(ACTIONS)
        if action(self):
            self.done[action.__name__] += 1
        self.sides.tell()

    def a_package(self, *statuses: str) -> UUID | None:
        rows = self.sides.stores.inventory.execute(
            "SELECT package_id FROM packages WHERE status = ANY(%s) ORDER BY created_at, package_id",
            [list(statuses)],
        ).fetchall()
        return self.rng.choice(rows)[0] if rows else None


def order(shop: Shop) -> bool:
    buyer: Buyer = shop.rng.choice(shop.buyers)
    skus = shop.rng.sample(SKUS, shop.rng.randint(1, 2))
    shop.sides.confirmed(buyer, *((sku, shop.rng.randint(1, 3)) for sku in skus))
    return True


def reject(shop: Shop) -> bool:
    shop.sides.rejected(shop.rng.choice(shop.buyers), ("MUG", 1))
    return True


def move(shop: Shop) -> bool:
    """A package goes one leg on, with all that is in its batch."""
    return _move(shop, "planned", "in_transit")


def bring_back(shop: Shop) -> bool:
    return _move(shop, "returning")


def _move(shop: Shop, *statuses: str) -> bool:
    package_id = shop.a_package(*statuses)
    row = package_id and shop.sides.stores.inventory.execute(
        "SELECT FROM batch_packages WHERE package_id = %s", [package_id]
    )
    if package_id is None or not row or not row.rowcount:
        return False
    forwarded(shop.sides.shop, batch_of(shop.sides.market.conn, package_id))
    return True


def deliver(shop: Shop) -> bool:
    market, package_id = shop.sides.market, shop.a_package("out_for_delivery")
    if package_id is None:
        return False
    deliveries.delivered(market.conn, market.documents, ADMIN, package_id, "signed", market.now)
    return True


def fail(shop: Shop) -> bool:
    """Until it goes back."""
    market, package_id = shop.sides.market, shop.a_package("out_for_delivery")
    if package_id is None:
        return False
    for attempt in (1, 2, 3):
        deliveries.failed(
            market.conn, market.documents, ADMIN, package_id, attempt, "nobody at home", market.now
        )
    return True


def cancel(shop: Shop) -> bool:
    package_id = shop.a_package("planned", "in_transit")
    if package_id is None:
        return False
    market, customer = shop.sides.market, shop.sides.stores.customer
    package = packages.by_id(market.conn, package_id)
    assert package is not None
    shop.buyers[0].cancel(package.order_id)
    served = to_serve(customer, package.order_id)
    market.recall(served)
    market.release(served)
    cancellations.finish(customer, package.order_id, market.now)
    return True


def receive(shop: Shop) -> bool:
    shop.sides.market.put_stock(
        shop.rng.choice((NEAR, NEIGHBOUR)), shop.rng.choice(SKUS), shop.rng.randint(1, 9)
    )
    return True


def adjust(shop: Shop) -> bool:
    market, change = shop.sides.market, shop.rng.choice((-2, -1, 1))
    command = AdjustStock(sku="MUG", seller_id=market.seller_id, change=change, reason="Counted.")
    keyed = Keyed("Meera", f"{market.now}", "digest")
    try:
        stock.adjust_stock(market.conn, ADMIN, NEAR, command, keyed, market.now)
    except StockTooLow:
        return False
    return True


def reprice(shop: Shop) -> bool:
    market = shop.sides.market
    command = ChangePrice(price_paise=shop.rng.randint(1, 90_000))
    prices.change(market.conn, ADMIN, market.seller_id, shop.rng.choice(SKUS), command, market.now)
    return True


ACTIONS: tuple[Callable[[Shop], bool], ...] = (
    *(order,) * 3,
    reject,
    *(move,) * 4,
    *(bring_back,) * 2,
    *(deliver,) * 2,
    fail,
    cancel,
    receive,
    adjust,
    reprice,
)


class History(NamedTuple):
    shop: Shop
    stores: Stores

    def rows(self, query: Any) -> list[tuple[Any, ...]]:
        return self.stores.inventory.execute(query).fetchall()


@pytest.fixture(scope="module")
def history(servers, inventory_copies, customer_copies) -> Iterator[History]:
    documents = connection.database(servers.mongodb_uri, fresh_name())
    ensure_collections(documents)
    with inventory_copies() as inventory_dsn, customer_copies() as customer_dsn:
        inventory, customer = Database(inventory_dsn), Database(customer_dsn)
        with closing(inventory), closing(customer):
            stores = Stores(inventory.connection(), customer.connection(), documents)
            sides = open_both_sides(stores, BEGINS_AT, units=500)
            sides.market.put_stock(NEAR, "LAMP", 500)
            sides.tell()
            shop = Shop(sides, SEED)
            for _ in range(STEPS):
                shop.go_on()
            sales.roll_up(stores.inventory)
            yield History(shop, stores)
    documents.client.drop_database(documents.name)


def test_everything_has_happened_and_no_invariant_is_broken(history):
    assert history.shop.done.keys() == {action.__name__ for action in ACTIONS}
    statuses = {status for (status,) in history.rows("SELECT DISTINCT status FROM packages")}
    assert {"delivered", "returned", "cancelled"} <= statuses
    assert len(history.rows("SELECT month FROM sales_by_month")) > 1

    broken = [
        v.model_dump()
        for outcome in check_all(history.stores)
        for v in outcome.violations
        if v.subject != "batch runs"  # no machine moves them here
    ]
    assert broken == []


def test_stock_is_the_sum_of_its_ledger(history):
    on_hand, reserved = Counter[tuple[Any, ...]](), Counter[tuple[Any, ...]]()
    for sku, fc_code, seller_id, on_hand_change, reserved_change in history.rows(
        "SELECT sku, fc_code, seller_id, on_hand_change, reserved_change FROM stock_ledger"
    ):
        on_hand[sku, fc_code, seller_id] += on_hand_change
        reserved[sku, fc_code, seller_id] += reserved_change

    rows = history.rows("SELECT sku, fc_code, seller_id, on_hand, reserved FROM stock")
    assert len(rows) >= 3
    assert {row[:3]: row[3:] for row in rows} == {
        key: (on_hand[key], reserved[key]) for key in on_hand
    }


def test_every_order_is_as_its_log_says(history):
    orders = history.stores.customer.execute("SELECT order_id, status FROM orders").fetchall()
    statuses = {status for _, status in orders}
    assert {"confirmed", "rejected", "cancelled", "finished"} <= statuses

    told = {
        order_id: status_told(order_log.of_order(history.stores.documents, order_id))
        for order_id, _ in orders
    }
    assert told == dict(orders)


def test_every_package_is_as_its_events_say(history):
    rows = history.rows("SELECT package_id, version, status, at_facility FROM packages")

    told = {row[0]: course_of(packages.events_of(history.stores.inventory, row[0])) for row in rows}
    assert told == {row[0]: row[1:] for row in rows}


DELIVERED = """
    SELECT {key}, sum(quantity)::bigint, sum(quantity * unit_price_paise)::bigint
      FROM package_events AS e JOIN package_lines USING (package_id) JOIN items USING (sku)
     WHERE what = 'delivered' GROUP BY 1 ORDER BY 1
"""
MONTH = f"date_trunc('month', happened_at AT TIME ZONE '{SHOP_TIME_ZONE}')::date"


@pytest.mark.parametrize(
    ("view", "column", "key"),
    [("sales_by_category", "category_id", "category_id"), ("sales_by_month", "month", MONTH)],
)
def test_totals_are_those_of_the_deliveries_that_were_noted(history, view, column, key):
    totals = history.rows(f"SELECT {column}, quantity, amount_paise FROM {view} ORDER BY 1")

    assert totals
    assert history.rows(DELIVERED.format(key=key)) == totals


def test_totals_are_those_of_the_sales_that_were_told(history):
    told = history.rows(
        "SELECT sum((payload ->> 'quantity')::bigint)::bigint, sum((payload ->> 'amount_paise')::bigint)::bigint "
        "FROM outbox WHERE type = 'SaleRecorded'"
    )

    assert told == history.rows(
        "SELECT sum(quantity)::bigint, sum(amount_paise)::bigint FROM sales_by_month"
    )


def test_every_price_is_the_newest_of_its_log(history):
    newest: dict[tuple[str, str], tuple[int, int]] = {}
    for entry in history.stores.documents[price_changes.PRICE_CHANGES].find():
        key = (entry["sku"], entry["seller_id"])
        newest[key] = max(newest.get(key, (0, 0)), (entry["version"], entry["new_price_paise"]))

    assert {key: price for key, (_, price) in newest.items()} == {
        (sku, seller_id): price
        for sku, seller_id, price in history.rows(
            "SELECT sku, seller_id::text, price_paise FROM offers"
        )
    }


def test_every_entry_says_who_did_it_and_why(history):
    ledger = history.rows("SELECT changed_by, cause, reference, reason FROM stock_ledger")
    assert {by for by, *_ in ledger} & NOBODY == set()
    assert all(reference for _, _, reference, _ in ledger)
    assert all(reason for _, cause, _, reason in ledger if cause == "adjustment")

    noted = history.rows("SELECT happened_by, what, detail FROM package_events")
    assert {by for by, *_ in noted} & NOBODY == set()
    told_why = {
        "returning",
        "cancelled",
        "delivery_failed",
        "delivery_refused",
        "stranded",
        "replanned",
        "lost",
    }
    assert all("reason" in detail for _, what, detail in noted if what in told_why)

    logged = list(history.stores.documents[order_log.LOG].find())
    assert {entry["detail"].get("by", "") for entry in logged} & NOBODY == set()
    changes = list(history.stores.documents[price_changes.PRICE_CHANGES].find())
    assert {entry["changed_by"] for entry in changes} & NOBODY == set()
