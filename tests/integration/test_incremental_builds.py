"""Builds that take over what a change does not touch: equal to a full build, document by document, after any sequence."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection

from fulfillment_app.chalicelib.services import facilities, pincodes, rebuilds
from online_kart.documents import route_builds as build_documents, route_tables
from online_kart.domain.errors import NotFound
from online_kart.domain.facilities import (
    AddFulfillmentCenter,
    AddHub,
    AddLeg,
    ChangeFulfillmentCenter,
    ChangeHub,
    ChangeLeg,
    PincodeChange,
)
from online_kart.domain.network import Mode
from online_kart.inventory_db import facilities as facility_store
from online_kart.routing.tables import Router
from tests.builders import a_hub, a_network, an_fc
from tests.networks import HOP_LIMIT, build, put_network, two_cities

SEQUENCES, CHANGES_MAX, CHANGES_A_BUILD_MAX = 30, 4, 3


class Planner:
    """Changes the network at random, by the services that people change it by."""

    def __init__(self, conn: Connection[Any], rng: random.Random, now: Any) -> None:
        self._conn, self._rng, self._now = conn, rng, now
        self._made = 0

    def change(self) -> None:
        self._rng.choice(self._kinds())()

    def _kinds(self) -> list[Callable[[], object]]:
        return [
            self._add_fc,
            self._add_hub,
            self._change_facility,
            self._close_or_open,
            self._delete,
            self._add_leg,
            self._add_leg,
            self._change_leg,
            self._delete_leg,
            self._move_pincodes,
        ]

    def _network(self) -> Any:
        return facility_store.network(self._conn, HOP_LIMIT)

    def _any(self, of: Any) -> Any:
        return self._rng.choice(sorted(of)) if of else None

    def _add_fc(self) -> None:
        self._made += 1
        first = 600_000 + 100 * self._made
        command = AddFulfillmentCenter(
            fc_code=f"N{self._made}",
            name="New",
            latitude=1,
            longitude=1,
            handling_minutes=5,
            pincode_ranges=((first, first + 50),),
        )
        facilities.add_fulfillment_center(self._conn, command, self._now)
        self._join(command.fc_code)

    def _add_hub(self) -> None:
        self._made += 1
        command = AddHub(
            hub_code=f"H{self._made}",
            kind="airport",
            name="New",
            latitude=1,
            longitude=1,
            handling_minutes=5,
        )
        facilities.add_hub(self._conn, command, self._now)
        self._join(command.hub_code)

    def _join(self, code: str) -> None:
        near = self._any(self._network().by_code.keys() - {code})
        for origin, destination in ((code, near), (near, code)):
            leg = AddLeg(
                origin=origin,
                destination=destination,
                mode=Mode.ROAD,
                transit_minutes=self._rng.randint(1, 90),
            )
            facilities.add_leg(self._conn, leg, self._now)

    def _change_facility(self) -> None:
        code, minutes = self._any(self._network().by_code), self._rng.randint(0, 90)
        if self._network().by_code[code].is_hub:
            change = ChangeHub(handling_minutes=minutes)
            facilities.change_hub(self._conn, code, change, self._now)
        else:
            fc_change = ChangeFulfillmentCenter(name=f"{minutes}", handling_minutes=minutes)
            facilities.change_fulfillment_center(self._conn, code, fc_change, self._now)

    def _close_or_open(self) -> None:
        hub = self._any({hub.hub_code for hub in facilities.hubs(self._conn, None, 99)})
        if facilities.hub(self._conn, hub).status == "open":
            facilities.close_hub(self._conn, hub, self._now)
        else:
            facilities.change_hub(self._conn, hub, ChangeHub(status="open"), self._now)

    def _delete(self) -> None:
        fcs = self._network().fcs
        if len(fcs) > 2:
            code = self._any({fc.code for fc in fcs})
            facilities.delete_fulfillment_center(self._conn, code, self._now)

    def _add_leg(self) -> None:
        network = self._network()
        origin, destination = self._rng.sample(sorted(network.by_code), 2)
        leg = AddLeg(origin=origin, destination=destination, mode=Mode.ROAD, transit_minutes=7)
        if leg.key not in network.by_key:
            facilities.add_leg(self._conn, leg, self._now)

    def _change_leg(self) -> None:
        key = self._any(self._network().by_key)
        if key:
            minutes = ChangeLeg(transit_minutes=self._rng.randint(1, 200))
            facilities.change_leg(self._conn, key, minutes, self._now)

    def _delete_leg(self) -> None:
        key = self._any(self._network().by_key)
        if key:
            facilities.delete_leg(self._conn, key, self._now)

    def _move_pincodes(self) -> None:
        first = self._rng.choice([110_000, 110_050, 110_120, 600_130])
        change = PincodeChange(first=first, last=first + self._rng.randint(0, 60), move=True)
        code = self._any({fc.code for fc in self._network().fcs})
        pincodes.add(self._conn, code, change, self._now)


def start(conn: Connection[Any], now: Any) -> int:
    third = a_network([], a_hub("CCU"), an_fc("CCU1", (700_000, 700_099)))
    put_network(conn, two_cities(), now)
    return put_network(conn, third, now)


def newest_version(conn: Connection[Any]) -> int:
    return rebuilds.builds(conn, None, 1)[0].version


def check_like_a_full_build(documents: Any, conn: Connection[Any], version: int, base: int) -> None:
    """The documents of the version are a full build's, and those that were there before were not written again."""
    full = {
        table.facility: table for table in Router(facility_store.network(conn, HOP_LIMIT)).tables()
    }
    manifest = route_tables.manifest(documents, version)
    assert route_tables.tables_in(documents, manifest.tables, manifest) == full
    assert manifest.digests == {code: table.digest() for code, table in full.items()}
    assert manifest.home_hubs == {code: table.home_hub for code, table in full.items()}
    old = route_tables.manifest(documents, base).digests
    differ = {code for code in full if old.get(code) != manifest.digests[code]}
    assert {code for code, at in manifest.tables.items() if at == version} == differ
    row = rebuilds.build_of(conn, version)
    assert (row.tables_count, row.written_count) == (len(full), len(differ))
    assert row.base_version == base
    assert len(differ) <= (row.touched_count or 0) <= len(full)
    homes = {fc.fc_code: fc.home_hub_code for fc in facilities.fulfillment_centers(conn, None, 99)}
    assert {c: h for c, h in manifest.home_hubs.items() if c in homes}.items() <= homes.items()


def test_any_sequence_of_changes_is_built_as_a_full_build_would(inventory_db, documents, now):
    version = start(inventory_db, now)
    build(inventory_db, documents, version, now)
    touched = []
    for seed in range(SEQUENCES):
        rng = random.Random(seed)
        planner = Planner(inventory_db, rng, now)
        planner._made = 10 * seed
        for _ in range(rng.randint(1, CHANGES_MAX)):
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
    version = start(inventory_db, now)
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
