"""`make up` by hand: start twice, stop, be killed, start again."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from local.ports import VARIABLES

READY = "Ctrl-C"


class Shell:
    """Runs `python -m local …` on a state folder and ports of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        ports = dict.fromkeys(VARIABLES.values(), "0")
        self._environment = os.environ | ports | {"KART_STATE": str(state)}

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(command),
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def up(self) -> tuple[subprocess.Popen[str], str]:
        """The running process, and what it said until it was ready."""
        process = subprocess.Popen(
            self._command("up"), env=self._environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if READY in line:
                return process, said
        raise AssertionError(f"It ended before it was ready: {said}")

    def children(self) -> list[psutil.Process]:
        """The apps and the engine that run on this state."""
        mark = f"--state={self.state}"
        return [p for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or [])]

    @staticmethod
    def _command(command: str) -> list[str]:
        return [sys.executable, "-u", "-m", "local", command]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    shell = Shell(tmp_path_factory.mktemp("system") / "kart")
    yield shell
    assert shell.run("reset").returncode == 0


def healthy(said: str) -> bool:
    """Whether every server that was announced answers."""
    urls = re.findall(r"http://\S+", said)
    return len(urls) == 4 and all(
        urllib.request.urlopen(f"{url}/health", timeout=5).status == 200 for url in urls
    )


def end(process: subprocess.Popen[str], number: signal.Signals) -> str:
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    return said or ""


def test_the_system_starts_once_stops_cleanly_and_survives_being_killed(shell):
    process, said = shell.up()
    assert healthy(said)
    assert len(shell.children()) == 4

    again = shell.run("up")
    assert again.returncode == 0
    assert "runs already" in again.stdout
    assert healthy(again.stdout)

    end(process, signal.SIGKILL)
    assert len(shell.children()) == 4  # they are orphans now
    process, said = shell.up()
    assert "earlier start" in said
    assert healthy(said)
    assert len(shell.children()) == 4

    for victim in shell.children():
        victim.kill()
    end(process, signal.SIGKILL)
    process, said = shell.up()
    assert healthy(said)

    assert "Stopped" in end(process, signal.SIGINT)
    assert process.returncode == 0
    assert shell.children() == []
    assert "Nothing was running" in shell.run("down").stdout


def test_another_shell_can_stop_the_system(shell):
    process, _ = shell.up()

    assert "Stopped" in shell.run("down").stdout

    process.communicate(timeout=10)
    assert process.returncode == 0
    assert shell.children() == []


def test_a_server_that_dies_ends_the_system_and_its_log_is_shown(shell):
    process, _ = shell.up()

    victim = next(p for p in shell.children() if "customer_app" in p.cmdline())
    victim.kill()

    process.communicate(timeout=60)
    assert process.returncode == 1
    assert shell.children() == []
