"""What is old goes and what is young stays, by every rule; and nothing that goes is missed by anything that stays."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection
from psycopg.errors import RaiseException

from customer_app.chalicelib.services import retention as customer_side
from fulfillment_app.chalicelib.services import retention as inventory_side, runs as runs_service
from local.apps import ROOT
from local.invariants import check_all
from local.reading import Stores
from online_kart import retention
from online_kart.documents import order_log, reconciliations, upcoming_shipments
from online_kart.inventory_db import retention as inventory_rules
from online_kart.retention import Rule, left, prune
from tests.both_sides import FAR, NEIGHBOUR, open_both_sides
from tests.market import open_market

A_DAY = timedelta(days=1)
INVENTORY_RULES = (*inventory_side.RULES, inventory_rules.RUNS)
TABLES = {rule.table for rule in (*customer_side.RULES, *INVENTORY_RULES)}
CASES = [
    *[
        pytest.param("customer_db", rule, id=f"customer {rule.table}")
        for rule in customer_side.RULES
    ],
    *[pytest.param("inventory_db", rule, id=f"inventory {rule.table}") for rule in INVENTORY_RULES],
]

ROWS: dict[str, str] = {
    "outbox": """
        INSERT INTO outbox (event_id, type, aggregate_id, payload, occurred_at, sent_at)
        VALUES (gen_random_uuid(), 'OrderFinished', %(id)s, '{}', %(at)s, %(at)s)
    """,
    "inbox": "INSERT INTO inbox (consumer, event_id, handled_at) VALUES ('log_orders', %(id)s, %(at)s)",
    "idempotency_keys": """
        INSERT INTO idempotency_keys (principal, key, request_digest, status_code, body, created_at)
        VALUES ('somebody', %(id)s, '', 200, '', %(at)s)
    """,
    "runs": """
        INSERT INTO runs (machine, business_id, revision, status, input, started_at, ended_at, checked_at)
        VALUES ('reconcile', %(id)s, 1, 'succeeded', '{}', %(at)s, %(at)s, %(at)s)
    """,
    "reconciliations": """
        INSERT INTO reconciliations (reconciliation_id, status, requested_at, finished_at)
        VALUES (%(id)s, 'finished', %(at)s, %(at)s)
    """,
    "batches_history": """
        INSERT INTO batches_history (batch_id, origin, destination, mode, revision, due_at, opened_at,
                                     late_alerts_count, package_ids, finished_at)
        VALUES (%(id)s, 'BLR1', 'BLR', 'road', 1, %(at)s, %(at)s, 0, '{}', %(at)s)
    """,
    "reservations": """
        INSERT INTO reservations (order_id, line_no, fc_code, sku, seller_id, quantity, status, held_until,
                                  created_at, updated_at)
        SELECT %(id)s, 1, fc_code, sku, seller_id, 1, 'released', %(at)s, %(at)s, %(at)s FROM stock LIMIT 1
    """,
}
"""A row of each table, as old as a test says, that nothing needs."""


@pytest.fixture
def conn(request: pytest.FixtureRequest, database: str, inventory_db: Connection[Any], now) -> Any:
    """The rule's database; in the inventory's there is stock."""
    if database == "customer_db":
        return request.getfixturevalue("customer_db")
    market = open_market(inventory_db, request.getfixturevalue("documents"), now, skus=["MUG"])
    market.put_stock("BLR1", "MUG", 5)
    inventory_db.execute("TRUNCATE outbox, inbox, runs")
    return inventory_db


def put(conn: Connection[Any], rule: Rule, *ages: datetime) -> None:
    for at in ages:
        conn.execute(ROWS[rule.table], {"id": str(uuid4()), "at": at})


def count(conn: Connection[Any], table: str) -> int:
    row = conn.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def test_every_rule_of_a_database_has_its_row_here():
    assert set(ROWS) == TABLES


@pytest.mark.parametrize(("database", "rule"), CASES)
def test_what_is_old_goes_and_what_is_young_stays_and_a_second_run_changes_nothing(conn, rule, now):
    put(conn, rule, now - rule.kept_for - A_DAY, now - rule.kept_for, now)

    assert prune(conn, [rule], now) == {rule.table: 1}
    assert prune(conn, [rule], now) == {rule.table: 0}

    assert count(conn, rule.table) == 2
    row = conn.execute("SELECT what, up_to, forgotten_count FROM forgotten").fetchone()
    assert row == (rule.table, now - rule.kept_for - A_DAY, 1)


@pytest.mark.parametrize(("database", "rule"), CASES)
def test_a_run_that_dies_in_the_middle_is_gone_on_with(conn, rule, now, monkeypatch):
    monkeypatch.setattr(retention, "BATCH_SIZE_MAX", 2)
    ages = [now - rule.kept_for - n * A_DAY for n in range(5, 0, -1)]
    put(conn, rule, *ages)
    die_at(conn, rule, ages[3])

    with pytest.raises(RaiseException):
        prune(conn, [rule], now)
    assert count(conn, rule.table) == 3, "The first batch is forgotten, the second one is whole."

    conn.execute("DROP FUNCTION die CASCADE")
    assert prune(conn, [rule], now) == {rule.table: 3}
    row = conn.execute("SELECT up_to, forgotten_count FROM forgotten").fetchone()
    assert row == (ages[-1], 5)


def die_at(conn: Connection[Any], rule: Rule, at: datetime) -> None:
    """Let the statement that removes the row of that age fail."""
    conn.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'dead'; END $$"
    )
    column = {"outbox": "sent_at"}.get(rule.table, rule.age)
    conn.execute(
        f"""
        CREATE TRIGGER dies BEFORE DELETE ON {rule.table} FOR EACH ROW
        WHEN (old.{column} = '{at.isoformat()}') EXECUTE FUNCTION die()
        """
    )


@pytest.mark.parametrize(("database", "rule"), CASES)
def test_what_a_run_does_not_get_to_is_counted_and_left_for_the_next(conn, rule, now, monkeypatch):
    monkeypatch.setattr(retention, "BATCH_SIZE_MAX", 1)
    monkeypatch.setattr(retention, "ROUNDS_MAX", 2)
    put(conn, rule, *[now - rule.kept_for - A_DAY] * 3)

    assert prune(conn, [rule], now) == {rule.table: 2}
    assert left(conn, rule, now - rule.kept_for) == 1
    assert prune(conn, [rule], now) == {rule.table: 1}


@pytest.mark.parametrize(("database", "rule"), CASES)
def test_the_oldest_are_found_by_an_index(conn, rule):
    definitions = conn.execute(
        "SELECT indexdef FROM pg_indexes WHERE tablename = %s", [rule.table]
    ).fetchall()

    begins = re.sub(r"\s", "", f"({rule.age}").lower()
    assert any(begins in re.sub(r"\s", "", each[0]).lower() for each in definitions)


@pytest.mark.parametrize(("database", "rule"), CASES[-1:])
def test_what_somebody_works_on_is_left_for_the_next_run(conn, inventory_dsn, rule, now):
    put(conn, rule, *[now - rule.kept_for - A_DAY] * 2)
    with conn.transaction():
        conn.execute(f"SELECT FROM {rule.table} LIMIT 1 FOR UPDATE")
        with retention_connection(inventory_dsn) as other:
            assert prune(other, [rule], now) == {rule.table: 1}

    assert prune(conn, [rule], now) == {rule.table: 1}


def retention_connection(dsn: str) -> Any:
    return Connection.connect(dsn, autocommit=True)


# What is still needed stays


@pytest.fixture
def market(inventory_db, documents, now):
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 5)
    return market


LONG = timedelta(days=10 * 365)


def test_what_waits_to_be_sent_is_never_forgotten(market, now):
    unsent = count(market.conn, "outbox")
    assert unsent > 0

    prune(market.conn, inventory_side.RULES, now + LONG)

    assert count(market.conn, "outbox") == unsent


def test_what_a_step_answered_is_remembered_while_its_order_holds_stock(market, now):
    order = market.an_order(("MUG", 2))
    first = market.reserve(order)

    prune(market.conn, inventory_side.RULES, now + LONG)
    assert market.at(now).reserve(order) == first
    assert market.level("BLR1") == (5, 2)

    market.release(order)
    prune(market.conn, inventory_side.RULES, now + LONG)
    assert count(market.conn, "inbox") == count(market.conn, "reservations") == 0
    assert market.level("BLR1") == (5, 0)


def test_what_is_held_or_gone_stays_and_so_does_the_ledger(market, now):
    market.served(("MUG", 1))
    market.release(market.served(("MUG", 2)))
    entries = count(market.conn, "stock_ledger")

    prune(market.conn, inventory_side.RULES, now + LONG)

    assert count(market.conn, "reservations") == 1
    assert count(market.conn, "stock_ledger") == entries
    assert market.broken_invariants() == []


@pytest.mark.parametrize("machine", ["move_batch", "rebuild_routes", "place_order"])
def test_the_run_of_what_is_not_finished_is_never_forgotten(market, now, machine):
    """Sweeps would start it again."""
    order = market.an_order(("MUG", 1))
    market.reserve(order)
    market.plan(order)
    (batch_id,) = market.conn.execute("SELECT batch_id FROM batches").fetchone()
    (version,) = market.conn.execute("SELECT max(version) FROM route_builds").fetchone()
    of = {
        "move_batch": str(batch_id),
        "rebuild_routes": f"network-{version}",
        "place_order": str(order.order_id),
    }
    market.conn.execute("TRUNCATE runs")
    for business_id in (of[machine], str(uuid4())):
        end_run(market.conn, machine, business_id, now)

    assert prune(market.conn, [inventory_rules.RUNS], now + LONG) == {"runs": 1}

    assert runs_service.of(market.conn, machine, of[machine])


def end_run(conn: Connection[Any], machine: str, business_id: str, at: datetime) -> None:
    conn.execute(
        """
        INSERT INTO runs (machine, business_id, revision, status, input, started_at, ended_at, checked_at)
        VALUES (%(machine)s, %(id)s, 1, 'failed', '{}', %(at)s, %(at)s, %(at)s)
        """,
        {"machine": machine, "id": business_id, "at": at},
    )


def test_a_reconciliation_or_run_that_has_not_ended_is_never_forgotten(market, now):
    market.conn.execute(
        "INSERT INTO reconciliations (reconciliation_id, status, requested_at) VALUES (%s, 'running', %s)",
        [uuid4(), now],
    )
    market.conn.execute("UPDATE runs SET status = 'running', ended_at = NULL")
    before = count(market.conn, "runs")

    prune(market.conn, INVENTORY_RULES, now + LONG)

    assert (count(market.conn, "reconciliations"), count(market.conn, "runs")) == (1, before)


# Documents

DOCUMENTS: dict[str, Callable[[datetime], dict[str, Any]]] = {
    order_log.LOG: lambda at: {"order_id": "1", "what": "OrderPlaced", "detail": {}, "at": at},
    upcoming_shipments.LOG: lambda at: {
        "asn": "ASN-1",
        "what": "received",
        "at": at,
        "shipment": {},
        "discrepancies": [],
    },
    reconciliations.PARTS: lambda at: {
        "reconciliation_id": "1",
        "subject": "differences",
        "number": 0,
        "rows": [],
        "at": at,
    },
}


@pytest.mark.parametrize("collection", DOCUMENTS)
def test_documents_that_are_old_go_in_batches_and_young_ones_stay(
    documents, now, monkeypatch, collection
):
    monkeypatch.setattr(retention, "BATCH_SIZE_MAX", 2)
    (rule,) = [r for r in inventory_side.document_rules(documents) if r.collection == collection]
    ages = [now - rule.kept_for - n * A_DAY for n in range(6)]
    for number, at in enumerate(ages):
        documents[collection].insert_one({"_id": str(number), **DOCUMENTS[collection](at)})

    monkeypatch.setattr(retention, "ROUNDS_MAX", 1)
    assert retention.prune_documents([rule], now) == {collection: 2}
    monkeypatch.setattr(retention, "ROUNDS_MAX", 9)
    assert retention.prune_documents([rule], now) == {collection: 3}
    assert retention.prune_documents([rule], now) == {collection: 0}

    assert [each["_id"] for each in documents[collection].find()] == ["0"]


def test_every_rule_of_a_collection_is_tried_here(documents):
    rules = inventory_side.document_rules(documents)

    assert {rule.collection for rule in rules} == set(DOCUMENTS)


# All of it, in a world that was lived in


def test_a_world_that_was_lived_in_breaks_no_invariant_however_old_it_gets(
    inventory_db, customer_db, documents, now
):
    stores = Stores(inventory_db, customer_db, documents)
    live_in(stores, now)
    forgotten: set[str] = set()

    for years in (0, 0.05, 0.11, 0.3, 1.1, 3.1, 9.1):
        later = now + years * timedelta(days=365)
        gone = inventory_side.prune(inventory_db, documents, later, later)
        gone_here = customer_side.prune(customer_db, later)
        forgotten |= {table for each in (gone, gone_here) for table, n in each.items() if n}
        assert [v for outcome in check_all(stores) for v in outcome.violations] == []

    assert {"outbox", "inbox", "reservations", "runs", "order_log"} <= forgotten
    assert inventory_side.prune(inventory_db, documents, later, later).keys() >= set(ROWS)


def live_in(stores: Stores, now: datetime) -> None:
    """An order in every state at which one can rest; the runs that move batches, and some that have ended."""
    sides = open_both_sides(stores, now)
    far, near = sides.buyer(FAR), sides.buyer(NEIGHBOUR)
    delivered = sides.confirmed(near, ("MUG", 2))
    sides.hand_over(delivered)
    sides.deliver(delivered)
    sides.hand_over(sides.confirmed(near, ("MUG", 1)))
    sides.depart(sides.confirmed(far, ("MUG", 3)))
    sides.confirmed(far, ("MUG", 1))
    sides.rejected(far, ("MUG", 1))
    cancelled = sides.cancelled(far, ("MUG", 4))
    stores.inventory.execute(
        """
        INSERT INTO runs (machine, business_id, revision, status, input, started_at, checked_at)
        SELECT 'move_batch', batch_id, revision, 'running', '{}', opened_at, opened_at FROM batches
        """
    )
    end_run(stores.inventory, "cancel_order", str(cancelled), now)


# What people read


def test_the_table_of_limits_says_what_the_rules_do():
    text = (ROOT / "LIMITS.md").read_text()
    told = {
        name: int(days)
        for names, days in re.findall(r"^\| ([^|]*) \| (\d+) days? \|", text, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    by_documents = inventory_side.document_rules(None)  # type: ignore[arg-type]  # only named, never run
    done = {rule.table: rule.kept_for for rule in (*customer_side.RULES, *INVENTORY_RULES)}
    done |= {rule.collection: rule.kept_for for rule in by_documents}

    assert told == {name: kept_for.days for name, kept_for in done.items()}


def test_every_table_is_in_the_table_of_limits(inventory_db, customer_db, documents):
    """As one that a rule prunes, or as one that is kept, and why."""
    text = (ROOT / "LIMITS.md").read_text()
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    names = {row[0] for conn in (inventory_db, customer_db) for row in conn.execute(tables)}
    names |= set(documents.list_collection_names())

    assert {name for name in names if f"`{name}`" not in text} == set()
