"""Packages of an order: planned once, taken back wherever they are, and led around what is gone from the network."""

from collections import Counter
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from fulfillment_app.chalicelib.services import (
    deliveries,
    facilities as network_changes,
    forwarding,
    line_haul,
    packages,
)
from online_kart.documents import order_log, package_paths
from online_kart.domain.errors import (
    NotFound,
    OrderAlreadyDelivered,
    PackagesAlreadyDiscarded,
    ReservationExpired,
    StockAlreadyReleased,
    Unavailable,
)
from online_kart.domain.packages import package_id_of
from online_kart.inventory_db import (
    batches as batches_store,
    deliveries as deliveries_store,
    facilities,
    packages as store,
    route_builds,
)
from online_kart.planning import routes
from online_kart.planning.routes import current_routes
from tests.builders import pincode_of
from tests.identity import ADMIN
from tests.market import HOLD, open_market
from tests.networks import HOP_LIMIT, build
from tests.shop import events_of
from tests.together import run_together

TRIALS = 15


@pytest.fixture
def market(inventory_db, documents, now):
    """Ten mugs in BLR1."""
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 10)
    return market


def package_of(market, order, fc_code="BLR1"):
    return store.by_id(market.conn, package_id_of(order.order_id, fc_code))


def path_of(market, order, fc_code="BLR1"):
    return package_paths.by_id(market.documents, package_id_of(order.order_id, fc_code))


def history_of(market, order, fc_code="BLR1"):
    events = store.events_of(market.conn, package_id_of(order.order_id, fc_code))
    return [event.what for event in events]


def batch_of(market, order, fc_code="BLR1"):
    return batches_store.share_of_package(market.conn, package_id_of(order.order_id, fc_code))


# What happens to a batch, as its run does it


def close(market, order):
    batch = batch_of(market, order)
    line_haul.close(market.conn, batch.batch_id, batch.revision, batch.due_at)
    return batch


def depart(market, order):
    batch = close(market, order)
    line_haul.depart(
        market.conn, market.documents, batch.batch_id, batch.revision, HOP_LIMIT, batch.due_at
    )
    return batch


def arrive(market, order):
    batch = batch_of(market, order)
    line_haul.arrive(
        market.conn, market.documents, ADMIN, batch.batch_id, None, [], batch.expected_at
    )
    return batch.expected_at


def forward(market, order, now):
    batch = batch_of(market, order)
    package_id = package_id_of(order.order_id, "BLR1")
    return forwarding.forward(market.conn, market.documents, batch.batch_id, package_id, now)


def travel(market, order, hops=1):
    """Depart, arrive and go on, so many times. The moment of the last arrival."""
    for _ in range(hops):
        depart(market, order)
        at = arrive(market, order)
        forward(market, order, at)
    return at


def deliver(market, order, now):
    package_id = package_id_of(order.order_id, "BLR1")
    deliveries.delivered(market.conn, market.documents, ADMIN, package_id, "signed", now)


# Planning


def test_each_fc_of_an_order_has_one_package_with_its_path(market):
    market.put_stock("DEL1", "LAMP", 5)
    order = market.an_order(("MUG", 2), ("LAMP", 1))
    market.reserve(order)

    planned = market.plan(order)

    assert set(planned.package_ids) == {
        package_id_of(order.order_id, "BLR1"),
        package_id_of(order.order_id, "DEL1"),
    }
    assert path_of(market, order).facilities == ("BLR1", "BLR", "DEL", "DEL1", "DEL2")
    assert path_of(market, order, "DEL1").facilities == ("DEL1", "DEL2")
    assert [line.quantity for line in path_of(market, order).lines] == [2]
    assert planned.promise_date == path_of(market, order).promise_date
    assert package_of(market, order).weight_grams == 700
    assert market.broken_invariants() == []


def test_a_package_waits_in_the_batch_of_its_first_leg(market):
    order = market.served(("MUG", 1))

    batch = batch_of(market, order)

    assert (batch.origin, batch.destination, batch.status) == ("BLR1", "BLR", "open")
    assert path_of(market, order).stops[0].planned_departure_at == batch.due_at
    assert history_of(market, order) == ["planned"]


