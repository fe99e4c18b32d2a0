"""Changing the network: hubs, FCs, legs, pincode ranges, and all of it at once."""

import threading
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import CheckViolation, ExclusionViolation

from fulfillment_app.chalicelib.services import facilities, pincodes, rebuilds
from online_kart.domain.errors import (
    FacilityExists,
    FacilityInUse,
    InvalidNetwork,
    LegExists,
    NotFound,
    PincodesTaken,
)
from online_kart.domain.facilities import (
    AddFulfillmentCenter,
    AddHub,
    AddLeg,
    ChangeFulfillmentCenter,
    ChangeHub,
    ChangeLeg,
    PincodeChange,
)
from online_kart.domain.network import LegKey, Mode
from online_kart.domain.runs import RunStatus
from online_kart.inventory_db import facilities as facility_store, runs
from tests.builders import a_leg, a_network, an_fc, roads
from tests.networks import HOP_LIMIT, put_network, put_package, two_cities


def an_open_fc(fc_code, *ranges, **changes):
    return AddFulfillmentCenter(
        fc_code=fc_code,
        name=f"FC {fc_code}",
        latitude=12.9,
        longitude=77.5,
        handling_minutes=30,
        pincode_ranges=ranges,
        **changes,
    )


def an_airport(hub_code):
    return AddHub(
        hub_code=hub_code,
        kind="airport",
        name=f"Airport {hub_code}",
        latitude=13.2,
        longitude=77.7,
        handling_minutes=60,
    )


def events(conn):
    return conn.execute("SELECT type, aggregate_id FROM outbox ORDER BY position").fetchall()


def ranges_of(conn, fc_code):
    return pincodes.listed(conn, fc_code, None, 100)


def test_a_change_is_committed_with_the_request_for_its_route_tables(inventory_db, now):
    version = facilities.add_hub(inventory_db, an_airport("BLR"), now)

    assert facilities.hub(inventory_db, "BLR").status == "open"
    assert rebuilds.build_of(inventory_db, version).status == "requested"
    assert events(inventory_db) == [("NetworkChanged", str(version))]


def test_a_refused_change_leaves_no_request_and_no_event(inventory_db, now):
    facilities.add_fulfillment_center(inventory_db, an_open_fc("BLR1", (560001, 560099)), now)
    before = events(inventory_db)

    with pytest.raises(PincodesTaken) as refused:
        facilities.add_fulfillment_center(inventory_db, an_open_fc("BLR2", (560050, 560200)), now)

    assert (refused.value.fc_code, refused.value.first, refused.value.last) == (
        "BLR1",
        560050,
        560099,
    )
    assert events(inventory_db) == before
    with pytest.raises(NotFound):
        facilities.fulfillment_center(inventory_db, "BLR2")


def test_a_code_is_a_hub_or_an_fc_and_only_once(inventory_db, now):
    facilities.add_hub(inventory_db, an_airport("BLR"), now)

    with pytest.raises(FacilityExists):
        facilities.add_fulfillment_center(inventory_db, an_open_fc("BLR"), now)
    with pytest.raises(NotFound):
        facilities.fulfillment_center(inventory_db, "BLR")


def test_only_what_is_given_is_changed(inventory_db, now):
    facilities.add_fulfillment_center(inventory_db, an_open_fc("BLR1"), now)
    before = facilities.fulfillment_center(inventory_db, "BLR1")

    facilities.change_fulfillment_center(
        inventory_db, "BLR1", ChangeFulfillmentCenter(handling_minutes=45), now
    )

    after = facilities.fulfillment_center(inventory_db, "BLR1")
    assert after == before.model_copy(update={"handling_minutes": 45, "version": 2})


def test_a_leg_by_air_joins_hubs_only(inventory_db, now):
    facilities.add_hub(inventory_db, an_airport("BLR"), now)
    facilities.add_fulfillment_center(inventory_db, an_open_fc("BLR1"), now)
    by_air = AddLeg(origin="BLR1", destination="BLR", mode=Mode.AIR, transit_minutes=30)

    with pytest.raises(InvalidNetwork, match="only hub to hub"):
        facilities.add_leg(inventory_db, by_air, now)

    by_road = by_air.model_copy(update={"mode": Mode.ROAD})
    facilities.add_leg(inventory_db, by_road, now)
    with pytest.raises(LegExists):
        facilities.add_leg(inventory_db, by_road, now)


def test_the_database_holds_no_departure_that_nobody_could_read(inventory_db, now):
    facilities.put_network(inventory_db, two_cities(), 4, now)
    for entry in ("25:00", "mon,thu", "mon, thu 06:30", "06:30;", "", None):
        with pytest.raises(CheckViolation, match="departure_times_are_well_formed"):
            inventory_db.execute("UPDATE legs SET departure_times = %s", [["06:30", entry]])
    inventory_db.execute("UPDATE legs SET departure_times = '{06:30,\"mon,thu 21:15:00.5\"}'")


