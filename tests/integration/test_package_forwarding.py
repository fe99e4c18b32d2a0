"""What becomes of a batch's packages where it arrived: on real stores and real route tables."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from fulfillment_app.chalicelib.services import batches, facilities, forwarding, line_haul
from fulfillment_app.chalicelib.services.forwarding import GROUPS_MAX
from fulfillment_app.chalicelib.services.line_haul import Missing
from online_kart.domain.batches import SendUnits
from online_kart.domain.errors import BatchStatusConflict, NotFound
from online_kart.inventory_db import deliveries, manifests
from tests.freight import (
    BY_AIR,
    BY_ROAD,
    SKU,
    Shop,
    arrived,
    batch_of,
    broken_invariants,
    build_routes,
    departed,
    forwarded,
    history_of,
    level_at,
    package_of,
    path_of,
    put_package,
    put_shop,
)
from tests.identity import ADMIN
from tests.together import run_together

LATER = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""After what leaves at first has arrived, and before the next departures."""


@pytest.fixture
def shop(inventory_db, documents, now) -> Shop:
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    return shop


def forward(shop, batch, package_id, conn=None):
    return forwarding.forward(conn or shop.conn, shop.documents, batch.batch_id, package_id, LATER)


def finish(shop, batch):
    return forwarding.finish(shop.conn, batch.batch_id, 1, LATER)


def test_a_package_goes_on_in_the_batch_of_its_next_leg_once_it_was_handled(shop):
    package_id = put_package(shop, BY_AIR)
    first = arrived(shop, batch_of(shop.conn, package_id))

    assert forward(shop, first, package_id)

    onward = batches.by_id(shop.conn, batch_of(shop.conn, package_id)).batch
    stops = path_of(shop.documents, package_id).stops
    assert (onward.origin, onward.destination, onward.status) == ("BLR", "DEL", "open")
    assert path_of(shop.documents, package_id).ready_to_leave_at("BLR") <= onward.due_at
    assert stops[1].expected_departure_at == onward.due_at
    assert broken_invariants(shop.conn) == []


def test_forwarding_twice_and_at_once_is_forwarding_once(shop, inventory_dsn):
    package_id = put_package(shop, BY_AIR)
    first = arrived(shop, batch_of(shop.conn, package_id))

    def action(conn):
        return forward(shop, first, package_id, conn)

    answers = run_together(inventory_dsn, action, action, action)

    assert sorted(answers) == [False, False, True]
    assert not forward(shop, first, package_id)
    assert broken_invariants(shop.conn) == []


def test_at_its_last_fc_a_package_goes_out_for_delivery_once(shop):
    package_id = put_package(shop, BY_ROAD)
    batch = arrived(shop, batch_of(shop.conn, package_id))

    assert forward(shop, batch, package_id)
    assert not forward(shop, batch, package_id)

    (delivery,) = deliveries.listed(shop.conn, ["BLR2"], None, None, 10)
    assert (delivery.fc_code, delivery.status, delivery.attempt) == ("BLR2", "out", 1)
    assert delivery.expected_on == package_of(shop.conn, package_id).promise_date
    assert package_of(shop.conn, package_id).status == "out_for_delivery"
    assert path_of(shop.documents, package_id).status == "out_for_delivery"
    assert broken_invariants(shop.conn) == []


def test_a_batch_is_through_when_its_last_package_went_on(shop):
    one, other = put_package(shop, BY_AIR), put_package(shop, BY_AIR)
    batch = arrived(shop, batch_of(shop.conn, one))
    forward(shop, batch, one)

    early = finish(shop, batch)
    forward(shop, batch, other)
    outcomes = [finish(shop, batch) for _ in range(2)]

    assert (early.state, early.until) == ("arrived", LATER + forwarding.LOOKED_AFTER_AGAIN)
    assert [outcome.state for outcome in outcomes] == ["finished", "finished"]
    found = batches.by_id(shop.conn, batch.batch_id)
    assert found.batch.status == "finished"
    assert found.manifest.package_ids == tuple(sorted((one, other)))
    assert broken_invariants(shop.conn) == []