def test_planning_twice_plans_once_and_answers_the_same(market):
    order = market.an_order(("MUG", 1))
    market.reserve(order)

    assert market.plan(order) == market.plan(order)
    assert history_of(market, order) == ["planned"]
    assert len(events_of(market.conn, "PackageChanged")) == 1


def test_what_progresses_is_held_longer(market, now):
    order = market.an_order(("MUG", 1))
    market.reserve(order)
    later = market.at(now + HOLD - timedelta(minutes=1))

    later.plan(order)

    assert market.at(now + HOLD).release_expired() == 0


def test_an_order_without_stock_is_not_planned(market):
    with pytest.raises(NotFound):
        market.plan(market.an_order())


def test_a_plan_that_comes_after_the_release_is_refused(market, now):
    released, expired = market.an_order(), market.an_order()
    market.reserve(released)
    market.release(released)
    market.reserve(expired)

    with pytest.raises(StockAlreadyReleased):
        market.plan(released)
    market.at(now + HOLD).release_expired()
    with pytest.raises((ReservationExpired, PackagesAlreadyDiscarded)):
        market.plan(expired)


def test_a_plan_by_tables_out_of_force_is_put_off(market, now):
    """So no package is planned over what is gone after the packages under way were looked at."""
    order, old_routes = market.an_order(), market.routes
    market.reserve(order)
    rebuild(market, now)

    with pytest.raises(Unavailable):
        packages.plan_packages(market.conn, market.documents, old_routes, order, now + HOLD, now)
    assert package_of(market, order) is None


def test_an_order_of_the_fc_that_serves_the_pincode_goes_straight_out_for_delivery(market):
    order = market.an_order(("MUG", 2), to="BLR1")
    market.reserve(order)
    market.plan(order)
    assert package_of(market, order).status == "planned"  # not before it is confirmed
    assert market.broken_invariants() == []

    market.confirm(order)

    assert package_of(market, order).status == "out_for_delivery"
    assert path_of(market, order).status == "out_for_delivery"
    assert market.level("BLR1") == (8, 0)
    assert market.broken_invariants() == []


def test_an_order_after_the_cut_off_goes_out_when_its_own_fc_has_handled_it(market, now):
    evening = market.at(now + timedelta(hours=9))  # 19:00 in India; the FC works from 06:00 on
    order = evening.served(("MUG", 1), to="BLR1")

    package = package_of(evening, order)
    delivery = deliveries_store.of_package(evening.conn, package.package_id)
    assert delivery is not None
    assert delivery.out_at == now + timedelta(hours=20.5)  # with 30 minutes' handling
    assert path_of(evening, order).ready_at == delivery.out_at
    assert package.promise_date == (delivery.out_at + timedelta(days=1)).date()


def test_the_path_is_written_with_every_change_of_status(market):
    order = market.served(("MUG", 1))
    travel(market, order, hops=4)

    path, package = path_of(market, order), package_of(market, order)
    assert (path.status, path.version) == (package.status, package.version)
    assert package.status == "out_for_delivery"
    assert all(stop.actual_arrival_at for stop in path.stops[1:])
    assert path.health == "green"


# Taking back


def test_an_order_not_left_is_cancelled_and_its_stock_given_back(market):
    order = market.served(("MUG", 2))

    assert (market.recall(order), market.release(order)) == (1, 1)

    assert package_of(market, order).status == path_of(market, order).status == "cancelled"
    assert batch_of(market, order) is None
    assert market.level("BLR1") == (10, 0)
    assert market.broken_invariants() == []


def test_recalling_twice_changes_nothing_more(market):
    order = market.served(("MUG", 2))
    market.recall(order)
    market.release(order)

    assert (market.recall(order), market.release(order)) == (0, 0)
    assert history_of(market, order) == ["planned", "cancelled"]


