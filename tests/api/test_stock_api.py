"""Stock, its ledger and adjustments, and packages with their paths, as the fulfillment app answers over HTTP."""

import json
from uuid import uuid4

import pytest

from online_kart.domain.packages import package_id_of
from tests.market import open_market


@pytest.fixture
def market(inventory_db, documents, now):
    """Five mugs and two lamps in BLR1."""
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 5)
    market.put_stock("BLR1", "LAMP", 2)
    return market


STOCK = "/fulfillment-centers/BLR1/stock"
LEDGER = "/fulfillment-centers/BLR1/stock-ledger"
ADJUSTMENTS = "/fulfillment-centers/BLR1/stock-adjustments"


def ok(response):
    assert response.status_code in (200, 201), response.body
    return response.json_body


def problem(response, status):
    assert response.status_code == status, response.body
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.json_body


def all_pages(client, path):
    """The items of each page."""
    pages, cursor = [], ""
    while cursor is not None:
        joint = "&" if "?" in path else "?"
        page = ok(client.get(f"{path}{joint}cursor={cursor}" if cursor else path))
        pages.append(page["items"])
        cursor = page["next_cursor"]
    return pages


def an_adjustment(market, **changes):
    command = {"sku": "MUG", "seller_id": str(market.seller_id), "change": -2, "reason": "Broken."}
    return {**command, **changes}


# Stock


def test_stock_is_shown_on_hand_and_reserved(fulfillment, market):
    market.reserve(market.an_order(("MUG", 2)))

    items = ok(fulfillment.get(STOCK))["items"]

    assert [(each["sku"], each["on_hand"], each["reserved"]) for each in items] == [
        ("LAMP", 2, 0),
        ("MUG", 5, 2),
    ]


def test_stock_and_ledger_come_in_pages(fulfillment, market):
    assert [
        [each["sku"] for each in page] for page in all_pages(fulfillment, f"{STOCK}?limit=1")
    ] == [
        ["LAMP"],
        ["MUG"],
    ]
    newest_first = all_pages(fulfillment, f"{LEDGER}?limit=1")
    assert [[each["sku"] for each in page] for page in newest_first] == [["LAMP"], ["MUG"]]


def test_stock_and_ledger_can_be_of_one_item_and_one_cause(fulfillment, market):
    found = {"sku": "MUG", "seller_id": str(market.seller_id), "change": 1, "reason": "Found."}
    fulfillment.post(ADJUSTMENTS, found, Idempotency_Key="1")
    assert [each["sku"] for each in fulfillment.get(f"{STOCK}?sku=MUG").json_body["items"]] == [
        "MUG"
    ]
    assert fulfillment.get(f"{STOCK}?seller_id={uuid4()}").json_body["items"] == []
    (entry,) = fulfillment.get(f"{LEDGER}?cause=adjustment").json_body["items"]
    assert (entry["on_hand_change"], entry["reason"]) == (1, "Found.")
    assert fulfillment.get(f"{LEDGER}?cause=theft").status_code == 422


def test_the_ledger_of_one_item(fulfillment, market):
    market.reserve(market.an_order(("MUG", 2)))

    items = ok(fulfillment.get(f"{LEDGER}?sku=MUG"))["items"]

    assert [(each["cause"], each["on_hand_change"], each["reserved_change"]) for each in items] == [
        ("reserve", 0, 2),
        ("receipt", 5, 0),
    ]


@pytest.mark.parametrize("path", ["stock", "stock-ledger"])
def test_an_fc_that_is_not_there(fulfillment, market, path):
    answer = problem(fulfillment.get(f"/fulfillment-centers/GOA1/{path}"), 404)

    assert answer["type"] == "urn:kart:problem:NotFound"


def test_a_parameter_that_nobody_knows_is_refused(fulfillment, market):
    assert problem(fulfillment.get(f"{STOCK}?colour=red"), 422)["errors"][0]["field"] == "colour"
    assert problem(fulfillment.get(f"{STOCK}?cursor=x"), 422)["field"] == "cursor"


# Adjustments


