"""A sound world at rest, made once and copied for each test: to be harmed in one way, and reconciled.

It has orders in every state at which one can rest, shipments that are announced, received and cancelled, and a price that
changed. What a test does to it is compared row by row and document by document: see `dump_of`.
"""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pymongo.database import Database as Documents

from customer_app.chalicelib.services import reconciliations as customer_side
from fulfillment_app.chalicelib.services import inbound as dock, reconciliations, sales
from local.databases import Databases
from local.reading import Stores
from online_kart.documents import connection
from online_kart.documents.indexes import ensure_collections
from online_kart.domain.inbound import AnnounceShipment, CountedLine, ReceiveShipment, ShipmentLine
from online_kart.domain.prices import ChangePrice
from online_kart.domain.reconciliation import Report
from online_kart.messaging.idempotency import Keyed
from online_kart.postgres import Database
from seller_app.chalicelib.services import inbound, prices
from tests.both_sides import FAR, NEIGHBOUR, BothSides, open_both_sides
from tests.identity import ADMIN
from tests.market import Market
from tests.networks import two_cities
from tests.servers import CopyTemplate, drop, fresh_name

LATER = timedelta(days=2, hours=12)
"""So long after it was made the world is reconciled: nothing in it is of the last moments."""

Dump = dict[str, dict[str, Any]]
"""`inventory.stock` → key of a row or document → its content, as JSON."""


class Names(NamedTuple):
    """What is in the world: packages, but for `rejected` and `cancelled`, which are orders."""

    seller: UUID
    planned: UUID
    in_transit: UUID
    out_for_delivery: UUID
    delivered: UUID
    rejected: UUID
    cancelled: UUID
    planned_order: UUID
    announced: str
    received: str


class World(NamedTuple):
    sides: BothSides
    names: Names

    @property
    def stores(self) -> Stores:
        return self.sides.stores

    def dump(self) -> Dump:
        stores = self.stores
        return {
            **_rows(stores.inventory, "inventory"),
            **_rows(stores.customer, "customer"),
            **{
                f"documents.{name}": {
                    str(each["_id"]): json.dumps(each, default=str, sort_keys=True)
                    for each in stores.documents[name].find()
                }
                for name in stores.documents.list_collection_names()
            },
        }

    def reconcile(self) -> Report:
        """Run the steps of the machine; what the report says then."""
        inventory, customer, documents = (
            self.stores.inventory,
            self.stores.customer,
            self.stores.documents,
        )
        now = self.sides.market.now
        key = reconciliations.request(inventory, now)
        reconciliations.compare_inventory(inventory, documents, key, now)
        customer_side.compare_customer(customer, documents, key, now)
        reconciliations.report(inventory, documents, key, now)
        customer_side.repair_customer(customer, documents, key, now)
        reconciliations.repair(inventory, documents, key, now)
        done = reconciliations.by_id(inventory, key)
        assert done.status == "finished"
        assert done.report is not None
        return done.report


def _rows(conn: Connection[Any], side: str) -> Dump:
    """A row without a key of its own is its own key."""
    tables = conn.execute(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name"
    ).fetchall()
    dumped: Dump = {}
    for (table,) in tables:
        query = sql.SQL("SELECT to_jsonb(t)::text FROM {} AS t").format(sql.Identifier(table))
        dumped[f"{side}.{table}"] = {row: row for (row,) in conn.execute(query)}
    return dumped


def changed(before: Dump, after: Dump) -> dict[str, list[str]]:
    """`inventory.stock` → the rows or documents that are not in both, as they are in the one that has them."""
    found = {}
    for table in before.keys() | after.keys():
        ours, theirs = before.get(table, {}), after.get(table, {})
        keys = [key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)]
        if keys:
            found[table] = sorted(
                side[key] for key in keys for side in (ours, theirs) if key in side
            )
    return found


# Making it


