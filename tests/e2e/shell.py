"""What a person does in a shell: `python -m local …` on a state folder and ports of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from local.databases import CUSTOMER_DSN, INVENTORY_DSN, MONGODB_URI
from local.ports import VARIABLES, Ports, any_free_port

PROJECT = Path(__file__).parents[2]
READY = "Ctrl-C"
COMMAND_SECONDS_MAX = 180
STOP_SECONDS_MAX = 100
"""Half a minute for the apps, the engine and the databases each, at worst."""

SET_BY_OTHERS = (INVENTORY_DSN, CUSTOMER_DSN, MONGODB_URI)
"""A system that is killed with its databases has its own, whatever the tests at large run on."""


class Shell:
    """The ports are free ones, and stay the same when the system is started again."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.ports = {name: any_free_port() for name in VARIABLES}
        moved = {variable: str(self.ports[name]) for name, variable in VARIABLES.items()}
        inherited = {name: value for name, value in os.environ.items() if name not in SET_BY_OTHERS}
        self._environment = inherited | moved | {"KART_STATE": str(state)}

    @property
    def system_ports(self) -> Ports:
        return Ports(**self.ports)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self._completed(self._command(*command))

    def kart(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self._completed([sys.executable, "-m", "local.kart", *command])

    def script(self, script: str) -> subprocess.CompletedProcess[str]:
        """Lines of bash, in the folder of the project; the first that fails ends it."""
        return self._completed(["bash", "-euo", "pipefail", "-c", script])

    def _completed(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self._environment,
            capture_output=True,
            text=True,
            cwd=PROJECT,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Its output, errors too, is in its `stdout`."""
        return subprocess.Popen(
            self._command(*command),
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_hear_ctrl_c,
        )

    def up(self, *options: str) -> tuple[subprocess.Popen[str], str]:
        """The running process, and what it said until it was ready."""
        process = self.start("up", *options)
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if READY in line:
                return process, said
        process.communicate()
        raise AssertionError(f"It ended before it was ready: {said}")

    def children(self) -> list[psutil.Process]:
        """The apps and the engine that run on this state."""
        return self._running(f"--state={self.state}")

    def databases(self) -> list[psutil.Process]:
        """The servers that listen on this shell's ports, and the processes they started."""
        inventory, customer = self.ports["inventory"], self.ports["customer"]
        servers = [
            *self._running(f"--port={inventory}"),
            *self._running(f"--port={customer}"),
            *self._running("--port", str(self.ports["documents"])),
        ]
        return [each for server in servers for each in (server, *server.children(recursive=True))]

    def kill(self, supervisor: subprocess.Popen[str], *, databases: bool) -> None:
        """kill -9 of the supervisor and of all that it started."""
        victims = self.children() + (self.databases() if databases else [])
        assert len(victims) >= (7 if databases else 4)
        supervisor.kill()
        for victim in victims:
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                continue  # a child of one that was killed before
        supervisor.communicate()
        psutil.wait_procs(victims, timeout=10)

    @staticmethod
    def _running(*arguments: str) -> list[psutil.Process]:
        """The processes whose command has these arguments in a row."""
        found = psutil.process_iter(["cmdline"])
        return [each for each in found if _is_in(arguments, each.info["cmdline"] or [])]

    @staticmethod
    def _command(*command: str) -> list[str]:
        return [sys.executable, "-u", "-m", "local", *command]


def _hear_ctrl_c() -> None:
    """Also where the tests run in the background of a script, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _is_in(part: Sequence[str], whole: Sequence[str]) -> bool:
    starts = range(len(whole) - len(part) + 1)
    return any(tuple(whole[at : at + len(part)]) == tuple(part) for at in starts)


def end(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """What it said at its end."""
    process.send_signal(number)
    said, _ = process.communicate(timeout=STOP_SECONDS_MAX)
    return said or ""
