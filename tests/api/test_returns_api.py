"""Returns, as clients of the Customer App and of Easy Fulfillment meet them."""

from uuid import uuid4

import pytest

from local.reading import Stores
from tests.both_sides import NEIGHBOUR, open_both_sides


def refused(answer, status, problem):
    assert answer.status_code == status, answer.body
    assert answer.json_body["type"] == f"urn:kart:problem:{problem}"
    return answer.json_body


@pytest.fixture
def sides(inventory_db, customer_db, documents, now):
    return open_both_sides(Stores(inventory_db, customer_db, documents), now)


@pytest.fixture
def package(sides):
    """(order id, package id) of three mugs, out for delivery in BLR2."""
    package_id = sides.confirmed(sides.buyer(NEIGHBOUR), ("MUG", 3))
    sides.depart(package_id)
    sides.hand_over(package_id)
    row = sides.stores.customer.execute("SELECT order_id::text FROM packages").fetchone()
    return row[0], str(package_id)


@pytest.fixture
def delivered(fulfillment, sides, package):
    told = {"outcome": "delivered", "proof": "signed"}
    fulfillment.post(f"/deliveries/{package[1]}/outcomes", told)
    sides.tell()
    return package


def test_a_package_is_sent_back_received_and_its_price_is_owed(
    customer, fulfillment, sides, delivered
):
    order_id, package_id = delivered
    body = {"package_id": package_id, "reason": "It does not fit."}

    asked = customer.post(f"/orders/{order_id}/returns", body)
    again = customer.post(f"/orders/{order_id}/returns", body)
    sides.tell()
    assert (asked.status_code, asked.json_body["status"]) == (202, "requested")
    assert again.json_body == asked.json_body
    location = asked.headers["Location"]
    assert customer.get(location).json_body["status"] == "planned"

    worklist = fulfillment.get("/returns?status=expected&fc_code=BLR2").json_body["items"]
    assert [each["package_id"] for each in worklist] == [package_id]
    assert worklist[0]["pickup_on"] == customer.get(location).json_body["pickup_on"]
    path = f"/returns/{asked.json_body['return_id']}"
    counted = {"unsellable": [{"line_no": 1, "quantity": 1}]}
    received = fulfillment.post(f"{path}/receipt", counted)
    sides.tell()

    assert received.json_body["lines"][0]["sellable"] == 2
    assert fulfillment.get(path).json_body == received.json_body
    assert fulfillment.post(f"{path}/receipt", counted).json_body == received.json_body
    (listed,) = customer.get(f"/orders/{order_id}/returns").json_body["items"]
    assert listed == customer.get(location).json_body
    assert listed["lines"] == [{"line_no": 1, "quantity": 3}] == received.json_body["units"]
    order = customer.get(f"/orders/{order_id}").json_body
    assert (listed["status"], listed["refund_paise"]) == ("owed", order["total_paise"])
    assert [each["status"] for each in order["packages"]] == ["returned"]


def test_what_is_not_delivered_can_not_be_sent_back(customer, package):
    order_id, package_id = package
    body = {"package_id": package_id, "reason": "It does not fit."}

    facts = refused(customer.post(f"/orders/{order_id}/returns", body), 409, "ReturnRefused")
    assert facts["why"] == "not_delivered"


def test_what_is_not_there_is_not_found(customer, fulfillment, delivered):
    order_id, _ = delivered
    body = {"package_id": str(uuid4()), "reason": "It does not fit."}
    counted: dict[str, list[int]] = {"unsellable": []}

    refused(customer.post(f"/orders/{order_id}/returns", body), 404, "NotFound")
    refused(customer.post(f"/orders/{uuid4()}/returns", body), 404, "NotFound")
    refused(customer.get(f"/orders/{order_id}/returns/{uuid4()}"), 404, "NotFound")
    refused(customer.get(f"/orders/{uuid4()}/returns"), 404, "NotFound")
    refused(fulfillment.get(f"/returns/{uuid4()}"), 404, "NotFound")
    refused(fulfillment.post(f"/returns/{uuid4()}/receipt", counted), 404, "NotFound")


