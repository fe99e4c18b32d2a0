"""The whole system on this machine: starts it, watches it, stops it.

One process supervises: it starts the databases, brings their schemas up to date, starts the engine
and one `chalice local` for each app, and stays. Only one can, for it holds a lock that the kernel
frees when it dies. When Ctrl-C, SIGTERM, a closed terminal or `down` ends it, everything that it
started ends with it. After a kill -9 its children live on: the next start, or `down`, finds them by
their command lines, which name the state folder, and ends them first.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from sys import executable
from threading import Event

import psutil
from psycopg import OperationalError

from online_kart import migrate
from online_kart.documents import connection
from online_kart.documents.indexes import ensure_collections

from . import databases, processes
from .apps import APPS, ROOT
from .children import Child, stop_all
from .clock import ClockFile
from .databases import Databases
from .engine import QUEUES_FILE
from .environment import REGION, app_environment, documents_db, environment
from .errors import LocalError, StateBusy
from .people import PEOPLE_FILE, People
from .ports import HOST, VARIABLES, Ports, any_free_port, require_free
from .state import SIGNED_IN_FILE, locked
from .token_issuers import token_issuers

ENGINE = "engine"
MODULES = ("local.engine", "local.chalice_server")
"""What our children run."""

WATCH_SECONDS = 0.5
DOWN_SECONDS_MAX = 90.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Addresses:
    """Where a running system answers."""

    ports: Ports
    databases: Databases

    def url(self, server: str) -> str:
        """Of an app, or of the engine."""
        return f"http://{HOST}:{asdict(self.ports)[server]}"


@dataclass(frozen=True)
class Running:
    """A running system, as its supervisor sees it."""

    addresses: Addresses
    children: tuple[Child, ...]

    def watch(self, stop: Event) -> None:
        """Stay until `stop` is set. Raises ServerFailed when a child ends by itself."""
        while not stop.wait(WATCH_SECONDS):
            for child in self.children:
                child.require_alive()


class AlreadyRuns(LocalError):
    """Another process supervises the system of this state folder."""

    def __init__(self, addresses: Addresses | None) -> None:
        super().__init__("Online Kart runs already. `make down` stops it.")
        self.addresses = addresses


class System:
    """The system of one state folder."""

    def __init__(self, state: Path, ports: Ports, say: Say = print) -> None:
        self._state = state.resolve()
        self._ports, self._say = ports, say
        self.clock_file = ClockFile(self._state)

    @contextmanager
    def running(self, speed: float | None = None) -> Iterator[Running]:
        """The system, for as long as the block lasts. Raises AlreadyRuns, LocalError."""
        self._state.mkdir(parents=True, exist_ok=True)
        with self._supervising():
            children: list[Child] = []
            try:
                self._stop_leftovers()
                addresses = self._start(children, speed)
                yield Running(addresses, tuple(children))
            finally:
                with _undisturbed():
                    self._stop(children)

    def addresses(self) -> Addresses | None:
        """Where the running system answers. None if none runs."""
        try:
            with locked(self._lock, wait_seconds=0):
                return None
        except StateBusy:
            return self._noted_addresses()

    def down(self) -> bool:
        """Stop the system, whoever started it. False if nothing ran."""
        self._state.mkdir(parents=True, exist_ok=True)
        supervisor = self._supervisor()
        if supervisor is not None:
            supervisor.send_signal(signal.SIGTERM)
        with locked(self._lock, DOWN_SECONDS_MAX):
            left = self._stop_leftovers()
            return any([supervisor is not None, left, databases.stop(self._state)])

    def reset(self) -> None:
        """Stop the system and forget its data, logs and time."""
        self.down()
        with locked(self._lock, wait_seconds=0):
            databases.forget(self._state)
            for pattern in (
                f"{QUEUES_FILE}*",
                PEOPLE_FILE,
                SIGNED_IN_FILE,
                "clock*.json",
                "logs/*",
            ):
                for file in self._state.glob(pattern):
                    file.unlink()

    # -- start and stop

    def _start(self, children: list[Child], speed: float | None) -> Addresses:
        """`children` grows as they are started, so that a failure in between ends them too."""
        ports = self._free_ports()
        self._say("Starting the databases …")
        stores = databases.ensure(self._state, ports)
        _bring_up_to_date(stores)
        self.clock_file.hold(speed)
        People(self._state).introduce_demo()
        addresses = Addresses(ports, stores)
        variables = environment(stores, ports, self._state)
        self._say("Starting the apps and the engine …")
        for name in (ENGINE, *APPS):
            children.append(self._start_child(name, addresses, variables))
        engine, *apps = children
        for app in apps:
            app.wait_until_healthy()
        self.clock_file.release()  # no truck drives before the first scan can be told of
        engine.wait_until_healthy()
        self._note(addresses)
        return addresses

    def _free_ports(self) -> Ports:
        """The ports of our own servers, each checked; 0 becomes one that is free."""
        ports = self._ports
        for name in (ENGINE, *APPS):
            port = asdict(ports)[name]
            if port:
                require_free(port, name, VARIABLES[name])
            else:
                ports = replace(ports, **{name: any_free_port()})
        return ports

    def _start_child(self, name: str, addresses: Addresses, variables: dict[str, str]) -> Child:
        if name == ENGINE:
            command = [executable, "-m", "local.engine"]
        else:
            port = str(asdict(addresses.ports)[name])
            command = [executable, "-m", "local.chalice_server", name, port]
            issuers = token_issuers(name, addresses.url(ENGINE), REGION)
            variables = variables | app_environment(name) | {"KART_TOKEN_ISSUERS": issuers}
        log = self._fresh_log(name)
        process = processes.start([*command, self._mark], log, environment=variables, folder=ROOT)
        return Child(name, process, log, addresses.url(name))

    def _stop(self, children: list[Child]) -> None:
        """The apps first: they nudge the engine; the databases last."""
        with suppress(OSError):  # the terminal may be gone; that is no reason to leave them running
            self._say("Stopping …")
        apps = [child.process for child in children if child.name != ENGINE]
        stop_all(apps)
        stop_all([child.process for child in children if child.name == ENGINE])
        databases.stop(self._state)
        self._noted.unlink(missing_ok=True)

    def _stop_leftovers(self) -> bool:
        """End what a killed supervisor left running. Whether there was anything."""
        left = [process for process in psutil.process_iter() if self._is_ours(process)]
        if left:
            self._say("Stopping what an earlier start left running …")
            stop_all(left)
        return bool(left)

    @property
    def _mark(self) -> str:
        return f"--state={self._state}"

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            command = process.cmdline()
        except psutil.Error:
            return False
        return self._mark in command and any(module in command for module in MODULES)

    def _fresh_log(self, name: str) -> Path:
        """The log of the run before is kept beside it."""
        log = self._state / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        if log.exists():
            os.replace(log, log.with_suffix(".before.log"))
        return log

    # -- who supervises

    @property
    def _lock(self) -> Path:
        return self._state / "system.lock"

    @property
    def _noted(self) -> Path:
        """Who supervises, and where the system answers, for `down` and for a second start."""
        return self._state / "system.json"

    @contextmanager
    def _supervising(self) -> Iterator[None]:
        try:
            lock = locked(self._lock, wait_seconds=0)
            lock.__enter__()
        except StateBusy as busy:
            raise AlreadyRuns(self._noted_addresses()) from busy
        try:
            self._note(None)
            yield
        finally:
            lock.__exit__(None, None, None)

    def _note(self, addresses: Addresses | None) -> None:
        me = psutil.Process()
        entry = {
            "process_id": me.pid,
            "started_at": me.create_time(),
            "addresses": None if addresses is None else asdict(addresses),
        }
        draft = self._noted.with_suffix(".draft")
        draft.write_text(json.dumps(entry))
        os.replace(draft, self._noted)

    def _noted_addresses(self) -> Addresses | None:
        """None while the system is starting."""
        try:
            entry = json.loads(self._noted.read_text())["addresses"]
        except (OSError, ValueError):
            return None
        return entry and Addresses(Ports(**entry["ports"]), Databases(**entry["databases"]))

    def _supervisor(self) -> psutil.Process | None:
        """The process that holds the lock. None if there is none."""
        try:
            entry = json.loads(self._noted.read_text())
            process = psutil.Process(entry["process_id"])
            return process if process.create_time() == entry["started_at"] else None
        except (OSError, ValueError, psutil.Error):
            return None


def _bring_up_to_date(stores: Databases) -> None:
    try:
        migrate.migrate(stores.inventory_dsn, migrate.INVENTORY)
        migrate.migrate(stores.customer_dsn, migrate.CUSTOMER)
    except OperationalError as error:
        raise LocalError(f"The databases can't be brought up to date: {error}") from error
    ensure_collections(connection.database(stores.mongodb_uri, documents_db()))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not leave half of the system running."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
