"""The processes that a system consists of besides its databases: the engine and the apps' servers."""

import signal
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from . import processes
from .errors import ServerFailed

START_SECONDS_MAX = 60.0
ANSWER_SECONDS_MAX = 5.0


@dataclass(frozen=True)
class Child:
    """A server that answers `GET /health`."""

    name: str
    process: psutil.Process
    log: Path
    url: str

    def wait_until_healthy(self) -> None:
        """Raises ServerFailed if it ends, or doesn't answer in time."""
        gives_up_at = time.monotonic() + START_SECONDS_MAX
        while not self._is_healthy():
            self.require_alive()
            if time.monotonic() > gives_up_at:
                what = f"did not answer in {START_SECONDS_MAX:.0f} s"
                raise ServerFailed(self.name, what, self.log)
            time.sleep(processes.POLL_SECONDS)

    def require_alive(self) -> None:
        """Raises ServerFailed if it has ended."""
        if not processes.is_alive(self.process):
            raise ServerFailed(self.name, "ended", self.log)

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=ANSWER_SECONDS_MAX) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def stop_all(running: Sequence[psutil.Process]) -> None:
    """Ask all to end, at once, and wait until they have."""
    with ThreadPoolExecutor(max(1, len(running))) as pool:
        list(pool.map(lambda process: processes.stop(process, signal.SIGTERM), running))
