"""A dry run says what a change does: then the change is made, its tables are built, and it has done just that."""

from collections.abc import Callable
from datetime import time, timedelta
from itertools import permutations
from typing import Any

import pytest

from fulfillment_app.chalicelib.services import (
    dry_runs,
    facilities,
    packages,
    pincodes,
    version_differences,
)
from fulfillment_app.chalicelib.services.dry_runs import Change, DryRun, Standing, Subject
from online_kart.documents import route_tables
from online_kart.domain.errors import FacilityInUse, NotFound, PincodesTaken
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
from online_kart.planning import paths, routes
from online_kart.routing.differences import LISTED_MAX
from tests.builders import a_network, an_fc, flights, pincode_of, roads
from tests.freight import BY_AIR, NETWORK, Shop, history_of, put_package, put_shop
from tests.networks import HOP_LIMIT, build, put_network

A_ROAD = LegKey("BLR1", "BLR2", Mode.ROAD)
TO_DEL1 = LegKey("DEL", "DEL1", Mode.ROAD)
A_FLIGHT = LegKey("BLR", "DEL", Mode.AIR)
FREE = (560_001, 560_099)
OF_DEL2 = (pincode_of(NETWORK, "DEL2"), pincode_of(NETWORK, "DEL2") + 9)


def third_city():
    """CCU1 by the airport CCU, which flies to BLR and DEL; EMP1 is empty and by the road to BLR2."""
    legs = [
        *roads("CCU1", "CCU"),
        *roads("CCU", "CCU1"),
        *flights("BLR", "CCU", "DEL", minutes=200),
        *flights("DEL", "CCU", "BLR", minutes=200),
        *roads("BLR2", "EMP1", minutes=15),
        *roads("EMP1", "BLR2", minutes=15),
    ]
    cities = [each for each in NETWORK.facilities if each.code in {"BLR", "DEL", "BLR2"}]
    new = [an_fc("CCU1", (700_001, 700_099)), an_fc("EMP1", (571_000, 571_009))]
    return a_network(legs, *cities, *new, hubs="CCU")


@pytest.fixture
def shop(inventory_db, documents, now) -> Shop:
    """Tables in force, and packages on their ways by air and by road."""
    shop = put_shop(inventory_db, documents, now)
    version = put_network(inventory_db, third_city(), now)
    assert build(inventory_db, documents, version, now) == "published"
    for stops in (BY_AIR, (*BY_AIR[:3], "DEL1", "DEL2"), ("BLR1", "BLR2")):
        put_package(shop, stops)
    return shop


def everything(shop: Shop) -> list[Any]:
    """What a dry run must leave as it is."""
    tables = ("facilities", "hubs", "fulfillment_centers", "legs", "pincode_ranges")
    rows = [shop.conn.execute(f"SELECT * FROM {each} ORDER BY 1, 2").fetchall() for each in tables]
    more = ("SELECT * FROM route_builds", "SELECT position FROM outbox", "SELECT * FROM packages")
    rows += [shop.conn.execute(f"{each} ORDER BY 1").fetchall() for each in more]
    return [*rows, route_tables.current(shop.documents)]


def standing(told: DryRun) -> Standing:
    assert told.standing is not None
    return told.standing


def tried(shop: Shop, change: Change, subject: Subject = None) -> DryRun:
    before = everything(shop)
    told = dry_runs.dry_run(shop.conn, shop.documents, change, subject, HOP_LIMIT, shop.now)
    assert everything(shop) == before
    return told


def made(shop: Shop, change: Change) -> tuple[int, set[Any]]:
    """The version that has the change, and the packages that were planned anew because of it."""
    conn, documents, now = shop.conn, shop.documents, shop.now
    version = change(conn, now)
    assert build(conn, documents, version, now) == "published"
    before = {key: history_of(conn, key) for key in package_ids(shop)}
    in_force = routes.current_routes(documents, at_least=version)
    count = packages.replan_range(conn, documents, in_force, None, None, now)
    replanned = {key for key, known in before.items() if history_of(conn, key) != known}
    assert count == len(replanned)
    return version, replanned


def package_ids(shop: Shop) -> list[Any]:
    return [key for (key,) in shop.conn.execute("SELECT package_id FROM packages").fetchall()]


