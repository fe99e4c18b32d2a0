"""Processes that run the apps' functions: this one, where a death is an exception, and children, where it is SIGKILL.

A function finds its world by the wiring of its app: databases, the time, and AWS, whose calls (events published, runs
started, relays nudged) are answered by the world itself. A child has connections of its own, and its calls go through
a pipe to the world, which goes on when the child is dead.
"""

import contextlib
import json
import logging
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection as Pipe
from types import SimpleNamespace
from typing import Any, NamedTuple

from chalice.test import Client

from fulfillment_app.chalicelib.services import chunks
from local.apps import LoadedApp, all_functions, load_apps
from local.lambdas import Answer, Context, Handler
from online_kart.clock import Clock
from online_kart.crashpoints import watched
from online_kart.documents import connection
from online_kart.messaging.machines import MACHINES
from online_kart.planning import routes
from online_kart.postgres import Database
from online_kart.settings import CustomerSettings, FulfillmentSettings, SellerSettings
from tests import identity
from tests.crashes.kills import Kill, Killed, Reaper

REGION = "local"
RELAY_OF = {
    "fulfillment_app": "relay_inventory_outbox",
    "seller_app": "relay_inventory_outbox",
    "customer_app": "relay_customer_outbox",
}
ARN = f"arn:aws:states:{REGION}:123456789012:stateMachine:"
HTTP = "http "
"""Before the name of an app: its function for requests."""

CHILD_SECONDS_MAX = 60.0

APPS = load_apps()

AwsCall = Callable[[str, dict[str, Any]], Any]
"""(`put_events`, its arguments) → its answer. Raises AwsRefused."""


class AwsRefused(Exception):
    """AWS answers with an error of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class ExecutionAlreadyExists(Exception):
    """As boto3's client has it."""


class ExecutionDoesNotExist(Exception):
    """As boto3's client has it."""


REFUSALS = {kind.__name__: kind for kind in (ExecutionAlreadyExists, ExecutionDoesNotExist)}


class AwsClient:
    """What the apps need of boto3's clients."""

    exceptions = SimpleNamespace(**REFUSALS)

    def __init__(self, call: AwsCall) -> None:
        self._call = call

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def send(**arguments: Any) -> Any:
            try:
                return self._call(operation, arguments)
            except AwsRefused as refused:
                raise REFUSALS[refused.name](arguments) from None

        return send


class Plugs(NamedTuple):
    """What a world's processes are connected to."""

    inventory_dsn: str
    customer_dsn: str
    mongodb_uri: str
    documents: str


class Connected(NamedTuple):
    """The apps' connections of one process."""

    inventory: Database
    customer: Database


class StandingClock(Clock):
    """Shows one moment, until the world moves it."""

    def __init__(self, at: datetime) -> None:
        super().__init__(business_epoch=at, wall_epoch=at)
        self.at = at

    def wall_now(self) -> datetime:
        return self.at


# -- wiring


ALWAYS_READ = -1.0
"""Seconds for which route tables are known: the world would depend on how fast the machine is."""


@contextlib.contextmanager
def wired(plugs: Plugs, connected: Connected, clock: Clock, call: AwsCall) -> Iterator[None]:
    """The apps of this process are connected to a world, as long as the block lasts."""
    new = {
        "clock": lambda: clock,
        "aws_client": lambda service: AwsClient(call),
        "documents": lambda: connection.database(plugs.mongodb_uri, plugs.documents),
        "inventory_db": connected.inventory.connection,
        "customer_db": connected.customer.connection,
    }
    before = {name: vars(app.wiring).copy() for name, app in APPS.items()}
    seconds, routes.READ_AGAIN_SECONDS = routes.READ_AGAIN_SECONDS, ALWAYS_READ
    for name, app in APPS.items():
        _rewire(app, {**new, "settings": partial(_settings, name, plugs)})
    try:
        yield
    finally:
        routes.READ_AGAIN_SECONDS = seconds
        for name, app in APPS.items():
            _rewire(app, before[name])


def _rewire(app: LoadedApp, functions: Mapping[str, Any]) -> None:
    """Only what the app's wiring has; what it made of the former ones is forgotten."""
    wiring = vars(app.wiring)
    wiring.update({name: made for name, made in functions.items() if name in wiring})
    for name in ("bus", "state_machine_arns", "step_functions", "tokens"):
        if name in wiring:
            wiring[name].cache_clear()