def test_what_is_no_return_is_refused(customer, fulfillment, sides, delivered):
    order_id, package_id = delivered
    asked = {"package_id": package_id, "reason": "It does not fit."}
    for lines in ([{"line_no": 1, "quantity": 4}], [{"line_no": 2, "quantity": 1}]):
        too_many = customer.post(f"/orders/{order_id}/returns", {**asked, "lines": lines})
        assert refused(too_many, 409, "ReturnRefused")["why"] == "nothing_left"
    for body in ({"package_id": package_id}, {**asked, "reason": "?"}, {**asked, "lines": []}):
        refused(customer.post(f"/orders/{order_id}/returns", body), 422, "InvalidFields")
    body = {"package_id": package_id, "reason": "It does not fit."}
    return_id = customer.post(f"/orders/{order_id}/returns", body).json_body["return_id"]
    sides.tell()

    path = f"/returns/{return_id}/receipt"
    too_many = {"unsellable": [{"line_no": 1, "quantity": 4}]}
    refused(fulfillment.post(path, too_many), 422, "InvalidRequest")
    refused(
        fulfillment.post(path, {"unsellable": [{"line_no": 0, "quantity": 1}]}),
        422,
        "InvalidFields",
    )
    elsewhere = {"fc_code": "BLR"}
    refused(fulfillment.post(path, elsewhere), 404, "NotFound")


def a_planned_return(customer, sides, delivered):
    """Its path at the customers' side, its path at the FC's."""
    order_id, package_id = delivered
    body = {"package_id": package_id, "reason": "It does not fit."}
    asked = customer.post(f"/orders/{order_id}/returns", body)
    sides.tell()
    return asked.headers["Location"], f"/returns/{asked.json_body['return_id']}"


def test_what_is_owed_is_paid_once_and_who_paid_it_how_is_written_down(
    customer, fulfillment, sides, delivered
):
    mine, at_fc = a_planned_return(customer, sides, delivered)
    paise = customer.get(mine).json_body["refund_paise"]
    payout = {"amount_paise": paise, "reference": "UPI 412345"}
    early = refused(customer.put(f"{mine}/payout", payout), 409, "ReturnStatusConflict")
    assert early["return_status"] == "planned"
    fulfillment.post(f"{at_fc}/receipt", {})
    sides.tell()
    (owed,) = customer.get("/returns").json_body["items"]
    assert owed["return_id"] == at_fc.removeprefix("/returns/")

    less = customer.put(f"{mine}/payout", {**payout, "amount_paise": paise - 1})
    assert refused(less, 422, "InvalidRequest")["field"] == "amount_paise"
    paid = customer.put(f"{mine}/payout", payout)
    assert customer.put(f"{mine}/payout", payout).body == paid.body
    again = customer.put(f"{mine}/payout", {**payout, "reference": "by hand"})
    refused(again, 409, "ReturnStatusConflict")

    assert paid.json_body["status"] == "paid"
    told = paid.json_body["payout"]
    assert (told["amount_paise"], told["reference"], told["paid_by"]) == (
        paise,
        "UPI 412345",
        "staff admin",
    )
    assert customer.get("/returns").json_body["items"] == []
    assert len(customer.get("/returns?status=paid").json_body["items"]) == 1
    sides.tell()
    order_id, _ = delivered
    log = sides.stores.documents.order_log.find({"order_id": order_id, "what": "ReturnPaid"})
    assert [entry["detail"]["amount_paise"] for entry in log] == [paise]


def test_a_courier_comes_three_times_and_then_the_customer_keeps_it_and_may_ask_again(
    customer, fulfillment, sides, delivered
):
    mine, at_fc = a_planned_return(customer, sides, delivered)
    path, vain = f"{at_fc}/failed-pickups", {"reason": "Nobody was at home."}
    ahead = refused(fulfillment.post(path, {**vain, "attempt": 2}), 409, "AttemptConflict")
    assert (ahead["attempt"], ahead["wanted"]) == (1, 2)
    for attempt in (1, 1, 2):
        after = fulfillment.post(path, {**vain, "attempt": attempt}).json_body
        assert (after["status"], after["attempt"]) == ("expected", attempt + 1)
    sides.tell()
    assert customer.get(mine).json_body["pickup_on"] == after["pickup_on"]

    for _ in range(2):
        after = fulfillment.post(path, {**vain, "attempt": 3}).json_body
        assert (after["status"], after["failure_reason"]) == ("cancelled", vain["reason"])
    refused(fulfillment.post(f"{at_fc}/receipt", {}), 409, "ReturnStatusConflict")
    sides.tell()
    seen = customer.get(mine).json_body
    assert (seen["status"], seen["cancelled_because"]) == ("cancelled", vain["reason"])

    mine, at_fc = a_planned_return(customer, sides, delivered)
    assert customer.get(mine).json_body["lines"] == [{"line_no": 1, "quantity": 3}]
    assert fulfillment.post(f"{at_fc}/receipt", {}).json_body["status"] == "received"
    late = fulfillment.post(f"{at_fc}/failed-pickups", {**vain, "attempt": 1})
    refused(late, 409, "ReturnStatusConflict")
