"""The engine: our three apps and state machines, run as `make up` runs them, on the test's databases."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database as Documents

from local.apps import LoadedApp, load_apps
from local.aws import LocalAws, local_aws
from local.clock import ClockFile
from local.databases import Databases
from local.environment import REGION, environment, settle_settings
from local.ports import Ports

SETTLE_SECONDS_MAX = 30.0


@dataclass(frozen=True)
class Engine:
    """Nothing runs on a schedule in it: a test runs the jobs that it wants to run."""

    aws: LocalAws
    apps: dict[str, LoadedApp]
    clock_file: ClockFile

    def invoke(self, function: str, payload: bytes = b"") -> Any:
        """What the function answers. An error it raises fails the test."""
        answer = self.aws.invoke(function, payload)
        assert not answer.is_error, answer.payload
        return answer.payload

    def settle(self) -> None:
        """Relay until nothing is unsent, unheard or under way but what waits for its time."""
        relays = [name for name in self.aws.schedules if name.startswith("relay_")]
        gives_up_at = time.monotonic() + SETTLE_SECONDS_MAX
        while time.monotonic() < gives_up_at:
            was_quiet = self.aws.is_quiet()  # what was under way might have told something since
            sent = sum(self.invoke(relay)["sent"] for relay in relays)
            if was_quiet and sent == 0 and self.aws.is_quiet():
                return
            time.sleep(0.005)
        raise TimeoutError(f"Not quiet after {SETTLE_SECONDS_MAX:.0f} s.")


@pytest.fixture
def speed() -> float:
    """How fast business time runs. A test module may have a fixture of its own with this name."""
    return 1.0


@pytest.fixture
def engine(
    servers: Databases,
    inventory_dsn: str,
    customer_dsn: str,
    documents: Documents[dict[str, Any]],
    tmp_path: Path,
    now: datetime,
    speed: float,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Engine]:
    """Tries failed tasks again at once."""
    clock_file = ClockFile(tmp_path)
    clock_file.anchor(speed, starts_at=now)
    databases = Databases(inventory_dsn, customer_dsn, servers.mongodb_uri)
    monkeypatch.setenv("KART_DOCUMENTS_DB", documents.name)
    for name, value in environment(databases, Ports(), tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_LAMBDA")
    monkeypatch.setenv("KART_RELAY_FUNCTION", "")
    apps = load_apps()
    for app in apps.values():
        forget_connections(app)
        settle_settings(app)
    running = partial(local_aws, apps, tmp_path / "queues.sqlite", region=REGION, retry_speed=1000)
    with running(clock=clock_file.clock()) as aws:
        yield Engine(aws, apps, clock_file)
    for app in apps.values():
        forget_connections(app)


def forget_connections(app: LoadedApp) -> None:
    """Let the app read its settings anew and connect to what they name."""
    for function in vars(app.wiring).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()
