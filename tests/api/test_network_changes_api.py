"""Dry runs, the difference of two versions, the figures of a build and the network's health, as clients meet them."""

import json

import pytest

from tests.builders import pincode_of
from tests.networks import build, two_cities

NETWORK = two_cities()
A_HUB = {
    "hub_code": "CCU",
    "kind": "airport",
    "name": "Kolkata",
    "latitude": 22.6,
    "longitude": 88.4,
    "handling_minutes": 60,
}
AN_FC = {
    "fc_code": "CCU1",
    "name": "Kolkata",
    "latitude": 22.5,
    "longitude": 88.3,
    "handling_minutes": 30,
    "pincode_ranges": [[700001, 700099]],
}
A_LEG = {"origin": "BLR2", "destination": "BLR", "mode": "road", "transit_minutes": 15}
FC = "/fulfillment-centers"
CHANGES = [
    ("POST", "/hubs", A_HUB),
    ("PATCH", "/hubs/BLR", {"handling_minutes": 1}),
    ("POST", "/hubs/BLR/closure", {}),
    ("DELETE", "/hubs/BLR", None),
    ("POST", FC, AN_FC),
    ("PATCH", f"{FC}/BLR1", {"cut_off": "12:00"}),
    ("POST", f"{FC}/BLR1/closure", {}),
    ("DELETE", f"{FC}/BLR1", None),
    ("POST", "/legs", A_LEG),
    ("PATCH", "/legs/BLR/DEL/air", {"transit_minutes": 5}),
    ("DELETE", "/legs/BLR/DEL/air", None),
    ("DELETE", "/legs?origin=BLR&destination=DEL&mode=air", None),
    ("POST", f"{FC}/BLR1/pincodes", {"first": 560001, "last": 560009}),
    ("DELETE", f"{FC}/BLR1/pincodes?first=110000&last=110009", None),
    ("PUT", "/network", json.loads(NETWORK.model_dump_json())),
]


@pytest.fixture
def built(fulfillment, inventory_db, documents, now):
    """The version in force, of two cities."""
    answer = fulfillment.put("/network", json.loads(NETWORK.model_dump_json()))
    version = answer.json_body["version"]
    assert build(inventory_db, documents, version, now) == "published"
    return version


def sent(client, method, path, body):
    if method == "DELETE":
        return client.delete(path)
    return getattr(client, method.lower())(path, body)


def network_as_told(client):
    return [client.get(path).json_body for path in ("/hubs", FC, "/legs", f"{FC}/BLR1/pincodes")]


def test_every_change_can_be_tried_and_changes_nothing(fulfillment, built):
    before = network_as_told(fulfillment)

    for method, path, body in CHANGES:
        path += ("&" if "?" in path else "?") + "dry_run=true"
        answer = sent(fulfillment, method, path, body)
        assert answer.status_code == 200, (path, answer.body)
        told = answer.json_body
        assert (told["base_version"], told["packages"]["hit"]["count"]) == (built, 0)
        assert told["reason"]
        assert (told["standing"] is None) == path.startswith("/network")

    assert network_as_told(fulfillment) == before
    builds = fulfillment.get("/route-tables/rebuilds").json_body["items"]
    assert [each["version"] for each in builds] == [built]


def test_a_dry_run_tells_what_a_closing_hub_does(fulfillment, built):
    told = fulfillment.post("/hubs/DEL/closure?dry_run=true", {}).json_body

    assert told["difference"]["hubs"]["without_home_hub"] == {"count": 2, "first": ["DEL1", "DEL2"]}
    assert told["difference"]["reach"]["unreachable"]["count"] == 8
    assert told["difference"]["pincodes"]["lost_count"] == 0
    assert told["standing"]["is_single_point_of_failure"]
    assert told["standing"]["cut_off"]["first"] == ["DEL1", "DEL2"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/hubs", {**A_HUB, "kind": "fc"}),
        ("POST", "/hubs", {**A_HUB, "hub_code": "BLR"}),
        ("DELETE", "/hubs/XXX", None),
        ("POST", f"{FC}/BLR1/pincodes", {"first": 110100, "last": 110109}),
        ("DELETE", "/legs/BLR/DEL/sea", None),
        ("PUT", "/network", {"facilities": [], "legs": [{}]}),
    ],
)
def test_a_dry_run_is_refused_as_the_change_is(fulfillment, built, method, path, body):
    tried = sent(fulfillment, method, f"{path}?dry_run=true", body)
    made = sent(fulfillment, method, path, body)

    assert tried.status_code == made.status_code >= 400
    assert tried.json_body == made.json_body


