"""The engine: our three apps and state machines, run as `make up` runs them, on the test's databases."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database as Documents

from local.apps import LoadedApp, load_apps
from local.aws import DEFINITIONS, LocalAws, local_aws
from local.clock import ClockFile
from local.databases import Databases
from local.environment import REGION, environment, settle_settings
from local.lambdas import Answer
from local.ports import Ports
from tests import identity

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

    def settle(self, *, relays_may_fail: bool = False) -> None:
        """Relay until nothing is unsent, unheard or under way but what waits for its time.

        A relay that fails runs again, as its schedule would do.
        """
        relays = [name for name in self.aws.schedules if name.startswith("relay_")]
        gives_up_at = time.monotonic() + SETTLE_SECONDS_MAX
        while time.monotonic() < gives_up_at:
            was_quiet = self.aws.is_quiet()  # what was under way might have told something since
            answers = [self.aws.invoke(relay) for relay in relays]
            failed = [answer.payload for answer in answers if answer.is_error]
            assert relays_may_fail or failed == []
            if was_quiet and not failed and _sent(answers) == 0 and self.aws.is_quiet():
                return
            time.sleep(0.005)
        raise TimeoutError(f"Not quiet after {SETTLE_SECONDS_MAX:.0f} s.")


def _sent(answers: list[Answer]) -> int:
    return sum(answer.payload["sent"] for answer in answers)


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
    monkeypatch.setenv("KART_DOCUMENTS_DB", documents.name)
    clock_file = ClockFile(tmp_path)
    clock_file.anchor(speed, starts_at=now)
    databases = Databases(inventory_dsn, customer_dsn, servers.mongodb_uri)
    with running_engine(databases, clock_file, tmp_path, monkeypatch) as engine:
        yield engine


@contextmanager
def running_engine(
    databases: Databases,
    clock_file: ClockFile,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    retry_speed: float = 1000,
    definitions: Path = DEFINITIONS,
) -> Iterator[Engine]:
    """The apps and machines on these databases. What the environment sets already stays."""
    for name, value in environment(databases, Ports(), state).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_LAMBDA")
    monkeypatch.setenv("KART_RELAY_FUNCTION", "")
    apps = load_apps()
    for app in apps.values():
        forget_connections(app)
        monkeypatch.setenv(identity.VARIABLE, identity.issuers(app.name))
        settle_settings(app)
    with local_aws(
        apps,
        state / "queues.sqlite",
        region=REGION,
        clock=clock_file.clock(),
        definitions=definitions,
        retry_speed=retry_speed,
    ) as aws:
        yield Engine(aws, apps, clock_file)
    for app in apps.values():
        forget_connections(app)


def forget_connections(app: LoadedApp) -> None:
    """Let the app read its settings anew and connect to what they name."""
    for connect in (getattr(app.wiring, name, None) for name in ("_inventory", "_customer")):
        if connect is not None and connect.cache_info().currsize:
            connect().close()  # a log that keeps an error would keep them open
    for function in vars(app.wiring).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()
