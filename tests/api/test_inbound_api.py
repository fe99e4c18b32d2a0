"""The fulfillment app's routes of categories, sellers and inbound shipments, as its clients meet them."""

from datetime import timedelta

import pytest

from fulfillment_app.chalicelib.services import inbound as dock
from tests.api.test_seller_api import (
    A_SHIPMENT,
    NO_ASN,
    UNKNOWN,
    all_pages,
    is_problem,
    wrong_fields,
)
from tests.shop import a_pending_seller, an_approved_seller, put_category, put_fc, put_item

A_COUNT = {"counted": [{"sku": "MUG", "quantity": 5}]}


# -- categories


def test_categories_make_a_tree(fulfillment):
    kitchen = {"category_id": "kitchen", "name": "Kitchen"}
    answer = fulfillment.post("/item-categories", kitchen)
    assert answer.status_code == 201
    assert answer.json_body == {**kitchen, "parent_id": None, "version": 1}
    mugs = {"category_id": "mugs", "name": "Mugs", "parent_id": "kitchen"}
    answer = fulfillment.post("/item-categories", mugs)
    assert fulfillment.get(answer.headers["Location"]).json_body == {**mugs, "version": 1}
    listed = all_pages(fulfillment, "/item-categories")
    assert [(c["category_id"], c["parent_id"]) for c in listed] == [
        ("kitchen", None),
        ("mugs", "kitchen"),
    ]


def test_a_category_is_renamed_and_moved(fulfillment, inventory_db, now):
    for category_id in ("kitchen", "mugs"):
        put_category(inventory_db, now, category_id)
    change = {"name": "Cups & mugs", "parent_id": "kitchen"}
    answer = fulfillment.put("/item-categories/mugs", change)
    assert answer.json_body == {"category_id": "mugs", "version": 2, **change}
    circle = fulfillment.put("/item-categories/kitchen", {"name": "K", "parent_id": "mugs"})
    assert is_problem(circle, 409, "CategoryUnderItself")


def test_a_category_that_cannot_be_is_refused(fulfillment, inventory_db, now):
    put_category(inventory_db, now)
    wrong = {"category_id": "Mens Shoes", "name": "", "colour": "red"}
    answer = fulfillment.post("/item-categories", wrong)
    assert wrong_fields(answer) == {"category_id", "name", "colour"}
    orphan = {"category_id": "mugs", "name": "Mugs", "parent_id": "cups"}
    assert is_problem(fulfillment.post("/item-categories", orphan), 422, "UnknownReference")
    other = {"category_id": "kitchen", "name": "Cars"}
    assert is_problem(fulfillment.post("/item-categories", other), 409, "CategoryExists")
    assert is_problem(fulfillment.get("/item-categories/cars"), 404, "NotFound")
    assert is_problem(fulfillment.get("/item-categories/Cars"), 422, "InvalidRequest")
    assert is_problem(fulfillment.put("/item-categories/cars", {"name": "Cars"}), 404, "NotFound")


# -- sellers


def test_a_seller_is_approved_and_suspended(fulfillment, inventory_db, now):
    seller_id = a_pending_seller(inventory_db, now).seller_id
    path = f"/sellers/{seller_id}"
    for status, version in (("approved", 2), ("approved", 2), ("suspended", 3)):
        answer = fulfillment.patch(path, {"status": status, "reason": "Complaints."})
        assert (answer.status_code, answer.json_body["status"]) == (200, status)
        assert answer.json_body["version"] == version
    assert fulfillment.get(path).json_body == answer.json_body


def test_sellers_are_listed_by_status_page_by_page(fulfillment, inventory_db, now):
    for number in range(3):
        at = now + timedelta(minutes=number)
        a_pending_seller(inventory_db, at, f"Pending {number}")
        an_approved_seller(inventory_db, at, f"Approved {number}")
    assert len(all_pages(fulfillment, "/sellers")) == 6
    pending = all_pages(fulfillment, "/sellers?status=pending")
    assert [seller["name"] for seller in pending] == ["Pending 0", "Pending 1", "Pending 2"]
    assert wrong_fields(fulfillment.get("/sellers?status=rich")) == {"status"}


def test_a_decision_that_is_none_is_refused(fulfillment, inventory_db, now):
    path = f"/sellers/{a_pending_seller(inventory_db, now).seller_id}"
    assert wrong_fields(fulfillment.patch(path, {"status": "pending"})) == {"status"}
    assert wrong_fields(fulfillment.patch(path, {"name": "Asha"})) == {"status", "name"}
    approval = {"status": "approved"}
    assert is_problem(fulfillment.patch(f"/sellers/{UNKNOWN}", approval), 404, "NotFound")
    assert is_problem(fulfillment.patch("/sellers/asha", approval), 422, "InvalidRequest")
    assert is_problem(fulfillment.get(f"/sellers/{UNKNOWN}"), 404, "NotFound")
    assert is_problem(fulfillment.get("/sellers/asha"), 422, "InvalidRequest")


# -- inbound shipments


