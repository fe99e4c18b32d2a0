"""kill -9 of everything, at the worst moments, and a new start: no order is lost, and all that was begun comes to its end.

The small one is for every day. The demo itself, killed at each of its stages, takes minutes: `make demo-kill`.
"""

import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import psycopg
import pytest

from local.demo.setup import wait_until
from local.demo.staff import Staff
from local.system import System
from tests.e2e.shell import Shell, end
from tests.e2e.small_kart import SmallKart, small_kart

FAST = "4320"
CLIENTS = 4
STOCK = {"LAMP": {"BLR1": 20}, "KETTLE": {"DEL1": 12, "BOM1": 12}}
DESTINATIONS = ("BLR2", "HYD1", "BOM1", "DEL2")


class Killed:
    """A system in a shell that is killed and started again in the same place."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self._supervisor, _ = shell.up("--speed", FAST)

    def kill_and_start(self, *, databases: bool) -> None:
        self.shell.kill(self._supervisor, databases=databases)
        self._supervisor, _ = self.shell.up()

    def end(self) -> None:
        end(self._supervisor, signal.SIGINT)
        assert self.shell.run("reset").returncode == 0


@pytest.fixture
def system(tmp_path) -> Iterator[Killed]:
    system = Killed(Shell(tmp_path / "kart"))
    yield system
    system.end()


@pytest.fixture
def shop(system) -> Iterator[SmallKart]:
    with small_kart(system.shell) as shop:
        shop.open(STOCK)
        yield shop


def statuses_of_packages(shop: SmallKart, order_ids: list[str]) -> list[str]:
    orders = [shop.order_of(order_id) for order_id in order_ids]
    return [package["status"] for order in orders for package in order["packages"]]


def test_every_order_of_a_system_that_is_killed_twice_is_delivered_once(system, shop):
    buyers = [shop.register_customer(fc_code) for fc_code in DESTINATIONS]
    numbers = range(5 * len(buyers))

    def place(number: int) -> str:
        sku = "LAMP" if number % 2 else "KETTLE"
        order_id: str = shop.order(buyers[number % len(buyers)], sku, 1, key=f"order-{number}")
        return order_id

    staff = Staff(shop.kart.fulfillment, shop.clock, seed=1, failed_share=0)
    staff.start()
    with ThreadPoolExecutor(CLIENTS) as clients:
        placing = [clients.submit(place, number) for number in numbers]
        placing[len(numbers) // 2].result()
        system.kill_and_start(databases=True)
        order_ids = [each.result() for each in placing]
    wait_until(
        "packages to be under way",
        lambda: "in_transit" in statuses_of_packages(shop, order_ids),
    )
    system.kill_and_start(databases=False)
    for order_id in order_ids:
        shop.wait_for_end(order_id)
    staff.stop()

    assert staff.problem is None
    assert [place(number) for number in numbers] == order_ids  # the answers are known, too
    assert {shop.order_of(order_id)["status"] for order_id in order_ids} == {"finished"}
    assert set(statuses_of_packages(shop, order_ids)) == {"delivered"}
    assert shop.level("LAMP", "BLR1") == (10, 0)
    assert shop.broken_invariants() == []


# -- the demo


class Moment(NamedTuple):
    """`seconds` after the demo has said this, the kill comes."""

    said: str
    seconds: float


MOMENTS = (
    Moment("25 sellers", 2.5),  # shipments are being announced and received
    Moment("customers registered", 0.3),  # orders are coming in
    Moment("cancelled by their customers", 6.0),  # the first trucks are on the road
    Moment("Closed the airport", 0.4),  # tables are being built, packages planned anew
)
ORDERS = 60


def run_demo(system: Killed, *, databases: bool) -> tuple[int, str]:
    """Killing at each moment. Its exit code, and what it said."""
    demo = system.shell.start("demo", "--orders", str(ORDERS))
    assert demo.stdout is not None
    said, ahead = "", list(MOMENTS)
    try:
        for line in demo.stdout:
            said += line
            if ahead and ahead[0].said in line:
                time.sleep(ahead.pop(0).seconds)
                system.kill_and_start(databases=databases)
        exit_code = demo.wait()
        assert ahead == [], f"It ended with {exit_code} before {ahead[0]}: {said}"
        return exit_code, said
    finally:
        demo.kill()
        demo.communicate()


def number_in(pattern: str, said: str) -> int:
    found = re.search(pattern, said)
    assert found, said
    return int(found[1])


def orders_known(shell: Shell) -> int:
    addresses = System(shell.state, shell.system_ports).addresses()
    assert addresses is not None
    with psycopg.connect(addresses.databases.customer_dsn) as conn:
        row = conn.execute("SELECT count(*) FROM orders").fetchone()
        return row[0] if row else 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("databases", [False, True], ids=["the processes", "the databases too"])
def test_the_demo_finishes_though_everything_is_killed_at_each_of_its_stages(system, databases):
    exit_code, said = run_demo(system, databases=databases)

    assert exit_code == 0, said  # it waited for every order's end and found every invariant to hold
    assert f"{ORDERS} orders placed" in said
    assert orders_known(system.shell) == ORDERS
    assert number_in(r"finished +│ +(\d+)", said) > ORDERS * 0.8
    held, missed = (number_in(rf"{outcome}: (\d+)", said) for outcome in ("held", "missed"))
    assert held > 2 * missed, said