def test_what_was_discarded_before_it_was_planned_is_not_planned_later(market):
    order = market.an_order(("MUG", 2))
    market.reserve(order)

    assert market.discard(order) == 0
    with pytest.raises(PackagesAlreadyDiscarded):
        market.plan(order)
    assert package_of(market, order) is None


def test_a_package_under_way_turns_back_where_it_arrives_next_and_is_put_on_the_shelf(market):
    order = market.served(("MUG", 2))
    depart(market, order)

    assert (market.recall(order), market.release(order)) == (1, 0)  # it left with its stock
    assert package_of(market, order).status == "returning"
    assert path_of(market, order).facilities == ("BLR1", "BLR", "BLR1")
    assert market.level("BLR1") == (8, 0)
    at = arrive(market, order)
    forward(market, order, at)
    travel(market, order)

    assert package_of(market, order).status == "returned"
    assert market.level("BLR1") == (10, 0)
    assert market.broken_invariants() == []


def test_a_package_that_waits_at_an_airport_joins_the_batch_back(market):
    order = market.served(("MUG", 2))
    travel(market, order)
    assert batch_of(market, order).destination == "DEL"

    market.recall(order)

    assert batch_of(market, order).destination == "BLR1"
    assert market.broken_invariants() == []


def test_a_package_on_a_sealed_manifest_leaves_and_comes_back(market):
    order = market.served(("MUG", 2))
    close(market, order)

    assert (market.recall(order), market.release(order)) == (1, 0)
    assert market.level("BLR1") == (8, 0)
    batch = depart(market, order)
    assert batch.destination == "BLR"
    forward(market, order, arrive(market, order))
    travel(market, order)

    assert package_of(market, order).status == "returned"
    assert market.level("BLR1") == (10, 0)
    assert market.broken_invariants() == []


def test_a_package_out_for_delivery_is_called_back_from_its_last_fc(market):
    order = market.served(("MUG", 2))
    travel(market, order, hops=4)

    market.recall(order)

    assert package_of(market, order).status == "returning"
    assert batch_of(market, order).origin == "DEL2"
    travel(market, order, hops=4)
    assert package_of(market, order).status == "returned"
    assert market.level("BLR1") == (10, 0)
    assert market.broken_invariants() == []


def test_a_package_out_for_delivery_from_its_own_fc_is_back_at_once(market):
    order = market.served(("MUG", 2), to="BLR1")

    market.recall(order)

    assert package_of(market, order).status == "returned"
    assert market.level("BLR1") == (10, 0)
    assert market.broken_invariants() == []


def test_an_order_with_a_package_delivered_is_not_recalled_at_all(market):
    market.put_stock("DEL2", "LAMP", 1)
    order = market.served(("MUG", 1), ("LAMP", 1))
    delivered = package_id_of(order.order_id, "DEL2")
    deliveries.delivered(market.conn, market.documents, ADMIN, delivered, "signed", market.now)

    with pytest.raises(OrderAlreadyDelivered):
        market.recall(order)
    assert package_of(market, order).status == "planned"


def test_half_an_order_that_has_left_returns_and_the_other_half_is_cancelled(market):
    market.put_stock("DEL1", "LAMP", 5)
    order = market.served(("MUG", 2), ("LAMP", 1))
    depart(market, order)

    assert (market.recall(order), market.release(order)) == (2, 1)

    assert package_of(market, order).status == "returning"
    assert package_of(market, order, "DEL1").status == "cancelled"
    assert (market.level("BLR1"), market.level("DEL1", "LAMP")) == ((8, 0), (5, 0))
    assert market.broken_invariants() == []


def test_a_hold_that_expires_takes_its_packages_with_it(market, now):
    order = market.an_order(("MUG", 2))
    market.reserve(order)
    market.plan(order)

    assert market.at(now + HOLD).release_expired() == 1

    assert package_of(market, order).status == "cancelled"
    assert market.level("BLR1") == (10, 0)
    assert market.broken_invariants() == []


