"""Versions of route tables: built from the network, put in force whole, read whole, never going back."""

import threading
import time
from uuid import UUID

import psycopg
import pytest

from fulfillment_app.chalicelib.services import (
    facilities,
    pincodes,
    rebuilds,
    version_differences,
)
from online_kart.documents import route_builds as build_documents, route_tables
from online_kart.documents.route_tables import Manifest
from online_kart.domain.errors import (
    NoRoute,
    NotFound,
    NotServed,
    RouteTablesMissing,
    Unavailable,
    VersionNotKept,
)
from online_kart.domain.facilities import ChangeLeg, PincodeChange
from online_kart.domain.network import LegKey, Mode
from online_kart.inventory_db import facilities as facility_store, route_builds
from online_kart.planning import routes
from online_kart.routing.forwarding import trace_path
from online_kart.routing.tables import Router
from tests.builders import a_network, an_fc, pincode_of, roads
from tests.networks import HOP_LIMIT, build, put_network, put_package, two_cities

AIR = LegKey("BLR", "DEL", Mode.AIR)


@pytest.fixture
def built(inventory_db, documents, now):
    """The version in force, of `two_cities`."""
    version = put_network(inventory_db, two_cities(), now)
    assert build(inventory_db, documents, version, now) == "published"
    return version


def written_tables(documents, version):
    return {
        found["facility"]
        for collection in (route_tables.FC_TABLES, route_tables.HUB_TABLES)
        for found in documents[collection].find({"version": version})
    }


# -- building


def test_the_tables_in_force_are_the_routers(inventory_db, documents, built):
    router = Router(facility_store.network(inventory_db, HOP_LIMIT))

    stored = {code: route_tables.table(documents, code, built) for code in router.network.by_code}

    assert stored == {table.facility: table for table in router.tables()}


def test_only_what_differs_is_written_and_the_whole_equals_a_full_build(
    inventory_db, documents, now, built
):
    change = PincodeChange(first=560001, last=560099)
    version = pincodes.add(inventory_db, "BLR2", change, now)
    assert build(inventory_db, documents, version, now) == "published"

    router = Router(facility_store.network(inventory_db, HOP_LIMIT))
    full = {table.facility: table for table in router.tables()}
    assert {c: route_tables.table(documents, c, version) for c in full} == full
    # DEL1 and DEL2 send what is for BLR2 to their hub, whose tables changed; theirs did not.
    assert written_tables(documents, version) == {"BLR", "BLR1", "BLR2", "DEL"}
    row = rebuilds.build_of(inventory_db, version)
    assert (row.tables_count, row.written_count) == (6, 4)


def test_a_rebuild_of_the_same_network_writes_nothing(inventory_db, documents, now, built):
    version = rebuilds.request_rebuild(inventory_db, "daily", now)
    assert build(inventory_db, documents, version, now) == "published"

    assert written_tables(documents, version) == set()
    assert rebuilds.build_of(inventory_db, version).written_count == 0
    assert routes.current_routes(documents, at_least=version).version == version


def test_every_step_may_run_twice(inventory_db, documents, now):
    version = put_network(inventory_db, two_cities(), now)
    started = [
        rebuilds.snapshot_network(inventory_db, documents, version, HOP_LIMIT, now)
        for _ in range(2)
    ]
    assert started[0] == started[1]
    for chunk in started[0].chunks * 2:
        assert rebuilds.build_tables(documents, chunk) == {"tables": 6, "written": 6}
    published = [rebuilds.publish_version(inventory_db, documents, version, now) for _ in range(2)]
    assert published[0] == published[1]
    again = rebuilds.snapshot_network(inventory_db, documents, version, HOP_LIMIT, now)
    assert again.outcome == "published"
    row = rebuilds.build_of(inventory_db, version)
    assert (row.status, row.tables_count, row.written_count) == ("published", 6, 6)


def test_publishing_writes_each_fcs_home_hub(inventory_db, documents, now, built):
    home_of = {
        fc.fc_code: fc.home_hub_code for fc in facilities.fulfillment_centers(inventory_db, None, 9)
    }
    assert home_of == {"BLR1": "BLR", "BLR2": "BLR", "DEL1": "DEL", "DEL2": "DEL"}


