"""A seller's way in: applied, approved or refused with a reason, suspended, and what each may not do meanwhile."""

import pytest

from tests.api.test_seller_api import UNKNOWN, all_pages, is_problem, wrong_fields
from tests.shop import a_pending_seller, a_refused_seller, an_approved_seller, put_fc, put_item


def suspended(conn, fulfillment, now):
    seller_id = an_approved_seller(conn, now, "Ravi Traders").seller_id
    decision = {"status": "suspended", "reason": "Complaints."}
    assert fulfillment.patch(f"/sellers/{seller_id}", decision).status_code == 200
    return seller_id


@pytest.fixture(params=["pending", "refused", "suspended"])
def not_approved(request, inventory_db, fulfillment, now):
    """Another seller sells a MUG; there is an FC."""
    put_fc(inventory_db, "BLR1", now)
    put_item(inventory_db, an_approved_seller(inventory_db, now).seller_id, "MUG", now)
    match request.param:
        case "pending":
            return a_pending_seller(inventory_db, now, "Ravi Traders").seller_id
        case "refused":
            return a_refused_seller(inventory_db, now).seller_id
    return suspended(inventory_db, fulfillment, now)


def test_who_is_not_approved_sells_nothing_and_sends_nothing(seller, not_approved, now):
    me = f"/sellers/{not_approved}"
    item = {"sku": "CUP", "name": "A cup", "category_id": "kitchen", "weight_grams": 300}
    later = {"price_paise": 1, "starts_at": "2026-03-09T00:00:00Z"}
    asn = {"fc_code": "BLR1", "expected_on": "2026-03-09", "lines": [{"sku": "MUG", "quantity": 1}]}
    refusals = [
        seller.post(f"{me}/items", {**item, "price_paise": 1}),
        seller.post(f"{me}/offers", {"sku": "MUG", "price_paise": 1}),
        seller.put(f"{me}/items/MUG/price", {"price_paise": 1}),
        seller.post(f"{me}/items/MUG/coming-prices", later),
        seller.post(f"{me}/inbound-shipments", asn, Idempotency_Key="1"),
    ]
    for refused in refusals:
        assert is_problem(refused, 409, "SellerNotApproved")
    assert seller.get(f"{me}/items").json_body["items"] == []


def test_who_is_refused_is_told_why_and_may_apply_again(seller, fulfillment):
    new = {"name": "Asha", "email": "asha@example.com"}
    me = seller.post("/sellers", new).headers["Location"]
    assert seller.post(f"{me}/applications", {}).json_body["version"] == 1  # waits already
    no = {"status": "refused", "reason": "The tax number belongs to somebody else."}
    assert fulfillment.patch(me, no).json_body == fulfillment.patch(me, no).json_body
    shown = seller.get(me).json_body
    assert (shown["status"], shown["reason"]) == ("refused", no["reason"])

    again = seller.post(f"{me}/applications", {}).json_body
    assert (again["status"], again["reason"], again["version"]) == ("pending", None, 3)
    assert fulfillment.patch(me, {"status": "approved"}).json_body["status"] == "approved"
    assert is_problem(seller.post(f"{me}/applications", {}), 409, "SellerStatusConflict")

    told = all_pages(fulfillment, f"{me}/decisions")
    assert [each["status"] for each in told] == ["refused", "pending", "approved"]
    assert [each["reason"] for each in told] == [no["reason"], None, None]
    assert {each["decided_by"] for each in told} == {"staff admin"}


def test_who_may_not_sell_is_told_why_and_who_was_approved_is_suspended_not_refused(
    fulfillment, inventory_db, now
):
    me = f"/sellers/{an_approved_seller(inventory_db, now).seller_id}"
    assert wrong_fields(fulfillment.patch(me, {"status": "suspended"})) == {"body"}
    assert wrong_fields(fulfillment.patch(me, {"status": "refused", "reason": " "})) == {"reason"}
    refusal = fulfillment.patch(me, {"status": "refused", "reason": "Too late."})
    assert is_problem(refusal, 409, "SellerStatusConflict")
    suspension = {"status": "suspended", "reason": "Complaints."}
    assert fulfillment.patch(me, suspension).json_body["reason"] == "Complaints."
    assert fulfillment.patch(me, {"status": "approved"}).json_body["reason"] is None


