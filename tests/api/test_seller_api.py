"""Every route of the seller app, as its clients meet it."""

from datetime import timedelta
from uuid import uuid4

import pytest

from online_kart.documents import seller_sales
from online_kart.domain.sellers import SoldLine
from seller_app.chalicelib.services import prices
from tests.integration.test_seller_projections import price_events
from tests.shop import (
    a_pending_seller,
    an_approved_seller,
    put_category,
    put_fc,
    put_item,
)

A_MUG = {
    "sku": "MUG",
    "name": "A mug",
    "brand": "Plain",
    "category_id": "kitchen",
    "weight_grams": 350,
    "price_paise": 49_900,
}
A_SHIPMENT = {
    "fc_code": "BLR1",
    "expected_on": "2026-03-09",
    "lines": [{"sku": "MUG", "quantity": 5}],
}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
NO_ASN = "ASN-0000000000000000"


@pytest.fixture
def seller_id(inventory_db, now):
    """An approved one; there is an FC, and a category."""
    put_fc(inventory_db, "BLR1", now)
    put_category(inventory_db, now)
    return an_approved_seller(inventory_db, now).seller_id


def is_problem(response, status, kind):
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (response.status_code, response.json_body["status"]) == (status, status)
    assert response.json_body["type"] == f"urn:kart:problem:{kind}"
    return True


def wrong_fields(response):
    assert is_problem(response, 422, "InvalidFields")
    return {error["field"] for error in response.json_body["errors"]}


def all_pages(client, path):
    """What every page of a list has, two entries at a time."""
    items, cursor, joint = [], "", "&" if "?" in path else "?"
    while cursor is not None:
        page = client.get(f"{path}{joint}limit=2{cursor and '&cursor=' + cursor}").json_body
        items += page["items"]
        cursor = page["next_cursor"]
    return items


def test_health_and_readiness(seller, now):
    assert seller.get("/health").json_body == {"app": "seller", "status": "up"}
    ready = seller.get("/ready").json_body
    assert (ready["app"], ready["unsent_events"]) == ("seller", 0)
    assert ready["now"].startswith(now.isoformat()[:13])


# -- sellers


def test_a_seller_registers_and_waits_for_approval(seller):
    answer = seller.post("/sellers", {"name": " Asha Traders ", "email": "asha@example.com"})
    assert answer.status_code == 201
    body = answer.json_body
    assert (body["name"], body["status"], body["approved_at"]) == ("Asha Traders", "pending", None)
    assert seller.get(answer.headers["Location"]).json_body == body


def test_what_does_not_describe_a_seller_is_refused_field_by_field(seller):
    answer = seller.post("/sellers", {"name": "", "email": "asha", "rank": 1})
    assert wrong_fields(answer) == {"name", "email", "rank"}
    assert wrong_fields(seller.post("/sellers", None)) == {"body"}


def test_an_email_address_registers_once(seller):
    asha = {"name": "Asha", "email": "asha@example.com"}
    seller.post("/sellers", asha)
    assert is_problem(seller.post("/sellers", asha), 409, "EmailTaken")


@pytest.mark.parametrize(
    "path",
    [
        "/sellers/{}",
        "/sellers/{}/items",
        "/sellers/{}/items/MUG",
        "/sellers/{}/items/MUG/prices",
        "/sellers/{}/stock",
        "/sellers/{}/sales",
        "/sellers/{}/sales/totals",
        "/sellers/{}/inbound-shipments",
        "/sellers/{}/inbound-shipments/" + NO_ASN,
    ],
)
def test_a_seller_whom_nobody_knows_is_not_found_and_a_malformed_id_is_none(seller, path):
    assert is_problem(seller.get(path.format(UNKNOWN)), 404, "NotFound")
    malformed = seller.get(path.format("asha"))
    assert is_problem(malformed, 422, "InvalidRequest")
    assert malformed.json_body["field"] == "seller_id"