def _settings(app: str, plugs: Plugs) -> FulfillmentSettings | SellerSettings | CustomerSettings:
    common = {
        "mongodb_uri": plugs.mongodb_uri,
        "relay_function": RELAY_OF[app],
        "token_issuers": identity.issuers(app),
    }
    match app:
        case "customer_app":
            return CustomerSettings(customer_dsn=plugs.customer_dsn, **common)
        case "seller_app":
            return SellerSettings(inventory_dsn=plugs.inventory_dsn, **common)
    arns = json.dumps({name: f"{ARN}{name}" for name in MACHINES})
    return FulfillmentSettings(inventory_dsn=plugs.inventory_dsn, state_machine_arns=arns, **common)


def forget() -> None:
    """A new process knows none of the route tables, nor of the builds, that this one has read."""
    routes._current_routes = routes._CurrentRoutes()
    chunks._last_work = chunks._LastWork()


# -- functions


def _respond(app: LoadedApp, event: dict[str, Any], context: object) -> dict[str, Any]:
    """A request of a client, as API Gateway passes it: a text is a CSV file."""
    body = event["body"]
    media_type = "text/csv" if isinstance(body, str) else "application/json"
    text = body if isinstance(body, str) else json.dumps(body)
    answer = Client(app.app).http.request(
        event["method"],
        event["path"],
        headers={**identity.as_admin(app.name), "Content-Type": media_type, **event["headers"]},
        body=b"" if body is None else text.encode(),
    )
    return {"status": answer.status_code, "body": answer.body.decode()}


FUNCTIONS: dict[str, Handler] = {
    **all_functions(APPS),
    **{f"{HTTP}{name}": partial(_respond, app) for name, app in APPS.items()},
}


def called(handler: Handler, function: str, event: str) -> Answer:
    """What the function answers to an event (JSON), or the error that it raises. Lets Killed through."""
    try:
        result = handler(json.loads(event), Context(function))
        return Answer(json.loads(json.dumps(result)))
    except Exception as error:
        return Answer({"errorType": type(error).__name__, "errorMessage": str(error)}, True)


# -- children


class Errand(NamedTuple):
    """What a child is to do: its world, the function, and the kills that are to come."""

    plugs: Plugs
    now: datetime
    function: str
    event: str
    passed: Counter[str]
    kills: tuple[Kill, ...]


def serve(pipe: Pipe, errand: Errand) -> None:
    """In the child: call the function, and die of SIGKILL where that is planned."""

    def call(operation: str, arguments: dict[str, Any]) -> Any:
        pipe.send(("call", operation, arguments))
        refusal, answer = pipe.recv()
        if refusal:
            raise AwsRefused(refusal)
        return answer

    logging.disable(logging.CRITICAL)
    reaper = Reaper(errand.kills)
    reaper.passed.update(errand.passed)

    def watch(name: str) -> None:
        pipe.send(("passed", name, None))
        try:
            reaper(name)
        except Killed:
            os.kill(os.getpid(), signal.SIGKILL)

    plugs, clock = errand.plugs, StandingClock(errand.now)
    connected = Connected(Database(plugs.inventory_dsn), Database(plugs.customer_dsn))
    with wired(plugs, connected, clock, call), watched(watch):
        answer = called(FUNCTIONS[errand.function], errand.function, errand.event)
    pipe.send(("answer", answer, None))


def in_child(errand: Errand, reaper: Reaper, call: AwsCall) -> Answer | None:
    """What the function answers in a process of its own. None where that was killed: the reaper knows by what."""
    here, there = _CHILDREN.Pipe()
    child = _CHILDREN.Process(target=serve, args=(there, errand), daemon=True)
    child.start()
    there.close()
    answer, last = None, None
    with here, contextlib.suppress(EOFError):
        while answer is None:
            kind, what, arguments = here.recv()
            if kind == "passed":
                last = reaper.note(what)
            elif kind == "call":
                here.send(_answered(call, what, arguments))
            else:
                answer = what
    child.join(CHILD_SECONDS_MAX)
    if answer is None:
        assert child.exitcode == -signal.SIGKILL, f"It ended by itself: {child.exitcode}"
        assert last is not None, "It dies at crash points only."
        reaper.strike(last)
    return answer


def _answered(call: AwsCall, operation: str, arguments: dict[str, Any]) -> tuple[str, Any]:
    try:
        return "", call(operation, arguments)
    except AwsRefused as refused:
        return refused.name, None


# A server without connections or threads makes the children: each is a fork of one that has the apps.
_CHILDREN = multiprocessing.get_context("forkserver")
_CHILDREN.set_forkserver_preload(["pytest", "tests.crashes.processes"])