def test_decisions_about_nobody_are_not_found(fulfillment, seller):
    assert is_problem(fulfillment.get(f"/sellers/{UNKNOWN}/decisions"), 404, "NotFound")
    assert is_problem(seller.post(f"/sellers/{UNKNOWN}/applications", {}), 404, "NotFound")


def test_a_name_changes_at_once_until_it_is_approved_and_then_waits_for_staff(seller, fulfillment):
    me = seller.post("/sellers", {"name": "Asha", "email": "a@example.com"}).headers["Location"]
    assert seller.patch(me, {"name": "Asha & Co"}).json_body["name"] == "Asha & Co"
    fulfillment.patch(me, {"status": "approved"})

    asked = seller.patch(me, {"name": "Best of Asha", "email": "b@example.com"}).json_body
    assert (asked["name"], asked["email"], asked["status"]) == (
        "Asha & Co",
        "b@example.com",
        "approved",
    )
    waiting = fulfillment.get("/sellers?wants_name=true").json_body["items"]
    assert [each["wanted_name"] for each in waiting] == ["Best of Asha"]

    no = {"name": "Best of Asha", "decision": "refused", "reason": "A registered mark."}
    assert wrong_fields(fulfillment.patch(f"{me}/wanted-name", {**no, "reason": None})) == {"body"}
    refused = fulfillment.patch(f"{me}/wanted-name", no).json_body
    assert (refused["wanted_name"], refused["name_refusal"]) == (None, "A registered mark.")
    assert is_problem(fulfillment.patch(f"{me}/wanted-name", no), 409, "NameNotWanted")

    assert seller.patch(me, {"name": "Asha Stores"}).json_body["name_refusal"] is None
    seen_too_late = {"name": "Best of Asha", "decision": "accepted"}
    assert is_problem(fulfillment.patch(f"{me}/wanted-name", seen_too_late), 409, "NameNotWanted")
    yes = {"name": "Asha Stores", "decision": "accepted"}
    accepted = fulfillment.patch(f"{me}/wanted-name", yes)
    assert fulfillment.patch(f"{me}/wanted-name", yes).body == accepted.body
    assert (accepted.json_body["name"], accepted.json_body["wanted_name"]) == ("Asha Stores", None)
    told = all_pages(fulfillment, f"{me}/decisions")[1:]
    assert [(each["name"], each["status"], each["reason"]) for each in told] == [
        ("Best of Asha", "refused", "A registered mark."),
        ("Asha Stores", "accepted", None),
    ]


def test_who_wants_their_old_name_again_wants_no_other_and_a_repeat_changes_nothing(
    seller, inventory_db, now
):
    me = f"/sellers/{an_approved_seller(inventory_db, now).seller_id}"
    old = seller.get(me).json_body["name"]
    asked = seller.patch(me, {"name": "Newer"})
    assert seller.patch(me, {"name": "Newer"}).body == seller.patch(me, {}).body == asked.body
    assert seller.patch(me, {"name": old}).json_body["wanted_name"] is None


def test_an_e_mail_address_belongs_to_one_seller(seller, inventory_db, now):
    an_approved_seller(inventory_db, now, "Ravi Traders")
    me = f"/sellers/{a_pending_seller(inventory_db, now).seller_id}"
    taken = {"email": "Ravi.Traders@example.com"}
    assert is_problem(seller.patch(me, taken), 409, "EmailTaken")
    assert is_problem(seller.patch(f"/sellers/{UNKNOWN}", taken), 404, "NotFound")
