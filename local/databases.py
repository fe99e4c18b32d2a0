"""Two PostgreSQL servers and a document store for this machine, or those the environment names.

`ensure` may be called by any process at any time: it starts what doesn't run and returns the
addresses. The servers outlive their caller; `stop` ends them, `forget` also deletes their data.

By hand: `eval "$(python -m local.databases up)"`, and `python -m local.databases down`.
"""

import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .accounts import NOTE, folder_of_ours, server_folder
from .document_server import DocumentServer
from .errors import LocalError
from .ports import VARIABLES, Ports
from .postgres_server import PostgresServer
from .state import state_folder

INVENTORY_DSN = "KART_INVENTORY_DSN"
CUSTOMER_DSN = "KART_CUSTOMER_DSN"
MONGODB_URI = "MONGODB_URI"

MEMORY = Path("/dev/shm")
TEST_BYTES_MIN = 2 * 1024**3


@dataclass(frozen=True)
class Databases:
    inventory_dsn: str
    customer_dsn: str
    mongodb_uri: str

    def as_environment(self) -> dict[str, str]:
        """The variables the apps read these addresses from."""
        return {
            INVENTORY_DSN: self.inventory_dsn,
            CUSTOMER_DSN: self.customer_dsn,
            MONGODB_URI: self.mongodb_uri,
        }


def ensure(state: Path, ports: Ports, *, durable: bool = True) -> Databases:
    """All three running. An address from the environment wins over an embedded server.

    Not `durable`: faster, for tests; what was committed may be lost with the machine.
    Raises LocalError.
    """
    inventory, customer, documents = _servers(state, durable)
    starts: list[Callable[[], str]] = [
        lambda: os.environ.get(INVENTORY_DSN) or inventory.ensure(ports.inventory),
        lambda: os.environ.get(CUSTOMER_DSN) or customer.ensure(ports.customer),
        lambda: os.environ.get(MONGODB_URI) or documents.ensure(ports.documents),
    ]
    with ThreadPoolExecutor(len(starts)) as pool:
        return Databases(*pool.map(lambda start: start(), starts))


def stop(state: Path, *, durable: bool = True) -> bool:
    """Stop the embedded servers; whether any ran. Not `durable`: what they hold may be lost."""
    servers = _servers(state, durable)
    with ThreadPoolExecutor(len(servers)) as pool:
        return any(list(pool.map(lambda server: server.stop(), servers)))


def forget(state: Path) -> None:
    """Stop the embedded servers and delete their data, also that of older versions."""
    stop(state, durable=False)
    folder = server_folder(state.resolve())
    for data in (*folder.glob("*-postgresql-*"), *state.glob("documents-*")):
        shutil.rmtree(data)
    if folder != state:
        shutil.rmtree(folder)
        (state / NOTE).unlink()


def test_state() -> Path:
    """Where the tests' servers keep their files."""
    return state_in_memory("test")


def state_in_memory(name: str) -> Path:
    """Where servers whose data nobody will miss keep their files: in memory, if there is enough of it.

    A database is 500 files, and each test makes two: 10 ms in memory, 300 ms on some disks.
    """
    state = state_folder() / name
    try:
        enough = shutil.disk_usage(MEMORY).free >= TEST_BYTES_MIN
    except OSError:
        enough = False  # macOS has no such folder, a container often a small one
    return folder_of_ours(MEMORY, state) if enough else state


def _servers(state: Path, durable: bool) -> tuple[PostgresServer, PostgresServer, DocumentServer]:
    state = state.resolve()  # the servers work elsewhere
    folder = server_folder(state)
    return (
        PostgresServer("inventory", folder, VARIABLES["inventory"], durable),
        PostgresServer("customer", folder, VARIABLES["customer"], durable),
        DocumentServer(state, VARIABLES["documents"], durable),
    )


def main(arguments: list[str]) -> int:
    """`up` prints shell exports; `down` stops the servers, and what a killed test run left."""
    if arguments == ["up"]:
        for variable, address in ensure(state_folder(), Ports.from_env()).as_environment().items():
            print(f"export {variable}='{address}'")
    elif arguments == ["down"]:
        stop(state_folder())
        forget(test_state())
    else:
        print("usage: python -m local.databases up|down", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LocalError as error:
        sys.exit(f"{error}")
