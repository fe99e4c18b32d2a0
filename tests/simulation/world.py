"""One world: the three apps on real stores, with a clock, a cloud and people of its own. A single thread does everything.

Whatever happens is a step: somebody's request, a relay, a delivery from a queue, a state of a machine, a job. After each
of them the invariants are looked at; when a day is over everything is brought to rest and all of them are.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg import Connection

from fulfillment_app.chalicelib.services.runs import RESTARTED_WHEN_FAILED
from local.apps import LoadedApp
from local.invariants import at_rest
from local.lambdas import Handler
from tests.identity import SignedIn

from . import invariants
from .cloud import Cloud
from .machines import Execution
from .stores import Ground
from .wired import ALWAYS_READ, NEVER_READ, Chance, Time, read_tables, wired

RELAYS = ("relay_inventory_outbox", "relay_customer_outbox")
SWEEPS = (
    "sweep_runs",
    "sweep_reservations",
    "sweep_orders",
    "roll_up_sales",
    "close_drained_facilities",
)
SELDOM = ("prune_inventory", "prune_customer", "rebuild_routes_daily")

STEPS_MAX = 3_000
"""Of one settling: more means that two of them go round in circles."""
ROUNDS_MAX = 60
SHOWN_MAX = 10
ROUND = timedelta(minutes=5)
"""Until everything rests it is swept so often, for at most so long: longer than anything waits to be missed."""


RESTLESS = """
    SELECT EXISTS (SELECT FROM reservations WHERE status = 'held')
           OR EXISTS (SELECT FROM runs AS r
                       WHERE status = 'failed' AND machine = ANY(%s)
                         AND NOT EXISTS (SELECT FROM runs AS later
                                          WHERE later.machine = r.machine
                                            AND later.business_id = r.business_id
                                            AND later.revision > r.revision))
    """


class Broken(Exception):
    """Something that must hold does not: which rule, and what was seen."""

    def __init__(self, rule: str, seen: str) -> None:
        super().__init__(f"{rule}: {seen}")
        self.rule = rule


@dataclass
class Counts:
    """What happened in a week."""

    happenings: int = 0
    steps: int = 0
    orders: int = 0
    kills: int = 0
    told: int = 0
    looks: int = field(default=0, compare=False)
    """At a database, when something was written; also when a neighbour on its server wrote."""


@dataclass
class Request:
    """Of a person over HTTP, as it can be made again."""

    app: str
    method: str
    path: str
    body: Any = None
    key: str | None = None


class Side:
    """A database as the world looks at it: what waits in its outbox, and what must hold in it.

    `to_add_up` names the table of what the relay adds up before it tells.
    """

    def __init__(
        self, conn: Connection[Any], invariants: LiteralString, to_add_up: LiteralString = "outbox"
    ) -> None:
        self.conn, self.invariants = conn, invariants
        self.has_unsent = False
        self._seen = 0
        self._glance: LiteralString = f"""
            SELECT EXISTS (SELECT FROM outbox WHERE sent_at IS NULL)
                   OR '{to_add_up}' <> 'outbox' AND EXISTS (SELECT FROM {to_add_up}),
                   pg_snapshot_xmax(pg_current_snapshot())::text::bigint
            """

    def has_changed(self) -> bool:
        """Whether anything was written since it was asked last. (Also true where a neighbour of the server wrote.)"""
        row = self.conn.execute(self._glance, prepare=True).fetchone()
        assert row is not None
        before, (self.has_unsent, self._seen) = self._seen, row
        return bool(before != self._seen)


@dataclass
class World:
    """All there is in a week. What it has counted, and when it last rested, is in it too."""

    ground: Ground
    time: Time
    cloud: Cloud
    clients: dict[str, Any]
    chance: Chance
    sides: tuple["Side", "Side"]
    counts: Counts = field(default_factory=Counts)
    placed: list[tuple[Request, bytes, datetime]] = field(default_factory=list)
    """Requests for orders, with the answer and when it came."""
    rested_at: datetime | None = None
    _dies_at: int = 0

    @property
    def now(self) -> datetime:
        return self.time.now

    # What happens, step by step

    def ask(self, request: Request) -> Any:
        """The answer to a person's request. Who gets none, for the app died, asks again."""
        died = self._died
        answer = self._send(request)
        if self._died and not died:
            self.look(f"{request.method} {request.path}, which died")
            answer = self._send(request)
        self.look(f"{request.method} {request.path}")
        if answer.status_code >= 500:
            raise Broken("no server error", f"{request} was answered {answer.body.decode()}")
        return answer

    def _send(self, request: Request) -> Any:
        headers = {"Content-Type": "application/json"}
        if request.key:
            headers["Idempotency-Key"] = request.key
        body = b"" if request.body is None else json.dumps(request.body).encode()
        return self.clients[request.app].request(
            request.method, request.path, headers=headers, body=body
        )

    def run_job(self, name: str) -> None:
        self.cloud.run_job(name)
        self.look(name)

    def step_one(self, rng: random.Random) -> bool:
        """Anything that waits to be done. False where nothing does."""
        waiting = [*self._waiting()]
        if not waiting:
            return False
        what, step = rng.choice(waiting)
        step(rng)
        self.look(what)
        return True

    def _waiting(self) -> Iterator[tuple[str, Callable[[random.Random], object]]]:
        for side, relay in zip(self.sides, RELAYS, strict=True):
            if side.has_unsent:
                yield relay, lambda rng, each=relay: self.cloud.run_job(each)  # type: ignore[misc]
        for consumer in self.cloud.queues:
            if self.cloud.visible(consumer):
                yield consumer, lambda rng, each=consumer: self.cloud.deliver(each, rng)  # type: ignore[misc]
        for run in self.cloud.ready():
            yield _shown(run), lambda rng, each=run: self.cloud.step(each, rng)  # type: ignore[misc]

    def settle(self, rng: random.Random) -> None:
        """Until nothing can go on without time passing."""
        for _ in range(STEPS_MAX):
            if not self.step_one(rng):
                return
        raise Broken("it settles", f"{[what for what, _ in self._waiting()][:20]} still wait")

    # Time

    def pass_time(self, duration: timedelta, rng: random.Random) -> None:
        """Executions wake up when their time has come, and mostly everything is done at once."""
        until = self.now + duration
        while self.now < until:
            if rng.random() < 0.8:
                self.settle(rng)
            wakes_at = [run.ready_at for run in self.cloud.running() if run.ready_at > self.now]
            self.time.now = min([*wakes_at, until])
        if self.rested_at is None or self.now - self.rested_at >= timedelta(days=1):
            self.rest(rng)

    def rest(self, rng: random.Random) -> None:
        """Everything that was begun comes to its end, and everything must hold."""
        self._let_live()
        self.time.right()
        read_tables(ALWAYS_READ)
        for _ in range(ROUNDS_MAX):
            self.settle(rng)
            if self._is_at_rest():
                break
            self.time.now += ROUND
            for job in SWEEPS:
                self.run_job(job)
        else:
            raise Broken("it comes to rest", self._restless())
        self.rested_at = self.now
        self.look_at_all()

    def _is_at_rest(self) -> bool:
        """No message is late, nothing is held for an order, and no run has failed that a sweep is to start again."""
        eyes = self.ground.eyes
        if any(self.cloud.queues.values()) or not at_rest(eyes):
            return False
        row = eyes.inventory.execute(RESTLESS, [list(RESTARTED_WHEN_FAILED)]).fetchone()
        return row == (False,)

    def _restless(self) -> str:
        """What does not rest."""
        eyes = self.ground.eyes
        undone = eyes.inventory.execute(
            """
            SELECT format('run %s of %s is %s: %s', revision, business_id, status, error)
              FROM runs WHERE status IN ('running', 'failed')
            UNION ALL
            SELECT format('order %s holds %s of %s', order_id, quantity, sku)
              FROM reservations WHERE status = 'held'
            UNION ALL
            SELECT format('%s %s is unsent', type, event_id) FROM outbox WHERE sent_at IS NULL
            """
        ).fetchall()
        undecided = eyes.customer.execute(
            "SELECT format('order %s is %s', order_id, status) FROM orders"
            " WHERE status IN ('placed', 'cancelling')"
        ).fetchall()
        return "; ".join(row[0] for row in [*undone, *undecided][:SHOWN_MAX])

    # Death

    @property
    def _died(self) -> bool:
        return self._dies_at > 0 and self.ground.fuse.is_burnt

    @contextmanager
    def mortal(self, dies_at: int) -> Iterator[None]:
        """Whoever does something in here dies at that moment. 0: nobody."""
        self._dies_at = dies_at
        self.ground.fuse.set(dies_at)
        self.ground.fuse.light()
        try:
            yield
        finally:
            self._let_live()

    def _let_live(self) -> None:
        self.counts.kills += self._died
        self._dies_at = 0
        self.ground.fuse.set(0)

    @contextmanager
    def stale(self) -> Iterator[None]:
        """The apps go on with the route tables they know."""
        read_tables(NEVER_READ)
        try:
            yield
        finally:
            read_tables(ALWAYS_READ)

    # What must hold

    def look(self, after: str) -> None:
        """At what every commit must keep, where something was committed."""
        self.counts.steps += 1
        for bug in self.cloud.bugs:
            raise Broken("only our own errors", f"after {after}: {bug}")
        for side in self.sides:
            if side.has_changed():
                self.counts.looks += 1
                for each in invariants.broken_now(side.conn, side.invariants):
                    raise Broken(
                        f"invariant {each.invariant}", f"after {after}: {each.key}: {each.detail}"
                    )

    def look_at_all(self) -> None:
        """At rest."""
        for consumer, body in self.cloud.dead_letters:
            raise Broken("no dead letters", f"of {consumer}: {body}")
        for each in invariants.broken_at_rest(self.ground.eyes):
            raise Broken(f"invariant {each.invariant} at rest", f"{each.key}: {each.detail}")


@contextmanager
def a_world(
    ground: Ground,
    apps: Mapping[str, LoadedApp],
    functions: Mapping[str, Handler],
    chance: Chance,
) -> Iterator[World]:
    """Nothing is there yet."""
    ground.clear()
    time = Time()
    cloud = Cloud(functions, ground.fuse.glow, time.inventory.wall_now)
    clients = {name: SignedIn(app.app) for name, app in apps.items()}
    with chance.instead(), wired(apps, ground.apps, time, cloud):
        eyes = ground.eyes
        sides = (
            Side(eyes.inventory, invariants.INVENTORY, "item_availability_changes"),
            Side(eyes.customer, invariants.CUSTOMER),
        )
        yield World(ground, time, cloud, clients, chance, sides)


def _shown(run: Execution) -> str:
    return f"{run.next_step} of {run.machine} {run.name}"