def test_a_version_that_lacks_a_table_is_refused(inventory_db, documents, now, built):
    version = facilities.close_hub(inventory_db, "BLR", now)
    started = rebuilds.snapshot_network(inventory_db, documents, version, HOP_LIMIT, now)

    with pytest.raises(RouteTablesMissing):  # no chunk was built
        rebuilds.publish_version(inventory_db, documents, version, now)

    for chunk in started.chunks:
        rebuilds.build_tables(documents, chunk)
    documents[route_tables.FC_TABLES].delete_one({"_id": f"DEL1@{built}"})
    with pytest.raises(RouteTablesMissing) as refused:  # a document is gone that is taken over
        rebuilds.publish_version(inventory_db, documents, version, now)
    assert refused.value.missing == ["DEL1"]
    assert route_tables.current_version(documents) == built


# -- two builds at once


def test_a_build_that_is_not_the_newest_does_not_begin(inventory_db, documents, now):
    older = put_network(inventory_db, two_cities(), now)
    newer = facilities.close_hub(inventory_db, "DEL", now)

    assert build(inventory_db, documents, older, now) == "superseded"
    assert build(inventory_db, documents, newer, now) == "published"
    assert rebuilds.build_of(inventory_db, older).status == "superseded"


def test_an_older_version_that_finishes_late_is_refused(inventory_db, documents, now):
    older = put_network(inventory_db, two_cities(), now)
    started = rebuilds.snapshot_network(inventory_db, documents, older, HOP_LIMIT, now)
    newer = facilities.close_hub(inventory_db, "DEL", now)
    assert build(inventory_db, documents, newer, now) == "published"

    for chunk in started.chunks:
        rebuilds.build_tables(documents, chunk)
    assert rebuilds.publish_version(inventory_db, documents, older, now).outcome == "superseded"

    assert route_tables.current_version(documents) == newer
    assert rebuilds.build_of(inventory_db, older).status == "superseded"
    assert facilities.fulfillment_center(inventory_db, "DEL1").home_hub_code is None


def test_the_snapshot_of_a_version_has_every_change_up_to_it(
    inventory_db, inventory_dsn, documents, now
):
    """Versions are committed in their order: while a change is under way, no later one gets a number."""
    version = put_network(inventory_db, two_cities(), now)
    done = threading.Event()

    def build_meanwhile() -> None:
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            rebuilds.snapshot_network(conn, documents, version, HOP_LIMIT, now)
            done.set()

    with inventory_db.transaction():
        facilities.change_leg(inventory_db, AIR, ChangeLeg(transit_minutes=1), now)
        thread = threading.Thread(target=build_meanwhile)
        thread.start()
        assert not done.wait(0.2), "the network was read while a change was under way"
    thread.join()

    assert rebuilds.build_of(inventory_db, version).status == "superseded"
    with pytest.raises(NotFound):
        build_documents.snapshot(documents, version)


