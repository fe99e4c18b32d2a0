"""Orders from click to doorstep: the three servers and the engine, met over HTTP only, on a day in Bengaluru.

All orders are on their way at the same time; each test tells of one.
"""

import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local.clock import ClockFile
from local.demo.setup import wait_for_build, wait_until
from local.demo.staff import Staff
from local.engine import PAYMENTS_FILE
from local.payment_server import Books
from online_kart.documents import order_log
from tests.e2e.shell import Shell, end
from tests.e2e.small_kart import PRICE_PAISE, SmallKart, category_of, small_kart

SHOP_TIME_ZONE = ZoneInfo("Asia/Kolkata")
MORNING = datetime(2026, 1, 5, 3, 30, tzinfo=UTC)
"""Nine o'clock in Bengaluru. The first trucks leave at noon, the first flights they feed at six."""

FAST = 5_000.0
STOCK = {
    "LAMP": {"BLR1": 20},
    "KETTLE": {"BLR1": 20},
    "ROPE": {"BLR1": 20},
    "BOOTS": {"BLR1": 20},
    "TENT": {"BLR1": 2, "DEL1": 1},
}


@dataclass(frozen=True)
class Day:
    """The orders of the day, by id, each at its end."""

    shop: SmallKart
    to_the_island: str
    by_the_closed_airport: str
    too_many: str
    cancelled_at_once: str
    cancelled_under_way: str


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallKart]:
    """Open at nine o'clock; business time runs as fast as the wall clock."""
    shell = Shell(tmp_path_factory.mktemp("doorstep") / "kart")
    ClockFile(shell.state).anchor(1.0, starts_at=MORNING)
    supervisor, _ = shell.up()
    try:
        with small_kart(shell) as shop:
            shop.open(STOCK)
            yield shop
    finally:
        end(supervisor, signal.SIGINT)
        assert shell.run("reset").returncode == 0


@pytest.fixture(scope="module")
def day(shop: SmallKart) -> Day:
    """In the morning orders come and one is cancelled; then trucks roll, an airport closes, another one is cancelled."""

    def order_from(near_fc: str, sku: str, quantity: int, payment: str = "prepaid") -> str:
        return shop.order(shop.register_customer(near_fc), sku, quantity, payment=payment)

    day = Day(
        shop,
        to_the_island=order_from("IXZ1", "LAMP", 2),
        by_the_closed_airport=order_from("DEL1", "KETTLE", 1, "cash_on_delivery"),
        too_many=order_from("BOM1", "TENT", 4),
        cancelled_at_once=order_from("DEL2", "ROPE", 3),
        cancelled_under_way=order_from("DEL2", "BOOTS", 5),
    )
    for order_id in (day.to_the_island, day.by_the_closed_airport, day.cancelled_under_way):
        shop.wait_for(order_id, "confirmed")
    shop.wait_for(day.cancelled_at_once, "confirmed")
    shop.cancel(day.cancelled_at_once)
    shop.wait_for_end(day.cancelled_at_once)
    shop.wait_for_end(day.too_many)

    shop.clock_file.set_speed(FAST)
    staff = Staff(shop.kart.fulfillment, shop.clock, seed=1, failed_share=0)
    staff.start()
    try:
        wait_until(
            "the trucks to leave",
            lambda: (
                all_under_way(shop, day.by_the_closed_airport)
                and all_under_way(shop, day.cancelled_under_way)
            ),
        )
        closure = shop.kart.fulfillment.send("POST", "/hubs/HYD/closure")
        shop.cancel(day.cancelled_under_way)
        build = wait_for_build(shop.kart, closure.headers["Location"])
        assert build["status"] == "published"
        for order_id in (day.to_the_island, day.by_the_closed_airport, day.cancelled_under_way):
            shop.wait_for_end(order_id)
        wait_until("what was cancelled to be back", lambda: is_back(shop, day.cancelled_under_way))
    finally:
        staff.stop()
    assert staff.problem is None
    return day


