"""Hubs, FCs, legs, pincodes, the whole network, route tables and paths, as clients of Easy Fulfillment meet them."""

import json

import pytest

from online_kart.domain.events import NetworkChanged
from tests.builders import pincode_of
from tests.networks import build, two_cities

AN_AIRPORT = {
    "hub_code": "BLR",
    "kind": "airport",
    "name": "Bengaluru airport",
    "latitude": 13.2,
    "longitude": 77.7,
    "handling_minutes": 60,
}
AN_FC = {
    "fc_code": "BLR1",
    "name": "Bengaluru",
    "latitude": 12.9,
    "longitude": 77.5,
    "handling_minutes": 30,
    "pincode_ranges": [[560001, 560099]],
}
A_LEG = {"origin": "BLR1", "destination": "BLR", "mode": "road", "transit_minutes": 50}


def network_file():
    return json.loads(two_cities().model_dump_json())


@pytest.fixture
def built(fulfillment, inventory_db, documents, now):
    """The network of two cities, its tables in force."""
    answer = fulfillment.put("/network", network_file())
    version = answer.json_body["version"]
    assert build(inventory_db, documents, version, now) == "published"
    return version


def accepted(answer):
    """The rebuild's location, of a change that was accepted."""
    assert answer.status_code == 202, answer.body
    assert answer.headers["Location"] == answer.json_body["rebuild"]
    return answer.headers["Location"]


def refused(answer, status, problem):
    assert answer.status_code == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json_body["type"] == f"urn:kart:problem:{problem}"
    return answer.json_body


def test_a_hub_is_added_seen_changed_closed_opened_and_deleted(fulfillment):
    location = accepted(fulfillment.post("/hubs", AN_AIRPORT))
    assert fulfillment.get(location).json_body["status"] == "requested"
    assert fulfillment.get("/hubs/BLR").json_body["time_zone"] == "Asia/Kolkata"

    accepted(fulfillment.patch("/hubs/BLR", {"handling_minutes": 90}))
    assert fulfillment.get("/hubs/BLR").json_body["handling_minutes"] == 90

    accepted(fulfillment.post("/hubs/BLR/closure", {}))
    assert fulfillment.get("/hubs/BLR").json_body["status"] == "draining"
    accepted(fulfillment.patch("/hubs/BLR", {"status": "open"}))
    assert fulfillment.get("/hubs/BLR").json_body["status"] == "open"

    accepted(fulfillment.delete("/hubs/BLR"))
    refused(fulfillment.get("/hubs/BLR"), 404, "NotFound")


def test_an_fc_is_added_seen_changed_closed_and_deleted(fulfillment):
    accepted(fulfillment.post("/fulfillment-centers", AN_FC))
    fc = fulfillment.get("/fulfillment-centers/BLR1").json_body
    assert (fc["cut_off"], fc["capacity_units"], fc["home_hub_code"]) == ("18:00:00", 100_000, None)

    accepted(fulfillment.patch("/fulfillment-centers/BLR1", {"cut_off": "16:30"}))
    assert fulfillment.get("/fulfillment-centers/BLR1").json_body["cut_off"] == "16:30:00"
    accepted(fulfillment.post("/fulfillment-centers/BLR1/closure", {}))
    assert fulfillment.get("/fulfillment-centers/BLR1").json_body["status"] == "draining"
    accepted(fulfillment.delete("/fulfillment-centers/BLR1"))
    refused(fulfillment.get("/fulfillment-centers/BLR1"), 404, "NotFound")


