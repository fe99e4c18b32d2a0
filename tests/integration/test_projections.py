"""The customer side's copies (C5, C6, C7): fed by events only, in any order, any number of times."""

from itertools import permutations
from uuid import UUID

import pytest

from customer_app.chalicelib.services import catalog, orders
from online_kart.domain.errors import NotFound
from online_kart.domain.events import (
    AvailabilityChanged,
    CategoryChanged,
    ItemChanged,
    OfferChanged,
    OrderFinished,
)
from online_kart.domain.storefront import Search
from tests.storefront import (
    SELLER,
    a_placed_order,
    confirm,
    enveloped,
    package_changed,
    put_offer,
    put_paths,
)
from tests.together import run_together


def category_changed(now, version, **changes):
    described = {"category_id": "kitchen", "name": f"Kitchen {version}", "parent_id": None}
    return CategoryChanged(occurred_at=now, version=version, **{**described, **changes})


def item_changed(now, version, **changes):
    described = {
        "sku": "MUG",
        "category_id": "kitchen",
        "name": f"Mug {version}",
        "brand": "Plain",
        "weight_grams": 350,
        "status": "active",
    }
    return ItemChanged(occurred_at=now, version=version, **{**described, **changes})


def offer_changed(now, version, **changes):
    described = {"sku": "MUG", "seller_id": SELLER, "price_paise": version, "status": "active"}
    return OfferChanged(occurred_at=now, version=version, **{**described, **changes})


def availability_changed(now, version, **changes):
    described = {
        "sku": "MUG",
        "seller_id": SELLER,
        "free_units": version,
        "free_by_fc": {"BLR1": version},
    }
    return AvailabilityChanged(occurred_at=now, version=version, **{**described, **changes})


COPIES = {
    category_changed: "SELECT name, version FROM item_categories",
    item_changed: "SELECT name, version FROM items",
    offer_changed: "SELECT price_paise, version FROM offers",
    availability_changed: "SELECT free_units, version FROM units_left WHERE free_by_fc->>'BLR1' = free_units::text",
}


def shown(conn, changed):
    return conn.execute(COPIES[changed]).fetchall()


def project(conn, *events):
    for event in events:
        catalog.project(conn, enveloped(event), event.occurred_at)


@pytest.mark.parametrize("changed", COPIES)
def test_a_copy_becomes_what_the_newest_event_says(customer_db, now, changed):
    project(customer_db, changed(now, 1), changed(now, 2))

    ((value, version),) = shown(customer_db, changed)
    assert (str(value).split()[-1], version) == ("2", 2)


@pytest.mark.parametrize("changed", COPIES)
def test_an_older_event_never_overwrites_a_newer_one_in_whatever_order_they_come(
    customer_db, now, changed
):
    project(customer_db, changed(now, 3))
    newest = shown(customer_db, changed)

    for versions in permutations((1, 2, 3)):
        project(customer_db, *(changed(now, version) for version in versions))
        assert shown(customer_db, changed) == newest


@pytest.mark.parametrize("changed", COPIES)
def test_an_event_that_comes_again_changes_nothing(customer_db, now, changed):
    event = changed(now, 1)
    project(customer_db, event)
    customer_db.execute("UPDATE offers SET version = 0")  # the version alone would not hold it off

    before = shown(customer_db, changed)
    project(customer_db, event)

    assert shown(customer_db, changed) == before


def test_two_deliveries_of_events_at_once_leave_the_newest(customer_db, customer_dsn, now):
    events = [availability_changed(now, version) for version in range(1, 9)]

    def deliver(conn):
        project(conn, *events)

    def deliver_backwards(conn):
        project(conn, *reversed(events))

    assert run_together(customer_dsn, deliver, deliver_backwards) == [None, None]
    assert shown(customer_db, availability_changed) == [(8, 8)]


def test_an_event_of_another_kind_is_not_silently_taken(customer_db, now):
    event = enveloped(OrderFinished(occurred_at=now, order_id=SELLER))

    with pytest.raises(ValueError, match="OrderFinished"):
        catalog.project(customer_db, event, now)

    inbox = customer_db.execute("SELECT count(*) FROM inbox").fetchone()
    assert inbox == (0,)  # it stays to be handled


# -- what customers see of the copies


def shown_offers(conn, sku="MUG"):
    (item,) = catalog.shown(conn, [catalog.item(conn, sku)], None)
    return item.offers


def test_an_item_shows_its_offers_the_cheapest_first_and_few_units_exactly(customer_db, now):
    other = UUID(int=1)
    put_offer(customer_db, now, price_paise=200, free_units=31)
    put_offer(customer_db, now, seller_id=other, price_paise=100, free_units=7)

    cheap, dear = shown_offers(customer_db)

    assert (cheap.seller_id, cheap.price_paise, cheap.units_left) == (other, 100, 7)
    assert (dear.seller_id, dear.in_stock, dear.units_left) == (SELLER, True, None)


def test_an_offer_is_out_of_stock_until_its_units_are_told(customer_db, now):
    project(customer_db, item_changed(now, 1), offer_changed(now, 1))

    (offer,) = shown_offers(customer_db)
    assert (offer.in_stock, offer.units_left) == (False, 0)


def test_what_is_withdrawn_or_paused_is_not_shown(customer_db, now):
    put_offer(customer_db, now)
    project(customer_db, offer_changed(now, 2, status="paused"))
    assert shown_offers(customer_db) == []

    project(customer_db, item_changed(now, 2, status="withdrawn"))
    assert catalog.items(customer_db, Search(), "sku", None, 10) == []
    with pytest.raises(NotFound):
        catalog.item(customer_db, "MUG")


# -- packages (C5)


@pytest.fixture
def order(customer_db, now):
    return a_placed_order(customer_db, now)


def package_of(conn, order):
    (package,) = orders.by_id(conn, order.order_id).packages
    return package.status, package.version


def test_a_package_s_older_event_never_overwrites_a_newer_one(customer_db, documents, order, now):
    (package_id,) = put_paths(documents, order, now)
    confirm(customer_db, documents, order, [package_id], now)
    out = package_changed(order, package_id, 5, "out_for_delivery", now)
    left = package_changed(order, package_id, 2, "in_transit", now)

    for event in (out, left, out, left):
        orders.track_package(customer_db, event, now)

    assert package_of(customer_db, order) == ("out_for_delivery", 5)


def test_a_package_s_events_that_come_before_its_order_is_confirmed_are_no_loss(
    customer_db, documents, order, now
):
    (package_id,) = put_paths(documents, order, now)
    put_paths(documents, order, now, status="in_transit", version=3)
    early = package_changed(order, package_id, 3, "in_transit", now)
    orders.track_package(customer_db, early, now)

    confirm(customer_db, documents, order, [package_id], now)

    assert package_of(customer_db, order) == ("in_transit", 3)
