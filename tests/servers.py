"""The servers that tests share, and databases of one's own on them.

The servers are embedded ones on free ports, or those the environment names. Sessions that run at
the same time share them, and the last one stops them. A database is a copy of a template that has
the migrations, some 15 ms each.
"""

import contextlib
import fcntl
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo
from psycopg.errors import ObjectInUse

from local import databases
from local.databases import Databases
from local.ports import Ports
from local.state import locked
from online_kart import migrate
from online_kart.documents import connection

STATE = databases.test_state()
PREFIX = "kart_test_"
"""Databases that a killed session leaves behind are known by it."""

_numbers = itertools.count(1)


def fresh_name() -> str:
    return f"{PREFIX}{os.getpid()}_{next(_numbers)}"


@contextmanager
def shared_servers() -> Iterator[Databases]:
    """All three, running; also for several processes at once, and for what is no test run of pytest's."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "sessions.lock").open("a") as sessions:
        alone = _try_flock(sessions.fileno(), fcntl.LOCK_EX)
        addresses = databases.ensure(STATE, Ports.any_free(), durable=False)
        if alone:
            for dsn in (addresses.inventory_dsn, addresses.customer_dsn):
                drop_leftovers(dsn)
        fcntl.flock(sessions, fcntl.LOCK_SH)
        try:
            yield addresses
        finally:
            connection.database(addresses.mongodb_uri, PREFIX).client.close()
            if _try_flock(sessions.fileno(), fcntl.LOCK_EX):
                databases.forget(STATE)


def _try_flock(file_descriptor: int, kind: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file_descriptor, kind | fcntl.LOCK_NB)
        return True
    return False


def drop_leftovers(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        leftovers = conn.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX]
        ).fetchall()
        for (name,) in leftovers:
            with contextlib.suppress(ObjectInUse):
                conn.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


CopyTemplate = Callable[[], AbstractContextManager[str]]
"""Makes a database with all migrations, gives its DSN, and drops it."""


@contextmanager
def template_copies(dsn: str, migrations: Path) -> Iterator[CopyTemplate]:
    """Copies of a template database, made once for each state of the migrations, and the way to make one."""
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in sorted(migrations.glob("*.sql"))))
    template = sql.Identifier(f"template_{digest.hexdigest()[:16]}")
    with psycopg.connect(dsn, autocommit=True) as admin:
        with locked(STATE / "templates.lock"):
            if not database_exists(admin, template):
                make_template(admin, dsn, template, migrations)

        used: list[str] = []

        @contextmanager
        def copy() -> Iterator[str]:
            # A test's goes two tests later: PostgreSQL looks every 100 ms whether its connections
            # have ended, and they take a moment.
            while len(used) > 1:
                drop(admin, used.pop(0))
            name = fresh_name()
            # FILE_COPY: half the time of WAL_LOG for so small a database.
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(name), template
                )
            )
            try:
                yield make_conninfo(dsn, dbname=name)
            finally:
                used.append(name)

        try:
            yield copy
        finally:
            while used:
                drop(admin, used.pop())


def drop(admin: Connection[Any], name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def database_exists(conn: Connection[Any], name: sql.Identifier) -> bool:
    found = conn.execute(
        "SELECT FROM pg_database WHERE datname = %s", [name.as_string().strip('"')]
    )
    return found.rowcount == 1


def make_template(
    admin: Connection[Any], dsn: str, template: sql.Identifier, migrations: Path
) -> None:
    """In one step: the database gets the template's name when its migrations are through."""
    draft = fresh_name()
    admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
    migrate.migrate(make_conninfo(dsn, dbname=draft), migrations)
    admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), template))