def test_a_facility_that_exists_is_not_added_again(fulfillment):
    accepted(fulfillment.post("/hubs", AN_AIRPORT))
    assert refused(fulfillment.post("/hubs", AN_AIRPORT), 409, "FacilityExists")["code"] == "BLR"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hub_code", "blr"),
        ("kind", "fc"),
        ("latitude", 91),
        ("handling_minutes", -1),
        ("time_zone", "Asia/Bangalore-ish"),
        ("runway", 2),
    ],
)
def test_a_malformed_hub_is_refused_by_its_field(fulfillment, field, value):
    answer = fulfillment.post("/hubs", {**AN_AIRPORT, field: value})
    problem = refused(answer, 422, "InvalidFields")
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "/hubs/XXX", {"name": "?"}),
        ("post", "/hubs/XXX/closure", {}),
        ("delete", "/hubs/XXX", None),
        ("delete", "/hubs/BLR1", None),  # an FC is no hub
        ("patch", "/fulfillment-centers/XXX", {"name": "?"}),
        ("post", "/fulfillment-centers/XXX/closure", {}),
        ("delete", "/fulfillment-centers/XXX", None),
        ("get", "/fulfillment-centers/XXX/pincodes", None),
        ("post", "/fulfillment-centers/XXX/pincodes", {"first": 560001, "last": 560001}),
        ("delete", "/fulfillment-centers/XXX/pincodes?first=560001&last=560001", None),
        ("get", "/legs/BLR1/XXX/road", None),
        ("patch", "/legs/BLR1/XXX/road", {"transit_minutes": 3}),
        ("delete", "/legs/BLR1/XXX/road", None),
        ("delete", "/legs?origin=BLR1&destination=XXX&mode=road", None),
        ("get", "/route-tables/rebuilds/99", None),
    ],
)
def test_what_is_not_there_is_not_found(fulfillment, method, path, body):
    accepted(fulfillment.post("/fulfillment-centers", AN_FC))
    call = getattr(fulfillment, method)
    refused(call(path) if body is None else call(path, body), 404, "NotFound")


def test_lists_come_in_pages(fulfillment):
    accepted(fulfillment.put("/network", network_file()))
    for path, key, count in (
        ("/fulfillment-centers", "fc_code", 4),
        ("/hubs", "hub_code", 2),
        ("/legs", "origin", 10),
    ):
        seen, cursor = [], ""
        while cursor is not None:
            page = fulfillment.get(f"{path}?limit=1{cursor and '&cursor=' + cursor}").json_body
            assert len(page["items"]) == 1
            seen += page["items"]
            cursor = page["next_cursor"]
        assert len(seen) == count
        assert [each[key] for each in seen] == sorted(each[key] for each in seen)
    from_hub = fulfillment.get("/legs?origin=BLR").json_body["items"]
    assert [(leg["destination"], leg["mode"]) for leg in from_hub] == [
        ("BLR1", "road"),
        ("DEL", "air"),
    ]


def test_a_leg_is_added_seen_changed_and_deleted(fulfillment):
    accepted(fulfillment.post("/hubs", AN_AIRPORT))
    accepted(fulfillment.post("/fulfillment-centers", AN_FC))
    accepted(fulfillment.post("/legs", A_LEG))
    refused(fulfillment.post("/legs", A_LEG), 409, "LegExists")
    refused(fulfillment.post("/legs", {**A_LEG, "mode": "air"}), 422, "InvalidNetwork")

    accepted(fulfillment.patch("/legs/BLR1/BLR/road", {"departure_times": ["06:00", "18:00"]}))
    leg = fulfillment.get("/legs/BLR1/BLR/road").json_body
    assert (leg["transit_minutes"], leg["departure_times"]) == (50, ["06:00:00", "18:00:00"])
    by_weekday = {"departure_times": ["thu,mon 21:15", "06:30"]}
    accepted(fulfillment.patch("/legs/BLR1/BLR/road", by_weekday))
    leg = fulfillment.get("/legs/BLR1/BLR/road").json_body
    assert leg["departure_times"] == ["mon,thu 21:15:00", "06:30:00"]
    problem = refused(
        fulfillment.patch("/legs/BLR1/BLR/road", {"departure_times": ["06:30", "monday 7:00"]}),
        *(422, "InvalidFields"),
    )
    assert [error["field"] for error in problem["errors"]] == ["departure_times.1"]

    accepted(fulfillment.delete("/legs?origin=BLR1&destination=BLR&mode=road"))
    refused(fulfillment.delete("/legs/BLR1/BLR/road"), 404, "NotFound")


