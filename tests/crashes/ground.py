"""The databases as every world finds them: two cities, an item in each, customers near and far."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection, sql

from local.databases import Databases
from local.reading import Stores
from online_kart.documents import connection
from online_kart.documents.indexes import ensure_collections
from online_kart.domain.network import Network
from online_kart.postgres import Database
from tests.both_sides import FAR, NEIGHBOUR, open_both_sides
from tests.crashes.processes import Connected, Plugs
from tests.servers import CopyTemplate, fresh_name

MONDAY = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
"""10:00 in India: offices are open, no cut-off has passed."""

VACUUM_EVERY = 20
"""Worlds."""

MUGS, LAMPS = 50, 5
"""On hand in BLR1, and in DEL1."""


class Place(NamedTuple):
    """What a flow has to know of the ground."""

    network: Network
    seller_id: UUID
    customer_of: dict[str, UUID]
    address_of: dict[str, UUID]
    """Of the customers near (BLR2) and far (DEL2)."""


class Ground:
    """The databases of one world after the other, each as the first has found them."""

    def __init__(self, servers: Databases, inventory_dsn: str, customer_dsn: str) -> None:
        documents = connection.database(servers.mongodb_uri, fresh_name())
        self.plugs = Plugs(inventory_dsn, customer_dsn, servers.mongodb_uri, documents.name)
        self.apps = Connected(Database(inventory_dsn), Database(customer_dsn))
        self._looking = (Database(inventory_dsn), Database(customer_dsn))
        inventory, customer = (each.connection() for each in self._looking)
        self.stores = Stores(inventory, customer, documents)
        self._pool = ThreadPoolExecutor(3)
        self._worlds_count = 0
        self.place = _prepare(self.stores)
        self._kept = [KeptTables(self.stores.inventory), KeptTables(self.stores.customer)]
        self._kept_documents = {
            name: list(documents[name].find()) for name in documents.list_collection_names()
        }

    def close(self) -> None:
        self._pool.shutdown()
        for database in (*self._looking, *self.apps):
            database.close()
        self.stores.documents.client.drop_database(self.stores.documents.name)

    def restore(self) -> None:
        """For the next world."""
        self._worlds_count += 1
        reset = [self._pool.submit(self._restore_documents)]
        reset += [self._pool.submit(each.restore) for each in self._kept]
        for each in reset:
            each.result()
        if self._worlds_count % VACUUM_EVERY == 0:
            list(self._pool.map(KeptTables.vacuum, self._kept))

    def _restore_documents(self) -> None:
        for name, documents in self._kept_documents.items():
            self.stores.documents[name].delete_many({})
            if documents:
                self.stores.documents[name].insert_many(documents)


class KeptTables:
    """A copy of each table's rows beside it, and the way back to them.

    Deleting and inserting takes a fifth of the time that a new copy of the database does, and connections stay, which
    know the tables. What is append-only is not so for the moment.
    """

    def __init__(self, conn: Connection[Any]) -> None:
        self._conn = conn
        tables = _names(conn, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        self._tables = [sql.Identifier(name) for name in tables]
        self._guarded = [
            sql.Identifier(name)
            for name in _names(
                conn,
                "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal",
            )
        ]
        self._sequences = conn.execute(
            "SELECT sequencename, coalesce(last_value, 1), last_value IS NOT NULL FROM pg_sequences"
        ).fetchall()
        conn.execute("CREATE SCHEMA kept")
        for table in self._tables:
            conn.execute(sql.SQL("CREATE TABLE kept.{0} AS TABLE public.{0}").format(table))

    def restore(self) -> None:
        with self._conn.transaction():
            self._guard("DISABLE")
            self._change("DELETE FROM {0}")
            self._change("INSERT INTO {0} OVERRIDING SYSTEM VALUE SELECT * FROM kept.{0}")
            self._guard("ENABLE")
            for sequence in self._sequences:
                self._conn.execute("SELECT setval(%s, %s, %s)", sequence)

    def _guard(self, verb: str) -> None:
        change = f"ALTER TABLE {{}} {verb} TRIGGER USER"
        for table in self._guarded:
            self._conn.execute(sql.SQL(change).format(table))

    def _change(self, statement: str) -> None:
        """All tables in one statement: foreign keys are looked at when it ends."""
        parts = [
            sql.SQL(f"part_{place} AS ({statement})").format(table)
            for place, table in enumerate(self._tables)
        ]
        self._conn.execute(sql.SQL("WITH {} SELECT").format(sql.SQL(", ").join(parts)))

    def vacuum(self) -> None:
        """The rows of former worlds are in the way."""
        self._conn.execute(sql.SQL("VACUUM {}").format(sql.SQL(", ").join(self._tables)))


def _names(conn: Connection[Any], query: LiteralString) -> list[str]:
    return [row[0] for row in conn.execute(query).fetchall()]


def _prepare(stores: Stores) -> Place:
    ensure_collections(stores.documents)
    sides = open_both_sides(stores, MONDAY, MUGS)
    sides.market.put_stock("DEL1", "LAMP", LAMPS)
    sides.tell()
    addresses = {to: sides.buyer(to).address for to in (NEIGHBOUR, FAR)}
    return Place(
        sides.market.network,
        sides.market.seller_id,
        {to: address.customer_id for to, address in addresses.items()},
        {to: address.address_id for to, address in addresses.items()},
    )


@contextlib.contextmanager
def prepared(
    servers: Databases, inventory_copies: CopyTemplate, customer_copies: CopyTemplate
) -> Iterator[Ground]:
    with (
        inventory_copies() as inventory_dsn,
        customer_copies() as customer_dsn,
        contextlib.closing(Ground(servers, inventory_dsn, customer_dsn)) as ground,
    ):
        yield ground