def test_a_package_goes_from_fc_to_fc_by_two_airports(shop):
    package_id = put_package(shop, BY_AIR)

    for _ in BY_AIR[1:]:
        assert forwarded(shop, batch_of(shop.conn, package_id)).status == "finished"

    assert history_of(shop.conn, package_id) == [
        "planned",
        *["departed", "arrived"] * 3,
        "out_for_delivery",
    ]
    stops = path_of(shop.documents, package_id).stops
    assert [stop.facility for stop in stops] == list(BY_AIR)
    assert all(stop.actual_departure_at for stop in stops[:-1])
    assert all(stop.actual_arrival_at for stop in stops[1:])
    assert shop.conn.execute("SELECT count(*) FROM batches").fetchone() == (0,)
    assert broken_invariants(shop.conn) == []


def test_a_package_whose_way_is_gone_turns_back_and_is_on_the_shelf_again(shop):
    package_id = put_package(shop, BY_AIR, quantity=3)
    batch = arrived(shop, batch_of(shop.conn, package_id))
    facilities.close_hub(shop.conn, "DEL", shop.now)
    build_routes(shop)

    assert not forward(shop, batch, package_id)  # it was turned back, into another batch

    assert package_of(shop.conn, package_id).status == "returning"
    back = batches.by_id(shop.conn, batch_of(shop.conn, package_id)).batch
    assert (back.origin, back.destination) == ("BLR", "BLR1")
    assert broken_invariants(shop.conn) == []

    forwarded(shop, back.batch_id)

    assert package_of(shop.conn, package_id).status == "returned"
    assert level_at(shop, "BLR1") == (1000, 0)
    assert broken_invariants(shop.conn) == []


def test_a_late_repeat_does_not_touch_a_package_that_is_further_on(shop):
    package_id = put_package(shop, BY_AIR)
    first = forwarded(shop, batch_of(shop.conn, package_id))
    second = arrived(shop, batch_of(shop.conn, package_id))

    assert not forward(shop, first, package_id)

    assert batch_of(shop.conn, package_id) == second.batch_id


def test_a_lost_package_holds_up_nothing(shop):
    lost, other = put_package(shop, BY_AIR), put_package(shop, BY_AIR)
    batch = departed(shop, batch_of(shop.conn, lost))
    missing = [Missing(lost, "torn open")]
    line_haul.arrive(shop.conn, shop.documents, ADMIN, batch.batch_id, None, missing, LATER)
    assert manifests.packages_in(shop.conn, batch.batch_id) == [other]

    forward(shop, batch, other)

    assert finish(shop, batch).state == "finished"
    assert broken_invariants(shop.conn) == []


def test_a_batch_that_has_not_arrived_forwards_nothing_and_is_not_through(shop):
    package_id = put_package(shop, BY_AIR)
    batch = departed(shop, batch_of(shop.conn, package_id))

    assert not forward(shop, batch, package_id)
    with pytest.raises(BatchStatusConflict):
        finish(shop, batch)


def test_a_package_nobody_knows_is_not_found(shop):
    with pytest.raises(NotFound):
        forwarding.forward(shop.conn, shop.documents, uuid4(), uuid4(), shop.now)


def test_groups_hold_every_package_once_and_are_at_most_forty(shop):
    package_ids = [put_package(shop, BY_ROAD, quantity=1) for _ in range(41)]
    batch_id = batch_of(shop.conn, package_ids[0])

    groups = forwarding.groups_to_forward(shop.conn, batch_id)

    assert sorted(id_ for group in groups for id_ in group) == sorted(package_ids)
    assert len(groups) == 5 <= GROUPS_MAX
    assert forwarding.groups_to_forward(shop.conn, uuid4()) == []


def test_restocking_units_are_in_stock_where_they_went(shop):
    command = SendUnits(
        transfer_id=uuid4(),
        sku=SKU,
        seller_id=shop.seller_id,
        quantity=40,
        origin="BLR1",
        destination="BLR2",
    )
    batch_id = batches.send_units(shop.conn, ADMIN, command, shop.now).batch_id

    forwarded(shop, batch_id)

    assert level_at(shop, "BLR1") == (960, 0)
    assert level_at(shop, "BLR2") == (40, 0)
    (carried,) = manifests.finished_manifest(shop.conn, batch_id).units
    assert (carried.transfer_id, carried.quantity) == (command.transfer_id, 40)
    assert broken_invariants(shop.conn) == []