@pytest.mark.parametrize(
    "path",
    [
        "/sellers/{}/items",
        "/sellers/{}/items/MUG/prices",
        "/sellers/{}/stock",
        "/sellers/{}/sales",
        "/sellers/{}/sales/totals",
        "/sellers/{}/inbound-shipments",
    ],
)
def test_a_list_refuses_limits_cursors_and_parameters_that_it_does_not_know(
    seller, inventory_db, seller_id, now, path
):
    put_item(inventory_db, seller_id, "MUG", now)
    path = path.format(seller_id)
    assert wrong_fields(seller.get(f"{path}?limit=0&colour=red")) == {"limit", "colour"}
    assert wrong_fields(seller.get(f"{path}?limit=201")) == {"limit"}
    assert is_problem(seller.get(f"{path}?cursor=abc"), 422, "InvalidRequest")


# -- items and offers


def test_an_item_is_registered_with_its_first_offer(seller, seller_id):
    answer = seller.post(f"/sellers/{seller_id}/items", A_MUG)
    assert answer.status_code == 201
    body = answer.json_body
    assert {key: body[key] for key in A_MUG} == A_MUG
    assert (body["offer_status"], body["offer_version"]) == ("active", 1)
    assert answer.headers["Location"] == f"/sellers/{seller_id}/items/MUG"
    shown = seller.get(answer.headers["Location"]).json_body
    assert shown == {**body, "stock": [], "coming_prices": []}
    assert seller.post(f"/sellers/{seller_id}/items", A_MUG).json_body == body


def test_what_does_not_describe_an_item_is_refused_field_by_field(seller, seller_id):
    wrong = {**A_MUG, "sku": "m u g", "weight_grams": 0, "price_paise": 0, "colour": "red"}
    answer = seller.post(f"/sellers/{seller_id}/items", wrong)
    assert wrong_fields(answer) == {"sku", "weight_grams", "price_paise", "colour"}


def test_an_item_of_no_category_or_of_another_seller_is_refused(
    seller, inventory_db, seller_id, now
):
    answer = seller.post(f"/sellers/{seller_id}/items", {**A_MUG, "category_id": "cars"})
    assert is_problem(answer, 422, "UnknownReference")
    assert answer.json_body["field"] == "category_id"
    other = an_approved_seller(inventory_db, now, "Bina Stores").seller_id
    put_item(inventory_db, other, "MUG", now)
    assert is_problem(seller.post(f"/sellers/{seller_id}/items", A_MUG), 409, "SkuTaken")


def test_who_is_not_approved_or_not_known_sells_nothing(seller, inventory_db, seller_id, now):
    pending = a_pending_seller(inventory_db, now, "Bina Stores").seller_id
    answer = seller.post(f"/sellers/{pending}/items", A_MUG)
    assert is_problem(answer, 409, "SellerNotApproved")
    assert answer.json_body["seller_status"] == "pending"
    assert is_problem(seller.post(f"/sellers/{UNKNOWN}/items", A_MUG), 404, "NotFound")
    assert is_problem(seller.post("/sellers/asha/items", A_MUG), 422, "InvalidRequest")


def test_an_item_of_another_seller_is_offered(seller, inventory_db, seller_id, now):
    other = an_approved_seller(inventory_db, now, "Bina Stores").seller_id
    put_item(inventory_db, other, "MUG", now)
    offer = {"sku": "MUG", "price_paise": 45_000}
    answer = seller.post(f"/sellers/{seller_id}/offers", offer)
    assert (answer.status_code, answer.json_body["price_paise"]) == (201, 45_000)
    assert seller.post(f"/sellers/{seller_id}/offers", offer).json_body == answer.json_body
    dearer = seller.post(f"/sellers/{seller_id}/offers", {**offer, "price_paise": 45_001})
    assert is_problem(dearer, 409, "OfferExists")
    unknown = seller.post(f"/sellers/{seller_id}/offers", {**offer, "sku": "LID"})
    assert is_problem(unknown, 422, "UnknownReference")
    assert wrong_fields(seller.post(f"/sellers/{seller_id}/offers", {"sku": "MUG"})) == {
        "price_paise"
    }
    assert is_problem(seller.post(f"/sellers/{UNKNOWN}/offers", offer), 404, "NotFound")