def test_an_adjustment_answers_with_the_stock_as_it_is_now(fulfillment, market):
    answer = fulfillment.post(ADJUSTMENTS, an_adjustment(market), Idempotency_Key="monday")

    assert answer.status_code == 201
    assert answer.json_body["on_hand"] == 3
    entry = ok(fulfillment.get(f"{LEDGER}?limit=1"))["items"][0]
    assert (entry["cause"], entry["reason"]) == ("adjustment", "Broken.")


def test_the_same_adjustment_twice_is_answered_the_same_byte_for_byte(fulfillment, market):
    first, again = (
        fulfillment.post(ADJUSTMENTS, an_adjustment(market), Idempotency_Key="monday")
        for _ in range(2)
    )

    assert (again.status_code, again.body) == (first.status_code, first.body)
    assert market.level("BLR1") == (3, 0)


def test_the_key_of_another_adjustment_is_refused(fulfillment, market):
    fulfillment.post(ADJUSTMENTS, an_adjustment(market), Idempotency_Key="monday")

    other = an_adjustment(market, change=-1)
    refusal = fulfillment.post(ADJUSTMENTS, other, Idempotency_Key="monday")

    assert problem(refusal, 422)["field"] == "Idempotency-Key"
    assert market.level("BLR1") == (3, 0)


def test_what_is_reserved_is_not_adjusted_away(fulfillment, market):
    market.reserve(market.an_order(("MUG", 4)))

    refusal = fulfillment.post(ADJUSTMENTS, an_adjustment(market), Idempotency_Key="monday")

    answer = problem(refusal, 409)
    assert (answer["type"], answer["sku"]) == ("urn:kart:problem:StockTooLow", "MUG")
    assert market.level("BLR1") == (5, 4)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"change": 0}, "change"),
        ({"reason": ""}, "reason"),
        ({"sku": "a mug"}, "sku"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_field_that_is_wrong_is_named(fulfillment, market, changes, field):
    command = an_adjustment(market, **changes)

    refusal = problem(fulfillment.post(ADJUSTMENTS, command, Idempotency_Key="monday"), 422)

    assert [each["field"] for each in refusal["errors"]] == [field]


def test_an_adjustment_needs_a_key(fulfillment, market):
    refusal = fulfillment.post(ADJUSTMENTS, an_adjustment(market))

    assert problem(refusal, 400)["field"] == "Idempotency-Key"


# Packages


def test_a_package_is_shown_with_its_path_and_what_happened(fulfillment, market):
    order = market.served(("MUG", 2))
    package_id = package_id_of(order.order_id, "BLR1")

    shown = ok(fulfillment.get(f"/packages/{package_id}"))

    assert shown["package"]["status"] == "planned"
    assert [stop["facility"] for stop in shown["path"]["stops"]] == [
        "BLR1",
        "BLR",
        "DEL",
        "DEL1",
        "DEL2",
    ]
    assert shown["health"] == "green"
    assert shown["expected_on"] == shown["package"]["promise_date"]
    assert [event["what"] for event in shown["events"]] == ["planned"]


def test_packages_are_listed_by_status_and_place(fulfillment, market):
    going, staying = market.served(("MUG", 1)), market.served(("MUG", 1))
    market.recall(staying)

    def ids(query):
        return {
            each["order_id"]
            for page in all_pages(fulfillment, f"/packages?{query}")
            for each in page
        }

    assert ids("limit=1") == {str(going.order_id), str(staying.order_id)}
    assert ids("status=planned&facility=BLR1") == {str(going.order_id)}
    assert ids("status=cancelled") == {str(staying.order_id)}
    assert ids("facility=DEL1") == set()


def test_packages_that_are_not_there_or_not_named_so(fulfillment, market):
    assert problem(fulfillment.get(f"/packages/{uuid4()}"), 404)["what"] == "package"
    assert problem(fulfillment.get("/packages/tomorrow"), 422)["field"] == "package_id"
    assert problem(fulfillment.get("/packages?status=sad"), 422)["errors"][0]["field"] == "status"


def test_every_answer_is_json(fulfillment, market):
    answer = fulfillment.get("/packages")

    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.body) == {"items": [], "next_cursor": None}