def test_pincodes_are_added_moved_listed_and_removed(fulfillment):
    accepted(fulfillment.post("/fulfillment-centers", AN_FC))
    accepted(
        fulfillment.post("/fulfillment-centers", {**AN_FC, "fc_code": "BLR2", "pincode_ranges": []})
    )
    path, change = "/fulfillment-centers/BLR2/pincodes", {"first": 560050, "last": 560120}

    taken = refused(fulfillment.post(path, change), 409, "PincodesTaken")
    assert (taken["fc_code"], taken["first"], taken["last"]) == ("BLR1", 560050, 560099)
    accepted(fulfillment.post(path, {**change, "move": True}))
    accepted(fulfillment.delete(f"{path}?first=560100&last=560110"))

    assert fulfillment.get(path).json_body["items"] == [
        {"first": 560050, "last": 560099},
        {"first": 560111, "last": 560120},
    ]
    page = fulfillment.get(f"{path}?limit=1").json_body
    rest = fulfillment.get(f"{path}?limit=1&cursor={page['next_cursor']}").json_body
    assert rest == {"items": [{"first": 560111, "last": 560120}], "next_cursor": None}
    backward = fulfillment.post(path, {"first": 560120, "last": 560050})
    refused(backward, 422, "InvalidFields")
    refused(fulfillment.delete(f"{path}?first=560120&last=560050"), 422, "InvalidFields")


def test_a_network_that_breaks_a_rule_is_refused_by_its_entries(fulfillment):
    file = network_file()
    file["legs"][0]["destination"] = "XXX"
    file["legs"][1]["transit_minutes"] = "50"

    problem = refused(fulfillment.put("/network", file), 422, "InvalidNetwork")
    assert [each.split(":")[0] for each in problem["problems"]] == ["legs[1].transit_minutes"]
    file["legs"][1]["transit_minutes"] = 50
    problem = refused(fulfillment.put("/network", file), 422, "InvalidNetwork")
    assert problem["problems"][0].startswith('legs[0]: destination "XXX"')

    lower = {**file, "legs": [], "facilities": [{**file["facilities"][0], "code": "blr-1"}]}
    problem = refused(fulfillment.put("/network", lower), 422, "InvalidNetwork")
    assert problem["problems"][0].startswith('facilities[0].code: "blr-1"')
    assert fulfillment.get("/fulfillment-centers").json_body["items"] == []


def test_each_change_tells_the_bus_once(fulfillment, inventory_db):
    accepted(fulfillment.put("/network", network_file()))
    accepted(fulfillment.post("/route-tables/rebuilds", {"reason": "a try"}))

    rows = inventory_db.execute("SELECT payload FROM outbox ORDER BY position").fetchall()
    told = [NetworkChanged.model_validate(payload) for (payload,) in rows]
    assert [(each.version, each.reason) for each in told] == [
        (1, "a network of 6 facilities was put"),
        (2, "a try"),
    ]


def test_rebuilds_are_listed_newest_first(fulfillment):
    for _ in range(3):
        accepted(fulfillment.post("/route-tables/rebuilds", {}))

    page = fulfillment.get("/route-tables/rebuilds?limit=2").json_body
    rest = fulfillment.get(f"/route-tables/rebuilds?limit=2&cursor={page['next_cursor']}").json_body

    versions = [build["version"] for build in page["items"] + rest["items"]]
    assert versions == [3, 2, 1]
    assert page["items"][0]["reason"] == "asked for"
    refused(fulfillment.get("/route-tables/rebuilds/first"), 422, "InvalidRequest")


