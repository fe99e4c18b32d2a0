"""The main job: real orders carried across the real map of India, from click to doorstep.

It works on a running system through its APIs only, plus its clock (to know what time it is for the business) and, at the
end, read-only queries for the invariants. A system that is killed and started again in the middle is waited for.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from online_kart.clock import Clock
from online_kart.documents import connection

from ..databases import Databases
from ..errors import LocalError
from ..invariants import Outcome, at_rest, check_all
from ..ports import HOST, Ports
from ..reading import Stores
from ..sign_in import SignIn
from . import report, setup, shopping
from .client import Kart
from .journeys import SHOP_TIME_ZONE, Journey
from .network import indian_network, network_file
from .report import Results
from .setup import wait_until
from .staff import Staff

logger = logging.getLogger(__name__)

SEED = 20_261_123
CUSTOMERS = 80
SPEED_MAX = 4_320.0
"""A day of business in 20 seconds."""

ORDERS_AT_FULL_SPEED = 120
"""Two cores carry so many at full speed. With more, business time runs slower: else trucks would wait for the machine."""

KEPT_OPEN = frozenset({"COK", "AGX", "IXL", "IXZ"})
"""Airports without which an island or a mountain town has no way in: the demo doesn't close them."""

PROGRESS_EVERY_SECONDS = 5.0
JOURNEYS_DAYS_MAX = 20
REST_SECONDS_MAX = 60.0
ORDER_ENDS = frozenset({"rejected", "cancelled", "finished"})


@dataclass(frozen=True)
class System:
    """A running system: where it answers, its stores (for the invariants), and its clock."""

    ports: Ports
    databases: Databases
    documents_db: str
    clock: Clock
    sign_in: SignIn
    network_file: Path
    """Where the network is written, to be read by people and planned with on paper."""


def speed_for(orders_count: int) -> float:
    """How fast business time may run for so many orders."""
    return SPEED_MAX * min(1.0, ORDERS_AT_FULL_SPEED / max(orders_count, 1))


class Stage:
    """Says what is being done, and how long it took."""

    def __init__(self, console: Console) -> None:
        self._console, self._started = console, time.monotonic()

    def done(self, text: str) -> None:
        now = time.monotonic()
        self._console.print(f"  {now - self._started:5.1f} s  {text}")
        self._started = now


def run(system: System, console: Console, orders_count: int) -> bool:
    """True where every order came to its end and every invariant holds."""
    began, clock = time.monotonic(), system.clock
    business_began = clock.now()
    rng = random.Random(SEED)
    session = f"{int(time.time()):x}"
    stage = Stage(console)
    urls = (system.ports.fulfillment_app, system.ports.seller_app, system.ports.customer_app)
    with closing(Kart(system.sign_in, *(f"http://{HOST}:{port}" for port in urls))) as kart:
        shop = _open_shop(kart, stage, session, system, rng)
        staff = Staff(kart.staff, clock, seed=SEED)
        staff.start()
        try:
            order_ids = _take_orders(kart, stage, shop, orders_count, session, rng)
            closed_airport = _carry(kart, console, clock, staff, order_ids)
            stage.done("Every order is at its end")
        finally:
            staff.stop()
        outcomes = check_at_rest(system.databases, system.documents_db)
        stage.done("Every invariant is checked\n")
        orders = [kart.customer.get(f"/orders/{order_id}") for order_id in order_ids]
        results = Results(
            orders=orders,
            journeys=_journeys(kart, orders),
            builds=_builds(kart),
            closed_airport=closed_airport,
            outcomes=outcomes,
            seconds=time.monotonic() - began,
            business_days=(clock.now() - business_began) / timedelta(days=1),
        )
    report.show(console, results)
    return results.every_invariant_holds


def _open_shop(
    kart: Kart, stage: Stage, session: str, system: System, rng: random.Random
) -> setup.Shop:
    network = indian_network()
    system.network_file.write_text(network_file(network))
    stage.done(f"Built the network: {len(network.facilities)} facilities, {len(network.legs)} legs")
    stage.done(f"It is written to {system.network_file}")
    build = setup.load_network(kart, network)
    stage.done(
        f"Route tables are in force, version {build['version']}: {build['tables_count']} tables"
    )
    setup.load_categories(kart.fulfillment)
    seller_ids = setup.load_sellers(kart)
    offers = setup.load_offers(kart.seller, seller_ids, rng)
    stage.done(
        f"{len({sku for sku, _ in offers})} items, {len(offers)} offers, {len(seller_ids)} sellers"
    )
    expected_on = system.clock.now().astimezone(SHOP_TIME_ZONE).date() + timedelta(days=1)
    fcs = setup.stocked_fcs(network)
    shop = setup.receive_stock(kart, offers, fcs, session, expected_on.isoformat(), rng)
    units = sum(shop.units.values())
    stage.done(
        f"{shop.inbound_shipments} inbound shipments received: {units} units in {len(fcs)} FCs"
    )
    setup.wait_for_shop_window(kart.customer, len(offers))
    stage.done("The customers' catalog shows them")
    return shop


def _take_orders(
    kart: Kart,
    stage: Stage,
    shop: setup.Shop,
    count: int,
    session: str,
    rng: random.Random,
) -> list[str]:
    buyers = shopping.register_customers(kart, CUSTOMERS, session, rng)
    stage.done(f"{len(buyers)} customers registered")
    orders = shopping.place_orders(buyers, shop, count, session, rng)
    order_ids = [order_id for order_id, _ in orders]
    stage.done(f"{len(order_ids)} orders placed by {shopping.CLIENTS} clients at once")
    cancelled = shopping.cancel_some(orders, rng)
    stage.done(f"{len(cancelled)} orders cancelled by their customers")
    return order_ids