@pytest.fixture
def announce(seller, inventory_db, now):
    """Announces 5 mugs to BLR1 over HTTP; gives the shipment's path in the fulfillment app."""
    put_fc(inventory_db, "BLR1", now)
    put_fc(inventory_db, "DEL1", now)
    seller_id = an_approved_seller(inventory_db, now).seller_id
    put_item(inventory_db, seller_id, "MUG", now)

    def announce(key="monday", **changes):
        answer = seller.post(
            f"/sellers/{seller_id}/inbound-shipments",
            {**A_SHIPMENT, **changes},
            Idempotency_Key=key,
        )
        return f"/inbound-shipments/{answer.json_body['asn']}"

    return announce


def test_upcoming_shipments_are_listed_by_fc_page_by_page(fulfillment, announce):
    for day in ("12", "10", "11"):
        announce(key=day, expected_on=f"2026-03-{day}")
    announce(key="elsewhere", fc_code="DEL1")
    listed = all_pages(fulfillment, "/inbound-shipments?fc_code=BLR1")
    assert [shipment["expected_on"][-2:] for shipment in listed] == ["10", "11", "12"]
    assert {shipment["seller_name"] for shipment in listed} == {"Asha Traders"}
    assert len(all_pages(fulfillment, "/inbound-shipments")) == 4
    assert wrong_fields(fulfillment.get("/inbound-shipments?fc_code=blr&x=1")) == {"fc_code", "x"}


def test_a_shipment_at_the_dock_is_taken_and_its_receipt_is_found(
    fulfillment, inventory_db, documents, announce, now
):
    path = announce()
    assert fulfillment.get(path).json_body["status"] == "announced"
    answer = fulfillment.post(f"{path}/receipts", A_COUNT)
    assert (answer.status_code, answer.headers["Location"]) == (202, f"{path}/receipt")
    body = answer.json_body
    assert (body["status"], body["received_by"], body["closed_at"]) == (
        "arrived",
        "staff admin",
        None,
    )
    assert body["lines"] == [{"sku": "MUG", "announced": 5, "counted": 5, "reason": None}]
    assert fulfillment.post(f"{path}/receipts", A_COUNT).body == answer.body
    assert fulfillment.get(f"{path}/receipt").json_body == body
    assert fulfillment.get(path).json_body["status"] == "arrived"

    asn = body["asn"]
    dock.add_to_stock(inventory_db, asn, now)
    dock.close_asn(inventory_db, documents, asn, now)
    assert fulfillment.get(f"{path}/receipt").json_body["status"] == "closed"
    assert fulfillment.get(path).json_body["status"] == "received"
    assert fulfillment.get("/inbound-shipments").json_body["items"] == []


def test_a_difference_needs_a_reason(fulfillment, announce):
    path = announce()
    short = {"sku": "MUG", "quantity": 4}
    answer = fulfillment.post(f"{path}/receipts", {**A_COUNT, "counted": [short]})
    assert is_problem(answer, 422, "InvalidRequest")
    assert answer.json_body["field"] == "counted"
    explained = {**A_COUNT, "counted": [{**short, "reason": "one broken"}]}
    answer = fulfillment.post(f"{path}/receipts", explained)
    assert answer.json_body["lines"] == [
        {"sku": "MUG", "announced": 5, "counted": 4, "reason": "one broken"}
    ]
    again = fulfillment.post(f"{path}/receipts", A_COUNT)
    assert is_problem(again, 409, "ShipmentCountedOtherwise")


def test_a_count_that_cannot_be_is_refused(fulfillment, announce):
    path = announce()
    wrong = {"counted": [{"sku": "MUG", "quantity": -1}], "truck": 1}
    assert {"counted.0.quantity", "truck"} <= wrong_fields(
        fulfillment.post(f"{path}/receipts", wrong)
    )
    other = {**A_COUNT, "counted": [{"sku": "LID", "quantity": 1, "reason": "found"}]}
    assert is_problem(fulfillment.post(f"{path}/receipts", other), 422, "InvalidRequest")
    both = {**A_COUNT, "counted": [*A_COUNT["counted"], *other["counted"]]}
    assert is_problem(fulfillment.post(f"{path}/receipts", both), 422, "UnknownReference")


def test_a_shipment_that_there_is_not_is_not_found_and_a_malformed_number_is_none(fulfillment):
    for path in ("", "/receipt"):
        assert is_problem(fulfillment.get(f"/inbound-shipments/{NO_ASN}{path}"), 404, "NotFound")
        malformed = fulfillment.get(f"/inbound-shipments/ASN-1{path}")
        assert is_problem(malformed, 422, "InvalidRequest")
    missing = fulfillment.post(f"/inbound-shipments/{NO_ASN}/receipts", A_COUNT)
    assert is_problem(missing, 404, "NotFound")
    malformed = fulfillment.post("/inbound-shipments/ASN-1/receipts", A_COUNT)
    assert is_problem(malformed, 422, "InvalidRequest")


def test_what_was_cancelled_is_not_received(fulfillment, seller, announce):
    path = announce()
    seller_id = fulfillment.get(path).json_body["seller_id"]
    seller.delete(f"/sellers/{seller_id}{path}")
    answer = fulfillment.post(f"{path}/receipts", A_COUNT)
    assert is_problem(answer, 409, "ShipmentIsOver")
    assert answer.json_body["shipment_status"] == "cancelled"
