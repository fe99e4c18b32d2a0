"""`reconcile` run by the engine: all well, and a failure at each step."""

import pytest

from fulfillment_app.chalicelib.services import reconciliations, runs
from online_kart.documents import reconciliations as parts
from tests.faults import accept_writes, refuse_writes
from tests.shop import an_approved_seller, put_item

FAILED = "failed"


@pytest.fixture
def drifted(engine, inventory_db, customer_db, now):
    """A catalog that both sides know, and a price that drifted on one."""
    put_item(inventory_db, an_approved_seller(inventory_db, now).seller_id, "MUG", now)
    engine.settle()
    customer_db.execute("UPDATE offers SET price_paise = 1")
    return customer_db


def price_shown(conn):
    return conn.execute("SELECT price_paise FROM offers").fetchone()[0]


def ask(engine, inventory_db, now):
    """The reconciliation and its run, when all is quiet."""
    key = reconciliations.request(inventory_db, now)
    engine.settle()
    (run,) = runs.of(inventory_db, "reconcile", str(key))
    return reconciliations.by_id(inventory_db, key), run


def test_all_well(engine, inventory_db, documents, drifted, now):
    done, run = ask(engine, inventory_db, now)

    assert (done.status, run.status) == ("finished", "succeeded")
    assert done.report is not None
    assert [(each.subject, each.outcome) for each in done.report.findings] == [
        ("offers", "repaired")
    ]
    assert price_shown(drifted) == 49_900
    assert documents[parts.PARTS].count_documents({}) == 0


def test_another_one_finds_nothing_more(engine, inventory_db, drifted, now):
    ask(engine, inventory_db, now)
    done, _ = ask(engine, inventory_db, now)

    assert done.report is not None
    assert done.report.findings == ()


def test_the_day_s_reconciliation_runs_by_itself(engine, inventory_db, drifted):
    key = engine.invoke("reconcile_daily", b"{}")["reconciliation_id"]
    engine.settle()

    (done,) = reconciliations.listed(inventory_db, None, 10)
    assert (str(done.reconciliation_id), done.status) == (key, "finished")


def assert_failed(engine, inventory_db, now, error):
    """The run says why, and people who look at the reconciliation see that it failed."""
    done, run = ask(engine, inventory_db, now)

    assert (done.status, run.status) == (FAILED, FAILED)
    assert done.finished_at is not None
    assert run.error is not None
    assert run.error.startswith(error)


def test_a_side_that_can_not_be_compared_fails_it_and_repairs_nothing(
    engine, inventory_db, drifted, now
):
    inventory_db.execute("ALTER TABLE item_categories RENAME TO gone")
    assert_failed(engine, inventory_db, now, "UndefinedTable")
    inventory_db.execute("ALTER TABLE gone RENAME TO item_categories")

    drifted.execute("ALTER TABLE units_left RENAME TO gone")
    assert_failed(engine, inventory_db, now, "UndefinedTable")
    drifted.execute("ALTER TABLE gone RENAME TO units_left")

    assert price_shown(drifted) == 1


@pytest.mark.parametrize("step", ["report", "repair"])
def test_what_can_not_be_written_down_is_not_repaired(engine, inventory_db, drifted, now, step):
    when = {
        "report": "new.status = 'running'",
        "repair": "new.report @? '$.findings[*] ? (@.outcome == \"repaired\")'",
    }
    refuse_writes(inventory_db, "reconciliations", when[step])

    assert_failed(engine, inventory_db, now, "DiskFull")
    assert price_shown(drifted) == 1

    accept_writes(inventory_db)
    assert ask(engine, inventory_db, now)[0].status == "finished"
    assert price_shown(drifted) == 49_900


def test_one_whose_failure_can_not_be_written_down_still_ends_as_failed(
    engine, inventory_db, drifted, now
):
    refuse_writes(inventory_db, "reconciliations", "new.status <> 'requested'")

    asked, run = ask(engine, inventory_db, now)

    assert (asked.status, run.status) == ("requested", FAILED)


def test_a_failed_one_is_left_to_people(engine, inventory_db, drifted, now):
    refuse_writes(inventory_db, "reconciliations", "new.status = 'running'")
    _, run = ask(engine, inventory_db, now)
    accept_writes(inventory_db)

    inventory_db.execute("UPDATE runs SET checked_at = checked_at - interval '1 day'")
    engine.invoke("sweep_runs", b"{}")
    engine.settle()

    assert [r.status for r in runs.of(inventory_db, "reconcile", run.business_id)] == [FAILED]