def test_a_route_table_reads_as_rows(fulfillment, built):
    table = fulfillment.get("/route-tables/BLR1").json_body

    assert (table["facility"], table["kind"], table["version"], table["home_hub"]) == (
        "BLR1",
        "fc",
        built,
        "BLR",
    )
    assert table["items"] == [
        {
            "kind": "route",
            "destination": "BLR2",
            "next_hop": "BLR2",
            "mode": "road",
            "hops": 1,
            "minutes": 70,
            "pin_ranges": [[110100, 110199]],
        },
        {
            "kind": "default",
            "destination": "BLR",
            "next_hop": "BLR",
            "mode": "road",
            "hops": 1,
            "minutes": 60,
            "pin_ranges": [],
        },
    ]
    hub = fulfillment.get("/route-tables/BLR").json_body
    assert [(row["kind"], row["destination"], row["pin_ranges"]) for row in hub["items"]] == [
        ("route", "BLR1", [[110000, 110099]]),
        ("route", "BLR2", [[110100, 110199]]),
        ("hub", "DEL", [[110200, 110399]]),
    ]
    refused(fulfillment.get("/route-tables/XXX"), 404, "NotFound")


def test_the_pages_of_a_table_are_of_one_version(fulfillment, inventory_db, documents, now, built):
    page = fulfillment.get("/route-tables/BLR?limit=2").json_body
    accepted(fulfillment.patch("/legs/BLR/DEL/air", {"transit_minutes": 10}))
    build(inventory_db, documents, built + 1, now)

    rest = fulfillment.get(f"/route-tables/BLR?limit=2&cursor={page['next_cursor']}").json_body

    assert rest["version"] == built
    assert [(row["destination"], row["minutes"]) for row in rest["items"]] == [("DEL", 200)]


def test_a_path_is_shown_with_its_stops_and_why(fulfillment, built):
    pincode = pincode_of(two_cities(), "DEL2")
    path = fulfillment.get(f"/paths?from=BLR1&to_pincode={pincode}").json_body

    assert (path["destination"], path["minutes"], path["hops"]) == ("DEL2", 390, 4)
    assert path["table_version"] == built
    assert [(s["facility"], s["minutes"], s["budget"]) for s in path["stops"]] == [
        ("BLR1", 0, 4),
        ("BLR", 60, 4),
        ("DEL", 260, 4),
        ("DEL1", 310, 3),
        ("DEL2", 390, 2),
    ]
    assert [leg["mode"] for leg in path["legs"]] == ["road", "air", "road", "road"]
    assert path["ways"] == [{"minutes": 390, "hops": 4, "next_hop": "BLR", "hub": "BLR"}]


def test_a_path_by_land_is_chosen_over_the_one_by_hub(fulfillment, built):
    pincode = pincode_of(two_cities(), "BLR2")
    path = fulfillment.get(f"/paths?from=BLR1&to_pincode={pincode}").json_body

    assert [(way["hub"], way["minutes"]) for way in path["ways"]] == [(None, 70), ("BLR", 190)]
    assert path["minutes"] == 70


def test_a_path_says_why_it_is_this_one_with_the_times_of_an_order_of_now(fulfillment, built):
    """Now is Monday, 2 March 2026, 10:00 in India."""
    pincode = pincode_of(two_cities(), "BLR2")
    why = fulfillment.get(f"/paths?from=BLR1&to_pincode={pincode}").json_body["why"]

    land, by_hub = why["candidates"]
    assert (why["chosen"], land["minutes"], land["hops"]) == ("land", 70, 1)
    assert (by_hub["minutes"], by_hub["gateway"], by_hub["home_hub"]) == (190, "BLR", "BLR")
    (leg,) = why["legs"]
    times = [leg[f"{part}_minutes"] for part in ("handling", "waiting", "transit")]
    assert (times, leg["budget_after"]) == ([30, 89, 40], 3)  # the clock runs on: less than 90
    assert leg["departs_at"] == "2026-03-02T06:30:00Z"
    assert leg["arrives_at"] == "2026-03-02T07:10:00Z"
    assert (why["handled_at"], why["promise_date"]) == ("2026-03-02T07:40:00Z", "2026-03-03")