def test_a_parameter_that_a_change_does_not_know_is_refused(fulfillment, built):
    assert fulfillment.post("/hubs/DEL/closure?dry_run=perhaps", {}).status_code == 422
    assert fulfillment.post("/hubs/DEL/closure?dryrun=true", {}).status_code == 422
    assert fulfillment.get("/hubs/DEL").json_body["status"] == "open"


def test_two_versions_are_compared(fulfillment, inventory_db, documents, now, built):
    version = fulfillment.delete("/legs/BLR/DEL/air").json_body["version"]
    assert build(inventory_db, documents, version, now) == "published"
    between = f"/route-tables/differences?from={built}&to={version}"

    told = fulfillment.get(f"{between}&limit=1").json_body
    back = fulfillment.get(f"/route-tables/differences?from={version}&to={built}").json_body

    assert told["difference"]["routes"] == {
        "count": 1,
        "first": [
            {
                "facility": "BLR",
                "destination": "DEL",
                "before": [{"next_hop": "DEL", "mode": "air", "hops": 1, "minutes": 200}],
                "after": [],
            }
        ],
    }
    assert told["difference"]["reach"]["unreachable"]["count"] == 4
    assert len(told["difference"]["reach"]["unreachable"]["first"]) == 1
    assert back["difference"]["reach"]["reachable"]["count"] == 4
    at = fulfillment.get(f"{between}&ordered_at=2026-03-02T10:00:00%2B05:30").json_body
    assert at["ordered_at"] == "2026-03-02T10:00:00+05:30"


def test_a_version_that_is_not_kept_is_not_compared(fulfillment, built):
    answer = fulfillment.get(f"/route-tables/differences?from={built}&to=99")

    assert answer.status_code == 404
    assert answer.json_body["type"] == "urn:kart:problem:VersionNotKept"
    assert answer.json_body["kept"] == [built]
    for query in ("from=1", "from=0&to=1", f"from=1&to={2**70}", "from=1&to=1&ordered_at=today"):
        assert fulfillment.get(f"/route-tables/differences?{query}").status_code == 422
    assert fulfillment.get(f"/route-tables/rebuilds/{2**70}").status_code == 422


def test_a_build_tells_its_figures(fulfillment, built):
    told = fulfillment.get(f"/route-tables/rebuilds/{built}").json_body

    assert (told["base_version"], told["tables_count"], told["touched_count"]) == (0, 6, 6)
    assert told["written_count"] == 6
    for part in ("network_ms", "comparison_ms", "tables_ms", "writing_ms", "switching_ms"):
        assert told[part] >= 0


def test_the_health_of_the_network_is_told(fulfillment, built):
    served = pincode_of(NETWORK, "DEL2")
    told = fulfillment.get(f"/network/health?pincodes={served},999999").json_body

    assert told["table_version"] == built
    health = told["health"]
    assert (health["fcs"], health["hubs"], health["unreachable_pairs"]) == (4, 2, 0)
    assert health["unserved_pincodes"] == [999999]
    assert health["single_points_of_failure"]["first"] == ["BLR", "BLR1", "DEL", "DEL1"]
    assert fulfillment.get("/network/health?pincodes=12,x").status_code == 422
    assert fulfillment.get("/network/health?pincodes=").status_code == 200
    assert fulfillment.get("/network/health").status_code == 200
