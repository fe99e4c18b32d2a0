"""A path (D3) that was written by a step that died before its commit: it may be ahead of its row, and must mislead nobody."""

from datetime import timedelta
from functools import partial

import pytest

from fulfillment_app.chalicelib.services import (
    batches,
    copies,
    deliveries,
    forwarding,
    line_haul,
    packages,
    rebuilds,
    recalls,
)
from online_kart.domain.packages import package_id_of
from online_kart.inventory_db import batches as batches_store
from online_kart.planning.routes import current_routes
from tests.faults import crash_before_the_commit
from tests.freight import broken_invariants, history_of, package_of, path_of
from tests.identity import ADMIN
from tests.market import open_market
from tests.networks import HOP_LIMIT, build

NO_FLIGHTS = "DELETE FROM legs WHERE mode = 'air'"
ROAD_TO_DELHI = """
    INSERT INTO legs (origin, destination, mode, transit_minutes)
    VALUES ('BLR1', 'DEL1', 'road', 2400), ('DEL1', 'BLR1', 'road', 2400)
"""


@pytest.fixture
def market(inventory_db, documents, now):
    """Ten mugs in BLR1, from where Delhi is reached by air or, slowly, by road."""
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 10)
    inventory_db.execute(ROAD_TO_DELHI)
    rebuild(market)
    return market


def rebuild(market):
    version = rebuilds.request_rebuild(market.conn, "a test", market.now)
    assert build(market.conn, market.documents, version, market.now) == "published"
    current_routes(market.documents, at_least=version)


def a_package(market, to="DEL2"):
    return package_id_of(market.served(("MUG", 2), to=to).order_id, "BLR1")


def replan(market):
    return packages.replan_range(
        market.conn, market.documents, market.routes, None, None, market.now
    )


def batch_of(market, package_id):
    return batches_store.share_of_package(market.conn, package_id)


def close(market, batch):
    line_haul.close(market.conn, batch.batch_id, batch.revision, batch.due_at)


def depart(market, batch):
    line_haul.depart(
        market.conn, market.documents, batch.batch_id, batch.revision, HOP_LIMIT, batch.due_at
    )


def travel(market, package_id):
    """One leg on, with the batch that has the package."""
    batch = batch_of(market, package_id)
    close(market, batch)
    depart(market, batch)
    at = batch_of(market, package_id).expected_at
    line_haul.arrive(market.conn, market.documents, ADMIN, batch.batch_id, None, [], at)
    forwarding.forward(market.conn, market.documents, batch.batch_id, package_id, at)


def recall(market, package_id):
    order_id = package_of(market.conn, package_id).order_id
    assert recalls.recall_packages(market.conn, market.documents, order_id, market.now) == 1


def is_as_its_row(market, package_id):
    """What a path repeats of its package, it repeats right; and nothing is lost."""
    path, package = path_of(market.documents, package_id), package_of(market.conn, package_id)
    assert broken_invariants(market.conn) == []
    assert (path.status, path.version, path.path_revision, path.table_version) == (
        package.status,
        package.version,
        package.path_revision,
        package.table_version,
    )
    return True


# -- planned anew, and not committed


@pytest.fixture
def half_replanned(market):
    """Its path leads by road, and was not committed: the package is in the batch to the airport."""
    package_id = a_package(market)
    market.conn.execute(NO_FLIGHTS)
    rebuild(market)
    crash_before_the_commit(market.conn, partial(replan, market))
    assert path_of(market.documents, package_id).facilities == ("BLR1", "DEL1", "DEL2")
    assert batch_of(market, package_id).destination == "BLR"
    return package_id


def test_a_package_half_planned_anew_is_planned_anew(market, half_replanned):
    assert replan(market) == 1

    assert batch_of(market, half_replanned).destination == "DEL1"
    assert is_as_its_row(market, half_replanned)
    assert replan(market) == 0


def test_a_package_half_planned_anew_that_leaves_the_old_way_is_planned_from_where_it_comes(
    market, half_replanned
):
    travel(market, half_replanned)  # from the airport there is only the way back

    assert path_of(market.documents, half_replanned).facilities == ("BLR1", "BLR", "BLR1")
    assert is_as_its_row(market, half_replanned)
    travel(market, half_replanned)
    assert package_of(market.conn, half_replanned).status == "returned"
    assert market.level("BLR1") == (10, 0)
    assert is_as_its_row(market, half_replanned)


def test_a_package_half_planned_anew_whose_batch_is_sealed_is_planned_from_where_it_goes(
    market, half_replanned
):
    close(market, batch_of(market, half_replanned))

    assert replan(market) == 1

    assert path_of(market.documents, half_replanned).facilities == ("BLR1", "BLR", "BLR1")
    travel(market, half_replanned)
    assert batch_of(market, half_replanned).destination == "BLR1"
    assert is_as_its_row(market, half_replanned)


