"""Pick and pack lists of an FC, what its people tell of packages, and batches that are unloaded bit by bit."""

import csv
import io
from uuid import uuid4

import pytest

from fulfillment_app.chalicelib.services import recalls
from tests.api.test_batches_api import all_pages, refused
from tests.freight import (
    BY_AIR,
    BY_ROAD,
    SKU,
    Shop,
    a_batch,
    batch_of,
    broken_invariants,
    build_routes,
    departed,
    forwarded,
    history_of,
    package_of,
    put_package,
    put_shop,
)

FC = "/fulfillment-centers/BLR1"


@pytest.fixture
def shop(inventory_db, documents, now) -> Shop:
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    return shop


def picks(client, fc=FC):
    items = client.get(f"{fc}/pick-list").json_body["items"]
    return [(line["sku"], line["quantity"], line["packages_count"]) for line in items]


def to_pack(client):
    return [each["package_id"] for each in client.get(f"{FC}/pack-list").json_body["items"]]


def tell(client, step, *package_ids, fc=FC):
    told = {"package_ids": [str(each) for each in package_ids]}
    answer = client.post(f"{fc}/{step}", told)
    assert answer.status_code == 200
    return [each["outcome"] for each in answer.json_body["marks"]]


def leaves_later(shop, package_id):
    """Its batch, which other packages are not in."""
    shop.conn.execute(
        "UPDATE batches SET due_at = due_at + interval '1 hour' WHERE batch_id = %s",
        [batch_of(shop.conn, package_id)],
    )


# -- lists


def test_units_of_packages_that_leave_together_are_one_line(fulfillment, shop):
    for quantity in (2, 3):
        put_package(shop, BY_ROAD, quantity)
    leaves_later(shop, put_package(shop, BY_AIR))
    lines = all_pages(fulfillment, f"{FC}/pick-list?")
    assert [(line["quantity"], line["packages_count"]) for line in lines] == [(5, 2), (2, 1)]


def test_a_list_may_end_at_a_cut_off(fulfillment, shop):
    first = put_package(shop, BY_ROAD)
    leaves_later(shop, put_package(shop, BY_AIR))
    due_at = a_batch(shop, batch_of(shop.conn, first)).due_at
    until = due_at.isoformat().replace("+", "%2B")
    assert len(fulfillment.get(f"{FC}/pick-list?until={until}").json_body["items"]) == 1
    (package,) = fulfillment.get(f"{FC}/pack-list?until={until}").json_body["items"]
    assert package["package_id"] == str(first)
    assert [line["quantity"] for line in package["lines"]] == [2]
    assert package["batch_id"] == str(batch_of(shop.conn, first))


def test_what_is_held_for_an_order_that_is_not_confirmed_is_not_picked(fulfillment, shop):
    package_id = put_package(shop, BY_ROAD)
    shop.conn.execute("UPDATE reservations SET status = 'held'")
    assert (picks(fulfillment), to_pack(fulfillment)) == ([], [])
    shop.conn.execute("UPDATE reservations SET status = 'confirmed'")
    assert to_pack(fulfillment) == [str(package_id)]


