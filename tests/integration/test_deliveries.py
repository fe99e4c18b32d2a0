"""The last mile on real stores: delivered once, tried three times, then sent back."""

from datetime import timedelta
from uuid import uuid4

import pytest

from fulfillment_app.chalicelib.services import deliveries
from online_kart.domain.errors import AttemptConflict, NotFound, PackageStatusConflict
from tests.freight import (
    BY_ROAD,
    SKU,
    Shop,
    at_last_fc,
    batch_of,
    broken_invariants,
    build_routes,
    forwarded,
    history_of,
    level_at,
    package_of,
    path_of,
    put_package,
    put_shop,
)
from tests.identity import ADMIN
from tests.shop import CATEGORY, PRICE_PAISE, events_of
from tests.together import run_together


@pytest.fixture
def shop(inventory_db, documents, now) -> Shop:
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    return shop


@pytest.fixture
def package_id(shop):
    """Out for delivery from BLR2, with two units."""
    return at_last_fc(shop)


def deliver(shop, package_id, conn=None):
    return deliveries.delivered(
        conn or shop.conn, shop.documents, ADMIN, package_id, "signed by Asha", shop.now
    )


def fail(shop, package_id, attempt):
    return deliveries.failed(
        shop.conn, shop.documents, ADMIN, package_id, attempt, "nobody at home", shop.now
    )


def sales(shop):
    return shop.conn.execute(
        "SELECT package_id, kind, sku, fc_code, category_id, quantity, amount_paise FROM sales"
    ).fetchall()


def test_what_is_delivered_is_sold(shop, package_id):
    outcome = deliver(shop, package_id)

    assert outcome.status == "delivered"
    assert sales(shop) == [
        (package_id, "sale", SKU, "BLR1", CATEGORY, 2, 2 * PRICE_PAISE),
    ]
    (told,) = events_of(shop.conn, "SaleRecorded")
    assert (told["fc_code"], told["quantity"], told["amount_paise"]) == ("BLR1", 2, 2 * PRICE_PAISE)
    assert package_of(shop.conn, package_id).status == "delivered"
    assert path_of(shop.documents, package_id).status == "delivered"
    assert deliveries.listed(shop.conn, None, None, None, 10) == []
    assert history_of(shop.conn, package_id)[-1] == "delivered"
    assert broken_invariants(shop.conn) == []


def test_delivering_twice_and_at_once_sells_once(shop, package_id, inventory_dsn):
    def action(conn):
        return deliver(shop, package_id, conn).status

    assert run_together(inventory_dsn, *[action] * 4) == ["delivered"] * 4

    assert len(sales(shop)) == 1
    assert len(events_of(shop.conn, "SaleRecorded")) == 1
    assert history_of(shop.conn, package_id).count("delivered") == 1
    assert broken_invariants(shop.conn) == []


def test_a_failed_attempt_is_followed_by_one_tomorrow(shop, package_id):
    outcome = fail(shop, package_id, 1)

    assert (outcome.status, outcome.attempt) == ("out_for_delivery", 2)
    assert outcome.expected_on == shop.now.date() + timedelta(days=1)
    (delivery,) = deliveries.listed(shop.conn, ["BLR2"], "failed", None, 10)
    assert (delivery.package_id, delivery.failure_reason) == (package_id, "nobody at home")
    assert deliver(shop, package_id).status == "delivered"
    assert broken_invariants(shop.conn) == []


def test_an_attempt_fails_once_however_often_it_is_told(shop, package_id):
    outcomes = [fail(shop, package_id, 1) for _ in range(3)]

    assert {outcome.attempt for outcome in outcomes} == {2}
    assert history_of(shop.conn, package_id).count("delivery_failed") == 1
    with pytest.raises(AttemptConflict):
        fail(shop, package_id, 3)


def test_after_the_third_failure_a_package_returns_to_its_shelf(shop, package_id):
    for attempt in (1, 2, 3):
        outcome = fail(shop, package_id, attempt)

    assert (outcome.status, outcome.attempt) == ("returning", None)
    assert fail(shop, package_id, 3) == outcome
    assert deliveries.listed(shop.conn, None, None, None, 10) == []
    assert broken_invariants(shop.conn) == []

    forwarded(shop, batch_of(shop.conn, package_id))

    assert package_of(shop.conn, package_id).status == "returned"
    assert level_at(shop, "BLR1") == (1000, 0)
    assert sales(shop) == []
    assert broken_invariants(shop.conn) == []


def test_what_its_customer_refuses_goes_back_at_once(shop, package_id):
    def refuse():
        return deliveries.refused(
            shop.conn, shop.documents, ADMIN, package_id, "not wanted any more", shop.now
        )

    outcome = refuse()

    assert (outcome.status, outcome.attempt) == ("returning", None)
    assert refuse() == outcome
    assert history_of(shop.conn, package_id)[-2:] == ["delivery_refused", "returning"]
    forwarded(shop, batch_of(shop.conn, package_id))
    assert refuse().status == package_of(shop.conn, package_id).status == "returned"
    assert (level_at(shop, "BLR1"), sales(shop)) == ((1000, 0), [])
    assert broken_invariants(shop.conn) == []
    with pytest.raises(PackageStatusConflict):
        deliver(shop, package_id)


def test_only_what_is_out_for_delivery_has_an_outcome(shop):
    package_id = put_package(shop, BY_ROAD)

    with pytest.raises(PackageStatusConflict):
        deliver(shop, package_id)
    with pytest.raises(PackageStatusConflict):
        fail(shop, package_id, 1)
    with pytest.raises(NotFound):
        deliver(shop, uuid4())


def test_deliveries_are_listed_by_fc_and_status_page_by_page(shop):
    package_ids = sorted(at_last_fc(shop) for _ in range(3))

    first = deliveries.listed(shop.conn, ["BLR2"], "out", None, 2)
    last = first[-1]
    rest = deliveries.listed(
        shop.conn, ["BLR2"], None, (last.fc_code, last.status, last.package_id), 2
    )

    assert [each.package_id for each in (*first, *rest)] == package_ids
    assert deliveries.listed(shop.conn, ["BLR1"], None, None, 10) == []