def _carry(
    kart: Kart, console: Console, clock: Clock, staff: Staff, order_ids: Sequence[str]
) -> str:
    """Wait until every order is at its end, closing an airport half way. Answers its code."""
    closed_airport = ""
    open_ids = list(order_ids)
    deadline = clock.now() + timedelta(days=JOURNEYS_DAYS_MAX)
    told_at = 0.0
    statuses: dict[str, dict[str, Any]] = {}
    while open_ids:
        if staff.problem:
            raise LocalError(f"The staff gave up: {staff.problem}")
        if clock.now() > deadline:
            raise LocalError(f"{len(open_ids)} orders are not at their end: {open_ids[:5]}")
        for order_id in open_ids:
            statuses[order_id] = kart.customer.get(f"/orders/{order_id}")
        open_ids = [i for i in open_ids if statuses[i]["status"] not in ORDER_ENDS]
        packages = Counter(p["status"] for order in statuses.values() for p in order["packages"])
        if not closed_airport and _is_half_way(packages):
            closed_airport = _close_an_airport(kart, console)
        if time.monotonic() - told_at > PROGRESS_EVERY_SECONDS or not open_ids:
            told_at = time.monotonic()
            _tell(console, clock, statuses, packages)
        time.sleep(0.5)
    return closed_airport or _close_an_airport(kart, console)


def _is_half_way(packages: Counter[str]) -> bool:
    """Half of the packages have left their origin; most of them have flights still ahead."""
    return 0 < sum(packages.values()) >= packages["planned"] * 2


def _tell(
    console: Console, clock: Clock, orders: dict[str, dict[str, Any]], packages: Counter[str]
) -> None:
    at_end = sum(order["status"] in ORDER_ENDS for order in orders.values())
    under_way = ", ".join(f"{count} {status}" for status, count in sorted(packages.items()))
    now = clock.now().astimezone(SHOP_TIME_ZONE)
    console.print(
        f"  {now:%a %d %b %H:%M}  {at_end} of {len(orders)} orders at their end; packages: {under_way}"
    )


def _close_an_airport(kart: Kart, console: Console) -> str:
    """Close the airport that most packages under way are still to pass; wait until they are re-planned."""
    airports = {hub.hub_code for hub in kart.fulfillment.hubs() if hub.kind == "airport"}
    uses = Counter(
        stop["facility"]
        for stops in setup.together(lambda p: _stops_ahead(kart, p), _under_way(kart))
        for stop in stops
        if stop["facility"] in airports - KEPT_OPEN
    )
    airport = uses.most_common(1)[0][0] if uses else min(airports - KEPT_OPEN)
    closing = kart.planner.close_facility(airport)
    console.print(f"  Closed the airport {airport}: {uses[airport]} packages are to pass it")
    build = setup.wait_for_build(kart, closing.rebuild)
    tables, written = build["tables_count"], build["written_count"]
    console.print(f"  Route tables, version {build['version']}: {written} of {tables} are others")
    return str(airport)


def _under_way(kart: Kart) -> list[str]:
    return [
        package["package_id"]
        for status in ("planned", "in_transit")
        for package in kart.fulfillment.pages("/packages", status=status)
    ]


def _stops_ahead(kart: Kart, package_id: str) -> list[dict[str, Any]]:
    """The stops after the one where the package is, or arrives next."""
    stops = kart.fulfillment.get(f"/packages/{package_id}")["path"]["stops"]
    ahead = [stop for stop in stops if stop["actual_departure_at"] is None]
    return ahead[1:]


def check_at_rest(databases: Databases, documents_db: str) -> list[Outcome]:
    """Every invariant, once everything has come to rest."""
    with (
        psycopg.connect(databases.inventory_dsn, autocommit=True) as inventory,
        psycopg.connect(databases.customer_dsn, autocommit=True) as customer,
    ):
        documents = connection.database(databases.mongodb_uri, documents_db)
        stores = Stores(inventory, customer, documents)
        wait_until("everything to come to rest", lambda: at_rest(stores), REST_SECONDS_MAX)
        outcomes = check_all(stores)
        deadline = time.monotonic() + REST_SECONDS_MAX
        while not all(o.holds for o in outcomes) and time.monotonic() < deadline:
            time.sleep(1)  # the last events are on their way to their consumers
            outcomes = check_all(stores)
        return outcomes


def _journeys(kart: Kart, orders: Sequence[dict[str, Any]]) -> list[Journey]:
    journeys = []
    for order in orders:
        for package in order["packages"]:
            found = kart.fulfillment.get(f"/packages/{package['package_id']}")
            journeys.append(
                Journey(
                    package["package_id"],
                    found["package"]["status"],
                    found["path"],
                    found["events"],
                )
            )
    return journeys


def _builds(kart: Kart) -> list[dict[str, Any]]:
    """Published ones, with the wall time that their runs took."""
    builds = [
        build
        for build in kart.fulfillment.pages("/route-tables/rebuilds")
        if build["status"] == "published"
    ]
    for build in builds:
        runs = kart.fulfillment.get(f"/runs/rebuild_routes/network-{build['version']}")["items"]
        began, ended = (
            datetime.fromisoformat(runs[0][f"{key}_at"]) for key in ("started", "ended")
        )
        build["run_seconds"] = (ended - began).total_seconds()
    return builds
