"""A flash sale: many buyers, few units of one item, all at the same moment, through the service that reserves.

Each buyer has an order, and each of a number of threads serves one buyer after another over a connection of its own, as
Lambda's environments would. With more processes than one, Python's lock is not what is measured.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from multiprocessing import get_context
from typing import Any, NamedTuple
from uuid import UUID

import psutil
import psycopg
from psycopg import Connection

from online_kart.documents import connection
from online_kart.domain.errors import KartError
from online_kart.domain.network import Network
from online_kart.postgres import KartConnection
from tests.builders import a_network, flights, roads
from tests.market import Market, open_market

SKU = "LAMP"
FC_CODES = ("BLR1", "BLR2", "CCU1", "DEL1", "DEL2")
START = 7_071
"""The key of the advisory lock that the sale begins with: whoever runs the sale holds it until all are ready."""

READY_SECONDS_MAX = 60.0


class Shop(NamedTuple):
    """What a process must know to serve buyers."""

    inventory_dsn: str
    mongodb_uri: str
    documents_name: str
    network: Network
    seller_id: UUID
    now: datetime


class Served(NamedTuple):
    """What one thread did: how often each answer was given, statements it sent, and when it had its last success."""

    answers: Counter[str]
    statements: int
    began_at: float
    last_held_at: float
    ended_at: float
    cpu_seconds: float


class Sale(NamedTuple):
    """How a sale went. Seconds are of the wall clock."""

    buyers: int
    units: int
    answers: Counter[str]
    seconds: float
    seconds_to_sold_out: float
    statements: int
    holding_transactions: int
    """Transactions that held units; each has held them in one statement."""
    most_held_at_once: int
    """Orders in one of those."""
    client_cpu_seconds: float
    server_cpu_seconds: float

    @property
    def held(self) -> int:
        return self.answers["held"]

    @property
    def decisions_per_second(self) -> float:
        return sum(self.answers.values()) / self.seconds

    @property
    def cpu_milliseconds_per_decision(self) -> float:
        """Of clients and server together: what a machine that others use as well can still tell."""
        seconds = self.client_cpu_seconds + self.server_cpu_seconds
        return seconds * 1_000 / self.buyers

    @property
    def held_per_second(self) -> float:
        return self.held / self.seconds_to_sold_out

    @property
    def orders_per_statement(self) -> float:
        return self.held / self.holding_transactions


class CountingConnection(KartConnection):
    """Counts the statements that are sent; BEGIN, COMMIT and savepoints are not among them."""

    statements = 0

    def execute(self, *args: Any, **kwargs: Any) -> psycopg.Cursor[Any]:
        self.statements += 1
        return super().execute(*args, **kwargs)


def five_fcs() -> Network:
    """Two around each of BLR and DEL, one at CCU; flights join the three."""
    pairs = (("BLR1", "BLR2", 40), ("DEL1", "DEL2", 50), ("BLR1", "BLR", 30), ("DEL1", "DEL", 20))
    land = [*pairs, ("CCU1", "CCU", 45)]
    air = (("BLR", "DEL", 170), ("BLR", "CCU", 150), ("DEL", "CCU", 140))
    legs = [
        leg
        for make, joined in ((roads, land), (flights, air))
        for origin, to, minutes in joined
        for leg in (*make(origin, to, minutes=minutes), *make(to, origin, minutes=minutes))
    ]
    return a_network(legs, hubs="BLR CCU DEL", handling_minutes=30)


def open_sale(conn: Connection[Any], documents: Any, units: int, now: datetime) -> Market:
    """The units lie in five FCs, in as equal parts as there can be."""
    market = open_market(conn, documents, now, (SKU,), five_fcs())
    for place, fc_code in enumerate(FC_CODES):
        share = len(range(place, units, len(FC_CODES)))
        market.put_stock(fc_code, SKU, share)
    return market


def hold_sale(
    market: Market,
    dsn: str,
    mongodb_uri: str,
    buyers: int,
    *,
    processes: int = 1,
    threads: int = 16,
    on_answer: Callable[[], object] = lambda: None,
) -> Sale:
    """All buyers, each served once. `on_answer` is called after each, where there is one process."""
    units = sum(market.level(fc_code, SKU)[0] for fc_code in FC_CODES)
    shop = Shop(
        dsn, mongodb_uri, market.documents.name, market.network, market.seller_id, market.now
    )
    with _pool(processes) as pool, psycopg.connect(dsn, autocommit=True) as starter:
        starter.execute("SELECT pg_advisory_lock(%s)", [START])
        server_cpu_before = server_cpu_seconds(starter)
        shares = [range(number, buyers, processes) for number in range(processes)]
        if processes == 1:
            serving = [pool.submit(serve_buyers, shop, shares[0], threads, on_answer)]
        else:
            serving = [pool.submit(serve_buyers, shop, share, threads) for share in shares]
        wait_until_ready(starter, processes * threads)
        starter.execute("SELECT pg_advisory_unlock(%s)", [START])
        served = [each for process in serving for each in process.result()]
        server_cpu = server_cpu_seconds(starter) - server_cpu_before
    return _sale(market, units, served, server_cpu)


def _pool(processes: int) -> Executor:
    if processes == 1:
        return ThreadPoolExecutor(1)
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"))


def wait_until_ready(conn: Connection[Any], count: int) -> None:
    """Until so many wait for the sale to begin."""
    until = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < until:
        waiting = conn.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted",
            [START],
        ).fetchone()
        if waiting == (count,):
            return
        time.sleep(0.01)
    raise AssertionError("Not all were ready in time.")


def serve_buyers(
    shop: Shop,
    numbers: Iterable[int],
    threads: int,
    on_answer: Callable[[], object] = lambda: None,
) -> list[Served]:
    """In a process of its own, or not. The buyers' numbers are dealt to whichever thread is free."""
    documents = connection.database(shop.mongodb_uri, shop.documents_name)
    waiting = iter(list(numbers))  # taking the next of a list's is one step of the interpreter

    def serve(_: int) -> Served:
        with CountingConnection.connect(
            shop.inventory_dsn, autocommit=True, prepare_threshold=None
        ) as conn:
            market = Market(conn, documents, shop.network, shop.seller_id, shop.now)
            assert market.routes.version
            conn.execute("SELECT pg_advisory_lock_shared(%s)", [START])
            conn.execute("SELECT pg_advisory_unlock_shared(%s)", [START])
            return _serve(market, conn, waiting, on_answer)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(serve, range(threads)))


