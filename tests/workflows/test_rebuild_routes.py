"""`rebuild_routes` run by the engine: all well, a failure at each step, and a later version that takes over."""

import json

import pytest

from fulfillment_app.chalicelib.services import facilities, rebuilds
from online_kart.documents import route_tables
from tests.networks import build, put_network, put_package, two_cities


def run(engine, version, name=""):
    """The execution when it has ended."""
    aws = engine.aws.step_functions
    arn = aws.start(
        "rebuild_routes", name or f"network-{version}-1", {"version": version, "revision": 1}
    )
    return aws.wait_for(arn)


@pytest.fixture
def version(inventory_db, now):
    """Asked for, not built."""
    return put_network(inventory_db, two_cities(), now)


@pytest.fixture
def in_force(inventory_db, documents, now, version):
    build(inventory_db, documents, version, now)
    return version


def test_all_well(engine, inventory_db, documents, version):
    execution = run(engine, version)

    assert (execution["status"], json.loads(execution["output"])) == ("SUCCEEDED", "published")
    assert route_tables.current_version(documents) == version
    build_row = rebuilds.build_of(inventory_db, version)
    assert (build_row.status, build_row.tables_count, build_row.packages_replanned_count) == (
        "published",
        6,
        0,
    )


def test_a_change_of_the_network_starts_the_machine(engine, inventory_db, documents, now, version):
    engine.settle()
    assert route_tables.current_version(documents) == version

    later = facilities.close_hub(inventory_db, "BLR", now)
    engine.settle()

    assert route_tables.current_version(documents) == later
    assert facilities.fulfillment_center(inventory_db, "BLR1").home_hub_code is None
    rows = inventory_db.execute(
        "SELECT business_id, status FROM runs WHERE machine = 'rebuild_routes' ORDER BY started_at"
    ).fetchall()
    assert rows == [(f"network-{version}", "succeeded"), (f"network-{later}", "succeeded")]


def test_a_build_that_is_not_the_newest_ends_well_and_does_nothing(
    engine, inventory_db, documents, now, version
):
    facilities.close_hub(inventory_db, "BLR", now)

    execution = run(engine, version)

    assert (execution["status"], json.loads(execution["output"])) == ("SUCCEEDED", "superseded")
    assert route_tables.current_version(documents) == 0
    assert rebuilds.build_of(inventory_db, version).status == "superseded"


def test_a_run_that_is_started_again_after_the_end_changes_nothing(
    engine, inventory_db, documents, version
):
    run(engine, version)
    before = rebuilds.build_of(inventory_db, version)

    again = run(engine, version, f"network-{version}-2")

    assert json.loads(again["output"]) == "published"
    assert rebuilds.build_of(inventory_db, version) == before


def assert_failed(engine, inventory_db, documents, version, in_force, error):
    execution = run(engine, version)
    assert execution["status"] == "FAILED"
    assert execution["error"] == error
    build_row = rebuilds.build_of(inventory_db, version)
    assert build_row.status == "failed"
    assert str(build_row.error).startswith(error)
    assert route_tables.current_version(documents) == in_force


def test_a_snapshot_that_fails_leaves_the_version_in_force(
    engine, inventory_db, documents, now, in_force
):
    version = rebuilds.request_rebuild(inventory_db, "asked for", now)
    inventory_db.execute("ALTER TABLE legs RENAME TO legs_gone")

    assert_failed(engine, inventory_db, documents, version, in_force, "UndefinedTable")


def test_a_chunk_that_fails_leaves_the_version_in_force_and_a_new_run_builds_it(
    engine, inventory_db, documents, now, in_force
):
    version = facilities.close_hub(inventory_db, "BLR", now)
    refuse_tables(documents)

    assert_failed(engine, inventory_db, documents, version, in_force, "BulkWriteError")

    accept_tables(documents)
    assert run(engine, version, f"network-{version}-2")["status"] == "SUCCEEDED"
    assert route_tables.current_version(documents) == version
    assert rebuilds.build_of(inventory_db, version).error is None


def refuse_tables(documents):
    """The store holds every table for malformed."""
    for collection in (route_tables.FC_TABLES, route_tables.HUB_TABLES):
        documents.command(
            "collMod", collection, validator={"$jsonSchema": {"required": ["never_there"]}}
        )


def accept_tables(documents):
    for collection in route_tables.COLLECTIONS:
        collection.ensure(documents)


def test_a_version_that_is_not_whole_is_not_put_in_force(
    engine, inventory_db, documents, now, in_force
):
    version = rebuilds.request_rebuild(inventory_db, "asked for", now)
    documents[route_tables.HUB_TABLES].delete_one({"_id": f"DEL@{in_force}"})

    assert_failed(engine, inventory_db, documents, version, in_force, "RouteTablesMissing")


def test_packages_that_can_t_be_planned_anew_leave_the_new_version_in_force(
    engine, inventory_db, documents, now, in_force
):
    version = rebuilds.request_rebuild(inventory_db, "asked for", now)
    put_package(inventory_db, "BLR1", "BLR1", "DEL1", now, "planned")
    inventory_db.execute("ALTER TABLE packages RENAME COLUMN weight_grams TO weight_gone")

    execution = run(engine, version)

    build_row = rebuilds.build_of(inventory_db, version)
    assert (execution["status"], execution["error"]) == ("FAILED", "UndefinedColumn")
    assert (build_row.status, str(build_row.error).split(":")[0]) == (
        "published",
        "UndefinedColumn",
    )
    assert route_tables.current_version(documents) == version

    inventory_db.execute("ALTER TABLE packages RENAME COLUMN weight_gone TO weight_grams")
    assert run(engine, version, f"network-{version}-2")["status"] == "SUCCEEDED"
