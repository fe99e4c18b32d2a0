"""Batches, deliveries and sales as people of Easy Fulfillment meet them."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from online_kart.domain.principals import Role
from tests.freight import (
    BY_AIR,
    BY_ROAD,
    SKU,
    Shop,
    a_batch,
    at_last_fc,
    batch_of,
    build_routes,
    departed,
    forwarded,
    load,
    package_of,
    put_package,
    put_shop,
)
from tests.identity import staff
from tests.shop import CATEGORY, PRICE_PAISE


@pytest.fixture
def shop(inventory_db, documents, now) -> Shop:
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    return shop


def refused(answer, status, problem):
    assert answer.status_code == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json_body["type"] == f"urn:kart:problem:{problem}"
    return answer.json_body


def ids_of(answer, key="batch_id"):
    assert answer.status_code == 200, answer.body
    return [item[key] for item in answer.json_body["items"]]


def all_pages(fulfillment, path):
    """Page by page, two items each."""
    found, cursor = [], ""
    while cursor is not None:
        page = fulfillment.get(f"{path}limit=2{cursor and f'&cursor={cursor}'}").json_body
        found += page["items"]
        cursor = page["next_cursor"]
    return found


# Batches


def test_a_batch_is_seen_with_its_manifest_before_and_after_it_is_through(fulfillment, shop):
    package_id = put_package(shop, BY_ROAD)
    batch_id = batch_of(shop.conn, package_id)

    before = fulfillment.get(f"/batches/{batch_id}").json_body
    forwarded(shop, batch_id)
    after = fulfillment.get(f"/batches/{batch_id}").json_body

    assert (before["batch"]["status"], after["batch"]["status"]) == ("open", "finished")
    assert (
        before["manifest"] == after["manifest"] == {"package_ids": [str(package_id)], "units": []}
    )


def test_batches_are_listed_by_status_origin_destination_and_expected_time(fulfillment, shop):
    flying = batch_of(shop.conn, put_package(shop, BY_AIR))
    driving = batch_of(shop.conn, put_package(shop, BY_ROAD))
    departed(shop, flying)
    tomorrow = f"{shop.now.date() + timedelta(days=1)}T00:00:00Z"

    assert set(ids_of(fulfillment.get("/batches"))) == {str(flying), str(driving)}
    assert ids_of(fulfillment.get("/batches?status=open")) == [str(driving)]
    assert ids_of(fulfillment.get("/batches?destination=BLR")) == [str(flying)]
    assert ids_of(fulfillment.get("/batches?origin=BLR")) == []
    in_transit = "/batches?status=in_transit&expected_before="
    assert ids_of(fulfillment.get(f"{in_transit}{tomorrow}")) == [str(flying)]
    assert ids_of(fulfillment.get(f"{in_transit}{shop.now.date()}T00:00:00Z")) == []
    forwarded(shop, driving)
    assert ids_of(fulfillment.get("/batches?status=finished")) == [str(driving)]


def test_batches_are_listed_page_by_page(fulfillment, shop):
    for hours in range(5):
        package_id = put_package(shop, loaded=False)
        ready_at = shop.now + timedelta(hours=4 * hours)
        put_into_batch(shop, package_id, ready_at)

    found = all_pages(fulfillment, "/batches?")
    for batch in found:
        forwarded(shop, UUID(batch["batch_id"]))
    history = all_pages(fulfillment, "/batches?status=finished&destination=BLR&")

    assert len({batch["batch_id"] for batch in found}) == 5
    assert [batch["due_at"] for batch in found] == sorted(batch["due_at"] for batch in found)
    assert sorted(b["batch_id"] for b in history) == sorted(b["batch_id"] for b in found)


def put_into_batch(shop, package_id, ready_at):
    with shop.conn.transaction():
        load(shop, package_id, "BLR1", "BLR", ready_at)


def test_an_open_batch_is_moved_to_another_time(fulfillment, shop):
    batch_id = batch_of(shop.conn, put_package(shop, BY_ROAD))
    due_at = a_batch(shop, batch_id).due_at + timedelta(hours=1)

    answer = fulfillment.patch(f"/batches/{batch_id}", {"due_at": due_at.isoformat()})

    assert answer.status_code == 200
    assert (a_batch(shop, batch_id).due_at, answer.json_body["revision"]) == (due_at, 2)
    departed(shop, batch_id)
    again = fulfillment.patch(f"/batches/{batch_id}", {"due_at": due_at.isoformat()})
    assert refused(again, 409, "BatchStatusConflict")["batch_status"] == "in_transit"


def test_a_scan_arrives_a_batch_and_a_repeat_answers_the_same(fulfillment, shop):
    package_id = put_package(shop, BY_AIR)
    batch_id = batch_of(shop.conn, package_id)
    departed(shop, batch_id)

    first = fulfillment.post(f"/batches/{batch_id}/arrivals", {})
    again = fulfillment.post(f"/batches/{batch_id}/arrivals", {})

    assert (first.status_code, first.json_body["status"]) == (200, "arrived")
    assert again.json_body == first.json_body
    assert package_of(shop.conn, package_id).at_facility == "BLR"


def test_a_scan_names_what_is_missing(fulfillment, shop):
    there, lost = put_package(shop, BY_AIR), put_package(shop, BY_AIR)
    batch_id = batch_of(shop.conn, there)
    departed(shop, batch_id)
    path = f"/batches/{batch_id}/arrivals"

    mismatch = refused(fulfillment.post(path, {"scanned": [str(there)]}), 409, "ManifestMismatch")
    missing = {"package_id": str(lost), "reason": "torn open"}
    answer = fulfillment.post(path, {"scanned": [str(there)], "missing": [missing]})

    assert mismatch["unaccounted"] == [str(lost)]
    assert answer.status_code == 200
    assert package_of(shop.conn, lost).status == "lost"


def test_what_is_unknown_malformed_or_too_early_is_refused(fulfillment, shop):
    batch_id = batch_of(shop.conn, put_package(shop, BY_AIR))

    refused(fulfillment.get(f"/batches/{uuid4()}"), 404, "NotFound")
    refused(fulfillment.get("/batches/seventeen"), 422, "InvalidRequest")
    refused(fulfillment.get("/batches?status=lost"), 422, "InvalidFields")
    refused(fulfillment.get("/batches?cursor=x"), 422, "InvalidRequest")
    refused(fulfillment.post(f"/batches/{uuid4()}/arrivals", {}), 404, "NotFound")
    refused(fulfillment.post(f"/batches/{batch_id}/arrivals", {}), 409, "BatchStatusConflict")
    refused(fulfillment.post(f"/batches/{batch_id}/arrivals", {"by": 1}), 422, "InvalidFields")
    refused(fulfillment.patch(f"/batches/{batch_id}", {"due_at": "soon"}), 422, "InvalidFields")


def test_an_fc_is_restocked_from_another(fulfillment, shop):
    command = {
        "transfer_id": str(uuid4()),
        "sku": SKU,
        "seller_id": str(shop.seller_id),
        "quantity": 40,
        "origin": "BLR1",
        "destination": "BLR2",
    }

    answers = [fulfillment.post("/batches/units", command) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json_body == answers[1].json_body
    found = fulfillment.get(answers[0].headers["Location"]).json_body
    assert found["manifest"]["units"][0]["quantity"] == 40
    refused(fulfillment.post("/batches/units", {**command, "quantity": 0}), 422, "InvalidFields")


def test_a_batch_leaves_at_once_where_people_say_so_and_once_however_often_they_do(
    fulfillment, shop
):
    package_id = put_package(shop, BY_ROAD)
    batch_id = batch_of(shop.conn, package_id)
    path = f"/batches/{batch_id}/departure"

    answer = fulfillment.post(path, {})

    assert (answer.status_code, answer.headers["Location"]) == (202, f"/batches/{batch_id}")
    due_at = a_batch(shop, batch_id).due_at
    assert abs(due_at - shop.now) < timedelta(minutes=5)
    opened = shop.conn.execute("SELECT payload FROM outbox WHERE type = 'BatchOpened'").fetchall()
    assert [row[0]["revision"] for row in opened] == [1, 2]
    departed(shop, batch_id)
    assert fulfillment.post(path, {}).json_body["status"] == "in_transit"
    refused(fulfillment.post(f"/batches/{uuid4()}/departure", {}), 404, "NotFound")


# Deliveries


def test_deliveries_are_listed_and_delivered_once(fulfillment, shop):
    package_ids = [str(at_last_fc(shop)) for _ in range(3)]

    listed = all_pages(fulfillment, "/deliveries?fc_code=BLR2&status=out&")
    path = f"/deliveries/{package_ids[0]}/outcomes"
    answers = [
        fulfillment.post(path, {"outcome": "delivered", "proof": "signed"}) for _ in range(2)
    ]

    assert [each["package_id"] for each in listed] == sorted(package_ids)
    assert [answer.json_body["status"] for answer in answers] == ["delivered", "delivered"]
    left = fulfillment.get("/deliveries?fc_code=BLR2")
    assert ids_of(left, "package_id") == sorted(package_ids[1:])


def test_what_is_refused_at_the_door_needs_a_reason_and_returns(fulfillment, shop):
    path = f"/deliveries/{at_last_fc(shop)}/outcomes"

    refused(fulfillment.post(path, {"outcome": "refused"}), 422, "InvalidFields")
    told = {"outcome": "refused", "reason": "not wanted any more"}
    assert fulfillment.post(path, told).json_body["status"] == "returning"
    assert fulfillment.post(path, told).json_body["status"] == "returning"
    delivered = {"outcome": "delivered", "proof": "signed"}
    refused(fulfillment.post(path, delivered), 409, "PackageStatusConflict")


def test_a_failed_attempt_needs_its_number_and_a_reason(fulfillment, shop):
    path = f"/deliveries/{at_last_fc(shop)}/outcomes"

    refused(fulfillment.post(path, {"outcome": "failed", "attempt": 1}), 422, "InvalidFields")
    refused(fulfillment.post(path, {"outcome": "delivered"}), 422, "InvalidFields")
    failed = {"outcome": "failed", "attempt": 1, "reason": "nobody at home"}
    assert fulfillment.post(path, failed).json_body["attempt"] == 2
    ahead = fulfillment.post(path, {**failed, "attempt": 3})
    assert refused(ahead, 409, "AttemptConflict")["attempt"] == 2
    unknown = {"outcome": "delivered", "proof": "signed"}
    refused(fulfillment.post(f"/deliveries/{uuid4()}/outcomes", unknown), 404, "NotFound")


# Sales


def test_sales_are_shown_by_category_by_month_and_by_item(fulfillment, shop):
    path = f"/deliveries/{at_last_fc(shop)}/outcomes"
    fulfillment.post(path, {"outcome": "delivered", "proof": "signed"})

    sold = {"quantity": 2, "amount_paise": 2 * PRICE_PAISE}

    by_category = fulfillment.get("/sales/by-category").json_body["items"]
    by_month = fulfillment.get("/sales/by-month").json_body["items"]
    by_item = fulfillment.get("/sales/by-item?month=2026-03-31&sku=MUG").json_body["items"]
    assert by_category == [{"category_id": CATEGORY, "name": CATEGORY.title(), **sold}]
    assert by_month == [{"month": "2026-03-01", **sold}]
    item = {"month": "2026-03-01", "fc_code": "BLR1", "sku": "MUG", "item_name": "A mug"}
    assert by_item == [{**item, **sold}]
    refused(fulfillment.get("/sales/by-month?cursor=x"), 422, "InvalidRequest")


# Whose facility's


def test_fc_staff_who_name_no_facility_see_lists_of_their_own(fulfillment, seller, shop):
    me = f"/sellers/{shop.seller_id}/inbound-shipments"
    asn = {"fc_code": "BLR2", "expected_on": "2026-03-09", "lines": [{"sku": SKU, "quantity": 1}]}
    assert seller.post(me, asn, Idempotency_Key="1").status_code == 201
    at_last_fc(shop, BY_ROAD)  # its batch is history, and a delivery of BLR2
    put_package(shop, BY_AIR)
    lists = (
        "/packages",
        "/batches",
        "/batches?status=finished",
        "/deliveries",
        "/inbound-shipments",
    )

    def seen_by(*facilities, role=Role.FC_STAFF):
        client = fulfillment.signed_in(staff("fulfillment_app", role, *facilities))
        return [len(client.get(path).json_body["items"]) for path in lists]

    assert seen_by("BLR1") == [1, 1, 1, 0, 0]
    assert seen_by("BLR2") == [1, 0, 1, 1, 1]
    assert seen_by("BLR1", "BLR2") == seen_by(role=Role.AUDITOR) == [2, 1, 1, 1, 1]
    assert seen_by("DEL9") == [0, 0, 0, 0, 0]
    named = fulfillment.signed_in(staff("fulfillment_app", Role.FC_STAFF, "DEL9"))
    assert len(named.get("/deliveries?fc_code=BLR2").json_body["items"]) == 1
    assert len(named.get("/batches?destination=BLR").json_body["items"]) == 1
    assert len(named.get("/batches?facility=BLR1").json_body["items"]) == 1
