"""A reconciliation's steps may run twice, late, and at the same time; what it finds is bounded, and nothing is hurried."""

from datetime import timedelta
from uuid import uuid4

import pytest

from customer_app.chalicelib.services import reconciliations as customer_side
from fulfillment_app.chalicelib.services import reconciliations, repairs
from online_kart.documents import reconciliations as parts
from online_kart.domain.errors import NotFound
from online_kart.domain.reconciliation import FINDINGS_KEPT_MAX
from tests.networks import put_package as put_bare_package
from tests.shop import events_of
from tests.together import run_together


def parts_of(world):
    stores = world.stores
    return stores.inventory, stores.customer, stores.documents, world.sides.market.now


def compared(world):
    """A reconciliation that is reported, and not repaired yet."""
    inventory, customer, documents, now = parts_of(world)
    key = reconciliations.request(inventory, now)
    reconciliations.compare_inventory(inventory, documents, key, now)
    customer_side.compare_customer(customer, documents, key, now)
    reconciliations.report(inventory, documents, key, now)
    return key


def test_every_step_may_run_twice(world):
    inventory, customer, documents, now = parts_of(world)
    customer.execute("DELETE FROM offers")
    customer.execute("DELETE FROM package_lines WHERE package_id = %s", [world.names.in_transit])
    told = len(events_of(inventory, "OfferChanged"))

    key = reconciliations.request(inventory, now)
    for _ in range(2):
        reconciliations.compare_inventory(inventory, documents, key, now)
    found = {customer_side.compare_customer(customer, documents, key, now) for _ in range(2)}
    reports = [reconciliations.report(inventory, documents, key, now) for _ in range(2)]
    for _ in range(2):
        customer_side.repair_customer(customer, documents, key, now)
    repaired = [reconciliations.repair(inventory, documents, key, now) for _ in range(2)]

    assert found == {len(reports[0].findings)}
    assert reports[0] == reports[1]
    assert repaired[0] == repaired[1] == len(reports[0].findings)
    offers = customer.execute("SELECT count(*) FROM offers").fetchone()
    assert offers == (0,)  # nobody wrote into the other side's database
    assert len(events_of(inventory, "OfferChanged")) == told + 2
    assert documents[parts.PARTS].count_documents({}) == 0


def test_what_is_found_says_how_it_ended(world):
    inventory, customer, _, _ = parts_of(world)
    customer.execute("DELETE FROM offers WHERE sku = 'MUG'")
    inventory.execute("UPDATE stock SET on_hand = on_hand - 1 WHERE fc_code = 'BLR1'")

    report = world.reconcile()

    assert {(each.subject, each.outcome) for each in report.findings} == {
        ("offers", "repaired"),
        ("units", "needs a person"),
        ("on hand", "needs a person"),
    }
    counted = {
        each.invariant: (each.broken, each.repaired, each.needs_a_person, each.left)
        for each in report.invariants
        if each.broken
    }
    assert counted == {2: (1, 0, 1, 0), 3: (1, 0, 1, 0), 12: (1, 1, 0, 0)}


def test_a_step_that_runs_after_the_end_takes_nothing_back(world):
    inventory, _, documents, now = parts_of(world)
    report = world.reconcile()
    (done,) = reconciliations.listed(inventory, None, 10)

    reconciliations.report(inventory, documents, done.reconciliation_id, now)
    reconciliations.fail(inventory, done.reconciliation_id, now)

    again = reconciliations.by_id(inventory, done.reconciliation_id)
    assert (again.status, again.report) == ("finished", report)


def test_two_repairs_at_once_tell_of_each_source_once(world):
    inventory, customer, documents, now = parts_of(world)
    customer.execute("DELETE FROM offers")
    key = compared(world)
    told = len(events_of(inventory, "OfferChanged"))

    def repair(conn):
        return reconciliations.repair(conn, documents, key, now)

    assert run_together(inventory.info.dsn, repair, repair) == [2, 2]
    assert len(events_of(inventory, "OfferChanged")) == told + 2


def test_a_repair_that_is_cut_short_goes_on_where_it_was(world, monkeypatch):
    inventory, customer, documents, now = parts_of(world)
    customer.execute("DELETE FROM offers")
    customer.execute("DELETE FROM items")
    key = compared(world)
    monkeypatch.setattr(reconciliations, "REPAIRED_AT_ONCE", 1)
    inventory.execute(
        """
        CREATE FUNCTION refuse_offers() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER refuse_offers BEFORE UPDATE ON offers FOR EACH ROW EXECUTE FUNCTION refuse_offers()
        """
    )
    told = len(events_of(inventory, "ItemChanged"))

    with pytest.raises(Exception, match="refused"):
        reconciliations.repair(inventory, documents, key, now)
    known = reconciliations.by_id(inventory, key)
    assert known.status == "running"
    assert known.report is not None
    assert [each.outcome for each in known.report.findings] == ["repaired"] * 2 + ["found"] * 2

    inventory.execute("DROP TRIGGER refuse_offers ON offers")
    assert reconciliations.repair(inventory, documents, key, now) == 4
    assert len(events_of(inventory, "ItemChanged")) == told + 2


