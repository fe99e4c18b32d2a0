"""What two people edit: whoever has read a version that is past is told so, and changes nothing."""

import pytest

from tests.api.test_seller_api import is_problem
from tests.freight import BY_ROAD, a_batch, batch_of, build_routes, put_package, put_shop

BLR1, LEG = "/fulfillment-centers/BLR1", "/legs/BLR1/BLR2/road"


@pytest.fixture
def shop(inventory_db, documents, now):
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    return shop


@pytest.fixture
def edits(shop, seller, fulfillment):
    """Name → (client, where it is read, method, path, one change, another)."""
    me = f"/sellers/{shop.seller_id}"
    asn = {"fc_code": "BLR1", "expected_on": "2026-03-09", "lines": [{"sku": "MUG", "quantity": 1}]}
    shipment = seller.post(f"{me}/inbound-shipments", asn, Idempotency_Key="1").headers["Location"]
    batch_id = batch_of(shop.conn, put_package(shop, BY_ROAD))
    due_at = a_batch(shop, batch_id).due_at.isoformat()
    later, latest = due_at.replace("30:00", "31:00"), "2026-03-03T00:00:00Z"
    batch = f"/batches/{batch_id}"
    kitchen, price = "/item-categories/kitchen", f"{me}/items/MUG/price"
    complaint = {"status": "suspended", "reason": "Complaints."}
    minutes, transit = "handling_minutes", "transit_minutes"
    return {
        "hub": (fulfillment, "/hubs/BLR", "patch", "/hubs/BLR", {minutes: 11}, {minutes: 12}),
        "FC": (fulfillment, BLR1, "patch", BLR1, {minutes: 11}, {minutes: 12}),
        "leg": (fulfillment, LEG, "patch", LEG, {transit: 11}, {transit: 12}),
        "batch": (fulfillment, batch, "patch", batch, {"due_at": later}, {"due_at": latest}),
        "category": (fulfillment, kitchen, "put", kitchen, {"name": "One"}, {"name": "Two"}),
        "shipment": (
            seller,
            shipment,
            "patch",
            shipment,
            {"expected_on": "2026-03-10"},
            {"expected_on": "2026-03-11"},
        ),
        "price": (
            seller,
            f"{me}/items/MUG",
            "put",
            price,
            {"price_paise": 11},
            {"price_paise": 12},
        ),
        "own data": (seller, me, "patch", me, {"name": "One"}, {"name": "Two"}),
        "seller": (fulfillment, me, "patch", me, complaint, {"status": "approved"}),
    }


NAMES = ("hub", "FC", "leg", "batch", "category", "shipment", "price", "seller", "own data")


@pytest.mark.parametrize("name", NAMES)
def test_of_two_who_have_read_the_same_only_the_first_changes_it(edits, name):
    client, read_at, method, path, one, other = edits[name]
    send = getattr(client, method)
    seen = client.get(read_at).headers["ETag"]

    first = send(path, one, If_Match=seen)
    after = client.get(read_at)
    second = send(path, other, If_Match=seen)

    assert first.status_code in (200, 202), first.body
    assert is_problem(second, 412, "VersionChanged")
    assert client.get(read_at).json_body == after.json_body
    assert after.headers["ETag"] == f'"{second.json_body["current_version"]}"' != seen
    assert send(path, other, If_Match=after.headers["ETag"]).status_code in (200, 202)


def test_who_says_nothing_of_a_version_or_takes_any_changes_it_as_before(fulfillment, shop):
    for headers in ({}, {"If_Match": "*"}, {"If_Match": '"99", W/"3" , "3","2"'}):
        assert fulfillment.patch(LEG, {"transit_minutes": 50}, **headers).status_code == 202


@pytest.mark.parametrize("tag", ['W/"1"', '"01"', '"one"', '"1.0"', '"99999999999999999999"'])
def test_a_weak_tag_or_one_that_is_none_of_ours_fits_nothing(fulfillment, shop, tag):
    answer = fulfillment.patch(LEG, {"transit_minutes": 50}, If_Match=tag)
    assert is_problem(answer, 412, "VersionChanged")


@pytest.mark.parametrize("header", ["", "1", '"1', '"1" "2"', "x" * 300])
def test_a_header_that_is_no_list_of_tags_is_refused(fulfillment, shop, header):
    answer = fulfillment.patch(LEG, {"transit_minutes": 50}, If_Match=header)
    assert is_problem(answer, 422, "InvalidRequest")
    assert answer.json_body["field"] == "If-Match"


def test_what_has_changed_is_not_deleted_either(fulfillment, seller, shop):
    seen = fulfillment.get(LEG).headers["ETag"]
    fulfillment.patch(LEG, {"transit_minutes": 50})
    by_name = "/legs?origin=BLR1&destination=BLR2&mode=road"
    for path in (LEG, by_name):
        assert is_problem(fulfillment.delete(path, If_Match=seen), 412, "VersionChanged")
    tried = fulfillment.delete(f"{LEG}?dry_run=true", If_Match=seen)
    assert is_problem(tried, 412, "VersionChanged")
    assert is_problem(fulfillment.delete("/hubs/BLR", If_Match='"7"'), 412, "VersionChanged")
    assert is_problem(fulfillment.delete(BLR1, If_Match='"7"'), 412, "VersionChanged")
    current = fulfillment.get(LEG).headers["ETag"]
    assert fulfillment.delete(LEG, If_Match=current).status_code == 202


def test_a_shipment_that_was_amended_is_not_cancelled_by_who_has_not_seen_it(edits):
    client, path, _, _, one, _ = edits["shipment"]
    seen = client.get(path).headers["ETag"]
    client.patch(path, one)
    assert is_problem(client.delete(path, If_Match=seen), 412, "VersionChanged")
    assert client.delete(path, If_Match=client.get(path).headers["ETag"]).status_code == 204


def test_a_file_of_the_whole_network_counts_as_a_change_of_what_is_in_it(fulfillment, shop):
    seen = fulfillment.get(BLR1).headers["ETag"]
    first = fulfillment.get(f"{BLR1}/pincodes").json_body["items"][0]["first"]
    center = {"code": "BLR1", "kind": "fc", "handling_minutes": 40, "latitude": 12.9}
    center |= {"longitude": 77.5, "pincode_ranges": [[first, first]]}
    put = fulfillment.put("/network", {"facilities": [center], "legs": []})
    assert put.status_code == 202, put.body
    assert is_problem(fulfillment.patch(BLR1, {"name": "B"}, If_Match=seen), 412, "VersionChanged")