def test_the_version_never_goes_back_whoever_is_faster(documents):
    for version in range(1, 21):
        route_tables.put_manifest(documents, Manifest(version, {}, {}))
    barrier = threading.Barrier(4)
    outcomes: dict[int, bool] = {}
    seen: list[int] = []

    def switch(versions: range) -> None:
        barrier.wait()
        for version in versions:
            outcomes[version] = route_tables.make_current(documents, version)
            seen.append(route_tables.current_version(documents))

    threads = [
        threading.Thread(target=switch, args=(range(first, 21, 4),)) for first in range(1, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert route_tables.current_version(documents) == 20
    assert outcomes[20]
    assert not route_tables.make_current(documents, 19)


def test_a_switch_that_rests_on_an_old_look_is_refused(documents):
    before_the_first = route_tables.current(documents)
    assert route_tables.make_current(documents, 3)
    seen = route_tables.current(documents)
    assert route_tables.make_current(documents, 5)

    assert not route_tables.switch(documents, before_the_first, 4)
    assert not route_tables.switch(documents, seen, 4)
    assert route_tables.current(documents) == (5, 3)


def test_a_failed_build_leaves_the_version_in_force(inventory_db, documents, now, built):
    version = facilities.close_hub(inventory_db, "DEL", now)
    rebuilds.snapshot_network(inventory_db, documents, version, HOP_LIMIT, now)

    rebuilds.fail_build(inventory_db, version, "Unavailable: the store", now)

    assert route_tables.current_version(documents) == built
    assert rebuilds.build_of(inventory_db, version).status == "failed"
    # The run is started again: the same version is built after all.
    assert build(inventory_db, documents, version, now) == "published"
    row = rebuilds.build_of(inventory_db, version)
    assert (row.status, row.error) == ("published", None)


# -- reading


def test_readers_see_one_version_whole_while_versions_change(inventory_db, documents, now, built):
    """Each version has other minutes for the flight; a reader that mixed two would add up neither's."""
    network = two_cities()
    stop, mixed, versions = threading.Event(), [], set()

    def read() -> None:
        while not stop.is_set():
            version = route_tables.current_version(documents)
            reader = routes.routes_of(documents, version)
            tables = {code: reader.table_of(code) for code in network.by_code}
            flight = tables["BLR"].leg_to("DEL").minutes
            to_hub = tables["BLR"].to_hub("DEL")
            at_hub = to_hub.ways[0].minutes if to_hub else None
            back = tables["DEL"].leg_to("BLR").minutes
            versions.add(version)
            if not (flight == at_hub == back):
                mixed.append((version, flight, at_hub, back))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for minutes in range(100, 108):
        for key in (AIR, LegKey("DEL", "BLR", Mode.AIR)):
            version = facilities.change_leg(
                inventory_db, key, ChangeLeg(transit_minutes=minutes), now
            )
        assert build(inventory_db, documents, version, now) == "published"
        time.sleep(0.02)
    stop.set()
    for reader in readers:
        reader.join()

    assert mixed == []
    assert len(versions) > 2


def test_a_process_learns_of_a_new_version_at_once_if_it_must(inventory_db, documents, now, built):
    assert routes.current_routes(documents).version == built
    version = rebuilds.request_rebuild(inventory_db, "daily", now)
    build(inventory_db, documents, version, now)

    assert routes.current_routes(documents, at_least=version).version == version


def test_before_the_first_version_nothing_can_be_planned(documents):
    with pytest.raises(Unavailable):
        routes.current_routes(documents)


def test_a_path_is_what_following_the_tables_gives(inventory_db, documents, now, built):
    current = routes.current_routes(documents)
    pincode = pincode_of(two_cities(), "DEL2")

    path = current.plan("BLR2", pincode)

    assert path.facilities == ("BLR2", "BLR1", "BLR", "DEL", "DEL1", "DEL2")
    assert path.budgets == (4, 3, 4, 4, 3, 2)
    assert path == trace_path(current.table_of, "BLR2", pincode)
    with pytest.raises(NotServed):
        current.plan("BLR2", 999_999)
    with pytest.raises(NoRoute):
        current.plan_to_fc("BLR2", "XYZ1")
    with pytest.raises(NoRoute):  # the hub is two legs away
        current.plan("BLR2", pincode, budget=1)


def test_closing_a_hub_takes_it_out_of_all_tables(inventory_db, documents, now, built):
    version = facilities.close_hub(inventory_db, "BLR", now)
    build(inventory_db, documents, version, now)

    current = routes.current_routes(documents, at_least=version)
    assert "BLR" not in current
    for code in current.network.by_code:
        assert "BLR" not in str(current.table_of(code).as_document()).replace("BLR1", "").replace(
            "BLR2", ""
        )
    with pytest.raises(NoRoute):
        current.plan("BLR1", pincode_of(two_cities(), "DEL1"))


def test_what_is_at_a_draining_facility_leaves_by_one_of_its_legs(
    inventory_db, documents, now, built
):
    version = facilities.close_hub(inventory_db, "BLR", now)
    build(inventory_db, documents, version, now)
    current = routes.current_routes(documents, at_least=version)
    leaving = facility_store.facility(inventory_db, "BLR")
    legs = facility_store.legs_from(inventory_db, "BLR")

    path = current.plan_out_of(leaving, legs, "DEL2")

    assert path.facilities == ("BLR", "DEL", "DEL1", "DEL2")
    assert path.budgets == (4, 4, 3, 2)
    assert path.minutes == 30 + 170 + 30 + 20 + 30 + 50
    with pytest.raises(NoRoute):
        current.plan_out_of(leaving, [], "DEL2")


# -- what nothing uses


def test_pruning_keeps_what_the_current_and_the_previous_version_use(
    inventory_db, documents, now, built
):
    versions = [built]
    for minutes in (100, 101, 102):
        version = facilities.change_leg(inventory_db, AIR, ChangeLeg(transit_minutes=minutes), now)
        build(inventory_db, documents, version, now)
        versions.append(version)

    removed = rebuilds.prune(documents, versions_kept=2)

    assert removed > 0
    for version in versions[-2:]:
        kept = routes.routes_of(documents, version)
        assert {kept.table_of(code).facility for code in kept.network.by_code} == set(
            two_cities().by_code
        )
    for version in versions[:-2]:
        with pytest.raises(NotFound):
            route_tables.manifest(documents, version)
        with pytest.raises(NotFound):
            build_documents.snapshot(documents, version)
    assert rebuilds.prune(documents, versions_kept=2) == 0


def test_the_last_versions_are_kept_for_people_to_compare(inventory_db, documents, now, built):
    versions = [built]
    for minutes in (100, 101, 102):
        version = facilities.change_leg(inventory_db, AIR, ChangeLeg(transit_minutes=minutes), now)
        build(inventory_db, documents, version, now)
        versions.append(version)

    rebuilds.prune(documents, versions_kept=3)

    assert route_tables.kept_versions(documents) == versions[1:]
    told = version_differences.between(documents, versions[1], versions[3], now, 5)
    assert (told.difference.routes.count, told.difference.tables.count) == (1, 1)
    with pytest.raises(VersionNotKept) as refused:
        version_differences.between(documents, versions[0], versions[3], now, 5)
    assert refused.value.kept == versions[1:]


def test_pruning_keeps_what_a_build_under_way_is_compared_with(inventory_db, documents, now, built):
    under_way = rebuilds.request_rebuild(inventory_db, "asked for", now)
    started = rebuilds.snapshot_network(inventory_db, documents, under_way, HOP_LIMIT, now)

    rebuilds.prune(documents, versions_kept=0)

    for chunk in started.chunks:
        rebuilds.build_tables(documents, chunk)
    assert rebuilds.publish_version(inventory_db, documents, under_way, now).outcome == "published"


def test_a_large_network_is_kept_in_several_parts(documents):
    snapshot = build_documents.Snapshot(7, 0, two_cities(), ["BLR1"])

    build_documents.put_snapshot(documents, snapshot, characters_max=500)

    assert documents[build_documents.SNAPSHOTS].find_one({"_id": "7:3"})
    assert build_documents.snapshot(documents, 7) == snapshot


# -- packages to look at


def test_ranges_of_packages_cover_each_one_under_way_once(inventory_db, now):
    for number in range(23):
        status = "delivered" if number % 5 == 0 else "in_transit"
        put_package(inventory_db, "BLR1", "BLR1", "DEL1", now, status)
    under_way = [
        key
        for (key,) in inventory_db.execute(
            "SELECT package_id FROM packages WHERE status = 'in_transit' ORDER BY package_id"
        )
    ]

    for size, ranges_max in ((1, 40), (4, 40), (4, 2), (100, 40)):
        ranges = route_builds.under_way_ranges(inventory_db, size, ranges_max)
        assert len(ranges) <= ranges_max
        covered = [
            [key for key in under_way if (after or UUID(int=0)) < key <= until]
            for after, until in ranges
        ]
        assert [key for keys in covered for key in keys] == under_way
        assert all(covered)


def test_without_packages_there_is_nothing_to_look_at(inventory_db):
    assert route_builds.under_way_ranges(inventory_db, 100, 40) == []


def test_an_empty_network_has_a_version_of_its_own(inventory_db, documents, now):
    version = put_network(inventory_db, a_network([]), now)
    assert build(inventory_db, documents, version, now) == "published"
    assert routes.current_routes(documents, at_least=version).network.facilities == ()


def test_an_fc_without_any_leg_serves_its_own_pincodes(inventory_db, documents, now):
    network = a_network(roads("BLR1", "BLR2"), an_fc("LEH1", (194101, 194101)))
    version = put_network(inventory_db, network, now)
    build(inventory_db, documents, version, now)
    current = routes.current_routes(documents, at_least=version)

    assert current.plan("LEH1", 194101).facilities == ("LEH1",)
    with pytest.raises(NoRoute):
        current.plan("BLR1", 194101)
