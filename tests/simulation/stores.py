"""The three stores of one world: made once, emptied before each week.

Two connections to each database: the apps' own, behind the fuse, and one that looks at what is there.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from typing import Any, NamedTuple, cast

import psycopg
from psycopg import Connection, sql

from local.databases import Databases
from local.reading import Stores
from online_kart import migrate
from online_kart.documents import connection
from online_kart.documents.indexes import COLLECTIONS, ensure_collections
from tests.fuses import Fuse, FusedDocuments, fused_connection
from tests.servers import fresh_name, template_copies

_weeks = count(1)


class Ground(NamedTuple):
    """`apps` are behind the fuse; `eyes` see what is there."""

    apps: Stores
    eyes: Stores
    fuse: Fuse

    def clear(self) -> None:
        """Nothing is in any of them, and what this process remembers of their documents is not asked for any more."""
        for conn in (self.eyes.inventory, self.eyes.customer):
            _truncate(conn)
        for collection in COLLECTIONS:
            self.eyes.documents[collection.name].delete_many({})
        fused = cast(FusedDocuments, self.apps.documents)
        fused.name = f"{self.eyes.documents.name} week {next(_weeks)}"


@contextmanager
def opened(addresses: Databases) -> Iterator[Ground]:
    """Databases of one's own, with all migrations."""
    fuse = Fuse()
    with ExitStack() as stack:
        enter = stack.enter_context
        dsns = [
            enter(enter(template_copies(dsn, migrations))())
            for dsn, migrations in (
                (addresses.inventory_dsn, migrate.INVENTORY),
                (addresses.customer_dsn, migrate.CUSTOMER),
            )
        ]
        documents = connection.database(addresses.mongodb_uri, fresh_name())
        ensure_collections(documents)
        stack.callback(documents.client.drop_database, documents.name)
        inventory, customer = (enter(closing(fused_connection(dsn, fuse))) for dsn in dsns)
        fused = Stores(inventory, customer, cast(Any, FusedDocuments(documents, fuse)))
        eyes = [enter(closing(psycopg.connect(dsn, autocommit=True))) for dsn in dsns]
        yield Ground(fused, Stores(eyes[0], eyes[1], documents), fuse)


def _truncate(conn: Connection[Any]) -> None:
    """Every table but the list of migrations."""
    rows = conn.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> %s ORDER BY 1",
        ["schema_migrations"],
    )
    names = [sql.Identifier(name) for (name,) in rows]
    conn.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(sql.SQL(", ").join(names)))
