"""People load a batch by hand, and take a package off again: another departure, never another way."""

from uuid import UUID, uuid4

import pytest

from online_kart.domain.principals import Role
from tests.api.test_batches_api import refused
from tests.freight import (
    BY_AIR,
    BY_ROAD,
    Shop,
    a_batch,
    batch_of,
    broken_invariants,
    build_routes,
    departed,
    forwarded,
    history_of,
    path_of,
    put_package,
    put_shop,
)
from tests.identity import staff


@pytest.fixture
def shop(inventory_db, documents, now) -> Shop:
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    return shop


def expected(shop, package_id):
    """(batch, when its path expects to leave, when its batch does)"""
    batch_id = batch_of(shop.conn, package_id)
    stop = path_of(shop.documents, package_id).current_stop
    return batch_id, stop.expected_departure_at, a_batch(shop, batch_id).due_at


def test_a_package_is_taken_off_for_the_next_departure_and_loaded_again(fulfillment, shop):
    package_id, stays = put_package(shop, BY_ROAD), put_package(shop, BY_ROAD)
    first = batch_of(shop.conn, package_id)
    path = f"/batches/{first}/packages"

    later = fulfillment.delete(f"{path}/{package_id}").json_body
    batch_id, leaves_at, due_at = expected(shop, package_id)
    assert batch_id == UUID(later["batch_id"]) != first
    assert leaves_at == due_at > a_batch(shop, first).due_at
    assert batch_of(shop.conn, stays) == first
    refused(fulfillment.delete(f"{path}/{package_id}"), 404, "NotFound")

    body = {"package_ids": [str(package_id), str(stays), str(package_id)]}
    loaded = fulfillment.post(path, body).json_body
    assert [each["outcome"] for each in loaded["packages"]] == ["loaded", "unchanged"]
    batch_id, leaves_at, due_at = expected(shop, package_id)
    assert (batch_id, leaves_at) == (first, due_at)
    again = fulfillment.post(path, body).json_body
    assert {each["outcome"] for each in again["packages"]} == {"unchanged"}
    assert history_of(shop.conn, package_id) == ["planned", "unloaded", "loaded"]
    assert broken_invariants(shop.conn) == []


def test_what_can_not_go_with_the_batch_stays_where_it_is_and_says_why(fulfillment, shop):
    here = put_package(shop, BY_ROAD)
    gone = put_package(shop, BY_AIR)
    sealed = batch_of(shop.conn, gone)
    departed(shop, sealed)
    by_air, passed = put_package(shop, BY_AIR), put_package(shop, BY_ROAD)
    through = batch_of(shop.conn, passed)
    forwarded(shop, through)
    target = put_package(shop, BY_ROAD, loaded=True)
    before = batch_of(shop.conn, by_air)
    whys = {gone: "left", by_air: "other_way", passed: "at_its_end", uuid4(): "unknown"}

    path = f"/batches/{batch_of(shop.conn, target)}/packages"
    told = fulfillment.post(path, {"package_ids": [str(each) for each in whys]}).json_body

    assert [each["why"] for each in told["packages"]] == list(whys.values())
    assert batch_of(shop.conn, by_air) == before
    refused(
        fulfillment.post(f"/batches/{sealed}/packages", {"package_ids": [str(here)]}),
        409,
        "BatchStatusConflict",
    )
    refused(fulfillment.delete(f"/batches/{sealed}/packages/{gone}"), 409, "BatchStatusConflict")
    refused(
        fulfillment.post(f"/batches/{uuid4()}/packages", {"package_ids": [str(here)]}),
        404,
        "NotFound",
    )
    assert broken_invariants(shop.conn) == []


def test_only_people_of_where_the_batch_leaves_load_it(fulfillment, shop):
    package_id = put_package(shop, BY_ROAD)
    path = f"/batches/{batch_of(shop.conn, package_id)}/packages"
    elsewhere = fulfillment.signed_in(staff("fulfillment_app", Role.FC_STAFF, "BLR2"))
    refused(elsewhere.post(path, {"package_ids": [str(package_id)]}), 403, "NotYourFacility")
    refused(elsewhere.delete(f"{path}/{package_id}"), 403, "NotYourFacility")