def test_items_are_listed_by_sku_page_by_page(seller, inventory_db, seller_id, now):
    for sku in ("POT", "LID", "MUG"):
        put_item(inventory_db, seller_id, sku, now)
    other = an_approved_seller(inventory_db, now, "Bina Stores").seller_id
    put_item(inventory_db, other, "PAN", now)
    listed = all_pages(seller, f"/sellers/{seller_id}/items")
    assert [item["sku"] for item in listed] == ["LID", "MUG", "POT"]


def test_an_item_that_is_not_offered_is_not_found_and_a_malformed_sku_is_none(seller, seller_id):
    for path in ("", "/prices"):
        answer = seller.get(f"/sellers/{seller_id}/items/LID{path}")
        assert is_problem(answer, 404, "NotFound")
        malformed = seller.get(f"/sellers/{seller_id}/items/lid_{path}")
        assert is_problem(malformed, 422, "InvalidRequest")


# -- prices


def test_a_price_is_changed_and_its_history_tells_of_it(
    seller, inventory_db, documents, seller_id, now
):
    put_item(inventory_db, seller_id, "MUG", now)
    path = f"/sellers/{seller_id}/items/MUG"
    for price_paise in (39_900, 39_900, 42_900):
        answer = seller.put(f"{path}/price", {"price_paise": price_paise})
        assert (answer.status_code, answer.json_body["price_paise"]) == (200, price_paise)
    assert answer.json_body["version"] == 3
    for envelope in price_events(inventory_db):
        prices.log_change(documents, envelope)
    history = all_pages(seller, f"{path}/prices")
    assert [(entry["old_price_paise"], entry["new_price_paise"]) for entry in history] == [
        (39_900, 42_900),
        (49_900, 39_900),
        (None, 49_900),
    ]


def test_a_price_that_is_none_is_refused(seller, inventory_db, seller_id, now):
    put_item(inventory_db, seller_id, "MUG", now)
    path = f"/sellers/{seller_id}/items/MUG/price"
    for price in (0, -1, 12.5, "many", None, 10**12 + 1):
        assert wrong_fields(seller.put(path, {"price_paise": price})) == {"price_paise"}
    assert is_problem(
        seller.put(f"/sellers/{seller_id}/items/LID/price", {"price_paise": 1}), 404, "NotFound"
    )


# -- stock and sales


def test_stock_is_listed_by_item_and_fc(seller, inventory_db, seller_id, now):
    put_fc(inventory_db, "DEL1", now)
    for sku in ("MUG", "POT"):
        put_item(inventory_db, seller_id, sku, now)
    for sku, fc_code in (("MUG", "DEL1"), ("POT", "BLR1"), ("MUG", "BLR1")):
        inventory_db.execute(
            "INSERT INTO stock (fc_code, sku, seller_id, on_hand, reserved) VALUES (%s, %s, %s, 5, 2)",
            [fc_code, sku, seller_id],
        )
    path = f"/sellers/{seller_id}/stock"
    listed = all_pages(seller, path)
    assert [(row["sku"], row["fc_code"]) for row in listed] == [
        ("MUG", "BLR1"),
        ("MUG", "DEL1"),
        ("POT", "BLR1"),
    ]
    assert listed[0] == {
        "sku": "MUG",
        "fc_code": "BLR1",
        "on_hand": 5,
        "reserved": 2,
        "free": 3,
    }
    assert len(all_pages(seller, f"{path}?fc_code=BLR1")) == 2
    assert len(all_pages(seller, f"{path}?fc_code=DEL1&sku=MUG")) == 1
    assert wrong_fields(seller.get(f"{path}?fc_code=blr&sku=_")) == {"fc_code", "sku"}
    assert seller.get(f"/sellers/{seller_id}/items/MUG").json_body["stock"] == listed[:2]


