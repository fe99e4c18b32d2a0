"""The migrator, and the migrations themselves, on empty databases."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from local.databases import Databases
from online_kart import migrate
from online_kart.domain.errors import MigrationRefused, Unavailable
from tests.networks import put_network, two_cities
from tests.servers import fresh_name


@pytest.fixture
def empty_dsn(servers: Databases) -> Iterator[str]:
    name = sql.Identifier(fresh_name())
    with psycopg.connect(servers.inventory_dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield make_conninfo(servers.inventory_dsn, dbname=name.as_string().strip('"'))
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations: a table of mugs, then one row in it."""
    write(tmp_path, "0001_mugs.sql", "CREATE TABLE mugs (size integer PRIMARY KEY);")
    write(tmp_path, "0002_first_mug.sql", "INSERT INTO mugs VALUES (1);")
    return tmp_path


def write(folder: Path, name: str, statements: str, options: str = "") -> None:
    (folder / name).write_text(f"-- What it is for.\n\n-- migrate:up{options}\n{statements}\n")


def mugs(dsn: str) -> list[int]:
    with psycopg.connect(dsn) as conn:
        return [size for (size,) in conn.execute("SELECT size FROM mugs ORDER BY size").fetchall()]


@pytest.mark.parametrize("migrations", [migrate.INVENTORY, migrate.CUSTOMER], ids=str)
def test_all_migrations_apply_to_an_empty_database_and_a_second_run_changes_nothing(
    empty_dsn, migrations
):
    names = sorted(file.name for file in migrations.glob("*.sql"))

    assert migrate.migrate(empty_dsn, migrations) == names
    assert migrate.migrate(empty_dsn, migrations) == []


def test_four_migrators_at_once_apply_each_migration_once(empty_dsn, folder):
    write(folder, "0003_slow.sql", "SELECT pg_sleep(0.5);")
    migrators = [start_migrator(empty_dsn, folder) for _ in range(4)]
    outputs = [migrator.communicate(timeout=60)[0] for migrator in migrators]

    assert [migrator.returncode for migrator in migrators] == [0, 0, 0, 0]
    assert sorted(outputs) == ["", "", "", "0001_mugs.sql 0002_first_mug.sql 0003_slow.sql"]
    assert mugs(empty_dsn) == [1]


def start_migrator(dsn: str, folder: Path) -> subprocess.Popen[str]:
    """A process that migrates, and prints what it applied."""
    code = (
        "import sys; from pathlib import Path; from online_kart import migrate;"
        "print(*migrate.migrate(sys.argv[1], Path(sys.argv[2])), end='')"
    )
    command = [sys.executable, "-c", code, dsn, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_the_command_migrates_and_tells_what_it_did(empty_dsn):
    command = [sys.executable, "-m", "online_kart.migrate", "inventory", "--dsn", empty_dsn]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    names = sorted(file.name for file in migrate.INVENTORY.glob("*.sql"))
    assert re.findall(r"applied (\S+) in", output) == names
    assert output.endswith(f"inventory: {len(names)} migrations applied\n")


def test_a_migration_that_was_edited_after_it_was_applied_is_refused(empty_dsn, folder):
    migrate.migrate(empty_dsn, folder)
    write(folder, "0001_mugs.sql", "CREATE TABLE mugs (size bigint PRIMARY KEY);")
    write(folder, "0003_second_mug.sql", "INSERT INTO mugs VALUES (2);")

    with pytest.raises(MigrationRefused, match=r"0001_mugs.sql: it was edited"):
        migrate.migrate(empty_dsn, folder)
    assert mugs(empty_dsn) == [1]


def test_a_comment_above_the_migration_may_be_edited(empty_dsn, folder):
    migrate.migrate(empty_dsn, folder)
    file = folder / "0001_mugs.sql"
    file.write_text(file.read_text().replace("What it is for.", "Mugs, by size."))

    assert migrate.migrate(empty_dsn, folder) == []


def test_a_migration_that_comes_in_before_an_applied_one_is_refused(empty_dsn, folder):
    migrate.migrate(empty_dsn, folder)
    (folder / "0002_first_mug.sql").rename(folder / "0003_first_mug.sql")
    with psycopg.connect(empty_dsn) as conn:
        conn.execute("UPDATE schema_migrations SET version = '0003' WHERE version = '0002'")
    write(folder, "0002_late.sql", "INSERT INTO mugs VALUES (2);")

    with pytest.raises(MigrationRefused, match=r"0002_late.sql: 0003 was applied before it"):
        migrate.migrate(empty_dsn, folder)
    assert mugs(empty_dsn) == [1]


def test_older_code_refuses_a_newer_database(empty_dsn, folder):
    migrate.migrate(empty_dsn, folder)
    (folder / "0002_first_mug.sql").unlink()

    with pytest.raises(MigrationRefused, match="older code"):
        migrate.migrate(empty_dsn, folder)


def test_the_customer_migrations_are_refused_by_an_inventory_database(inventory_dsn):
    with pytest.raises(MigrationRefused):
        migrate.migrate(inventory_dsn, migrate.CUSTOMER)


def test_a_migration_that_fails_leaves_nothing_and_the_ones_before_it_stay(empty_dsn, folder):
    write(folder, "0003_wrong.sql", "INSERT INTO mugs VALUES (2); INSERT INTO mugs VALUES (1);")

    with pytest.raises(psycopg.errors.UniqueViolation) as raised:
        migrate.migrate(empty_dsn, folder)
    assert raised.value.__notes__ == ["in migration 0003_wrong.sql"]
    assert mugs(empty_dsn) == [1]

    write(folder, "0003_wrong.sql", "INSERT INTO mugs VALUES (2);")
    assert migrate.migrate(empty_dsn, folder) == ["0003_wrong.sql"]
    assert mugs(empty_dsn) == [1, 2]


def test_an_index_can_be_made_while_others_write(empty_dsn, folder):
    statements = "SELECT 1;\n-- split\nCREATE INDEX CONCURRENTLY mugs_by_size ON mugs (size);"
    write(folder, "0003_index.sql", statements, options=" transaction:false")

    assert "0003_index.sql" in migrate.migrate(empty_dsn, folder)


def test_an_index_that_could_not_be_built_is_refused(empty_dsn, folder):
    twice = "ALTER TABLE mugs ADD COLUMN colour text; INSERT INTO mugs VALUES (2);"
    write(folder, "0003_colour.sql", twice)
    migrate.migrate(empty_dsn, folder)
    with psycopg.connect(empty_dsn, autocommit=True) as conn:
        conn.execute("UPDATE mugs SET colour = 'red'")
        with contextlib.suppress(psycopg.errors.UniqueViolation):
            conn.execute("CREATE UNIQUE INDEX CONCURRENTLY one_of_a_colour ON mugs (colour)")
    again = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one_of_a_colour ON mugs (colour);"
    write(folder, "0004_index.sql", again, options=" transaction:false")

    with pytest.raises(MigrationRefused, match="invalid indexes: one_of_a_colour"):
        migrate.migrate(empty_dsn, folder)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("mugs.sql", "-- migrate:up\nSELECT 1;", "its name is not"),
        ("0003_mugs.sql", "SELECT 1;", "no line '-- migrate:up'"),
        ("0002_mugs.sql", "-- migrate:up\nSELECT 1;", "same version"),
        ("00003_mugs.sql", "-- migrate:up\nSELECT 1;", "another width"),
    ],
)
def test_a_file_that_is_not_in_the_format_is_refused(folder, name, text, why):
    (folder / name).write_text(text)

    with pytest.raises(MigrationRefused, match=why):
        migrate.read_folder(folder)


