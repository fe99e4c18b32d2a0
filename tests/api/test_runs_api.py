"""Runs and reconciliations over HTTP, and whether Easy Fulfillment is there."""

from datetime import timedelta
from uuid import uuid4

import pytest

from fulfillment_app.chalicelib.services import reconciliations
from local.apps import load_app
from online_kart.inventory_db import runs
from tests.identity import SignedIn


def assert_problem(answer, status, type_):
    assert (answer.status_code, answer.json_body["type"]) == (status, f"urn:kart:problem:{type_}")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.fixture
def some_runs(inventory_db, now):
    """Three of one machine, the newest failed, and one of another; the newest last."""
    for number in range(3):
        key, at = f"network-{number}", now + timedelta(minutes=number)
        runs.insert(inventory_db, "rebuild_routes", key, 1, {"version": number}, at)
    runs.end(inventory_db, "rebuild_routes", "network-2", 1, "failed", "Unavailable", now)
    runs.insert(inventory_db, "reconcile", "r", 1, {}, now + timedelta(hours=1))


def ids(answer):
    assert answer.status_code == 200
    return [run["business_id"] for run in answer.json_body["items"]]


def test_the_app_is_up_and_ready(fulfillment, now):
    assert fulfillment.get("/health").json_body == {"app": "fulfillment", "status": "up"}
    assert fulfillment.get("/ready").json_body["unsent_events"] == 0


def test_runs_are_listed_the_newest_first_and_paged(fulfillment, some_runs):
    first = fulfillment.get("/runs?limit=3")
    assert ids(first) == ["r", "network-2", "network-1"]

    rest = fulfillment.get(f"/runs?limit=3&cursor={first.json_body['next_cursor']}")
    assert ids(rest) == ["network-0"]
    assert rest.json_body["next_cursor"] is None


def test_runs_are_found_by_machine_and_status(fulfillment, some_runs):
    assert ids(fulfillment.get("/runs?machine=reconcile")) == ["r"]
    failed = fulfillment.get("/runs?machine=rebuild_routes&status=failed")
    assert ids(failed) == ["network-2"]
    assert failed.json_body["items"][0]["error"] == "Unavailable"


def test_each_revision_of_a_run_is_shown_the_newest_first(
    fulfillment, some_runs, inventory_db, now
):
    runs.insert(inventory_db, "rebuild_routes", "network-2", 2, {"version": 2}, now)

    found = fulfillment.get("/runs/rebuild_routes/network-2").json_body["items"]

    assert [(run["revision"], run["status"]) for run in found] == [(2, "running"), (1, "failed")]


@pytest.mark.parametrize(
    "query",
    ["machine=unknown", "status=asleep", "limit=0", "page=2", "cursor=WzFd", "machine=%00"],
)
def test_a_query_for_what_there_is_not_is_refused(fulfillment, query):
    assert fulfillment.get(f"/runs?{query}").status_code == 422


def test_a_run_that_never_was_is_not_found(fulfillment):
    assert_problem(fulfillment.get("/runs/reconcile/never"), 404, "NotFound")
    assert_problem(fulfillment.get("/runs/unknown/never"), 404, "NotFound")


def test_a_reconciliation_is_asked_for_and_found_at_its_location(fulfillment):
    answer = fulfillment.post("/reconciliations", {})

    assert (answer.status_code, answer.json_body["status"]) == (202, "requested")
    found = fulfillment.get(answer.headers["Location"])
    assert found.json_body["reconciliation_id"] == answer.json_body["reconciliation_id"]
    assert (found.json_body["status"], found.json_body["report"]) == ("requested", None)


def test_asking_for_a_reconciliation_needs_no_body_of_any_kind(fulfillment):
    http = SignedIn(load_app("fulfillment_app").app)
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    assert http.post("/reconciliations", headers=form, body=b"").status_code == 202


def test_reconciliations_are_listed_the_newest_first_and_paged(fulfillment, inventory_db, now):
    keys = [reconciliations.request(inventory_db, now + timedelta(hours=n)) for n in range(3)]

    first = fulfillment.get("/reconciliations?limit=2").json_body
    rest = fulfillment.get(f"/reconciliations?limit=2&cursor={first['next_cursor']}").json_body

    listed = [each["reconciliation_id"] for each in (*first["items"], *rest["items"])]
    assert listed == [str(key) for key in reversed(keys)]


def test_a_reconciliation_that_is_unknown_or_malformed_is_told_apart(fulfillment):
    assert_problem(fulfillment.get(f"/reconciliations/{uuid4()}"), 404, "NotFound")
    assert_problem(fulfillment.get("/reconciliations/42"), 422, "InvalidRequest")