def test_an_expired_hold_whose_package_is_on_a_sealed_manifest_comes_back(market, now):
    order = market.an_order(("MUG", 2))
    market.reserve(order)
    market.plan(order)
    close(market, order)

    assert market.at(now + timedelta(days=1)).release_expired() == 1

    assert package_of(market, order).status == "returning"
    assert market.level("BLR1") == (8, 0)
    assert market.broken_invariants() == []


def test_a_hold_that_can_not_be_released_holds_up_no_other(market, now):
    stuck, other = market.an_order(("MUG", 2)), market.an_order(("MUG", 2))
    for order in (stuck, other):
        market.reserve(order)
        market.plan(order)
        close(market, order)  # so both are to return, by their paths
        market = market.at(market.now + timedelta(days=1))
    lose_path(market, stuck)

    with pytest.raises(NotFound):
        market.at(now + timedelta(days=9)).release_expired()

    assert package_of(market, other).status == "returning"
    assert market.held_at(stuck) == {"BLR1": 2}
    assert market.broken_invariants() == []


def lose_path(market, order):
    package_id = package_id_of(order.order_id, "BLR1")
    market.documents[package_paths.PATHS].delete_one({"_id": str(package_id)})


def _plan_on(market, order, conn):
    return market.on(conn).plan(order)


def _discard_on(market, order, conn):
    return market.on(conn).discard(order)


def _recall_on(market, order, conn):
    return market.on(conn).recall(order)


def _close_on(batch, conn):
    return line_haul.close(conn, batch.batch_id, batch.revision, batch.due_at).state


def test_a_recall_while_its_batch_closes_never_loses_the_package(market, inventory_dsn):
    for _ in range(TRIALS):
        market.put_stock("BLR1", "MUG", 1)
        order = market.served(("MUG", 1))
        batch = batch_of(market, order)

        answers = run_together(
            inventory_dsn,
            partial(_recall_on, market, order),
            partial(_close_on, batch),
        )

        assert answers[0] == 1
        assert package_of(market, order).status == (
            "cancelled" if answers[1] == "finished" else "returning"
        )
        market.release(order)
        assert market.broken_invariants() == []


def test_planning_and_discarding_at_once_leave_no_package(market, inventory_dsn):
    for _ in range(TRIALS):
        order = market.an_order(("MUG", 1))
        market.reserve(order)

        run_together(
            inventory_dsn,
            partial(_plan_on, market, order),
            partial(_discard_on, market, order),
        )
        market.release(order)

        package = package_of(market, order)
        assert package is None or package.status == "cancelled"
    assert market.level("BLR1") == (10, 0)
    assert market.broken_invariants() == []


def test_recalled_twice_at_once_the_stock_comes_back_once(market, inventory_dsn):
    for _ in range(TRIALS):
        order = market.served(("MUG", 2))

        def cancel(conn, order=order):
            here = market.on(conn)
            return here.recall(order), here.release(order)

        answers = run_together(inventory_dsn, cancel, cancel)

        assert Counter(recalled for recalled, _ in answers) == {1: 1, 0: 1}
        assert market.level("BLR1") == (10, 0)


# When the network changes


def rebuild(market, now):
    """New tables, of the network as it is."""
    with market.conn.transaction():
        facilities.lock_network(market.conn)
        version = route_builds.insert(market.conn, "a test", now)
    assert build(market.conn, market.documents, version, now) == "published"
    return version


def know(market, version):
    """This process knows of the version from now on."""
    assert current_routes(market.documents, at_least=version).version == version


def change_network(market, now, *statements):
    """Change it, build new tables, and look at what is under way. How many packages have a new path."""
    for statement in statements:
        market.conn.execute(statement)
    know(market, rebuild(market, now))
    return packages.replan_range(market.conn, market.documents, market.routes, None, None, now)


ROAD_TO_DELHI = """
    INSERT INTO legs (origin, destination, mode, transit_minutes)
    VALUES ('BLR1', 'DEL1', 'road', 2400), ('DEL1', 'BLR1', 'road', 2400)
"""
NO_FLIGHTS = "DELETE FROM legs WHERE mode = 'air'"