def test_a_migrator_gives_up_when_another_keeps_the_lock(empty_dsn, folder, monkeypatch):
    monkeypatch.setattr(migrate, "LOCK_WAIT_SECONDS", 0.3)
    with hold_lock(empty_dsn), pytest.raises(Unavailable):
        migrate.migrate(empty_dsn, folder)

    assert len(migrate.migrate(empty_dsn, folder)) == 2


@contextlib.contextmanager
def hold_lock(dsn: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [migrate.ADVISORY_LOCK])
        yield conn


def test_the_lock_of_a_migrator_that_was_killed_is_free_within_seconds(empty_dsn, folder):
    write(folder, "0003_slow.sql", "SELECT pg_sleep(60);")
    migrator = start_migrator(empty_dsn, folder)
    with psycopg.connect(empty_dsn, autocommit=True) as conn:
        wait_for(conn, "SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'")
    migrator.kill()
    migrator.communicate()
    write(folder, "0003_slow.sql", "INSERT INTO mugs VALUES (2);")

    assert migrate.migrate(empty_dsn, folder) == ["0003_slow.sql"]


def wait_for(conn: Connection[Any], question: str) -> None:
    for _ in range(500):
        if conn.execute(question.encode()).fetchone() is not None:
            return
        conn.execute("SELECT pg_sleep(0.02)")
    raise AssertionError(f"never came true: {question}")


def test_departures_stay_the_same_when_they_become_text_and_lose_their_weekdays_on_the_way_back(
    inventory_db, now
):
    put_network(inventory_db, two_cities(), now)
    inventory_db.execute("DELETE FROM legs WHERE mode = 'road'")
    inventory_db.execute("""UPDATE legs SET departure_times = '{06:30,"mon,thu 21:15:30"}'""")
    text = (migrate.INVENTORY / "0008_calendars.sql").read_text()
    up, down = text.split("-- migrate:up")[1].split("-- migrate:down")

    def departures() -> set[tuple[object, ...]]:
        rows = inventory_db.execute("SELECT departure_times FROM legs").fetchall()
        return {tuple(times) for (times,) in rows}

    inventory_db.execute(down)
    assert departures() == {(time(6, 30), time(21, 15, 30))}
    inventory_db.execute(up)
    assert departures() == {("06:30:00", "21:15:30")}
