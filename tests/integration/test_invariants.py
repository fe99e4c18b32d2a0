"""Every query of an invariant finds what it is there to find: a check that can't fail is worth nothing.

Most violations are impossible by constraint; they are made here by dropping it first. So constraints and queries don't
rely on each other.
"""

from datetime import timedelta

import pytest
from psycopg.errors import ReadOnlySqlTransaction

from customer_app.chalicelib.services import cancellations, orders
from fulfillment_app.chalicelib.services import availability, deliveries, sales
from online_kart.checks import VIOLATIONS_SHOWN_MAX, examine, violations
from online_kart.customer_db import invariants as customer_invariants
from online_kart.domain.invariants import INVARIANTS, Check
from online_kart.inventory_db import invariants as inventory_invariants
from tests.freight import (
    at_last_fc,
    batch_of,
    build_routes,
    departed,
    put_package,
    put_shop,
)
from tests.identity import ADMIN
from tests.storefront import a_placed_order, confirm, package_changed, put_paths

INVENTORY_FAULTS = (
    (
        "more is reserved than on hand",
        """
        ALTER TABLE stock DROP CONSTRAINT stock_is_not_oversold;
        UPDATE stock SET reserved = on_hand + 1
        """,
    ),
    (
        "what is reserved is not held for an order",
        "UPDATE stock SET reserved = reserved + 1 WHERE fc_code = 'BLR1'",
    ),
    ("a unit vanished", "UPDATE stock SET on_hand = on_hand - 1 WHERE fc_code = 'BLR1'"),
    (
        "stock changed without the ledger",
        """
        ALTER TABLE stock_ledger DISABLE TRIGGER USER;
        DELETE FROM stock_ledger WHERE cause = 'receipt'
        """,
    ),
    (
        "units were reserved without the ledger",
        """
        ALTER TABLE stock_ledger DISABLE TRIGGER USER;
        DELETE FROM stock_ledger WHERE cause = 'reserve'
        """,
    ),
    (
        "a package under way is in no batch",
        "DELETE FROM batch_packages WHERE package_id IN (SELECT package_id FROM packages)",
    ),
    (
        "a package out for delivery is on nobody's list",
        "UPDATE packages SET status = 'out_for_delivery' WHERE status = 'planned'",
    ),
    ("a batch waits, and no run moves it", "UPDATE runs SET status = 'lost'"),
    (
        "units are confirmed for an order without a package",
        "UPDATE packages SET status = 'cancelled' WHERE status = 'planned'",
    ),
    (
        "units are still held though every order is decided",
        "UPDATE reservations SET status = 'held' WHERE status = 'confirmed'",
    ),
    (
        "a package has fewer units than its order line",
        "UPDATE package_lines SET quantity = quantity - 1",
    ),
    ("an event was never sent", "UPDATE outbox SET sent_at = NULL WHERE position = 1"),
    (
        "a package took a step that nobody noted",
        "UPDATE packages SET version = version + 1 WHERE status = 'planned'",
    ),
    (
        "a pincode is served twice",
        """
        ALTER TABLE pincode_ranges DROP CONSTRAINT pincode_is_served_once;
        INSERT INTO pincode_ranges SELECT 'DEL1', pincodes FROM pincode_ranges LIMIT 1
        """,
    ),
    (
        "a package is in a facility that was closed",
        "UPDATE facilities SET status = 'closed' WHERE code = 'BLR1'",
    ),
    ("a package waits for a leg that is gone", "DELETE FROM legs"),
    (
        "a category's total is one paisa off",
        "UPDATE category_sales_totals SET amount_paise = amount_paise + 1",
    ),
    (
        "a month's total counts a unit too many",
        "UPDATE month_sales_totals SET quantity = quantity + 1",
    ),
    (
        "an item's total of an FC and month is lost",
        "DELETE FROM item_sales_totals",
    ),
    ("free units are not the stock's", "UPDATE item_availability SET free_units = free_units + 1"),
)