def _serve(
    market: Market,
    conn: CountingConnection,
    waiting: Iterable[int],
    on_answer: Callable[[], object],
) -> Served:
    answers: Counter[str] = Counter()
    before, began_at, cpu_before = conn.statements, time.time(), time.thread_time()
    last_held_at = began_at
    for number in waiting:
        answer = _answer(market, number)
        answers[answer] += 1
        if answer == "held":
            last_held_at = time.time()
        on_answer()
    return Served(
        answers=answers,
        statements=conn.statements - before,
        began_at=began_at,
        last_held_at=last_held_at,
        ended_at=time.time(),
        cpu_seconds=time.thread_time() - cpu_before,
    )


def _answer(market: Market, number: int) -> str:
    """What the buyer of that number is told. They live everywhere, and come one after the other."""
    home = random.Random(number).choice(FC_CODES)
    here = market.at(market.now + number * timedelta(milliseconds=7))
    try:
        here.reserve(here.an_order((SKU, 1), to=home))
    except KartError as error:
        return type(error).__name__
    return "held"


def server_cpu_seconds(conn: Connection[Any]) -> float:
    """Of a server's processes, without those that have just ended and are not missed yet."""
    postmaster = psutil.Process(conn.info.backend_pid).parent()
    assert postmaster is not None
    times = postmaster.cpu_times()
    alive = (child.cpu_times() for child in postmaster.children())
    return float(
        times.children_user + times.children_system + sum(each.user + each.system for each in alive)
    )


def _sale(market: Market, units: int, served: list[Served], server_cpu: float) -> Sale:
    began_at = min(each.began_at for each in served)
    held_at_once = [
        count
        for (count,) in market.conn.execute(
            "SELECT count(DISTINCT order_id) FROM reservations GROUP BY xmin::text"
        ).fetchall()
    ]
    answers = sum((each.answers for each in served), Counter[str]())
    return Sale(
        buyers=sum(answers.values()),
        units=units,
        answers=answers,
        seconds=max(each.ended_at for each in served) - began_at,
        seconds_to_sold_out=max(each.last_held_at for each in served) - began_at,
        statements=sum(each.statements for each in served),
        holding_transactions=len(held_at_once),
        most_held_at_once=max(held_at_once),
        client_cpu_seconds=sum(each.cpu_seconds for each in served),
        server_cpu_seconds=server_cpu,
    )


def faults(market: Market, sale: Sale) -> list[str]:
    """What went wrong: nothing, one hopes."""
    answers = Counter({"held": sale.units, "OutOfStock": sale.buyers - sale.units})
    levels = [market.level(fc_code, SKU) for fc_code in FC_CODES]
    (orders,) = market.conn.execute(
        "SELECT count(DISTINCT order_id) FROM reservations WHERE status = 'held'"
    ).fetchone() or (0,)
    found = {
        f"answers: {sale.answers}": sale.answers != answers,
        f"units held: {levels}": any(on_hand != reserved for on_hand, reserved in levels),
        f"{orders} orders hold units": orders != sale.units,
        "requests wait": requests_wait(market),
    }
    return [*(says for says, is_wrong in found.items() if is_wrong), *market.broken_invariants()]


def requests_wait(market: Market) -> bool:
    return market.conn.execute("SELECT FROM reservation_requests LIMIT 1").rowcount > 0