def drain(code):
    return f"UPDATE facilities SET status = 'draining' WHERE code = '{code}'"


def test_a_path_that_is_well_stays(market, now):
    order = market.served(("MUG", 1))

    assert change_network(market, now, ROAD_TO_DELHI) == 0
    assert path_of(market, order).path_revision == 1


def test_a_package_not_left_takes_another_way_and_another_batch(market, now):
    order = market.served(("MUG", 1))

    assert change_network(market, now, ROAD_TO_DELHI, NO_FLIGHTS) == 1

    assert path_of(market, order).facilities == ("BLR1", "DEL1", "DEL2")
    assert batch_of(market, order).destination == "DEL1"
    assert package_of(market, order).table_version == market.routes.version
    assert history_of(market, order)[-1] == "replanned"
    assert path_of(market, order).health == "red"
    assert market.broken_invariants() == []


def test_a_package_in_the_air_goes_on_from_where_it_lands(market, now):
    order = market.served(("MUG", 1))
    travel(market, order)
    depart(market, order)  # BLR to DEL

    change_network(
        market,
        now,
        "DELETE FROM legs WHERE origin = 'DEL' AND destination = 'DEL1'",
        "INSERT INTO legs (origin, destination, mode, transit_minutes) VALUES ('DEL', 'DEL2', 'road', 90)",
    )

    assert path_of(market, order).facilities == ("BLR1", "BLR", "DEL", "DEL2")
    assert package_of(market, order).status == "in_transit"
    travel_on(market, order)
    assert package_of(market, order).status == "out_for_delivery"
    assert market.broken_invariants() == []


def travel_on(market, order):
    """From the air to its end."""
    forward(market, order, arrive(market, order))
    travel(market, order)


def test_a_package_at_an_airport_that_closes_leaves_it_by_the_best_of_its_legs(market, now):
    order = market.served(("MUG", 1))
    travel(market, order)  # it waits at BLR for its flight
    stays = path_of(market, order)

    assert change_network(market, now, ROAD_TO_DELHI, drain("BLR")) == 0
    assert path_of(market, order) == stays
    assert change_network(market, now, NO_FLIGHTS) == 1

    assert path_of(market, order).facilities == ("BLR1", "BLR", "BLR1", "DEL1", "DEL2")
    assert batch_of(market, order).destination == "BLR1"
    assert market.broken_invariants() == []


def test_a_package_on_its_way_to_an_airport_that_closes_leaves_it_as_well(market, now):
    order = market.served(("MUG", 1))
    depart(market, order)

    change_network(market, now, ROAD_TO_DELHI, drain("BLR"), NO_FLIGHTS)

    assert path_of(market, order).facilities == ("BLR1", "BLR", "BLR1", "DEL1", "DEL2")
    travel_on(market, order)
    travel(market, order, hops=2)
    assert package_of(market, order).status == "out_for_delivery"
    assert market.broken_invariants() == []


def test_a_package_not_left_avoids_an_airport_that_closes(market, now):
    order = market.served(("MUG", 1))

    change_network(market, now, ROAD_TO_DELHI, drain("BLR"))

    assert path_of(market, order).facilities == ("BLR1", "DEL1", "DEL2")


def test_a_package_not_left_that_has_no_way_any_more_is_back_on_the_shelf(market, now):
    order = market.served(("MUG", 2))

    change_network(market, now, NO_FLIGHTS)

    assert package_of(market, order).status == "returned"
    assert market.level("BLR1") == (10, 0)
    assert market.broken_invariants() == []


def test_a_package_whose_destination_is_cut_off_returns_to_its_origin(market, now):
    order = market.served(("MUG", 2))
    travel(market, order)

    change_network(market, now, NO_FLIGHTS)

    package = package_of(market, order)
    assert (package.status, package.destination_fc_code) == ("returning", "BLR1")
    travel(market, order)
    assert package_of(market, order).status == "returned"
    assert market.level("BLR1") == (10, 0)
    assert market.broken_invariants() == []


