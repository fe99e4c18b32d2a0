"""The three apps, connected to a world instead of AWS: their stores, clocks, bus and state machines are the world's."""

import os
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from local.apps import APPS, LoadedApp
from local.reading import Stores
from online_kart.clock import Clock
from online_kart.messaging.bus import EventBus
from online_kart.planning import routes
from online_kart.settings import CustomerSettings, FulfillmentSettings, SellerSettings
from online_kart.tokens import Tokens
from tests import identity

from .cloud import ARNS, Cloud

HOP_LIMIT = 4
TOKENS = {name: Tokens(identity.issuers(name)) for name in APPS}
START = datetime.fromisoformat("2026-02-27T04:30:00+00:00")
"""A Friday, 10:00 in India: within the week a month ends."""

ALWAYS_READ = -1.0
NEVER_READ = float("inf")


class SideClock(Clock):
    """One side's clock: the world's time, and what it goes wrong by."""

    def __init__(self, time: "Time") -> None:
        super().__init__()
        self._time = time
        self.wrong_by = timedelta()

    def wall_now(self) -> datetime:
        return self._time.now + self.wrong_by


class Time:
    """The world's time. It passes when the world says so."""

    def __init__(self) -> None:
        self.now = START
        self.inventory, self.customer = SideClock(self), SideClock(self)

    def right(self) -> None:
        """Both sides' clocks are right again."""
        self.inventory.wrong_by = self.customer.wrong_by = timedelta()


@contextmanager
def wired(
    apps: Mapping[str, LoadedApp], stores: Stores, time: Time, cloud: Cloud
) -> Iterator[None]:
    """What each app's `wiring` opens is the world's as long as the block lasts."""
    bus = EventBus(cloud, "kart")
    inventory = {
        "inventory_db": stores.inventory,
        "documents": stores.documents,
        "clock": time.inventory,
        "bus": bus,
    }
    connections: dict[str, dict[str, Any]] = {
        "fulfillment_app": inventory
        | {
            "settings": FulfillmentSettings(inventory_dsn="", hop_limit=HOP_LIMIT),
            "tokens": TOKENS["fulfillment_app"],
            "step_functions": cloud,
            "state_machine_arns": ARNS,
        },
        "seller_app": {
            "settings": SellerSettings(inventory_dsn=""),
            "tokens": TOKENS["seller_app"],
            "inventory_db": stores.inventory,
            "documents": stores.documents,
            "clock": time.inventory,
        },
        "customer_app": {
            "settings": CustomerSettings(customer_dsn=""),
            "tokens": TOKENS["customer_app"],
            "customer_db": stores.customer,
            "documents": stores.documents,
            "clock": time.customer,
            "bus": bus,
        },
    }
    before = {name: dict(vars(app.wiring)) for name, app in apps.items()}
    seconds = routes.READ_AGAIN_SECONDS
    try:
        for name, opened in connections.items():
            assert opened.keys() <= before[name].keys(), "What is put there is taken away again."
            for function, value in opened.items():
                setattr(apps[name].wiring, function, lambda value=value: value)
        read_tables(ALWAYS_READ)
        yield
    finally:
        routes.READ_AGAIN_SECONDS = seconds
        for name, app in apps.items():
            vars(app.wiring).update(before[name])


def read_tables(again_after: float) -> None:
    """How many seconds the apps go on with the route tables they know before they ask which are in force."""
    routes.READ_AGAIN_SECONDS = again_after


class Chance:
    """What this thread draws from the computer's chance (ids, mostly) is drawn from a seed: a repeat has the same ids."""

    def __init__(self) -> None:
        self._rng = random.Random()
        self._thread = threading.get_ident()
        self._urandom = os.urandom

    def seed(self, draw: int) -> None:
        self._rng = random.Random(draw)

    def bytes(self, size: int, /) -> bytes:
        if threading.get_ident() != self._thread:  # pymongo's, which looks after its servers
            return self._urandom(size)
        return self._rng.randbytes(size)

    @contextmanager
    def instead(self) -> Iterator[None]:
        os.urandom = self.bytes
        try:
            yield
        finally:
            os.urandom = self._urandom