CUSTOMER_FAULTS = (
    (
        "an order is undecided",
        """
        ALTER TABLE orders DROP CONSTRAINT rejected_order_says_why;
        UPDATE orders SET status = 'placed' WHERE status = 'rejected'
        """,
    ),
    (
        "a finished order has a package under way",
        "UPDATE packages SET status = 'in_transit' WHERE status = 'delivered'",
    ),
    ("a line's units are not in packages", "UPDATE package_lines SET quantity = quantity - 1"),
    (
        "a key made two orders",
        """
        ALTER TABLE orders DROP CONSTRAINT one_order_a_key;
        UPDATE orders SET idempotency_key = 'key', customer_id =
            (SELECT customer_id FROM customers LIMIT 1), address_id =
            (SELECT address_id FROM addresses JOIN (SELECT customer_id FROM customers LIMIT 1) AS c
              USING (customer_id))
        """,
    ),
    ("an event was never sent", "UPDATE outbox SET sent_at = NULL WHERE position = 1"),
    ("a change has no event", "DELETE FROM outbox WHERE type = 'OrderRejected'"),
    ("an item's best offer is another", "UPDATE best_offers SET in_stock = NOT in_stock"),
)


@pytest.fixture
def inventory(inventory_db, documents, now):
    """Packages planned, in transit, on their last mile and delivered; totals rolled up; nothing unsent."""
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    departed(shop, batch_of(inventory_db, put_package(shop)))
    at_last_fc(shop)
    later = now + timedelta(days=2)
    deliveries.delivered(inventory_db, documents, ADMIN, at_last_fc(shop), "signed", later)
    put_package(shop)
    sales.roll_up(inventory_db)
    availability.project(inventory_db, now)
    inventory_db.execute(
        """
        INSERT INTO runs (machine, business_id, revision, status, input, started_at, checked_at)
        SELECT 'move_batch', batch_id, revision, 'running', '{}', opened_at, opened_at FROM batches
        """
    )
    inventory_db.execute("UPDATE outbox SET sent_at = occurred_at")
    return inventory_db


@pytest.fixture
def customer(customer_db, documents, now):
    """Orders confirmed, rejected, cancelled and finished; nothing unsent."""
    confirmed, rejected, cancelled, finished = (a_placed_order(customer_db, now) for _ in range(4))
    for order in (confirmed, cancelled, finished):
        (package_id,) = put_paths(documents, order, now)
        confirm(customer_db, documents, order, [package_id], now)
    delivered = package_changed(finished, package_id, 9, "delivered", now)
    orders.track_package(customer_db, delivered, now)
    orders.reject_order(customer_db, rejected.order_id, "OutOfStock", "", now)
    cancellations.request(customer_db, ADMIN, cancelled.order_id, now)
    cancellations.finish(customer_db, cancelled.order_id, now)
    customer_db.execute("UPDATE outbox SET sent_at = occurred_at")
    return customer_db


def found_by(conn, check):
    return violations(conn, [check], at_rest=True)


def test_a_sound_inventory_breaks_no_invariant(inventory):
    states = inventory.execute("SELECT status FROM packages ORDER BY status").fetchall()
    assert states == [("delivered",), ("in_transit",), ("out_for_delivery",), ("planned",)]

    assert violations(inventory, inventory_invariants.CHECKS, at_rest=True) == []


def test_a_sound_customer_side_breaks_no_invariant(customer):
    states = customer.execute("SELECT status FROM orders ORDER BY status").fetchall()
    assert states == [("cancelled",), ("confirmed",), ("finished",), ("rejected",)]

    assert violations(customer, customer_invariants.CHECKS, at_rest=True) == []


def faults_of(checks, faults):
    assert len(checks) == len(faults), "Every check needs a fault that it finds."
    return [
        pytest.param(check, fault, id=f"{check.invariant}: {name}")
        for check, (name, fault) in zip(checks, faults, strict=True)
    ]