def all_under_way(shop: SmallKart, order_id: str) -> bool:
    return bool(shop.package_of(order_id)["package"]["status"] == "in_transit")


def is_back(shop: SmallKart, order_id: str) -> bool:
    return bool(shop.package_of(order_id)["package"]["status"] == "returned")


def facilities_of(package: dict[str, Any]) -> list[str]:
    return [stop["facility"] for stop in package["path"]["stops"]]


def happenings(package: dict[str, Any]) -> list[str]:
    return [event["what"] for event in package["events"]]


def test_an_order_to_an_island_travels_as_planned_and_keeps_its_promise(day):
    order = day.shop.order_of(day.to_the_island)
    package = day.shop.package_of(day.to_the_island)

    assert order["status"] == "finished"
    assert [p["status"] for p in order["packages"]] == ["delivered"]
    assert facilities_of(package) == ["BLR1", "BLR", "IXZ", "IXZ1"]
    assert [stop["leg"] and stop["leg"]["mode"] for stop in package["path"]["stops"]] == [
        *("road", "air", "road", None)
    ]
    assert happenings(package) == [
        *("planned", "departed", "arrived", "departed", "arrived", "departed", "arrived"),
        *("out_for_delivery", "delivered"),
    ]
    times = [datetime.fromisoformat(event["happened_at"]) for event in package["events"]]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert times[-1].astimezone(SHOP_TIME_ZONE).date() <= date.fromisoformat(order["promise_date"])


def test_its_customer_sees_the_way_planned_against_actual(day):
    (package,) = day.shop.order_of(day.to_the_island)["packages"]

    stops = day.shop.kart.customer.get(f"/packages/{package['package_id']}/path")["stops"]

    for stop, following in pairwise(stops):
        planned, actual = (
            [stop[f"{kind}_departure_at"], following[f"{kind}_arrival_at"]]
            for kind in ("planned", "actual")
        )
        for when, at in zip(planned, actual, strict=True):
            late = datetime.fromisoformat(at) - datetime.fromisoformat(when)
            assert timedelta() <= late < timedelta(hours=3)


def test_what_was_delivered_is_sold_and_out_of_stock(day):
    shop, amount_paise = day.shop, 2 * PRICE_PAISE

    by_category = {
        row["category_id"]: (row["quantity"], row["amount_paise"])
        for row in shop.kart.fulfillment.pages("/sales/by-category")
    }
    assert by_category[category_of("LAMP")] == (2, amount_paise)
    (month,) = shop.kart.fulfillment.pages("/sales/by-month")
    assert month == {"month": "2026-01-01", "quantity": 3, "amount_paise": 3 * PRICE_PAISE}
    history = f"/sellers/{shop.seller_id}/sales"
    wait_until("the seller's history", lambda: len(list(shop.kart.seller.pages(history))) == 2)
    (sale,) = shop.kart.seller.pages(history, sku="LAMP")
    assert (sale["fc_code"], sale["quantity"], sale["amount_paise"]) == ("BLR1", 2, amount_paise)
    (total,) = shop.kart.seller.pages(f"{history}/totals", sku="LAMP")
    assert (total["fc_code"], total["quantity"], total["amount_paise"]) == ("BLR1", 2, amount_paise)

    assert shop.level("LAMP", "BLR1") == (18, 0)
    wait_until("the shop window", lambda: shop.units_left("LAMP") == 18)


def test_the_log_of_the_order_tells_its_whole_story(day):
    def told() -> list[str]:
        return [e.what for e in order_log.of_order(day.shop.documents, day.to_the_island)]

    wait_until("the end of the story", lambda: "OrderFinished" in told())

    log = told()
    assert log[:1] == ["OrderPlaced"]
    assert sorted(log) == sorted(
        ["OrderPlaced", "OrderConfirmed", "OrderFinished", *["PackageChanged"] * 9]
    )