def test_sales_are_listed_and_added_up_by_fc_and_item(seller, documents, seller_id, now):
    for sku, fc_code, quantity in (
        ("MUG", "BLR1", 3),
        ("MUG", "BLR1", -1),
        ("MUG", "DEL1", 2),
        ("POT", "BLR1", 1),
    ):
        sale = SoldLine(
            sale_id=uuid4(),
            seller_id=seller_id,
            sku=sku,
            fc_code=fc_code,
            quantity=quantity,
            amount_paise=100 * quantity,
            sold_at=now,
        )
        seller_sales.put(documents, sale)
    path = f"/sellers/{seller_id}/sales"
    assert len(all_pages(seller, path)) == 4
    assert len(all_pages(seller, f"{path}?fc_code=BLR1&sku=MUG")) == 2
    assert all_pages(seller, f"{path}/totals") == [
        {"fc_code": "BLR1", "sku": "MUG", "quantity": 2, "amount_paise": 200},
        {"fc_code": "BLR1", "sku": "POT", "quantity": 1, "amount_paise": 100},
        {"fc_code": "DEL1", "sku": "MUG", "quantity": 2, "amount_paise": 200},
    ]
    assert len(all_pages(seller, f"{path}/totals?sku=POT")) == 1
    assert wrong_fields(seller.get(f"{path}?fc_code=blr")) == {"fc_code"}


def test_sales_can_be_of_a_time(seller, documents, seller_id, now):
    for day in range(3):
        sale = SoldLine(
            sale_id=uuid4(),
            seller_id=seller_id,
            sku="MUG",
            fc_code="BLR1",
            quantity=10**day,
            amount_paise=100,
            sold_at=now + timedelta(days=day),
        )
        seller_sales.put(documents, sale)
    path, second, third = f"/sellers/{seller_id}/sales", "2026-03-03", "2026-03-04"
    times = f"since={second}T00:00:00%2B05:30&before={third}T00:00:00%2B05:30"
    assert [each["quantity"] for each in all_pages(seller, f"{path}?{times}")] == [10]
    (total,) = all_pages(seller, f"{path}/totals?since={second}T00:00:00Z")
    assert total["quantity"] == 110
    assert wrong_fields(seller.get(f"{path}?since=2026-03-03")) == {"since"}


# -- inbound shipments


@pytest.fixture
def shipments(inventory_db, seller_id, now):
    """The path of the shipments of a seller who offers MUG."""
    put_item(inventory_db, seller_id, "MUG", now)
    return f"/sellers/{seller_id}/inbound-shipments"


def test_a_shipment_is_announced_once_however_often_it_is_sent(seller, shipments, seller_id):
    first = seller.post(shipments, A_SHIPMENT, Idempotency_Key="monday")
    assert first.status_code == 201
    body = first.json_body
    assert {key: body[key] for key in A_SHIPMENT} == A_SHIPMENT
    assert (body["status"], body["version"], body["seller_id"]) == ("announced", 1, str(seller_id))
    again = seller.post(shipments, A_SHIPMENT, Idempotency_Key="monday")
    assert (again.status_code, again.body, again.headers["Location"]) == (
        201,
        first.body,
        first.headers["Location"],
    )
    assert seller.get(first.headers["Location"]).json_body == body
    assert seller.get(shipments).json_body["items"] == [body]


def test_a_key_is_asked_for_and_is_of_one_request(seller, shipments):
    missing = seller.post(shipments, A_SHIPMENT)
    assert is_problem(missing, 400, "HeaderMissing")
    assert missing.json_body["field"] == "Idempotency-Key"
    seller.post(shipments, A_SHIPMENT, Idempotency_Key="monday")
    other = {**A_SHIPMENT, "expected_on": "2026-03-10"}
    answer = seller.post(shipments, other, Idempotency_Key="monday")
    assert is_problem(answer, 422, "InvalidRequest")


