"""Builds that die at any moment, that run at the same time, and that are read meanwhile: nobody ever sees half a version."""

import contextlib
import random
import threading
from contextlib import closing
from itertools import count, permutations

import psycopg
import pytest

from fulfillment_app.chalicelib.services import facilities, rebuilds
from online_kart.documents import route_builds as build_documents, route_tables
from online_kart.domain.facilities import ChangeHub, ChangeLeg
from online_kart.domain.network import LegKey, Mode
from online_kart.planning import routes
from online_kart.planning.routes import Routes
from online_kart.routing.tables import Router
from tests.faults import Crash
from tests.fuses import Fuse, FusedDocuments, fused_connection
from tests.networks import HOP_LIMIT, build
from tests.planner import Planner, check_like_a_full_build, newest_version, put_three_cities

AIR = LegKey("BLR", "DEL", Mode.AIR)
MOMENTS_MIN = 12
BUILDS_WHILE_READ = 12


@pytest.fixture
def built(inventory_db, documents, now):
    """The version in force."""
    version = put_three_cities(inventory_db, now)
    assert build(inventory_db, documents, version, now) == "published"
    return version


def check_version_in_force(documents) -> int:
    """It has all its tables, and they are those of its network."""
    version = route_tables.current_version(documents)
    manifest = route_tables.manifest(documents, version)
    network = build_documents.snapshot(documents, version).network
    whole = {table.facility: table for table in Router(network).tables()}
    assert route_tables.tables_in(documents, manifest.tables, manifest) == whole
    return version


def test_a_build_killed_at_any_moment_leaves_a_whole_version_and_the_next_run_is_right(
    inventory_db, inventory_dsn, documents, now, built
):
    """Every second time the same version is built again; else it is left, and the next change's is built."""
    fuse, base = Fuse(), built
    with closing(fused_connection(inventory_dsn, fuse)) as fused:
        for moment in count(1):
            change = ChangeHub(handling_minutes=100 + moment)
            version = facilities.change_hub(inventory_db, "DEL", change, now)
            fuse.set(moment)
            fuse.light()
            with contextlib.suppress(Crash):
                build(fused, FusedDocuments(documents, fuse), version, now)  # type: ignore[arg-type]
            in_force = check_version_in_force(documents)
            assert in_force in (base, version)
            if not fuse.is_burnt:
                break
            fuse.set(0)
            if moment % 2:
                change = ChangeHub(handling_minutes=200 + moment)
                version = facilities.change_hub(inventory_db, "DEL", change, now)
            assert build(inventory_db, documents, version, now) == "published"
            row = rebuilds.build_of(inventory_db, version)
            assert row.status == "published"
            assert row.base_version in (base, in_force)
            check_like_a_full_build(documents, inventory_db, version, row.base_version or 0)
            base = version

    assert moment > MOMENTS_MIN


def test_of_builds_at_the_same_time_the_latest_is_in_force_and_whole(
    inventory_db, inventory_dsn, documents, now, built
):
    for round_ in range(6):
        versions = [
            facilities.change_leg(inventory_db, AIR, ChangeLeg(transit_minutes=100 + round_), now)
        ]
        started = [rebuilds.snapshot_network(inventory_db, documents, versions[0], HOP_LIMIT, now)]
        change = ChangeHub(handling_minutes=40 + round_)
        versions.append(facilities.change_hub(inventory_db, "BLR", change, now))
        started.append(
            rebuilds.snapshot_network(inventory_db, documents, versions[1], HOP_LIMIT, now)
        )
        barrier = threading.Barrier(2)

        def finish(place: int, barrier=barrier, started=started, versions=versions) -> None:
            with psycopg.connect(inventory_dsn, autocommit=True) as conn:
                barrier.wait()
                for chunk in started[place].chunks:
                    rebuilds.build_tables(documents, chunk)
                rebuilds.publish_version(conn, documents, versions[place], now)

        threads = [threading.Thread(target=finish, args=(place,)) for place in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert check_version_in_force(documents) == versions[1]
        assert rebuilds.build_of(inventory_db, versions[1]).status == "published"
        assert rebuilds.build_of(inventory_db, versions[0]).status in ("published", "superseded")


def problems_of(read: Routes) -> list[str]:
    """Paths that do not fit the network of their version, or what the first table promised."""
    found = []
    for origin, destination in permutations([fc.code for fc in read.network.fcs], 2):
        forwarding = read.forwarding(destination)
        choice, path = forwarding.choice(origin, read.network.hop_limit), forwarding.path(origin)
        if choice is None or path is None:
            continue
        legs = [read.network.by_key[leg.key] for leg in path.legs]
        minutes = sum(read.network.cost_minutes(leg) for leg in legs)
        if not minutes == path.minutes <= choice.minutes:
            found.append(f"{read.version}: {path}")
    return found


class Readers:
    """Threads that plan every path, again and again, by the version in force."""

    def __init__(self, documents, threads_count: int = 2) -> None:
        self.problems: list[str] = []
        self.seen: set[int] = set()
        self._documents, self._stop = documents, threading.Event()
        self._threads = [threading.Thread(target=self._read) for _ in range(threads_count)]

    def __enter__(self) -> "Readers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        while not self._stop.is_set():
            version = route_tables.current_version(self._documents)
            self._look_at(routes.current_routes(self._documents))
            self._look_at(routes.routes_of(self._documents, version))

    def _look_at(self, read: Routes) -> None:
        self.seen.add(read.version)
        try:
            self.problems += problems_of(read)
        except (KeyError, AssertionError) as error:
            self.problems.append(f"{read.version}: {error!r}")


def test_a_reader_never_combines_two_versions(inventory_db, documents, now, built):
    planner = Planner(inventory_db, random.Random(7), now)
    with Readers(documents) as readers:
        for _ in range(BUILDS_WHILE_READ):
            planner.change()
            version = newest_version(inventory_db)
            if version > route_tables.current_version(documents):
                build(inventory_db, documents, version, now)
            rebuilds.prune(documents)

    assert readers.problems == []
    assert len(readers.seen) > 2
