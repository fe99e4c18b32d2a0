"""Holidays and promises, as clients of Easy Fulfillment meet them."""

import pytest

from tests.builders import pincode_of
from tests.market import open_market

FESTIVAL = {"day": "2026-03-04", "name": "Holi"}


def accepted(answer):
    assert answer.status_code == 202, answer.body
    assert answer.headers["Location"] == answer.json_body["rebuild"]


def refused(answer, status, problem):
    assert answer.status_code == status, answer.body
    assert answer.json_body["type"] == f"urn:kart:problem:{problem}"
    return answer.json_body


@pytest.fixture
def market(inventory_db, documents, now):
    """Ten mugs in BLR1, on 2 March 2026 at 10:00 in India."""
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 10)
    return market


def test_holidays_are_added_listed_in_pages_and_removed(fulfillment, market):
    accepted(fulfillment.post("/holidays", FESTIVAL))
    accepted(fulfillment.post("/holidays", {**FESTIVAL, "fc_code": "BLR1", "name": "Stocktaking"}))
    accepted(fulfillment.post("/holidays", {**FESTIVAL, "day": "2026-02-01", "fc_code": "BLR2"}))
    refused(fulfillment.post("/holidays", FESTIVAL), 409, "HolidayExists")

    seen, cursor = [], ""
    while cursor is not None:
        page = fulfillment.get(f"/holidays?limit=1{cursor and '&cursor=' + cursor}").json_body
        seen += [(each["day"], each["fc_code"], each["name"]) for each in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [
        ("2026-02-01", "BLR2", "Holi"),
        ("2026-03-04", None, "Holi"),
        ("2026-03-04", "BLR1", "Stocktaking"),
    ]
    of_blr2 = fulfillment.get("/holidays?fc_code=BLR2&since=2026-03-01").json_body["items"]
    assert [each["fc_code"] for each in of_blr2] == [None]

    accepted(fulfillment.delete("/holidays?day=2026-03-04"))
    refused(fulfillment.delete("/holidays?day=2026-03-04"), 404, "NotFound")
    accepted(fulfillment.delete("/holidays?day=2026-03-04&fc_code=BLR1"))
    assert len(fulfillment.get("/holidays").json_body["items"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({"day": "2026-02-30", "name": "?"}, 422, "InvalidFields"),
        ({"day": "1800-01-01", "name": "?"}, 422, "InvalidFields"),
        ({"day": "2026-03-04"}, 422, "InvalidFields"),
        ({**FESTIVAL, "fc_code": "blr"}, 422, "InvalidFields"),
        ({**FESTIVAL, "fc_code": "XXX"}, 404, "NotFound"),
        ({**FESTIVAL, "fc_code": "BLR"}, 404, "NotFound"),
        ({**FESTIVAL, "name": "a\0b"}, 422, "InvalidRequest"),
    ],
)
def test_what_is_no_holiday_is_refused(fulfillment, market, body, status, problem):
    refused(fulfillment.post("/holidays", body), status, problem)


def test_a_holiday_is_removed_by_its_day(fulfillment):
    refused(fulfillment.delete("/holidays"), 422, "InvalidFields")
    refused(fulfillment.delete("/holidays?day=soon"), 422, "InvalidFields")
    refused(fulfillment.get("/holidays?cursor=nonsense"), 422, "InvalidRequest")


def test_an_fc_has_closed_weekdays_and_a_last_mile(fulfillment, market):
    path = "/fulfillment-centers/DEL2"
    fc = fulfillment.get(path).json_body
    assert (fc["last_mile_minutes"], fc["closed_weekdays"]) == (1440, [])
    calendar = {"closed_weekdays": ["sun", "sat"], "last_mile_minutes": 90}
    accepted(fulfillment.patch(path, calendar))
    place = {"name": "Goa", "latitude": 15.5, "longitude": 73.8, "handling_minutes": 30}
    accepted(fulfillment.post("/fulfillment-centers", {"fc_code": "GOI1", **place, **calendar}))
    for each in (path, "/fulfillment-centers/GOI1"):
        fc = fulfillment.get(each).json_body
        assert (fc["last_mile_minutes"], fc["closed_weekdays"]) == (90, ["sat", "sun"])

    every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    for wrong in ({"closed_weekdays": every_day}, {"closed_weekdays": ["Sunday"]}):
        refused(fulfillment.patch(path, wrong), 422, "InvalidFields")
    refused(fulfillment.patch(path, {"last_mile_minutes": -1}), 422, "InvalidFields")


def test_promises_are_told_for_each_item(fulfillment, market):
    pincode = pincode_of(market.network, "DEL2")
    body = {"to_pincode": pincode, "skus": ["MUG", "LAMP", "MUG"]}
    answer = fulfillment.post("/promises", body)

    assert answer.status_code == 200, answer.body
    told = answer.json_body
    assert (told["to_pincode"], told["destination"]) == (pincode, "DEL2")
    assert told["table_version"] == market.routes.version
    mug, lamp = told["promises"]
    assert mug == {
        "sku": "MUG",
        "promise_date": "2026-03-04",
        "fc_code": "BLR1",
        "seller_id": str(market.seller_id),
        "free_units": 10,
        "minutes": 390,
        "why_not": None,
    }
    assert (lamp["sku"], lamp["promise_date"], lamp["why_not"]) == ("LAMP", None, "out_of_stock")

    later = fulfillment.post("/promises", {**body, "at": "2026-03-09T10:00:00+05:30"}).json_body
    assert later["promises"][0]["promise_date"] == "2026-03-11"


@pytest.mark.parametrize(
    "change",
    [
        {"skus": []},
        {"skus": [f"SKU-{number}" for number in range(101)]},
        {"skus": ["no sku"]},
        {"to_pincode": 7},
        {"at": "2026-03-09T10:00:00"},
        {"at": "0001-01-01T00:00:00+05:30"},
        {"at": "9999-12-31T23:59:59Z"},
    ],
)
def test_a_question_that_is_none_is_refused(fulfillment, change):
    body = {"to_pincode": 560001, "skus": ["MUG"], **change}
    refused(fulfillment.post("/promises", body), 422, "InvalidFields")


def test_before_the_first_version_nothing_can_be_promised(fulfillment):
    body = {"to_pincode": 560001, "skus": ["MUG"]}
    refused(fulfillment.post("/promises", body), 503, "Unavailable")