@pytest.mark.parametrize(
    ("check", "fault"), faults_of(inventory_invariants.CHECKS, INVENTORY_FAULTS)
)
def test_each_check_of_the_inventory_finds_its_fault(inventory, check, fault):
    assert found_by(inventory, check) == []

    inventory.execute(fault)

    assert {violation.invariant for violation in found_by(inventory, check)} == {check.invariant}


@pytest.mark.parametrize(("check", "fault"), faults_of(customer_invariants.CHECKS, CUSTOMER_FAULTS))
def test_each_check_of_the_customer_side_finds_its_fault(customer, check, fault):
    assert found_by(customer, check) == []

    customer.execute(fault)

    assert {violation.invariant for violation in found_by(customer, check)} == {check.invariant}


def test_a_restocked_return_and_a_lost_package_keep_every_unit(inventory):
    """What was written off is still accounted for; what came back is on hand again."""
    conservation = next(c for c in inventory_invariants.CHECKS if c.invariant == 2)

    inventory.execute("UPDATE packages SET status = 'lost' WHERE status = 'in_transit'")
    assert found_by(inventory, conservation) == []

    inventory.execute("UPDATE packages SET status = 'returned' WHERE status = 'lost'")
    assert len(found_by(inventory, conservation)) == 1  # it says that it is back, but nothing is


def test_a_check_that_holds_only_at_rest_is_left_out_while_things_move(inventory):
    unsent = next(c for c in inventory_invariants.CHECKS if c.invariant == 7)
    inventory.execute("UPDATE outbox SET sent_at = NULL")

    assert violations(inventory, [unsent], at_rest=False) == []
    assert len(violations(inventory, [unsent], at_rest=True)) > 0


def test_what_is_broken_all_over_is_told_up_to_a_bound(inventory_db):
    everywhere = Check(1, "SELECT n::text, 'broken' FROM generate_series(1, 1000) AS n")

    assert len(violations(inventory_db, [everywhere], at_rest=True)) == VIOLATIONS_SHOWN_MAX


def test_a_check_can_change_nothing(inventory):
    meddling = Check(1, "UPDATE stock SET on_hand = 0 RETURNING sku, fc_code")

    with pytest.raises(ReadOnlySqlTransaction):
        violations(inventory, [meddling], at_rest=True)


@pytest.mark.parametrize("checks", [inventory_invariants.CHECKS, customer_invariants.CHECKS])
def test_every_check_has_a_name_of_its_own_and_says_what_it_looks_at(checks):
    assert all(check.looks_at for check in checks)
    names = [check.subject for check in checks]
    assert sorted(set(names)) == sorted(names)


def test_rows_that_are_looked_at_and_broken_are_counted_beyond_those_shown(inventory):
    inventory.execute("UPDATE outbox SET sent_at = NULL")
    (rows,) = inventory.execute("SELECT count(*) FROM outbox").fetchone()
    unsent = next(c for c in inventory_invariants.CHECKS if c.subject == "outbox")

    (found,) = examine(inventory, [unsent], None, shown_max=2)

    assert (found.checked, found.broken, len(found.shown)) == (rows, rows, 2)


def test_what_changed_a_moment_ago_is_nobody_s_fault_yet(inventory, now):
    inventory.execute("UPDATE outbox SET sent_at = NULL")
    unsent = next(c for c in inventory_invariants.CHECKS if c.subject == "outbox")

    assert examine(inventory, [unsent], now)[0].broken == 0
    assert examine(inventory, [unsent], now + timedelta(minutes=1))[0].broken > 0


def test_every_check_is_of_an_invariant_that_is_told_in_words():
    numbers = {c.invariant for c in inventory_invariants.CHECKS + customer_invariants.CHECKS}

    assert numbers <= INVARIANTS.keys()
    # 8 walks the route tables and takes the document store (local/invariants.py).
    assert numbers == INVARIANTS.keys() - {8}