def test_an_order_for_more_than_there_is_is_rejected_with_what_is_left_and_holds_nothing(day):
    order = day.shop.order_of(day.too_many)

    assert order["status"] == "rejected"
    assert order["packages"] == []
    assert order["rejection"]["error"] == "OutOfStock"
    (short,) = order["rejection"]["short_items"]
    assert (short["sku"], short["wanted"], short["left"]) == ("TENT", 4, 3)
    assert day.shop.level("TENT", "BLR1") == (2, 0)
    assert day.shop.level("TENT", "DEL1") == (1, 0)


def test_an_order_cancelled_before_it_leaves_gives_its_stock_back_once(day):
    order = day.shop.order_of(day.cancelled_at_once)
    before = day.shop.level("ROPE", "BLR1")

    day.shop.cancel(day.cancelled_at_once)  # again

    assert order["status"] == "cancelled"
    assert [p["status"] for p in order["packages"]] == ["cancelled"]
    assert before == day.shop.level("ROPE", "BLR1") == (20, 0)


def test_an_order_cancelled_under_way_comes_back_and_gives_its_stock_back_once(day):
    package = day.shop.package_of(day.cancelled_under_way)
    before = day.shop.level("BOOTS", "BLR1")

    day.shop.cancel(day.cancelled_under_way)  # again

    assert day.shop.order_of(day.cancelled_under_way)["status"] == "cancelled"
    assert facilities_of(package) == ["BLR1", "BLR", "BLR1"]
    assert happenings(package) == [
        *("planned", "departed", "returning", "arrived", "departed", "arrived", "returned")
    ]
    assert before == day.shop.level("BOOTS", "BLR1") == (20, 0)
    changes = [
        (entry["on_hand_change"], entry["reserved_change"])
        for entry in day.shop.kart.fulfillment.pages(
            "/fulfillment-centers/BLR1/stock-ledger", sku="BOOTS"
        )
    ]
    assert changes == [(5, 0), (-5, -5), (0, 5), (20, 0)]  # the newest first


def test_a_package_under_way_is_planned_around_an_airport_that_closes(day):
    package = day.shop.package_of(day.by_the_closed_airport)

    assert package["package"]["status"] == "delivered"
    assert facilities_of(package) == ["BLR1", "BLR", "BOM", "DEL", "DEL1"]
    assert happenings(package).count("replanned") == 1
    assert package["path"]["path_revision"] == 2


def test_every_invariant_holds_over_the_three_stores(day):
    assert day.shop.broken_invariants() == []


def test_what_was_confirmed_is_paid_and_what_was_rejected_or_cancelled_is_not(day):
    """What was charged before it was cancelled went back once."""
    with closing(Books(day.shop.clock_file.path.parent / PAYMENTS_FILE)) as books:

        def status_of(order_id: str) -> str | None:
            entry = books.of(order_id)
            return entry.status if entry else None

        over = (day.too_many, day.cancelled_at_once, day.cancelled_under_way)
        wait_until(
            "the payments to be settled",
            lambda: (
                status_of(day.to_the_island) == "captured"
                and {status_of(order_id) for order_id in over} == {"released"}
            ),
        )

        assert books.charged_paise() == 2 * PRICE_PAISE
        assert books.of(day.by_the_closed_airport) is None, "It is paid on delivery."
        rejected, cancelled = books.of(day.too_many), books.of(day.cancelled_under_way)
        assert rejected
        assert rejected.captures_count == 0
        assert cancelled
        assert cancelled.refunds_count == cancelled.captures_count <= 1


def test_the_apps_are_met_as_behind_a_gateway(day):
    """Whatever the method, the app says what its path takes; and what a path says comes decoded."""
    customer = day.shop.kart.customer

    unknown, nul = customer.send("QUERY", "/categories"), customer.send("GET", "/items/%00")

    assert (unknown.status_code, unknown.headers["Allow"]) == (405, "GET")
    assert (nul.status_code, nul.json()["expected"]) == (422, "text without it")