def test_a_package_is_taken_back_by_the_tables_in_force_whatever_a_process_knows(
    market, now, monkeypatch
):
    order = market.served(("MUG", 2))
    depart(market, order)
    monkeypatch.setattr(routes, "READ_AGAIN_SECONDS", 3600)
    assert current_routes(market.documents).version == 1
    for statement in (ROAD_TO_DELHI, NO_FLIGHTS):
        market.conn.execute(statement)
    version = rebuild(market, now)

    market.recall(order)

    assert package_of(market, order).table_version == version == 2


def test_no_batch_is_opened_to_a_hub_that_was_deleted(market, now):
    order = market.served(("MUG", 2))
    depart(market, order)
    at = arrive(market, order)
    network_changes.delete_hub(market.conn, "DEL", now)  # nothing is there or on its way yet

    with pytest.raises(Unavailable):
        forward(market, order, at)

    assert batch_of(market, order).destination == "BLR"  # by which it came
    know(market, rebuild(market, now))
    forward(market, order, at)
    assert batch_of(market, order).destination == "BLR1"
    assert path_of(market, order).facilities == ("BLR1", "BLR", "BLR1")
    assert market.broken_invariants() == []


def test_a_package_with_nowhere_to_go_is_kept_and_goes_on_when_a_way_opens(market, now):
    order = market.served(("MUG", 2))
    depart(market, order)
    change_network(market, now, "DELETE FROM legs WHERE origin = 'BLR' OR destination = 'BLR'")
    assert history_of(market, order)[-1] == "stranded"
    assert (
        packages.replan_range(market.conn, market.documents, market.routes, None, None, now) == 0
    )  # known by now
    at = arrive(market, order)
    assert not forward(market, order, at)
    assert market.broken_invariants() == []

    change_network(
        market,
        at,
        "INSERT INTO legs (origin, destination, mode, transit_minutes) VALUES ('BLR', 'BLR1', 'road', 30)",
    )

    assert path_of(market, order).facilities == ("BLR1", "BLR", "BLR1")
    travel(market, order)
    assert package_of(market, order).status == "returned"
    assert market.level("BLR1") == (10, 0)


def test_what_returns_to_an_fc_that_is_gone_goes_to_the_nearest_one(market, now):
    order = market.served(("MUG", 2))
    travel(market, order, hops=4)
    market.recall(order)  # it waits at DEL2 to return to BLR1

    change_network(market, now, drain("BLR1"))

    assert package_of(market, order).status == "returned"
    assert market.level("DEL2") == (2, 0)
    assert market.broken_invariants() == []


def test_what_returns_to_an_fc_that_is_gone_flies_where_its_airport_has_no_fc_of_its_own(
    market, now
):
    order = market.served(("MUG", 2))
    travel(market, order)  # it waits at BLR for its flight

    change_network(market, now, drain("DEL2"), drain("BLR1"), drain("BLR2"))

    package = package_of(market, order)
    assert (package.status, package.destination_fc_code) == ("returning", "DEL1")
    assert path_of(market, order).facilities == ("BLR1", "BLR", "DEL", "DEL1")
    assert market.broken_invariants() == []


def test_what_returns_from_an_airport_that_closes_leaves_it_for_the_nearest_fc(market, now):
    order = market.served(("MUG", 2))
    travel(market, order)

    change_network(market, now, drain("BLR"), drain("DEL2"), drain("BLR1"))

    package = package_of(market, order)
    assert (package.status, package.destination_fc_code) == ("returning", "DEL1")
    assert path_of(market, order).facilities == ("BLR1", "BLR", "DEL", "DEL1")
    assert market.broken_invariants() == []


def test_what_can_leave_a_closing_fc_for_nowhere_is_put_on_its_shelf(market, now):
    order = market.served(("MUG", 2))
    travel(market, order, hops=3)  # it waits at DEL1 for DEL2

    change_network(market, now, *map(drain, ("DEL1", "DEL2", "BLR1", "BLR2")))

    assert package_of(market, order).status == "returned"
    assert market.level("DEL1") == (2, 0)
    assert market.broken_invariants() == []


