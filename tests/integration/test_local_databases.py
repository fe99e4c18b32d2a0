"""The embedded servers: whoever starts them, whatever is killed, whichever port is taken."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pymongo
import pytest

from local import accounts, databases, processes
from local.accounts import NOTE, Account, server_folder
from local.document_server import DocumentServer
from local.errors import LocalError, PortTaken, ServerFailed, StateBusy
from local.ports import VARIABLES, Ports
from local.postgres_server import PostgresServer
from local.state import locked

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run servers as another")


@pytest.fixture(autouse=True)
def _no_addresses_from_outside(monkeypatch):
    for variable in (databases.INVENTORY_DSN, databases.CUSTOMER_DSN, databases.MONGODB_URI):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "kart"
    databases.forget(tmp_path / "kart")


@pytest.fixture
def postgres(state: Path) -> Iterator[PostgresServer]:
    server = PostgresServer("inventory", server_folder(state), VARIABLES["inventory"])
    yield server
    server.stop()


@pytest.fixture
def document_store(state: Path) -> Iterator[DocumentServer]:
    state.mkdir(exist_ok=True)
    server = DocumentServer(state, VARIABLES["documents"])
    yield server
    server.stop()


def count_mugs(dsn: str) -> int:
    with psycopg.connect(dsn) as conn:
        row = conn.execute("SELECT count(*) FROM mugs").fetchone()
        return row[0] if row else 0


def make_mug(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS mugs (size integer)")
        conn.execute("INSERT INTO mugs VALUES (1)")


def main_process(server: PostgresServer) -> psutil.Process:
    return psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))


def a_stranger() -> socket.socket:
    """A program that listens on a port and says nothing."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def test_any_number_of_processes_start_each_server_once(state):
    code = (
        "import sys; from pathlib import Path; from local import databases;"
        "from local.ports import Ports;"
        "print(databases.ensure(Path(sys.argv[1]), Ports.any_free()))"
    )

    def ensure() -> str:
        return subprocess.run(
            [sys.executable, "-c", code, str(state)], capture_output=True, text=True, check=True
        ).stdout

    with ThreadPoolExecutor(3) as pool:
        addresses = list(pool.map(lambda _: ensure(), range(3)))

    assert len(set(addresses)) == 1
    # The processes that started the servers have ended; the servers have not.
    here = databases.ensure(state, Ports.any_free())
    assert addresses[0] == f"{here}\n"
    assert databases.stop(state)
    assert not databases.stop(state)


def test_addresses_from_the_environment_win(state, monkeypatch):
    monkeypatch.setenv("KART_INVENTORY_DSN", "postgresql://elsewhere/inventory")
    monkeypatch.setenv("KART_CUSTOMER_DSN", "postgresql://elsewhere/customer")
    monkeypatch.setenv("MONGODB_URI", "mongodb://elsewhere")

    found = databases.ensure(state, Ports.any_free())

    assert found.inventory_dsn == "postgresql://elsewhere/inventory"
    assert found.customer_dsn == "postgresql://elsewhere/customer"
    assert found.mongodb_uri == "mongodb://elsewhere"
    assert not databases.stop(state)


def test_what_was_committed_outlives_a_stop(postgres):
    make_mug(postgres.ensure(0))
    postgres.stop()

    assert count_mugs(postgres.ensure(0)) == 1


def test_what_was_committed_outlives_a_kill_of_the_server(postgres):
    """The dead server stays a zombie here, as in a container whose init does not reap."""
    make_mug(postgres.ensure(0))
    killed = main_process(postgres)
    killed.kill()
    processes.wait_until(lambda: not processes.is_alive(killed), 5)

    assert killed.status() == psutil.STATUS_ZOMBIE
    assert count_mugs(postgres.ensure(0)) == 1


def test_a_server_that_is_just_being_killed_is_replaced(postgres):
    for _ in range(3):
        make_mug(postgres.ensure(0))
        main_process(postgres).kill()

    assert count_mugs(postgres.ensure(0)) == 3