def test_a_leg_needs_both_its_ends(inventory_db, now):
    facilities.add_hub(inventory_db, an_airport("BLR"), now)
    with pytest.raises(NotFound):
        facilities.add_leg(
            inventory_db,
            AddLeg(origin="BLR", destination="BLR1", mode=Mode.ROAD, transit_minutes=30),
            now,
        )


def test_a_leg_is_changed_and_deleted_by_its_ends_and_mode(inventory_db, now):
    put_network(inventory_db, two_cities(), now)
    key = LegKey("BLR", "DEL", Mode.AIR)

    facilities.change_leg(inventory_db, key, ChangeLeg(transit_minutes=150), now)
    assert facilities.leg(inventory_db, key).transit_minutes == 150

    facilities.delete_leg(inventory_db, key, now)
    with pytest.raises(NotFound):
        facilities.delete_leg(inventory_db, key, now)


# -- pincodes


def test_neighbouring_ranges_of_an_fc_become_one(inventory_db, now):
    facilities.add_fulfillment_center(inventory_db, an_open_fc("BLR1", (560001, 560099)), now)

    pincodes.add(inventory_db, "BLR1", PincodeChange(first=560090, last=560150), now)
    pincodes.add(inventory_db, "BLR1", PincodeChange(first=560151, last=560151), now)

    assert ranges_of(inventory_db, "BLR1") == [(560001, 560151)]


def test_a_range_that_another_fc_serves_is_refused_unless_it_is_to_move(inventory_db, now):
    facilities.add_fulfillment_center(inventory_db, an_open_fc("BLR1", (560001, 560099)), now)
    facilities.add_fulfillment_center(inventory_db, an_open_fc("BLR2"), now)
    change = PincodeChange(first=560040, last=560050)

    with pytest.raises(PincodesTaken) as refused:
        pincodes.add(inventory_db, "BLR2", change, now)
    assert refused.value.fc_code == "BLR1"

    pincodes.add(inventory_db, "BLR2", change.model_copy(update={"move": True}), now)
    assert ranges_of(inventory_db, "BLR1") == [(560001, 560039), (560051, 560099)]
    assert ranges_of(inventory_db, "BLR2") == [(560040, 560050)]


def test_a_range_is_taken_out_of_the_middle(inventory_db, now):
    facilities.add_fulfillment_center(inventory_db, an_open_fc("BLR1", (560001, 560099)), now)

    pincodes.remove(inventory_db, "BLR1", 560010, 560020, now)

    assert ranges_of(inventory_db, "BLR1") == [(560001, 560009), (560021, 560099)]
    with pytest.raises(NotFound):
        pincodes.remove(inventory_db, "BLR1", 560010, 560020, now)