def test_a_package_in_a_closing_fc_keeps_its_path_though_a_faster_one_is_there_by_now(market, now):
    order = market.served(("MUG", 1))
    road = "INSERT INTO legs (origin, destination, mode, transit_minutes) VALUES ('BLR1', 'DEL1', 'road', 5)"

    assert change_network(market, now, road, drain("BLR1")) == 0
    assert path_of(market, order).facilities == ("BLR1", "BLR", "DEL", "DEL1", "DEL2")


def test_a_package_on_a_sealed_manifest_to_the_closing_fc_it_is_for_is_delivered_from_there(
    market, now
):
    order = market.served(("MUG", 1))
    travel(market, order, hops=3)
    close(market, order)  # from DEL1 to DEL2, which serves its pincode

    assert change_network(market, now, drain("DEL2")) == 0

    travel(market, order)
    package = package_of(market, order)
    assert (package.status, package.at_facility) == ("out_for_delivery", "DEL2")
    assert market.broken_invariants() == []


def test_a_package_whose_pincode_moves_to_where_it_is_goes_out_for_delivery_there(market, now):
    order = market.served(("MUG", 1))
    travel(market, order, hops=3)  # it waits at DEL1 for DEL2
    pincode = pincode_of(market.network, "DEL2")

    change_network(
        market,
        now,
        "DELETE FROM pincode_ranges WHERE fc_code = 'DEL2'",
        f"INSERT INTO pincode_ranges (fc_code, pincodes) VALUES ('DEL1', int4range({pincode}, {pincode + 100}))",
        drain("DEL2"),
    )

    package = package_of(market, order)
    assert (package.status, package.at_facility) == ("out_for_delivery", "DEL1")
    assert market.broken_invariants() == []


def move_pincodes(origin, destination):
    """What one FC served, another does."""
    return f"UPDATE pincode_ranges SET fc_code = '{destination}' WHERE fc_code = '{origin}'"


def test_a_package_whose_pincode_moves_to_its_own_fc_goes_out_from_there_with_its_stock(
    market, now
):
    order = market.served(("MUG", 2))

    assert change_network(market, now, move_pincodes("DEL2", "BLR1"), drain("DEL2")) == 1

    package = package_of(market, order)
    assert (package.status, package.at_facility) == ("out_for_delivery", "BLR1")
    assert market.level("BLR1") == (8, 0)
    assert batch_of(market, order) is None
    assert market.broken_invariants() == []


def test_a_package_whose_pincode_moves_to_its_own_fc_waits_there_until_its_order_is_confirmed(
    market, now
):
    order = market.an_order(("MUG", 2))
    market.reserve(order)
    market.plan(order)

    assert change_network(market, now, move_pincodes("DEL2", "BLR1"), drain("DEL2")) == 1

    assert package_of(market, order).status == "planned"
    assert market.level("BLR1") == (10, 2)
    assert market.broken_invariants() == []
    market.confirm(order)
    assert package_of(market, order).status == "out_for_delivery"
    assert market.level("BLR1") == (8, 0)
    assert market.broken_invariants() == []


def test_replanning_twice_changes_nothing_more(market, now):
    order = market.served(("MUG", 1))
    change_network(market, now, ROAD_TO_DELHI, NO_FLIGHTS)
    version = package_of(market, order).version

    again = packages.replan_range(market.conn, market.documents, market.routes, None, None, now)

    assert (again, package_of(market, order).version) == (0, version)


def test_a_package_that_can_not_be_planned_anew_holds_up_no_other(market, now, monkeypatch):
    monkeypatch.setattr(packages, "LOOKED_AT_ONCE_MAX", 2)
    orders = [market.served(("MUG", 1)) for _ in range(4)]
    stuck, *others = sorted(orders, key=lambda order: package_id_of(order.order_id, "BLR1"))
    nowhere = "UPDATE packages SET status = 'in_transit', at_facility = NULL WHERE package_id = %s"
    unloaded = "DELETE FROM batch_packages WHERE package_id = %s"
    for statement in (nowhere, unloaded):
        market.conn.execute(statement, [package_id_of(stuck.order_id, "BLR1")])

    with pytest.raises(AssertionError):
        change_network(market, now, ROAD_TO_DELHI, NO_FLIGHTS)

    assert {batch_of(market, order).destination for order in others} == {"DEL1"}