def check_that_it_does_what_was_said(shop: Shop, change: Change, subject: Subject = None) -> DryRun:
    base = route_tables.current_version(shop.documents)
    told = tried(shop, change, subject)

    version, replanned = made(shop, change)

    did = version_differences.between(shop.documents, base, version, shop.now, LISTED_MAX)
    assert told.difference == did.difference
    assert set(told.packages.hit.first) == replanned
    assert told.packages.hit.count == len(replanned)
    assert told.base_version == base
    return told


CENTER = AddFulfillmentCenter(
    fc_code="MYQ1",
    name="Mysuru",
    latitude=12.3,
    longitude=76.6,
    handling_minutes=30,
    pincode_ranges=(FREE,),
)
AIRPORT = AddHub(
    hub_code="MAA",
    kind="airport",
    name="Chennai",
    latitude=12.9,
    longitude=80.2,
    handling_minutes=60,
)
CHANGES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "add a hub": (facilities.add_hub, (AIRPORT,)),
    "change a hub": (facilities.change_hub, ("DEL", ChangeHub(handling_minutes=600))),
    "rename a hub": (facilities.change_hub, ("DEL", ChangeHub(name="Palam"))),
    "close a hub": (facilities.close_hub, ("DEL",)),
    "close a hub beside the way": (facilities.close_hub, ("CCU",)),
    "add an FC": (facilities.add_fulfillment_center, (CENTER,)),
    "change an FC's cut-off": (
        facilities.change_fulfillment_center,
        ("BLR1", ChangeFulfillmentCenter(cut_off=time(9))),
    ),
    "close an FC": (facilities.close_fulfillment_center, ("DEL1",)),
    "close the last FC": (facilities.close_fulfillment_center, ("DEL2",)),
    "add a leg": (
        facilities.add_leg,
        (AddLeg(origin="EMP1", destination="BLR", mode=Mode.ROAD, transit_minutes=5),),
    ),
    "make a leg slower": (facilities.change_leg, (TO_DEL1, ChangeLeg(transit_minutes=2_000))),
    "give a leg a timetable": (
        facilities.change_leg,
        (A_FLIGHT, ChangeLeg(departure_times=(time(3),))),
    ),
    "delete a leg": (facilities.delete_leg, (A_FLIGHT,)),
    "delete the only leg": (facilities.delete_leg, (A_ROAD,)),
    "add pincodes": (pincodes.add, ("EMP1", PincodeChange(first=571_010, last=571_029))),
    "move pincodes": (
        pincodes.add,
        ("CCU1", PincodeChange(first=OF_DEL2[0], last=OF_DEL2[1], move=True)),
    ),
    "remove pincodes": (pincodes.remove, ("DEL2", *OF_DEL2)),
    "put a network": (
        facilities.put_network,
        (
            a_network(roads("GOI1", "CCU1"), an_fc("CCU1"), an_fc("GOI1", (403_001, 403_099))),
            HOP_LIMIT,
        ),
    ),
    "delete a hub": (facilities.delete_hub, ("CCU",)),
    "delete an FC": (facilities.delete_fulfillment_center, ("EMP1",)),
}


def change_named(name: str) -> Change:
    service, arguments = CHANGES[name]
    return lambda conn, now: service(conn, *arguments, now)


BREAKS_PATHS = [
    "close a hub",
    "close a hub beside the way",
    "close an FC",
    "close the last FC",
    "delete a leg",
    "delete the only leg",
    "remove pincodes",
]


def test_changes_that_break_no_path_do_what_their_dry_runs_said(shop):
    for name in (each for each in CHANGES if each not in BREAKS_PATHS):
        check_that_it_does_what_was_said(shop, change_named(name))


@pytest.mark.parametrize("name", BREAKS_PATHS)
def test_a_change_that_breaks_paths_does_what_its_dry_run_said(shop, name):
    check_that_it_does_what_was_said(shop, change_named(name))


