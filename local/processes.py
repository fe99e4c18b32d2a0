"""Server processes that outlive the process that started them, and may be killed at any time."""

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from .accounts import Account

POLL_SECONDS = 0.02
STOP_SECONDS_MAX = 30.0
KILL_SECONDS_MAX = 5.0

_started: list[subprocess.Popen[bytes]] = []
"""Our children. Kept, or Python would warn of each that it is still running, as it should be."""


def start(
    command: Sequence[str | Path],
    log: Path,
    account: Account | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | str = "/",
) -> psutil.Process:
    """Start a server in a session of its own, so that Ctrl-C here doesn't reach it.

    It gets our environment unless it is given one.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=folder,
            env=environment,
            **(account.for_subprocess() if account else {}),
        )
    _started.append(child)
    return psutil.Process(child.pid)


def is_alive(process: psutil.Process) -> bool:
    """False for a zombie, which a container without a reaping init never gets rid of."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def wait_until(condition: Callable[[], bool], seconds_max: float) -> bool:
    """Whether the condition came true in time."""
    give_up_at = time.monotonic() + seconds_max
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(POLL_SECONDS)
    return True


def stop(process: psutil.Process, stop_signal: signal.Signals) -> None:
    """Ask the server to end, and kill it when it does not within STOP_SECONDS_MAX."""
    _signal(process, stop_signal)
    if not wait_until(lambda: not is_alive(process), STOP_SECONDS_MAX):
        _signal(process, signal.SIGKILL)
        wait_until(lambda: not is_alive(process), KILL_SECONDS_MAX)
    _reap()


def _signal(process: psutil.Process, stop_signal: signal.Signals) -> None:
    if is_alive(process):
        os.kill(process.pid, stop_signal)


@atexit.register
def _leave_running() -> None:
    """Python would warn of those that outlive us once more when it ends."""
    for child in _started:
        child.returncode = 0


def _reap() -> None:
    _started[:] = [child for child in _started if child.poll() is None]
