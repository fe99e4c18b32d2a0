"""Applies the migrations of a database, in order, once each, however many processes try at a time.

A migration is a file `NNNN_name.sql` in dbmate's format: what to do stands after `-- migrate:up`.
Its table, `schema_migrations`, is dbmate's too, with a checksum; dbmate itself takes no lock, and
of four concurrent runs three failed. Migrations only go forward: a file that was edited after it
was applied, came in before one that was applied, or is missing, is refused before anything runs.

Each file is one transaction. `-- migrate:up transaction:false` is for what PostgreSQL refuses to
do in one (CREATE INDEX CONCURRENTLY): its statements, parted by lines `-- split`, are committed one
by one, and must be such that a second run after a crash in the middle does no harm.

By hand: `python -m online_kart.migrate inventory`, or `customer`.
"""

import argparse
import hashlib
import logging
import re
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from .domain.errors import MigrationRefused, Unavailable
from .settings import CustomerSettings, FulfillmentSettings

log = logging.getLogger(__name__)

INVENTORY = Path(__file__).parent / "inventory_db" / "migrations"
CUSTOMER = Path(__file__).parent / "customer_db" / "migrations"

ADVISORY_LOCK = 0x4B415254
"""Any number will do, if nobody else uses it: PostgreSQL keeps advisory locks per database."""

LOCK_WAIT_SECONDS = 60.0
"""Another release's migrations, which are done by then; its own statements have no time-out, for an index takes its time."""

LOCK_POLL_SECONDS = 0.1
"""A deployment that waits its turn does so for tens of seconds: ten questions a second cost nothing and lose nothing."""

CONNECT_SECONDS_MAX = 10
"""Twice that of a request: nobody waits for a deployment, and a database that was paused wakes up for it."""

TABLE_LOCK_SECONDS_MAX = 5
"""Rather fail than make the whole shop wait behind us for a busy table's lock."""

_FILE_NAME = re.compile(r"(?P<version>\d{4,14})_\w+\.sql")
_UP = re.compile(
    r"^-- *migrate:up(?P<options>[^\n]*)\n(?P<sql>.*?)(?=^-- *migrate:down|\Z)", re.M | re.S
)
_SPLIT = re.compile(r"^-- *split *$", re.M)


@dataclass(frozen=True)
class Migration:
    version: str
    name: str
    sql: str
    in_transaction: bool

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @classmethod
    def from_file(cls, file: Path) -> "Migration":
        """Raises MigrationRefused for a file that is not in the format."""
        name = _FILE_NAME.fullmatch(file.name)
        if not name:
            raise MigrationRefused(file.name, "its name is not NNNN_name.sql")
        up = _UP.search(file.read_text("utf-8").replace("\r\n", "\n"))
        if not up:
            raise MigrationRefused(file.name, "it has no line '-- migrate:up'")
        return cls(
            version=name["version"],
            name=file.name,
            sql=up["sql"].strip(),
            in_transaction="transaction:false" not in up["options"],
        )


def migrate(dsn: str, folder: Path) -> list[str]:
    """The names of the migrations this call applied, none if the database was up to date.

    Raises MigrationRefused, and Unavailable when another migrator keeps the lock for too long. The
    error of a migration's own SQL passes through, with a note of the file.
    """
    migrations = read_folder(folder)
    with psycopg.connect(
        dsn, autocommit=True, application_name="migrate", connect_timeout=CONNECT_SECONDS_MAX
    ) as conn:
        # The server looks for us while a statement runs. A migrator that was killed would
        # otherwise keep the lock until its statement ends.
        conn.execute("SET client_connection_check_interval = '2s'")
        _take_lock(conn)
        conn.execute(f"SET lock_timeout = '{TABLE_LOCK_SECONDS_MAX}s'")
        applied = _applied(conn)
        pending = _pending(migrations, applied)
        for migration in pending:
            _apply(conn, migration)
    return [migration.name for migration in pending]


