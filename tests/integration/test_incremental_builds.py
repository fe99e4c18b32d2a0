"""Builds that take over what a change does not touch: equal to a full build, document by document, after any sequence."""

import random

import pytest

from fulfillment_app.chalicelib.services import facilities, rebuilds
from online_kart.documents import route_builds as build_documents, route_tables
from online_kart.domain.errors import NotFound
from online_kart.domain.facilities import (
    ChangeHub,
)
from tests.networks import HOP_LIMIT, build
from tests.planner import Planner, check_like_a_full_build, newest_version, put_three_cities

SEQUENCES, BUILDS_MAX, CHANGES_A_BUILD_MAX = 24, 4, 3


def test_any_sequence_of_changes_is_built_as_a_full_build_would(inventory_db, documents, now):
    version = put_three_cities(inventory_db, now)
    build(inventory_db, documents, version, now)
    touched = []
    for seed in range(SEQUENCES):
        rng = random.Random(seed)
        planner = Planner(inventory_db, rng, now, first_number=10 * seed)
        for _ in range(rng.randint(1, BUILDS_MAX)):
            for _ in range(rng.randint(1, CHANGES_A_BUILD_MAX)):
                planner.change()
            base, version = version, newest_version(inventory_db)
            if version == base:
                continue
            assert build(inventory_db, documents, version, now) == "published", seed
            check_like_a_full_build(documents, inventory_db, version, base)
            touched.append(rebuilds.build_of(inventory_db, version).touched_count)
        rebuilds.prune(documents)

    assert len(touched) > SEQUENCES


# -- what a build may find


@pytest.fixture
def built(inventory_db, documents, now):
    """The version in force."""
    version = put_three_cities(inventory_db, now)
    assert build(inventory_db, documents, version, now) == "published"
    return version


def row_of(conn, version):
    build_row = rebuilds.build_of(conn, version)
    return build_row.base_version, build_row.touched_count, build_row.written_count


def test_a_build_says_what_was_touched_and_how_long_each_part_took(
    inventory_db, documents, now, built
):
    version = facilities.close_hub(inventory_db, "DEL", now)
    build(inventory_db, documents, version, now)

    row = rebuilds.build_of(inventory_db, version)

    assert (row.base_version, row.tables_count, row.touched_count, row.written_count) == (
        built,
        7,
        3,
        3,
    )
    parts = (row.network_ms, row.comparison_ms, row.tables_ms, row.writing_ms, row.switching_ms)
    assert all(part is not None and part > 0 for part in parts)
    assert row.build_ms == (row.tables_ms or 0) + (row.writing_ms or 0)


def test_without_a_version_to_build_on_all_tables_are_built(inventory_db, documents, now, built):
    documents[build_documents.SNAPSHOTS].delete_many({"version": built})
    version = rebuilds.request_rebuild(inventory_db, "asked for", now)

    assert build(inventory_db, documents, version, now) == "published"

    assert row_of(inventory_db, version) == (0, 8, 8)


def test_tables_made_by_other_rules_are_not_taken_over(
    inventory_db, documents, now, built, monkeypatch
):
    monkeypatch.setattr(rebuilds, "TABLES_EDITION", rebuilds.TABLES_EDITION + 1)
    version = rebuilds.request_rebuild(inventory_db, "new rules", now)

    assert build(inventory_db, documents, version, now) == "published"

    assert row_of(inventory_db, version)[:2] == (0, 8)


def test_another_hop_limit_touches_every_table(inventory_db, documents, now, built):
    version = rebuilds.request_rebuild(inventory_db, "a new setting", now)
    started = rebuilds.snapshot_network(inventory_db, documents, version, HOP_LIMIT + 1, now)
    for chunk in started.chunks:
        rebuilds.build_tables(documents, chunk)
    rebuilds.publish_version(inventory_db, documents, version, now)

    assert row_of(inventory_db, version) == (built, 8, 8)
    assert route_tables.table(documents, "BLR1", version).hop_limit == HOP_LIMIT + 1


def test_a_build_whose_base_is_out_of_force_by_now_is_right(inventory_db, documents, now, built):
    """An older build is published between its beginning and its end."""
    older = facilities.close_hub(inventory_db, "CCU", now)
    older_started = rebuilds.snapshot_network(inventory_db, documents, older, HOP_LIMIT, now)
    newer = facilities.change_hub(inventory_db, "DEL", ChangeHub(handling_minutes=99), now)
    newer_started = rebuilds.snapshot_network(inventory_db, documents, newer, HOP_LIMIT, now)
    for chunk in (*newer_started.chunks, *older_started.chunks):
        rebuilds.build_tables(documents, chunk)

    assert rebuilds.publish_version(inventory_db, documents, older, now).outcome == "published"
    rebuilds.prune(documents)
    assert rebuilds.publish_version(inventory_db, documents, newer, now).outcome == "published"

    assert route_tables.current(documents) == (newer, older)
    check_like_a_full_build(documents, inventory_db, newer, built)


def test_what_an_earlier_run_made_on_another_base_is_no_part_of_a_build(
    inventory_db, documents, now, built
):
    """A run begins, is overtaken by an older build, and is started again on that."""
    older = facilities.close_hub(inventory_db, "DEL", now)
    older_started = rebuilds.snapshot_network(inventory_db, documents, older, HOP_LIMIT, now)
    newer = facilities.change_hub(inventory_db, "DEL", ChangeHub(status="open"), now)
    first_run = rebuilds.snapshot_network(inventory_db, documents, newer, HOP_LIMIT, now)
    assert first_run.chunks == (), "it is the network of the version in force"
    for chunk in older_started.chunks:
        rebuilds.build_tables(documents, chunk)
    assert rebuilds.publish_version(inventory_db, documents, older, now).outcome == "published"

    second_run = rebuilds.snapshot_network(inventory_db, documents, newer, HOP_LIMIT, now)
    assert {chunk.base_version for chunk in second_run.chunks} == {older}
    for chunk in second_run.chunks:
        rebuilds.build_tables(documents, chunk)
    rebuilds.publish_version(inventory_db, documents, newer, now)

    check_like_a_full_build(documents, inventory_db, newer, older)


def test_a_chunk_of_a_run_that_another_has_begun_anew_is_refused(
    inventory_db, documents, now, built
):
    version = facilities.close_hub(inventory_db, "DEL", now)
    (chunk,) = rebuilds.snapshot_network(inventory_db, documents, version, HOP_LIMIT, now).chunks
    snapshot = build_documents.snapshot(documents, version)
    other = build_documents.Snapshot(version, 0, snapshot.network, sorted(snapshot.network.by_code))
    build_documents.put_snapshot(documents, other)
    rebuilds.build_tables(documents, chunk.model_copy(update={"base_version": 0}))

    with pytest.raises(NotFound):
        rebuilds.build_tables(documents, chunk)