def test_a_dry_run_tells_of_a_hub_that_closes(shop):
    told = tried(shop, change_named("close a hub"), "DEL")

    assert told.reason == "DEL closes"
    assert told.difference.facilities_removed.first == ("DEL",)
    assert told.difference.hubs.without_home_hub.first == ("DEL1", "DEL2")
    assert told.difference.hubs.without_gateway.first == ("DEL1", "DEL2")
    assert told.difference.reach.unreachable_fcs.count == 0, "each still has the other"
    assert told.difference.reach.unreachable.count == 2 * 2 * 4, "with BLR1, BLR2, CCU1, EMP1"
    assert told.packages.hit.count == 2
    assert told.packages.looked_at_count == 3
    assert told.difference.tables.first == ("BLR", "CCU", "DEL", "DEL1", "DEL2")
    assert told.tables_touched_count == 4, "DEL has none any more"
    assert standing(told).held_by == {}
    assert standing(told).is_single_point_of_failure
    assert standing(told).cut_off.first == ("DEL1", "DEL2")
    assert standing(told).says == (
        "DEL is a single point of failure: without it, DEL1, DEL2 would be cut off from the rest."
    )


def test_a_dry_run_tells_what_still_holds_a_facility(shop):
    told = tried(shop, change_named("close the last FC"), "DEL2")

    assert standing(told).held_by == {"packages": 1}
    assert told.difference.pincodes.lost_count == 100
    assert told.difference.reach.unreachable_fcs.count == 0, "it is gone, not unreachable"
    assert not standing(told).is_single_point_of_failure


def test_a_dry_run_tells_of_promise_dates_that_move(shop):
    told = tried(shop, change_named("make a leg slower"), TO_DEL1)

    promises = told.difference.promises
    assert promises.moved_count == sum(promises.by_days.values()) > 0
    assert promises.worst[0].days == max(promises.by_days)
    assert all(each.after > each.before for each in promises.worst)
    assert standing(told).cut_off.first == ("DEL1", "DEL2"), "without any road from DEL to DEL1"


def test_a_leg_with_a_way_around_it_is_no_single_point_of_failure(shop):
    told = tried(shop, change_named("delete a leg"), A_FLIGHT)

    assert not standing(told).is_single_point_of_failure
    assert told.difference.single_points_of_failure_added.count == 0
    assert told.packages.hit.count == 2


def test_a_dry_run_tells_who_gets_pincodes(shop):
    told = tried(shop, change_named("move pincodes"), "CCU1")

    assert [each.model_dump() for each in told.difference.pincodes.ranges.first] == [
        {"first": OF_DEL2[0], "last": OF_DEL2[1], "before": "DEL2", "after": "CCU1"}
    ]
    assert told.difference.pincodes.moved_count == 10


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda conn, now: facilities.delete_fulfillment_center(conn, "DEL2", now), FacilityInUse),
        (lambda conn, now: facilities.close_hub(conn, "XXX", now), NotFound),
        (
            lambda conn, now: pincodes.add(
                conn, "BLR1", PincodeChange(first=OF_DEL2[0], last=OF_DEL2[1]), now
            ),
            PincodesTaken,
        ),
    ],
)
def test_a_dry_run_is_refused_as_the_change_would_be(shop, change, error):
    before = everything(shop)

    with pytest.raises(error) as refused:
        dry_runs.dry_run(shop.conn, shop.documents, change, "DEL2", HOP_LIMIT, shop.now)
    with pytest.raises(error) as in_earnest:
        change(shop.conn, shop.now)

    assert refused.value.facts() == in_earnest.value.facts()
    assert everything(shop) == before


def test_a_dry_run_counts_from_the_network_as_it_is_though_its_tables_are_not_built(shop):
    version = facilities.close_hub(shop.conn, "CCU", shop.now)

    told = tried(shop, change_named("close a hub"))

    assert told.base_version == version
    assert told.difference.facilities_removed.first == ("DEL",)


def test_leg_by_leg_a_package_has_the_promise_date_of_its_whole_path(shop):
    change = ChangeLeg(departure_times=(time(3), time(21)))
    version = facilities.change_leg(shop.conn, A_FLIGHT, change, shop.now)
    assert build(shop.conn, shop.documents, version, shop.now) == "published"
    in_force = routes.current_routes(shop.documents, at_least=version)
    codes = [fc.code for fc in in_force.network.fcs]

    for hours in range(0, 48, 5):
        ordered_at = shop.now + timedelta(hours=hours)
        times = version_differences.OrderTimes(in_force, ordered_at)
        for origin, destination in permutations(codes, 2):
            path = in_force.forwarding(destination).path(origin)
            if path:
                ready_at = times.ready_at(origin)
                for leg in path.legs:
                    ready_at = times.onward(leg.key, ready_at)
                promised = paths.promise_of(in_force, path, ordered_at)
                assert times.promise_date(destination, ready_at) == promised