def make_world(stores: Stores, now: datetime) -> Names:
    sides = open_both_sides(stores, now)
    far, near = sides.buyer(FAR), sides.buyer(NEIGHBOUR)
    delivered = sides.confirmed(near, ("MUG", 2))
    sides.hand_over(delivered)
    sides.deliver(delivered)
    out_for_delivery = sides.confirmed(near, ("MUG", 1))
    sides.hand_over(out_for_delivery)
    in_transit = sides.confirmed(far, ("MUG", 3))
    sides.depart(in_transit)
    planned = sides.confirmed(far, ("MUG", 1))
    market = sides.market
    announced, received, ended = (_announce(sides, key) for key in ("a", "b", "c"))
    _receive(sides, received)
    inbound.cancel(market.conn, market.documents, ADMIN, market.seller_id, ended, now)
    prices.change(market.conn, ADMIN, market.seller_id, "MUG", ChangePrice(price_paise=51_000), now)
    rejected, cancelled = sides.rejected(far, ("MUG", 1)), sides.cancelled(far, ("MUG", 4))
    sales.roll_up(stores.inventory)
    stores.inventory.execute(
        """
        INSERT INTO runs (machine, business_id, revision, status, input, started_at, checked_at)
        SELECT 'move_batch', batch_id, revision, 'running', '{}', opened_at, opened_at FROM batches
        """
    )
    sides.tell()
    row = stores.inventory.execute(
        "SELECT order_id FROM packages WHERE package_id = %s", [planned]
    ).fetchone()
    assert row is not None
    return Names(
        market.seller_id,
        planned,
        in_transit,
        out_for_delivery,
        delivered,
        rejected,
        cancelled,
        row[0],
        announced,
        received,
    )


def _announce(sides: BothSides, key: str) -> str:
    market = sides.market
    command = AnnounceShipment(
        fc_code="BLR1",
        expected_on=date(2026, 3, 9),
        lines=(ShipmentLine(sku="MUG", quantity=5),),
    )
    keyed = Keyed("Asha", key, key)
    answer = inbound.announce(
        market.conn, market.documents, ADMIN, market.seller_id, command, keyed, market.now
    )
    return str(json.loads(answer.body)["asn"])


def _receive(sides: BothSides, asn: str) -> None:
    market = sides.market
    command = ReceiveShipment(
        counted=(CountedLine(sku="MUG", quantity=5),),
    )
    dock.receive(market.conn, market.documents, ADMIN, asn, command, market.now)
    dock.add_to_stock(market.conn, asn, market.now)
    dock.close_asn(market.conn, market.documents, asn, market.now)


class Template(NamedTuple):
    """The world, and where its copies come from."""

    names: Names
    sides: BothSides
    inventory_dsn: str
    customer_dsn: str
    content: dict[str, list[dict[str, Any]]]


@contextmanager
def world_template(
    servers: Databases, inventory: CopyTemplate, customer: CopyTemplate, now: datetime
) -> Iterator[Template]:
    documents = connection.database(servers.mongodb_uri, fresh_name())
    ensure_collections(documents)
    with inventory() as inventory_dsn, customer() as customer_dsn:
        first, second = Database(inventory_dsn), Database(customer_dsn)
        with closing(first), closing(second):
            stores = Stores(first.connection(), second.connection(), documents)
            names = make_world(stores, now)
            sides = _sides(stores, names, now)
            content = {
                name: list(documents[name].find()) for name in documents.list_collection_names()
            }
        yield Template(names, sides, inventory_dsn, customer_dsn, content)
    documents.client.drop_database(documents.name)


def _sides(stores: Stores, names: Names, now: datetime) -> BothSides:
    market = Market(stores.inventory, stores.documents, two_cities(), names.seller, now)
    return BothSides(stores, market)


@contextmanager
def copy_of(template: Template, servers: Databases) -> Iterator[World]:
    """A world of the test's own, LATER."""
    documents: Documents[dict[str, Any]] = connection.database(servers.mongodb_uri, fresh_name())
    ensure_collections(documents)
    for name, content in template.content.items():
        if content:
            documents[name].insert_many(content)
    with (
        _database_of(template.inventory_dsn) as inventory,
        _database_of(template.customer_dsn) as customer,
    ):
        stores = Stores(inventory, customer, documents)
        now = template.sides.market.now + LATER
        yield World(_sides(stores, template.names, now), template.names)
    documents.client.drop_database(documents.name)


@contextmanager
def _database_of(template_dsn: str) -> Iterator[Connection[Any]]:
    name, template = fresh_name(), conninfo_to_dict(template_dsn)["dbname"]
    with psycopg.connect(make_conninfo(template_dsn, dbname="postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(str(template))
            )
        )
        database = Database(make_conninfo(template_dsn, dbname=name))
        with closing(database):
            yield database.connection()
        drop(admin, name)