def test_a_path_at_an_instant_counts_the_waiting(fulfillment, inventory_db, documents, built, now):
    """The flight takes 170 minutes on Mondays; a truck between the airports takes ten hours every day."""
    trunk = {"origin": "BLR", "destination": "DEL", "mode": "road", "transit_minutes": 600}
    accepted(fulfillment.post("/legs", trunk))
    accepted(fulfillment.patch("/legs/BLR/DEL/air", {"departure_times": ["mon 06:00"]}))
    assert build(inventory_db, documents, built + 2, now) == "published"
    query = f"/paths?from=BLR1&to_pincode={pincode_of(two_cities(), 'DEL1')}"

    by_tables = fulfillment.get(query).json_body
    assert by_tables["table_version"] == built + 2
    assert [leg["mode"] for leg in by_tables["legs"]] == ["road", "air", "road"]
    assert by_tables["why"]["promise_date"] == "2026-03-10"

    for plus in ("%2B", "+"):  # as a URL has it, and as people write it
        path = fulfillment.get(f"{query}&depart_at=2026-03-02T10:00:00{plus}05:30").json_body
        assert [leg["mode"] for leg in path["legs"]] == ["road", "road", "road"]
        assert path["minutes"] == 740
        why = path["why"]
        assert (why["chosen"], why["candidates"][1]["minutes"]) == ("timetable", 310)
        assert [leg["waiting_minutes"] for leg in why["legs"]] == [90, 180, 90]
        assert (why["starts_at"], why["promise_date"]) == (
            "2026-03-02T10:00:00+05:30",
            "2026-03-04",
        )


def test_at_an_instant_a_path_has_a_time_zone(fulfillment, built):
    query = f"/paths?from=BLR1&to_pincode={pincode_of(two_cities(), 'DEL1')}&depart_at="
    for instant in (
        "",
        "soon",
        "2026-03-02T10:00:00",
        "2026-03-02",
        "1772422200",
        "0001-01-01T00:00Z",
    ):
        problem = refused(fulfillment.get(query + instant), 422, "InvalidFields")
        assert [error["field"] for error in problem["errors"]] == ["depart_at"]


def test_a_path_from_the_fc_that_serves_the_pincode_is_there_at_once(fulfillment, built):
    pincode = pincode_of(two_cities(), "BLR1")
    path = fulfillment.get(f"/paths?from=BLR1&to_pincode={pincode}").json_body
    assert (path["legs"], path["why"]["chosen"], path["why"]["candidates"]) == ([], "here", [])
    assert path["why"]["promise_date"] == "2026-03-03"


def test_a_path_that_there_is_not_says_why(fulfillment, built):
    pincode = pincode_of(two_cities(), "DEL2")
    refused(fulfillment.get("/paths?from=BLR1&to_pincode=999999"), 409, "NotServed")
    refused(fulfillment.get(f"/paths?from=XXX&to_pincode={pincode}"), 404, "NotFound")
    path = f"/paths?from=BLR2&to_pincode={pincode}&budget=1"
    for query in (path, f"{path}&depart_at=2026-03-02T04:30:00Z"):
        problem = refused(fulfillment.get(query), 409, "NoRoute")
        assert [each["why_not"] for each in problem["candidates"]] == [
            "no way leads there by land in 4 legs",
            "the nearest hub is 2 legs away, and 1 are left",
        ]
    refused(fulfillment.get("/paths?from=BLR2"), 422, "InvalidFields")


def test_before_the_first_version_tables_are_unavailable(fulfillment):
    refused(fulfillment.get("/route-tables/BLR1"), 503, "Unavailable")
