"""Where to send stock: what customers bought, by where they live, against what is there and announced."""

from datetime import timedelta
from uuid import uuid4

import pytest

from fulfillment_app.chalicelib.services import deliveries
from tests.api.test_seller_api import UNKNOWN, all_pages, is_problem
from tests.freight import BY_ROAD, SKU, Shop, at_last_fc, build_routes, put_package, put_shop
from tests.identity import ADMIN


@pytest.fixture
def shop(inventory_db, documents, now) -> Shop:
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    return shop


@pytest.fixture
def path(shop):
    return f"/sellers/{shop.seller_id}/stock-suggestions"


def sell(shop, times=1, ago=timedelta()):
    """Two units each, from BLR1 to a customer of BLR2."""
    for _ in range(times):
        package_id = at_last_fc(shop, BY_ROAD)
        deliveries.delivered(shop.conn, shop.documents, ADMIN, package_id, "signed", shop.now - ago)


def listed(client, path):
    return client.get(path).json_body["items"]


def test_an_fc_whose_customers_are_served_from_afar_wants_stock(seller, shop, path):
    sell(shop, times=2)
    (made,) = listed(seller, path)
    assert (made["sku"], made["fc_code"]) == (SKU, "BLR2")
    assert (made["sold_units"], made["sold_from_elsewhere_units"]) == (4, 4)
    assert (made["free_units"], made["days_of_cover"], made["suggested_units"]) == (0, 0.0, 4)
    assert "4 units went to places that BLR2 serves" in made["reason"]


def test_what_is_announced_counts_and_so_does_what_another_fc_has_sent(seller, shop, path, now):
    sell(shop, times=2)
    asn = {"fc_code": "BLR2", "expected_on": "2026-03-05", "lines": [{"sku": SKU, "quantity": 3}]}
    announced = f"/sellers/{shop.seller_id}/inbound-shipments"
    assert seller.post(announced, asn, Idempotency_Key="1").status_code == 201
    (made,) = listed(seller, path)
    assert (made["coming_units"], made["suggested_units"]) == (3, 1)
    put_transfer(shop, units=1)
    assert listed(seller, path) == []


def put_transfer(shop, units):
    batch_id = shop.conn.execute(
        "SELECT batch_id FROM batch_packages WHERE package_id = %s", [put_package(shop, BY_ROAD)]
    ).fetchone()[0]
    shop.conn.execute(
        """
        INSERT INTO batch_units (batch_id, transfer_id, sku, seller_id, quantity, loaded_at)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        [batch_id, uuid4(), SKU, shop.seller_id, units, shop.now],
    )


def test_what_was_sold_long_ago_says_nothing_of_now(seller, shop, path):
    sell(shop, ago=timedelta(days=29))
    assert listed(seller, path) == []


def test_suggestions_are_paged_filtered_and_a_sellers_own(seller, shop, path):
    sell(shop)
    assert all_pages(seller, path) == listed(seller, f"{path}?sku={SKU}&fc_code=BLR2")
    assert listed(seller, f"{path}?fc_code=BLR1") == listed(seller, f"{path}?sku=NONE") == []
    assert is_problem(seller.get(f"/sellers/{UNKNOWN}/stock-suggestions"), 404, "NotFound")
