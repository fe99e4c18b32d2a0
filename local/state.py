"""The state folder: everything local that outlives a process, so that `make reset` forgets all.

Locks are the kernel's (`flock`): a holder that is killed frees them, so there are no stale locks.
What runs is asked of the system, not kept in files of ours, which would be wrong after a kill -9.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from .errors import StateBusy

REPOSITORY = Path(__file__).resolve().parent.parent
SIGNED_IN_FILE = "signed-in.json"
"""Who is signed in at `kart`."""

LOCK_WAIT_SECONDS = 150.0
LOCK_POLL_SECONDS = 0.05


def state_folder() -> Path:
    """`.kart` in the repository, or what KART_STATE names."""
    return Path(os.environ.get("KART_STATE") or REPOSITORY / ".kart").resolve()


@contextlib.contextmanager
def locked(lock: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """One holder at a time, among processes and threads. Raises StateBusy after the wait."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        give_up_at = time.monotonic() + wait_seconds
        while not _try_lock(file.fileno()):
            if time.monotonic() > give_up_at:
                raise StateBusy(lock, wait_seconds)
            time.sleep(LOCK_POLL_SECONDS)
        yield


def _try_lock(file_descriptor: int) -> bool:
    try:
        fcntl.flock(file_descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