def test_the_list_is_printed_for_spreadsheets_and_holds_no_formula(fulfillment, shop):
    put_package(shop, BY_ROAD)
    shop.conn.execute("UPDATE items SET name = '=1+1, \"or\" 2'")
    answer = fulfillment.get(f"{FC}/pick-list.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    (line,) = csv.DictReader(io.StringIO(answer.body.decode(), newline=""))
    assert (line["sku"], line["name"], line["quantity"]) == (SKU, '\'=1+1, "or" 2', "2")


@pytest.mark.parametrize("path", ["pick-list", "pick-list.csv", "pack-list"])
def test_an_fc_that_nobody_knows_has_no_list(fulfillment, shop, path):
    refused(fulfillment.get(f"/fulfillment-centers/XXX1/{path}"), 404, "NotFound")


# -- marks


def test_what_is_picked_leaves_the_pick_list_and_what_is_packed_the_pack_list(fulfillment, shop):
    one, other = put_package(shop, BY_ROAD), put_package(shop, BY_ROAD)
    assert tell(fulfillment, "picks", one) == ["marked"]
    assert (picks(fulfillment), len(to_pack(fulfillment))) == ([(SKU, 2, 1)], 2)
    assert tell(fulfillment, "packs", one, other) == ["marked", "marked"]
    assert (picks(fulfillment), to_pack(fulfillment)) == ([], [])
    shown = fulfillment.get(f"/packages/{one}").json_body["package"]
    assert shown["picked_at"]
    assert shown["packed_at"]
    assert history_of(shop.conn, one) == ["planned", "picked", "packed"]
    events = fulfillment.get(f"/packages/{one}/events").json_body["items"]
    assert [event["happened_by"] for event in events[1:]] == ["staff admin", "staff admin"]


def test_each_package_of_a_request_is_answered_by_itself(fulfillment, shop):
    here, gone, cancelled = (put_package(shop, BY_ROAD) for _ in range(3))
    order_id = package_of(shop.conn, cancelled).order_id
    recalls.recall_packages(shop.conn, shop.documents, order_id, shop.now)
    tell(fulfillment, "picks", gone)
    assert tell(fulfillment, "picks", here, gone, cancelled, uuid4(), here) == [
        "marked",
        "unchanged",
        "refused",
        "refused",
        "marked",
    ]
    assert tell(fulfillment, "picks", here) == ["unchanged"]
    assert history_of(shop.conn, here) == ["planned", "picked"]


def test_a_package_is_packed_in_its_own_fc_only_and_not_when_it_has_left(fulfillment, shop):
    package_id = put_package(shop, BY_ROAD)
    assert tell(fulfillment, "packs", package_id, fc="/fulfillment-centers/BLR2") == ["refused"]
    departed(shop, batch_of(shop.conn, package_id))
    assert tell(fulfillment, "packs", package_id) == ["refused"]
    assert (picks(fulfillment), to_pack(fulfillment)) == ([], [])


# -- unloading


def scan(client, batch_id, *package_ids):
    told = {"package_ids": [str(each) for each in package_ids]}
    return client.post(f"/batches/{batch_id}/scans", told)


def outcomes(answer):
    assert answer.status_code == 200, answer.body
    return [each["outcome"] for each in answer.json_body["packages"]]


def test_a_batch_is_unloaded_bit_by_bit_and_arrives_with_its_last_package(fulfillment, shop):
    one, other = put_package(shop, BY_ROAD), put_package(shop, BY_ROAD)
    batch_id = batch_of(shop.conn, one)
    departed(shop, batch_id)
    first = scan(fulfillment, batch_id, one, uuid4())
    assert outcomes(first) == ["scanned", "unknown"]
    assert (first.json_body["batch_status"], first.json_body["missing"]) == (
        "in_transit",
        [str(other)],
    )
    assert outcomes(scan(fulfillment, batch_id, one)) == ["unchanged"]
    last = scan(fulfillment, batch_id, other)
    assert (last.json_body["batch_status"], last.json_body["missing_count"]) == ("arrived", 0)
    assert outcomes(scan(fulfillment, batch_id, one, other)) == ["unchanged", "unchanged"]
    assert {package_of(shop.conn, each).at_facility for each in (one, other)} == {"BLR2"}
    assert broken_invariants(shop.conn) == []


def test_what_never_comes_is_told_at_the_arrival_after_the_rest_was_scanned(fulfillment, shop):
    came, lost = put_package(shop, BY_ROAD), put_package(shop, BY_ROAD)
    batch_id = batch_of(shop.conn, came)
    departed(shop, batch_id)
    scan(fulfillment, batch_id, came)
    missing = {"missing": [{"package_id": str(lost), "reason": "Not in the truck."}]}
    arrival = fulfillment.post(f"/batches/{batch_id}/arrivals", missing)
    assert arrival.json_body["status"] == "arrived"
    assert (package_of(shop.conn, came).at_facility, package_of(shop.conn, lost).status) == (
        "BLR2",
        "lost",
    )
    assert broken_invariants(shop.conn) == []


def test_a_batch_that_has_not_left_can_not_be_unloaded_and_one_that_is_through_was(
    fulfillment, shop
):
    package_id = put_package(shop, BY_ROAD)
    batch_id = batch_of(shop.conn, package_id)
    refused(scan(fulfillment, batch_id, package_id), 409, "BatchStatusConflict")
    refused(scan(fulfillment, uuid4(), package_id), 404, "NotFound")
    forwarded(shop, batch_id)
    again = scan(fulfillment, batch_id, package_id)
    assert (outcomes(again), again.json_body["batch_status"]) == (["unchanged"], "finished")
