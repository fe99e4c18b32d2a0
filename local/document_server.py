"""The document store: a `mongod` on PATH, or else SecantusDB from PyPI, as a process of its own.

SecantusDB speaks MongoDB's protocol and is sound, but young: it is slow at tens of thousands of
documents and its files change between versions, so the data folder's name has the version. It is
GPL-2 and therefore never imported. `--sync-on-commit` is not an option: without it, a SIGKILL
loses transactions that were acknowledged.

What runs is found in the process table by its data folder; there is no file to go stale.
"""

import importlib.metadata
import shutil
import signal
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import psutil
import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from . import ports, processes
from .errors import MissingProgram, PortTaken, ServerFailed
from .ports import HOST
from .state import locked

PACKAGE = "SecantusDB"
PROGRAM = "secantusd-py"
START_SECONDS_MAX = 60.0
START_ATTEMPTS_MAX = 5
ANSWER_SECONDS_MAX = 1.0
CACHE_SIZE = "256M"
REPLICA_SET = "kart"
"""Of one `mongod`, which has transactions in no other way. SecantusDB is a set by itself."""

ALREADY_INITIALIZED = 23


@dataclass(frozen=True)
class DocumentServer:
    """One server. When it is not durable, each start begins with nothing."""

    folder: Path
    port_variable: str
    durable: bool = True

    @property
    def kind(self) -> str:
        return "mongod" if shutil.which("mongod") else "secantus"

    @property
    def data(self) -> Path:
        version = "" if self.kind == "mongod" else f"-{importlib.metadata.version(PACKAGE)}"
        return self.folder / f"documents-{self.kind}{version}"

    @property
    def log(self) -> Path:
        return self.folder / "documents.log"

    def ensure(self, port: int) -> str:
        """The URI of the running server, which is started if need be. Port 0: any free one.

        A server that runs already is used where it listens. Raises PortTaken, ServerFailed.
        """
        with locked(self.folder / "documents.lock"):
            server = self._running()
            if server is not None and self._comes_up(server, _port_of(server)):
                listens_on = _port_of(server)
            else:
                if not self.durable:
                    shutil.rmtree(self.data, ignore_errors=True)
                self.data.mkdir(parents=True, exist_ok=True)
                listens_on = self._start(port)
            if self.kind == "mongod":
                _make_replica_set(listens_on)
        return f"mongodb://{HOST}:{listens_on}/?directConnection=true"

    def stop(self) -> bool:
        """Whether a server ran."""
        with locked(self.folder / "documents.lock"):
            server = self._running()
            if server is None:
                return False
            # An orderly end takes SecantusDB two seconds; data that may go does not need it.
            processes.stop(server, signal.SIGTERM if self.durable else signal.SIGKILL)
            return True

    def _running(self) -> psutil.Process | None:
        """The process that serves our data folder; None when there is none."""
        data = str(self.data)
        for process in psutil.process_iter():
            try:
                ours = data in process.cmdline() and processes.is_alive(process)
            except (psutil.Error, OSError):
                continue  # another user's, or just ended
            if ours:
                return process
        return None

    def _start(self, port: int) -> int:
        """The port it answers on. A free one that is taken meanwhile is changed for another."""
        for _ in range(1 if port else START_ATTEMPTS_MAX):
            chosen = port or ports.any_free_port()
            ports.require_free(chosen, "the document store", self.port_variable)
            if self._comes_up(processes.start(self._command(chosen), self.log), chosen):
                return chosen
            if ports.is_free(chosen):
                raise ServerFailed("The document store", "ended while it started", self.log)
        raise PortTaken(chosen, "the document store", self.port_variable)

    def _command(self, port: int) -> list[str]:
        if self.kind == "mongod":
            return [
                *("mongod", "--dbpath", str(self.data), "--port", str(port)),
                *("--bind_ip", HOST, "--replSet", REPLICA_SET),
            ]
        # An empty file: otherwise it looks for one in the working and home folders and in /etc.
        config = self.folder / "documents.toml"
        config.touch()
        return [
            *(_secantus(), "--config", str(config), "--storage-path", str(self.data)),
            *("--host", HOST, "--port", str(port)),
            *("--cache-size", CACHE_SIZE, "--log-level", "WARNING"),
            *(["--sync-on-commit"] if self.durable else []),
        ]

    def _comes_up(self, server: psutil.Process, port: int) -> bool:
        """Wait until the server answers. False if it ends instead."""

        def answers_or_ended() -> bool:
            return not processes.is_alive(server) or _answers(port)

        if not processes.wait_until(answers_or_ended, START_SECONDS_MAX):
            waited = f"gave no answer in {START_SECONDS_MAX} s"
            raise ServerFailed("The document store", waited, self.log)
        return processes.is_alive(server)


def _port_of(server: psutil.Process) -> int:
    command: list[str] = server.cmdline()
    return int(command[command.index("--port") + 1])


def _secantus() -> str:
    program = Path(sysconfig.get_path("scripts")) / PROGRAM
    found = str(program) if program.exists() else shutil.which(PROGRAM)
    if found is None:
        raise MissingProgram(
            f"The document store is missing: pip install {PACKAGE}, or make setup."
        )
    return found


def _client(port: int) -> "pymongo.MongoClient[dict[str, object]]":
    wait_ms = int(ANSWER_SECONDS_MAX * 1000)
    return pymongo.MongoClient(HOST, port, directConnection=True, serverSelectionTimeoutMS=wait_ms)


def _answers(port: int) -> bool:
    try:
        with _client(port) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def _make_replica_set(port: int) -> None:
    """Make a set of one member, or tell it its new port, and wait until it takes writes."""
    host = f"{HOST}:{port}"
    with _client(port) as client:
        members = [{"_id": 0, "host": host}]
        try:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        except OperationFailure as error:
            if error.code != ALREADY_INITIALIZED:
                raise
            config = client.admin.command("replSetGetConfig")["config"]
            if config["members"][0]["host"] != host:
                config["members"][0]["host"] = host
                config["version"] += 1
                client.admin.command("replSetReconfig", config, force=True)
        processes.wait_until(
            lambda: bool(client.admin.command("hello").get("isWritablePrimary")), START_SECONDS_MAX
        )
