"""The databases as every world finds them: two cities, an item in each, customers near and far.

It is made once, and then copied: PostgreSQL copies a database in milliseconds, and the documents are few.
"""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from local.databases import Databases
from local.reading import Stores
from online_kart.documents import connection
from online_kart.documents.collection import Documents
from online_kart.documents.indexes import ensure_collections
from online_kart.domain.network import Network
from online_kart.postgres import Database
from tests.both_sides import FAR, NEIGHBOUR, open_both_sides
from tests.crashes.processes import Plugs
from tests.servers import CopyTemplate, drop, fresh_name

MONDAY = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
"""10:00 in India: offices are open, no cut-off has passed."""

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
    """Fresh databases for one world after the other."""

    def __init__(self, servers: Databases, inventory_dsn: str, customer_dsn: str) -> None:
        self._dsns = (inventory_dsn, customer_dsn)
        self._servers = servers
        self._admins = [
            psycopg.connect(dsn, autocommit=True)
            for dsn in (servers.inventory_dsn, servers.customer_dsn)
        ]
        self._documents = connection.database(servers.mongodb_uri, fresh_name())
        self._pool = ThreadPoolExecutor(3)
        self.place = self._prepare()
        self._kept = {
            name: list(self._documents[name].find())
            for name in self._documents.list_collection_names()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown()
        for admin in self._admins:
            admin.close()
        self._documents.client.drop_database(self._documents.name)

    def _prepare(self) -> Place:
        ensure_collections(self._documents)
        with contextlib.ExitStack() as closing:
            inventory, customer = (
                closing.enter_context(contextlib.closing(Database(dsn))).connection()
                for dsn in self._dsns
            )
            sides = open_both_sides(Stores(inventory, customer, self._documents), MONDAY, MUGS)
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
    def fresh(self) -> Iterator[Plugs]:
        """Databases that nobody has used, and that go when the block ends."""
        reset = self._pool.submit(self._reset_documents)
        copies = list(self._pool.map(_copy, self._admins, self._dsns))
        reset.result()
        try:
            yield Plugs(*copies, self._servers.mongodb_uri, self._documents.name)
        finally:
            list(self._pool.map(_drop, self._admins, copies))

    def _reset_documents(self) -> None:
        for name, documents in self._kept.items():
            self._documents[name].delete_many({})
            if documents:
                self._documents[name].insert_many(documents)


def _copy(admin: Connection[Any], template_dsn: str) -> str:
    name = fresh_name()
    template = str(conninfo_to_dict(template_dsn)["dbname"])
    admin.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )
    return make_conninfo(template_dsn, dbname=name)


def _drop(admin: Connection[Any], dsn: str) -> None:
    drop(admin, str(conninfo_to_dict(dsn)["dbname"]))


@contextlib.contextmanager
def prepared(
    servers: Databases, inventory_copies: CopyTemplate, customer_copies: CopyTemplate
) -> Iterator[Ground]:
    with (
        inventory_copies() as inventory_dsn,
        customer_copies() as customer_dsn,
        Ground(servers, inventory_dsn, customer_dsn) as ground,
    ):
        yield ground


@contextlib.contextmanager
def looked_at(plugs: Plugs) -> Iterator[Stores]:
    """The world's stores, for who looks from outside."""
    documents: Documents = connection.database(plugs.mongodb_uri, plugs.documents)
    with (
        contextlib.closing(Database(plugs.inventory_dsn)) as inventory,
        contextlib.closing(Database(plugs.customer_dsn)) as customer,
    ):
        yield Stores(inventory.connection(), customer.connection(), documents)