def read_folder(folder: Path) -> list[Migration]:
    """All migrations of the folder, by version. Raises MigrationRefused."""
    migrations = [Migration.from_file(file) for file in sorted(folder.glob("*.sql"))]
    for earlier, later in pairwise(migrations):
        if earlier.version == later.version:
            raise MigrationRefused(later.name, f"{earlier.name} has the same version")
        if len(earlier.version) != len(later.version):
            raise MigrationRefused(later.name, f"{earlier.name} counts with another width")
    return migrations


def _take_lock(conn: Connection[Any]) -> None:
    """Hold the lock until the connection closes.

    Polled: waiting inside pg_advisory_lock() would hold a snapshot, which the lock's holder waits
    for in CREATE INDEX CONCURRENTLY; a deadlock.
    """
    give_up_at = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        row = conn.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK]).fetchone()
        if row and row[0]:
            return
        if time.monotonic() > give_up_at:
            raise Unavailable(f"Another migrator has held its lock for {LOCK_WAIT_SECONDS:.0f} s.")
        time.sleep(LOCK_POLL_SECONDS)


def _applied(conn: Connection[Any]) -> dict[str, str | None]:
    """Version → checksum of all that was applied; None where dbmate did it."""
    if not _has_table(conn):
        conn.execute("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
    conn.execute(
        """
        ALTER TABLE schema_migrations
            ADD COLUMN IF NOT EXISTS checksum text,
            ADD COLUMN IF NOT EXISTS applied_at timestamptz NOT NULL DEFAULT now()
        """
    )
    return dict(conn.execute("SELECT version, checksum FROM schema_migrations").fetchall())


def _has_table(conn: Connection[Any]) -> bool:
    row = conn.execute("SELECT to_regclass('schema_migrations')").fetchone()
    return row is not None and row[0] is not None


def _pending(migrations: list[Migration], applied: dict[str, str | None]) -> list[Migration]:
    known = {migration.version for migration in migrations}
    for version in sorted(applied.keys() - known):
        raise MigrationRefused(version, "it was applied, but there is no such file; older code?")
    latest = max(applied, default="")
    for migration in migrations:
        if migration.version not in applied and migration.version < latest:
            raise MigrationRefused(migration.name, f"{latest} was applied before it")
        if applied.get(migration.version) not in (None, migration.checksum):
            raise MigrationRefused(migration.name, "it was edited after it was applied")
    return [migration for migration in migrations if migration.version not in applied]


def _apply(conn: Connection[Any], migration: Migration) -> None:
    started_at = time.monotonic()
    try:
        if migration.in_transaction:
            with conn.transaction():
                conn.execute(migration.sql.encode())
                _record(conn, migration)
        else:
            for statement in filter(str.strip, _SPLIT.split(migration.sql)):
                conn.execute(statement.encode())
            _refuse_invalid_indexes(conn, migration)
            _record(conn, migration)
    except psycopg.Error as error:
        error.add_note(f"in migration {migration.name}")
        raise
    log.info("applied %s in %.2f s", migration.name, time.monotonic() - started_at)


def _record(conn: Connection[Any], migration: Migration) -> None:
    conn.execute(
        "INSERT INTO schema_migrations (version, checksum) VALUES (%(version)s, %(checksum)s)",
        {"version": migration.version, "checksum": migration.checksum},
    )


def _refuse_invalid_indexes(conn: Connection[Any], migration: Migration) -> None:
    """CREATE INDEX CONCURRENTLY that fails leaves an index behind that is never used."""
    invalid = conn.execute(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
    ).fetchall()
    if invalid:
        names = ", ".join(row[0] for row in invalid)
        raise MigrationRefused(migration.name, f"it left invalid indexes: {names}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m online_kart.migrate", description="Apply a database's migrations."
    )
    parser.add_argument("database", choices=["inventory", "customer"])
    parser.add_argument("--dsn", help="default: KART_INVENTORY_DSN or KART_CUSTOMER_DSN")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    if options.database == "inventory":
        names = migrate(options.dsn or FulfillmentSettings.from_env().inventory_dsn, INVENTORY)
    else:
        names = migrate(options.dsn or CustomerSettings.from_env().customer_dsn, CUSTOMER)
    log.info("%s: %d migrations applied", options.database, len(names))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