def test_a_package_half_planned_anew_is_recalled_from_where_it_is(market, half_replanned):
    batch = batch_of(market, half_replanned)
    close(market, batch)
    depart(market, batch)

    recall(market, half_replanned)

    path = path_of(market.documents, half_replanned)
    assert path.facilities == ("BLR1", "BLR", "BLR1")
    assert is_as_its_row(market, half_replanned)


# -- departed, and not committed


@pytest.mark.parametrize(
    ("to", "way"), [("DEL2", ("BLR1", "BLR", "BLR1")), ("BLR2", ("BLR1", "BLR2", "BLR1"))]
)
def test_a_package_half_departed_turns_back_where_its_batch_goes(market, to, way):
    package_id = a_package(market, to)
    batch = batch_of(market, package_id)
    close(market, batch)
    crash_before_the_commit(market.conn, partial(depart, market, batch))

    recall(market, package_id)

    assert path_of(market.documents, package_id).facilities == way
    travel(market, package_id)
    travel(market, package_id)
    assert package_of(market.conn, package_id).status == "returned"
    assert market.level("BLR1") == (10, 0)
    assert is_as_its_row(market, package_id)


def test_a_package_half_departed_is_not_sent_another_way(market):
    package_id = a_package(market)
    way = path_of(market.documents, package_id).facilities
    batch = batch_of(market, package_id)
    close(market, batch)
    crash_before_the_commit(market.conn, partial(depart, market, batch))

    replan(market)
    depart(market, batch)

    assert path_of(market.documents, package_id).facilities == way
    assert is_as_its_row(market, package_id)


def test_a_scan_that_did_not_commit_and_missed_a_package_the_second_time(market):
    package_id = a_package(market, "BLR2")
    batch = batch_of(market, package_id)
    close(market, batch)
    depart(market, batch)
    scan = partial(
        line_haul.arrive, market.conn, market.documents, ADMIN, batch.batch_id, now=batch.due_at
    )
    crash_before_the_commit(market.conn, lambda: scan(scanned=None, missing=[]))

    scan(scanned=None, missing=[line_haul.Missing(package_id, "torn")])

    assert package_of(market.conn, package_id).status == "lost"
    assert is_as_its_row(market, package_id)


# -- the last mile


@pytest.fixture
def at_the_door(market):
    package_id = a_package(market, "BLR2")
    travel(market, package_id)
    assert package_of(market.conn, package_id).status == "out_for_delivery"
    return package_id


def fail(market, package_id, attempt):
    deliveries.failed(
        market.conn, market.documents, ADMIN, package_id, attempt, "nobody at home", market.now
    )


def test_a_delivery_in_vain_is_in_the_path_s_version(market, at_the_door):
    fail(market, at_the_door, 1)

    assert is_as_its_row(market, at_the_door)


def test_a_package_half_sent_back_that_is_delivered_after_all_is_shown_as_delivered(
    market, at_the_door
):
    for attempt in (1, 2):
        fail(market, at_the_door, attempt)
    crash_before_the_commit(market.conn, partial(fail, market, at_the_door, 3))
    ahead = path_of(market.documents, at_the_door)
    assert ahead.status == "returning"
    assert ahead.version > package_of(market.conn, at_the_door).version + 1

    deliveries.delivered(market.conn, market.documents, ADMIN, at_the_door, "signed", market.now)

    assert path_of(market.documents, at_the_door).status == "delivered"
    assert is_as_its_row(market, at_the_door)


# -- told again, and told later


def test_a_package_that_is_told_of_again_keeps_its_path_up_to_date(market):
    package_id = a_package(market)

    assert copies.tell_again(
        market.conn, market.documents, "packages", str(package_id), 0, market.now
    )

    assert history_of(market.conn, package_id)[-1] == "told_again"
    assert is_as_its_row(market, package_id)


def test_what_is_told_after_a_crash_is_newer_than_what_the_crash_has_written(market):
    package_id = a_package(market)
    batch = batch_of(market, package_id)
    close(market, batch)
    crash_before_the_commit(market.conn, partial(depart, market, batch))
    seen_by_its_customer = path_of(market.documents, package_id).version

    recall(market, package_id)

    assert package_of(market.conn, package_id).version > seen_by_its_customer


# -- a batch that is moved


def test_a_move_that_died_before_it_told_the_packages_tells_them_when_it_is_repeated(market):
    package_id = a_package(market)
    batch = batch_of(market, package_id)
    later = batch.due_at + timedelta(hours=1)
    assert batches_store.move(market.conn, batch.batch_id, later)

    for _ in range(2):
        batches.reschedule(market.conn, market.documents, ADMIN, batch.batch_id, later, market.now)

    path = path_of(market.documents, package_id)
    assert path.stops[0].expected_departure_at == later
    assert history_of(market.conn, package_id) == ["planned", "rescheduled"]
    assert is_as_its_row(market, package_id)