def test_a_process_id_that_was_given_to_another_program_is_not_taken_for_the_server(postgres):
    make_mug(postgres.ensure(0))
    pid_file = postgres.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    postgres.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))

    assert count_mugs(postgres.ensure(0)) == 1


def test_a_data_folder_that_was_half_made_is_made_again(postgres):
    half_made = postgres.data.with_name(f"{postgres.data.name}.draft")
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")

    make_mug(postgres.ensure(0))


def test_the_apps_are_no_superusers(postgres):
    with psycopg.connect(postgres.ensure(0)) as conn:
        row = conn.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row == (False,)


def test_a_port_that_a_stranger_holds_is_an_error_that_names_the_variable(postgres, document_store):
    with a_stranger() as stranger:
        port = stranger.getsockname()[1]
        for server, variable in (
            (postgres, "KART_INVENTORY_PORT"),
            (document_store, "KART_DOCUMENTS_PORT"),
        ):
            with pytest.raises(PortTaken, match=rf"Port {port}.*set {variable} to a free port"):
                server.ensure(port)


def test_a_server_that_runs_is_used_where_it_listens(postgres):
    dsn = postgres.ensure(0)
    with a_stranger() as stranger:
        assert postgres.ensure(stranger.getsockname()[1]) == dsn


def test_a_server_that_cannot_start_shows_its_log(postgres):
    postgres.ensure(0)
    postgres.stop()
    (postgres.data / "postgresql.conf").write_text("no_such_setting = on\n")

    with pytest.raises(ServerFailed, match="no_such_setting"):
        postgres.ensure(0)


def test_a_document_outlives_a_kill_of_its_server(document_store):
    with client_of(document_store) as client:
        client["kart"]["mugs"].insert_one({"_id": 1})
        pid = client.admin.command("serverStatus")["pid"]
    os.kill(pid, signal.SIGKILL)

    with client_of(document_store) as client:
        assert list(client["kart"]["mugs"].find()) == [{"_id": 1}]


def client_of(store: DocumentServer) -> pymongo.MongoClient[dict[str, Any]]:
    return pymongo.MongoClient(store.ensure(0))


def test_forgetting_leaves_no_data(state):
    make_mug(databases.ensure(state, Ports.any_free()).inventory_dsn)
    databases.forget(state)

    with pytest.raises(psycopg.errors.UndefinedTable):
        count_mugs(databases.ensure(state, Ports.any_free()).inventory_dsn)


@as_root
def test_a_state_folder_that_only_root_can_enter_has_a_stand_in_and_says_where(state):
    state.mkdir(mode=0o700)
    folder = server_folder(state)

    assert folder != state
    assert (state / NOTE).read_text() == f"{folder}\n"
    make_mug(databases.ensure(state, Ports.any_free()).inventory_dsn)

    databases.forget(state)
    assert not folder.exists()
    assert not (state / NOTE).exists()


@as_root
def test_binaries_that_only_root_can_reach_are_copied(state, monkeypatch):
    monkeypatch.setattr(Account, "succeeds", lambda *_: False)
    server = PostgresServer("inventory", server_folder(state), VARIABLES["inventory"])

    make_mug(server.ensure(0))

    assert str(server.folder) in main_process(server).exe()


@as_root
def test_a_stand_in_that_another_user_made_is_not_trusted(state, monkeypatch, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setattr(accounts, "STAND_INS", shared)
    state.mkdir(mode=0o700)
    stand_in = server_folder(state)
    os.chown(stand_in, 65_534, 65_534)

    with pytest.raises(LocalError, match="belongs to another user"):
        server_folder(state)
    os.chown(stand_in, 0, 0)


def test_a_lock_is_waited_for_no_longer_than_it_says(tmp_path):
    with locked(tmp_path / "lock"), pytest.raises(StateBusy), locked(tmp_path / "lock", 0.1):
        pass


def test_a_port_is_moved_by_its_variable(monkeypatch):
    monkeypatch.setenv("KART_SELLER_PORT", "9002")
    assert Ports.from_env() == Ports(seller_app=9002)

    monkeypatch.setenv("KART_SELLER_PORT", "http")
    with pytest.raises(LocalError, match="KART_SELLER_PORT is 'http'"):
        Ports.from_env()