def test_replanning_looks_at_its_range_only(market, now):
    orders = [market.served(("MUG", 1)) for _ in range(4)]
    ids = sorted(package_id_of(order.order_id, "BLR1") for order in orders)
    for statement in (ROAD_TO_DELHI, NO_FLIGHTS):
        market.conn.execute(statement)
    know(market, rebuild(market, now))
    replan = partial(packages.replan_range, market.conn, market.documents, market.routes, now=now)

    assert [replan(ids[0], ids[2]), replan(None, ids[0]), replan(ids[2], None)] == [2, 1, 1]


def test_a_package_keeps_the_budget_it_has_left(market, now):
    order = market.served(("MUG", 1))
    travel(market, order, hops=3)  # at DEL1, one leg from the airport

    assert package_of(market, order).budget == path_of(market, order).current_stop.budget
    assert package_of(market, order).budget == HOP_LIMIT - 1


def test_replanning_while_batches_close_and_orders_are_recalled_loses_nothing(
    market, inventory_dsn, now
):
    market.put_stock("BLR1", "MUG", TRIALS)
    market.conn.execute(ROAD_TO_DELHI)
    orders = [market.served(("MUG", 1)) for _ in range(TRIALS)]
    batch = batch_of(market, orders[0])
    market.conn.execute(NO_FLIGHTS)
    know(market, rebuild(market, now))

    def recall_some(conn):
        return sum(market.on(conn).recall(order) for order in orders[::3])

    answers = run_together(
        inventory_dsn,
        lambda conn: packages.replan_range(conn, market.documents, market.routes, None, None, now),
        partial(_close_on, batch),
        recall_some,
    )

    assert not [answer for answer in answers if isinstance(answer, Exception)]
    for order in orders[::3]:
        market.release(order)
    packages.replan_range(market.conn, market.documents, market.routes, None, None, now)
    assert market.broken_invariants() == []
    for order in orders:
        is_over = package_of(market, order).status in ("cancelled", "returned")
        assert (batch_of(market, order) is None) == is_over


# The documents


def test_an_older_path_never_overwrites_a_newer_one(market, documents):
    order = market.served(("MUG", 1))
    old = path_of(market, order)
    new = old.model_copy(update={"version": old.version + 1, "status": "in_transit"})

    assert package_paths.put(documents, new)
    assert not package_paths.put(documents, old)
    package_paths.put_many(documents, [old])

    assert path_of(market, order) == new


def test_a_path_of_a_change_that_was_not_committed_is_overwritten_by_the_next(market, documents):
    order = market.served(("MUG", 1))
    path = path_of(market, order)
    lost = path.model_copy(update={"version": path.version + 1, "status": "lost"})
    package_paths.put(documents, lost)

    market.recall(order)

    assert path_of(market, order).status == "cancelled"


def test_a_path_is_read_as_it_was_written(market, documents):
    order = market.served(("MUG", 1))
    path = path_of(market, order)

    package_paths.put(documents, path)

    assert path_of(market, order) == path
    assert package_paths.by_order(documents, order.order_id) == [path]


def test_the_log_of_an_order_has_each_event_once(documents, now):
    first, second, order_id = uuid4(), uuid4(), uuid4()
    order_log.append(documents, second, order_id, "OrderConfirmed", {}, now + timedelta(minutes=1))
    for _ in range(2):
        order_log.append(documents, first, order_id, "OrderPlaced", {"lines": 2}, now)

    assert [(each.what, each.at) for each in order_log.of_order(documents, order_id)] == [
        ("OrderPlaced", now),
        ("OrderConfirmed", now + timedelta(minutes=1)),
    ]