def test_of_two_fcs_that_take_a_range_at_once_one_is_refused(inventory_db, inventory_dsn, now):
    for code in ("BLR1", "BLR2"):
        facilities.add_fulfillment_center(inventory_db, an_open_fc(code), now)
    barrier, outcomes = threading.Barrier(2), []

    def take(code: str) -> None:
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            barrier.wait()
            try:
                pincodes.add(conn, code, PincodeChange(first=560001, last=560099), now)
                outcomes.append("served")
            except PincodesTaken:
                outcomes.append("taken")

    threads = [threading.Thread(target=take, args=(code,)) for code in ("BLR1", "BLR2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["served", "taken"]


# -- closing and deleting


def put_stock(conn, fc_code, on_hand, now):
    seller_id = uuid4()
    conn.execute(
        "INSERT INTO sellers (seller_id, name, email, registered_at) VALUES (%s, 'S', %s, %s)",
        [seller_id, f"{seller_id}@example.com", now],
    )
    conn.execute(
        "INSERT INTO item_categories (category_id, name) VALUES ('mugs', 'Mugs') ON CONFLICT DO NOTHING"
    )
    conn.execute(
        """
        INSERT INTO items (sku, category_id, name, weight_grams, registered_by, created_at)
        VALUES ('MUG', 'mugs', 'Mug', 300, %s, %s) ON CONFLICT DO NOTHING
        """,
        [seller_id, now],
    )
    conn.execute(
        "INSERT INTO offers (seller_id, sku, price_paise, updated_at) VALUES (%s, 'MUG', 100, %s)",
        [seller_id, now],
    )
    conn.execute(
        "INSERT INTO stock (fc_code, sku, seller_id, on_hand) VALUES (%s, 'MUG', %s, %s)",
        [fc_code, seller_id, on_hand],
    )


def put_batch(conn, origin, destination, now):
    conn.execute(
        """
        INSERT INTO batches (batch_id, origin, destination, mode, status, due_at, transit_minutes, opened_at)
        VALUES (%s, %s, %s, 'air', 'open', %s, 60, %s)
        """,
        [uuid4(), origin, destination, now, now],
    )


def test_a_closing_facility_is_left_out_of_the_network_but_what_is_there_can_leave(
    inventory_db, now
):
    put_network(inventory_db, two_cities(), now)

    facilities.close_hub(inventory_db, "BLR", now)

    network = facility_store.network(inventory_db)
    assert "BLR" not in network.by_code
    assert not [leg for leg in network.legs if "BLR" in (leg.origin, leg.destination)]
    assert facility_store.status_of(inventory_db, "BLR") == "draining"
    leaving = {leg.destination for leg in facility_store.legs_from(inventory_db, "BLR")}
    assert leaving == {"BLR1", "DEL"}


def test_what_is_drained_is_closed_and_what_holds_something_is_not(inventory_db, now):
    put_network(inventory_db, two_cities(), now)
    put_batch(inventory_db, "BLR", "DEL", now)
    put_package(inventory_db, "DEL1", "BLR1", "BLR2", now)
    put_stock(inventory_db, "DEL2", 3, now)
    for hub_code in ("BLR", "DEL"):
        facilities.close_hub(inventory_db, hub_code, now)
    for fc_code in ("BLR1", "BLR2", "DEL1", "DEL2"):
        facilities.close_fulfillment_center(inventory_db, fc_code, now)

    assert facilities.close_drained(inventory_db, now) == 0, "route tables are not built yet"
    inventory_db.execute("UPDATE route_builds SET status = 'published'")
    assert facilities.close_drained(inventory_db, now) == 1
    assert facilities.fulfillment_center(inventory_db, "DEL1").status == "closed"

    inventory_db.execute("UPDATE stock SET on_hand = 0")
    inventory_db.execute("DELETE FROM batches")
    assert facilities.close_drained(inventory_db, now) == 3  # both hubs, and DEL2
    inventory_db.execute("UPDATE packages SET status = 'delivered'")
    assert facilities.close_drained(inventory_db, now) == 2


@pytest.mark.parametrize("status", ["failed", "building", "superseded"])
def test_nothing_is_closed_while_packages_may_still_be_led_through_it(inventory_db, now, status):
    put_network(inventory_db, two_cities(), now)
    version = facilities.close_hub(inventory_db, "BLR", now)
    inventory_db.execute("UPDATE route_builds SET status = 'published'")

    inventory_db.execute(
        "UPDATE route_builds SET status = %s WHERE version = %s", [status, version]
    )

    assert facilities.close_drained(inventory_db, now) == 0


def test_nothing_is_closed_before_what_is_under_way_was_planned_anew(inventory_db, now):
    put_network(inventory_db, two_cities(), now)
    version = facilities.close_hub(inventory_db, "BLR", now)
    inventory_db.execute("UPDATE route_builds SET status = 'published'")
    run = {"machine": "rebuild_routes", "business_id": f"network-{version}"}
    ends: tuple[RunStatus, ...] = ("failed", "succeeded")
    for revision, end in enumerate(ends, start=1):
        assert runs.insert(inventory_db, **run, revision=revision, input_={}, wall_now=now)
        assert facilities.close_drained(inventory_db, now) == 0
        runs.end(inventory_db, **run, revision=revision, status=end, error=None, wall_now=now)
        assert facilities.close_drained(inventory_db, now) == (end == "succeeded")


def test_a_closed_facility_opens_again(inventory_db, now):
    put_network(inventory_db, two_cities(), now)
    before = facility_store.network(inventory_db)
    facilities.close_hub(inventory_db, "BLR", now)

    facilities.change_hub(inventory_db, "BLR", ChangeHub(status="open"), now)

    assert facility_store.network(inventory_db) == before


def test_deleting_is_refused_with_what_holds_the_facility(inventory_db, now):
    put_network(inventory_db, two_cities(), now)
    put_batch(inventory_db, "BLR", "DEL", now)
    put_package(inventory_db, "DEL1", "DEL2", "DEL2", now, "out_for_delivery")
    put_stock(inventory_db, "DEL2", 3, now)

    with pytest.raises(FacilityInUse) as hub_refused:
        facilities.delete_hub(inventory_db, "DEL", now)
    with pytest.raises(FacilityInUse) as fc_refused:
        facilities.delete_fulfillment_center(inventory_db, "DEL2", now)

    assert hub_refused.value.held_by == {"open_batches": 1}
    assert fc_refused.value.held_by == {"stock_units": 3, "packages": 1}


def test_an_empty_fc_whose_stock_has_a_history_can_be_closed_but_not_deleted(inventory_db, now):
    put_network(inventory_db, two_cities(), now)
    put_stock(inventory_db, "DEL2", 0, now)

    with pytest.raises(FacilityInUse) as refused:
        facilities.delete_fulfillment_center(inventory_db, "DEL2", now)

    assert refused.value.held_by == {"history_of_stock": 1}


def test_an_empty_facility_is_deleted_with_its_legs_and_ranges(inventory_db, now):
    put_network(inventory_db, two_cities(), now)

    facilities.delete_fulfillment_center(inventory_db, "BLR2", now)
    facilities.delete_hub(inventory_db, "DEL", now)

    network = facility_store.network(inventory_db)
    assert set(network.by_code) == {"BLR", "BLR1", "DEL1", "DEL2"}
    assert {leg.destination for leg in network.legs} == {"BLR", "BLR1", "DEL1", "DEL2"}


# -- the whole network


def test_a_network_is_read_as_it_was_put(inventory_db, now):
    network = two_cities()
    put_network(inventory_db, network, now)
    put_network(inventory_db, network, now)

    stored = facility_store.network(inventory_db, HOP_LIMIT)
    assert {leg.key: leg.transit_minutes for leg in stored.legs} == {
        leg.key: leg.transit_minutes for leg in network.legs
    }
    assert {f.code: (f.kind, f.handling_minutes, f.pincode_ranges) for f in stored.facilities} == {
        f.code: (f.kind, f.handling_minutes, f.pincode_ranges) for f in network.facilities
    }


def test_putting_a_network_removes_nothing(inventory_db, now):
    put_network(inventory_db, two_cities(), now)
    before = facility_store.network(inventory_db)

    more = a_network(roads("BLR1", "MYQ1"), an_fc("BLR1"), an_fc("MYQ1", (570001, 570099)))
    put_network(inventory_db, more, now)

    after = facility_store.network(inventory_db)
    assert set(after.by_code) == {*before.by_code, "MYQ1"}
    assert before.by_key.keys() < after.by_key.keys()
    assert after.by_code["BLR1"].pincode_ranges == before.by_code["BLR1"].pincode_ranges


def test_a_range_of_the_file_moves_between_the_files_fcs(inventory_db, now):
    first = a_network([], an_fc("BLR1", (560001, 560099)), an_fc("BLR2", (560100, 560199)))
    put_network(inventory_db, first, now)

    moved = a_network([], an_fc("BLR1", (560001, 560150)), an_fc("BLR2"))
    put_network(inventory_db, moved, now)

    assert ranges_of(inventory_db, "BLR1") == [(560001, 560150)]
    assert ranges_of(inventory_db, "BLR2") == [(560151, 560199)]


def test_a_network_that_takes_pincodes_from_an_fc_it_does_not_have_is_refused(inventory_db, now):
    put_network(inventory_db, a_network([], an_fc("BLR1", (560001, 560099))), now)

    with pytest.raises(PincodesTaken) as refused:
        put_network(inventory_db, a_network([], an_fc("BLR2", (560050, 560060))), now)

    assert refused.value.fc_code == "BLR1"
    assert set(facility_store.network(inventory_db).by_code) == {"BLR1"}


def test_a_network_that_makes_an_fc_a_hub_is_refused_by_its_entry(inventory_db, now):
    put_network(inventory_db, two_cities(), now)
    with pytest.raises(InvalidNetwork) as refused:
        put_network(inventory_db, a_network([a_leg("BLR1", "XX1", 10)], hubs="BLR1"), now)
    assert refused.value.problems == (
        'facilities[1]: "BLR1" is here of kind fc, and can\'t become airport',
    )


def test_a_network_on_paper_with_another_hop_limit_is_refused(inventory_db, now):
    with pytest.raises(InvalidNetwork, match="hop_limit: 7"):
        put_network(inventory_db, a_network([], an_fc("BLR1"), hop_limit=7), now)


def test_the_database_itself_refuses_that_two_fcs_serve_a_pincode(inventory_db, now):
    for fc_code, ranges in (("BLR1", ((560_001, 560_099),)), ("BLR2", ())):
        facilities.add_fulfillment_center(inventory_db, an_open_fc(fc_code, *ranges), now)

    with pytest.raises(ExclusionViolation) as refused:
        inventory_db.execute(
            "INSERT INTO pincode_ranges (fc_code, pincodes) VALUES ('BLR2', int4range(560099, 560200))"
        )

    assert refused.value.diag.constraint_name == "pincode_is_served_once"