def test_what_is_broken_all_over_is_repaired_in_several_runs_and_each_says_what_it_left(world):
    inventory, customer, _, _ = parts_of(world)
    more = FINDINGS_KEPT_MAX + 3
    customer.execute("UPDATE items SET weight_grams = 1, version = version - 1")
    rows = (
        f"SELECT 'SKU-' || n, i.category_id, i.name, i.brand, i.weight_grams, i.registered_by, i.status, "
        f"1, i.created_at FROM generate_series(1, {more}) AS n, items AS i WHERE i.sku = 'MUG'"
    )
    inventory.execute(
        "INSERT INTO items (sku, category_id, name, brand, weight_grams, registered_by, status, version, "
        f"created_at) {rows}"
    )

    of_copies = world.reconcile().invariants[-1]
    assert (of_copies.broken, of_copies.repaired, of_copies.left) == (
        more + 2,
        FINDINGS_KEPT_MAX,
        5,
    )
    world.sides.tell()
    assert (world.reconcile().invariants[-1].broken, world.reconcile().invariants[-1].left) == (
        5,
        0,
    )


def test_what_changed_in_the_last_minutes_is_left_alone(world):
    inventory, _, _, now = parts_of(world)
    just_now = now - reconciliations.SETTLED_AFTER / 2
    inventory.execute(
        "UPDATE outbox SET sent_at = NULL, occurred_at = %s WHERE position = 1", [just_now]
    )
    inventory.execute(
        "UPDATE packages SET status = 'lost', updated_at = %s WHERE package_id = %s",
        [just_now, world.names.delivered],
    )

    # That it contradicts its own events is wrong at any commit; that others don't know it yet is not.
    assert {each.subject for each in world.reconcile().findings} == {"package events"}


def test_a_package_that_ended_long_ago_is_not_compared_any_more(world):
    inventory, customer, _, now = parts_of(world)
    long_ago = now - reconciliations.COMPARED_FOR - timedelta(days=1)
    for conn in (inventory, customer):
        conn.execute(
            "UPDATE packages SET updated_at = %s WHERE package_id = %s",
            [long_ago, world.names.delivered],
        )
    customer.execute(
        "UPDATE packages SET status = 'lost' WHERE package_id = %s", [world.names.delivered]
    )

    assert world.reconcile().findings == ()


def test_a_package_of_an_order_that_is_not_yet_confirmed_is_no_difference(world):
    inventory, _, _, now = parts_of(world)
    customers_own = world.sides.buyer("DEL1").place(("MUG", 1))
    package_id = put_bare_package(inventory, "BLR1", "BLR1", "DEL2", now, "planned")
    inventory.execute(
        "UPDATE packages SET order_id = %s, updated_at = created_at - interval '1 day' WHERE package_id = %s",
        [customers_own, package_id],
    )

    found = world.reconcile().findings

    assert [each.key for each in found if each.subject in ("packages", "package rows")] == []


def test_tables_are_not_judged_while_a_build_is_under_way(world):
    inventory, _, _, now = parts_of(world)
    inventory.execute("INSERT INTO pincode_ranges VALUES ('DEL1', '[700000,700099]')")
    inventory.execute("INSERT INTO route_builds (reason, requested_at) VALUES ('x', %s)", [now])

    assert world.reconcile().findings == ()


def test_several_findings_ask_for_one_build(world):
    inventory, _, _, _ = parts_of(world)
    inventory.execute("DELETE FROM legs WHERE (origin, destination) = ('BLR', 'DEL')")

    assert len(world.reconcile().findings) > 3
    asked = inventory.execute("SELECT reason FROM route_builds WHERE status = 'requested'")
    assert asked.fetchall() == [(repairs.REASON,)]


def test_one_that_failed_says_so(inventory_db, now):
    key = reconciliations.request(inventory_db, now)

    for _ in range(2):
        reconciliations.fail(inventory_db, key, now)

    assert reconciliations.by_id(inventory_db, key).status == "failed"


def test_a_request_is_told_and_listed_the_newest_first(inventory_db, now):
    keys = [reconciliations.request(inventory_db, now + timedelta(hours=n)) for n in range(3)]

    events = events_of(inventory_db, "ReconciliationRequested")
    assert [event["reconciliation_id"] for event in events] == [str(key) for key in keys]
    newest, next_ = reconciliations.listed(inventory_db, None, 2)
    assert (newest.reconciliation_id, next_.reconciliation_id) == (keys[2], keys[1])
    after = (next_.requested_at, next_.reconciliation_id)
    assert [r.reconciliation_id for r in reconciliations.listed(inventory_db, after, 2)] == [
        keys[0]
    ]


def test_what_nobody_asked_for_is_not_found(inventory_db, customer_db, documents, now):
    with pytest.raises(NotFound):
        reconciliations.by_id(inventory_db, uuid4())
    with pytest.raises(NotFound):
        reconciliations.repair(inventory_db, documents, uuid4(), now)
    with pytest.raises(NotFound):
        customer_side.compare_customer(customer_db, documents, uuid4(), now)


def test_a_large_catalog_is_laid_out_in_parts_and_a_smaller_one_after_it_leaves_none_behind(
    documents, now
):
    rows = [(f"SKU-{n:05}", [n, 1]) for n in range(2 * parts.ROWS_MAX + 1)]

    assert parts.put_rows(documents, "r", "source of items", iter(rows), now) == len(rows)
    assert list(parts.rows_of(documents, "r", "source of items")) == rows
    assert documents[parts.PARTS].count_documents({}) == 3

    fewer = [("SKU-00001", [7, 2])]
    parts.put_rows(documents, "r", "source of items", fewer, now)
    assert list(parts.rows_of(documents, "r", "source of items")) == fewer
    parts.put_rows(documents, "r", "source of items", [], now)
    assert list(parts.rows_of(documents, "r", "source of items")) == []