def test_a_shipment_that_cannot_be_is_refused_with_the_reason(seller, shipments, seller_id):
    def send(**changes):
        return seller.post(shipments, {**A_SHIPMENT, **changes}, Idempotency_Key=str(uuid4()))

    assert wrong_fields(send(lines=[], weight=1)) == {"lines", "weight"}
    twice = [{"sku": "MUG", "quantity": 1}, {"sku": "MUG", "quantity": 1}]
    assert wrong_fields(send(lines=twice)) == {"body"}
    answer = send(expected_on="soon", lines=[{"sku": "MUG", "quantity": 0}])
    assert {"expected_on", "lines.0.quantity"} <= wrong_fields(answer)
    assert is_problem(send(fc_code="BLR9"), 422, "UnknownReference")
    assert is_problem(send(lines=[{"sku": "LID", "quantity": 1}]), 422, "UnknownReference")
    assert is_problem(send(expected_on="2026-03-01"), 422, "InvalidRequest")


def test_a_shipment_of_what_others_offer_or_to_a_closed_fc_is_a_conflict(
    seller, shipments, inventory_db, now
):
    other = an_approved_seller(inventory_db, now, "Bina Stores").seller_id
    put_item(inventory_db, other, "PAN", now)
    put_fc(inventory_db, "BLR2", now, status="closed")
    for changes, kind in (
        ({"lines": [{"sku": "PAN", "quantity": 1}]}, "NotOffered"),
        ({"fc_code": "BLR2"}, "FacilityNotOpen"),
    ):
        answer = seller.post(shipments, {**A_SHIPMENT, **changes}, Idempotency_Key=str(uuid4()))
        assert is_problem(answer, 409, kind)


def test_a_shipment_is_amended_and_cancelled(seller, shipments):
    answer = seller.post(shipments, A_SHIPMENT, Idempotency_Key="monday")
    path = answer.headers["Location"]
    amended = seller.patch(path, {"lines": [{"sku": "MUG", "quantity": 8}]})
    assert (amended.status_code, amended.json_body["version"]) == (200, 2)
    assert amended.json_body["lines"] == [{"sku": "MUG", "quantity": 8}]
    assert wrong_fields(seller.patch(path, {"fc_code": "DEL1"})) == {"fc_code"}
    for _ in range(2):
        gone = seller.delete(path)
        assert (gone.status_code, gone.body) == (204, b"")
    assert seller.get(path).json_body["status"] == "cancelled"
    assert seller.get(shipments).json_body["items"] == []
    assert is_problem(seller.patch(path, {"expected_on": "2026-03-10"}), 409, "ShipmentIsOver")


def test_a_shipment_that_there_is_not_is_not_found_and_a_malformed_number_is_none(
    seller, shipments
):
    change = {"expected_on": "2026-03-10"}
    assert is_problem(seller.get(f"{shipments}/{NO_ASN}"), 404, "NotFound")
    assert is_problem(seller.patch(f"{shipments}/{NO_ASN}", change), 404, "NotFound")
    assert is_problem(seller.delete(f"{shipments}/{NO_ASN}"), 404, "NotFound")
    assert is_problem(seller.get(f"{shipments}/ASN-1"), 422, "InvalidRequest")
    assert is_problem(seller.patch(f"{shipments}/ASN-1", change), 422, "InvalidRequest")
    assert is_problem(seller.delete(f"{shipments}/ASN-1"), 422, "InvalidRequest")


def test_shipments_are_listed_page_by_page_the_soonest_first(seller, shipments):
    for day in ("12", "10", "11"):
        body = {**A_SHIPMENT, "expected_on": f"2026-03-{day}"}
        seller.post(shipments, body, Idempotency_Key=day)
    listed = all_pages(seller, shipments)
    assert [entry["expected_on"][-2:] for entry in listed] == ["10", "11", "12"]
