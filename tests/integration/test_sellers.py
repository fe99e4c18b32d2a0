"""Sellers, their items, offers and prices, in the database and in the events that tell of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from threading import Barrier
from uuid import uuid4

import psycopg
import pytest

from fulfillment_app.chalicelib.services import catalog, sellers
from online_kart.domain.catalog import AddCategory, DescribeCategory
from online_kart.domain.errors import (
    CategoryExists,
    CategoryUnderItself,
    EmailTaken,
    NotFound,
    OfferExists,
    SellerNotApproved,
    SkuTaken,
    UnknownReference,
)
from online_kart.domain.prices import ChangePrice
from online_kart.domain.sellers import JudgeSeller, MakeOffer, RegisterItem
from seller_app.chalicelib.services import items, prices
from tests.identity import ADMIN, the_seller
from tests.shop import (
    a_pending_seller,
    an_approved_seller,
    events_of,
    put_category,
    put_item,
    put_offer,
)

SUSPENSION = JudgeSeller(status="suspended", reason="Sold what is not theirs.")


def a_mug(**changes):
    described = {
        "sku": "MUG",
        "name": "A mug",
        "category_id": "kitchen",
        "weight_grams": 350,
        "price_paise": 49_900,
    }
    return RegisterItem(**(described | changes))


# -- categories


def test_a_category_added_twice_is_one_and_told_of_once(inventory_db, now):
    command = AddCategory(category_id="kitchen", name="Kitchen")
    assert catalog.add_category(inventory_db, command, now) == catalog.add_category(
        inventory_db, command, now
    )
    assert [event["version"] for event in events_of(inventory_db, "CategoryChanged")] == [1]


def test_another_category_of_the_same_id_is_refused(inventory_db, now):
    put_category(inventory_db, now)
    with pytest.raises(CategoryExists):
        catalog.add_category(inventory_db, AddCategory(category_id="kitchen", name="Cars"), now)


def test_a_category_below_none_that_exists_is_refused(inventory_db, now):
    orphan = AddCategory(category_id="mugs", name="Mugs", parent_id="kitchen")
    with pytest.raises(UnknownReference):
        catalog.add_category(inventory_db, orphan, now)


def test_a_renamed_category_has_the_next_version(inventory_db, now):
    put_category(inventory_db, now)
    renamed = DescribeCategory(name="Kitchen & dining")
    assert catalog.describe_category(inventory_db, "kitchen", renamed, now).version == 2
    assert catalog.describe_category(inventory_db, "kitchen", renamed, now).version == 2
    assert [event["version"] for event in events_of(inventory_db, "CategoryChanged")] == [1, 2]


def test_the_tree_has_no_circle(inventory_db, now):
    put_category(inventory_db, now)
    child = AddCategory(category_id="mugs", name="Mugs", parent_id="kitchen")
    catalog.add_category(inventory_db, child, now)
    for parent_id in ("mugs", "kitchen"):
        moved = DescribeCategory(name="Kitchen", parent_id=parent_id)
        with pytest.raises(CategoryUnderItself):
            catalog.describe_category(inventory_db, "kitchen", moved, now)


def test_two_moves_at_once_close_no_circle(inventory_db, inventory_dsn, now):
    for category_id in ("cups", "mugs"):
        put_category(inventory_db, now, category_id)
    barrier = Barrier(2)

    def move(category_id, parent_id):
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            barrier.wait()
            try:
                catalog.describe_category(
                    conn, category_id, DescribeCategory(name="Moved", parent_id=parent_id), now
                )
            except CategoryUnderItself:
                return "refused"
            return "moved"

    with ThreadPoolExecutor() as threads:
        outcomes = list(threads.map(move, ("cups", "mugs"), ("mugs", "cups")))
    assert sorted(outcomes) == ["moved", "refused"]


# -- sellers


def test_a_seller_begins_as_pending_and_may_not_sell(inventory_db, now):
    put_category(inventory_db, now)
    seller = a_pending_seller(inventory_db, now)
    assert seller.status == "pending"
    with pytest.raises(SellerNotApproved):
        items.register(inventory_db, ADMIN, seller.seller_id, a_mug(), now)


def test_an_email_address_registers_once_whatever_its_case(inventory_db, now):
    a_pending_seller(inventory_db, now, "Asha Traders")
    with pytest.raises(EmailTaken):
        a_pending_seller(inventory_db, now, "ASHA TRADERS")


def test_a_suspended_sellers_offers_are_paused_and_an_approved_ones_open_again(inventory_db, now):
    seller = an_approved_seller(inventory_db, now)
    put_item(inventory_db, seller.seller_id, "MUG", now)
    put_item(inventory_db, seller.seller_id, "POT", now)

    suspended = sellers.judge(inventory_db, ADMIN, seller.seller_id, SUSPENSION, now)
    assert suspended.approved_at == seller.approved_at
    told = events_of(inventory_db, "OfferChanged")[2:]
    assert {(event["sku"], event["status"], event["version"]) for event in told} == {
        ("MUG", "paused", 2),
        ("POT", "paused", 2),
    }
    with pytest.raises(SellerNotApproved):
        prices.change(inventory_db, ADMIN, seller.seller_id, "MUG", ChangePrice(price_paise=1), now)

    sellers.judge(inventory_db, ADMIN, seller.seller_id, JudgeSeller(status="approved"), now)
    offer = items.by_sku(inventory_db, ADMIN, seller.seller_id, "MUG")
    assert (offer.offer_status, offer.offer_version) == ("active", 3)


def test_judging_a_seller_the_same_again_changes_nothing(inventory_db, now):
    seller = an_approved_seller(inventory_db, now)
    put_item(inventory_db, seller.seller_id, "MUG", now)
    later = now + timedelta(days=1)
    again = sellers.judge(
        inventory_db, ADMIN, seller.seller_id, JudgeSeller(status="approved"), later
    )
    assert again == seller
    assert len(events_of(inventory_db, "OfferChanged")) == 1


def test_an_offer_made_while_its_seller_is_suspended_is_refused_or_paused(
    inventory_db, inventory_dsn, now
):
    """Never open: whichever of the two commits first."""
    seller = an_approved_seller(inventory_db, now)
    put_category(inventory_db, now)
    barrier = Barrier(2)

    def register():
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            barrier.wait()
            try:
                items.register(conn, ADMIN, seller.seller_id, a_mug(), now)
            except SellerNotApproved:
                return

    def suspend():
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            barrier.wait()
            sellers.judge(conn, ADMIN, seller.seller_id, SUSPENSION, now)

    with ThreadPoolExecutor() as threads:
        for future in [threads.submit(register), threads.submit(suspend)]:
            future.result()
    open_offers = inventory_db.execute(
        "SELECT count(*) FROM offers WHERE status = 'active'"
    ).fetchone()
    assert open_offers == (0,)


# -- items, offers, prices


def test_a_new_item_is_told_of_with_its_offer_and_its_first_price(inventory_db, now):
    seller = an_approved_seller(inventory_db, now)
    put_category(inventory_db, now)
    by = the_seller(seller.seller_id)
    offered = items.register(inventory_db, by, seller.seller_id, a_mug(), now)
    assert (offered.sku, offered.price_paise, offered.offer_version) == ("MUG", 49_900, 1)
    (item,) = events_of(inventory_db, "ItemChanged")
    (offer,) = events_of(inventory_db, "OfferChanged")
    (price,) = events_of(inventory_db, "PriceChanged")
    assert (item["sku"], item["category_id"], item["version"]) == ("MUG", "kitchen", 1)
    assert (offer["price_paise"], offer["version"]) == (49_900, 1)
    assert (price["old_price_paise"], price["new_price_paise"]) == (None, 49_900)
    assert price["changed_by"] == f"seller {seller.seller_id}"


def test_an_item_registered_twice_is_one_and_told_of_once(inventory_db, now):
    seller = an_approved_seller(inventory_db, now)
    put_category(inventory_db, now)
    first = items.register(inventory_db, ADMIN, seller.seller_id, a_mug(), now)
    later = now + timedelta(hours=1)
    assert items.register(inventory_db, ADMIN, seller.seller_id, a_mug(), later) == first
    for type_ in ("ItemChanged", "OfferChanged", "PriceChanged"):
        assert len(events_of(inventory_db, type_)) == 1


def test_a_sku_is_one_item(inventory_db, now):
    seller = an_approved_seller(inventory_db, now)
    other = an_approved_seller(inventory_db, now, "Bina Stores")
    put_category(inventory_db, now)
    items.register(inventory_db, ADMIN, seller.seller_id, a_mug(), now)
    with pytest.raises(SkuTaken):
        items.register(inventory_db, ADMIN, seller.seller_id, a_mug(weight_grams=1), now)
    with pytest.raises(SkuTaken):
        items.register(inventory_db, ADMIN, other.seller_id, a_mug(), now)
    assert len(events_of(inventory_db, "OfferChanged")) == 1


def test_an_item_in_a_category_that_there_is_not_is_refused(inventory_db, now):
    seller = an_approved_seller(inventory_db, now)
    with pytest.raises(UnknownReference):
        items.register(inventory_db, ADMIN, seller.seller_id, a_mug(), now)


def test_a_second_seller_offers_an_item_at_a_price_of_their_own(inventory_db, now):
    first = an_approved_seller(inventory_db, now)
    second = an_approved_seller(inventory_db, now, "Bina Stores")
    put_item(inventory_db, first.seller_id, "MUG", now)
    put_offer(inventory_db, second.seller_id, "MUG", now, price_paise=45_000)
    put_offer(inventory_db, second.seller_id, "MUG", now, price_paise=45_000)
    assert items.by_sku(inventory_db, ADMIN, second.seller_id, "MUG").price_paise == 45_000
    assert items.by_sku(inventory_db, ADMIN, first.seller_id, "MUG").price_paise == 49_900
    assert len(events_of(inventory_db, "ItemChanged")) == 1
    assert len(events_of(inventory_db, "OfferChanged")) == 2


def test_an_offer_at_another_price_is_no_repeat(inventory_db, now):
    seller = an_approved_seller(inventory_db, now)
    put_item(inventory_db, seller.seller_id, "MUG", now)
    with pytest.raises(OfferExists):
        put_offer(inventory_db, seller.seller_id, "MUG", now, price_paise=1)


def test_what_is_not_registered_cannot_be_offered(inventory_db, now):
    seller = an_approved_seller(inventory_db, now)
    with pytest.raises(UnknownReference):
        items.make_offer(
            inventory_db, ADMIN, seller.seller_id, MakeOffer(sku="MUG", price_paise=100), now
        )


def test_a_price_change_is_told_of_by_version(inventory_db, now):
    seller = an_approved_seller(inventory_db, now)
    put_item(inventory_db, seller.seller_id, "MUG", now)
    later = now + timedelta(hours=1)
    cheaper = ChangePrice(price_paise=39_900)
    offer = prices.change(inventory_db, ADMIN, seller.seller_id, "MUG", cheaper, later)
    assert (offer.price_paise, offer.version, offer.updated_at) == (39_900, 2, later)
    told = events_of(inventory_db, "PriceChanged")[-1]
    assert (told["old_price_paise"], told["new_price_paise"], told["version"]) == (
        49_900,
        39_900,
        2,
    )
    assert events_of(inventory_db, "OfferChanged")[-1]["price_paise"] == 39_900


def test_the_same_price_again_writes_nothing(inventory_db, now):
    seller = an_approved_seller(inventory_db, now)
    put_item(inventory_db, seller.seller_id, "MUG", now)
    same = ChangePrice(price_paise=49_900)
    later = now + timedelta(hours=1)
    offer = prices.change(inventory_db, ADMIN, seller.seller_id, "MUG", same, later)
    assert (offer.version, offer.updated_at) == (1, now)
    assert len(events_of(inventory_db, "PriceChanged")) == 1


def test_price_changes_at_once_are_told_of_one_after_another(inventory_db, inventory_dsn, now):
    seller = an_approved_seller(inventory_db, now)
    put_item(inventory_db, seller.seller_id, "MUG", now)

    def change(price_paise):
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            command = ChangePrice(price_paise=price_paise)
            prices.change(conn, ADMIN, seller.seller_id, "MUG", command, now)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(change, range(1, 9)))
    told = events_of(inventory_db, "PriceChanged")
    assert [event["version"] for event in told] == list(range(1, 10))
    for before, after in pairwise(told):
        assert after["old_price_paise"] == before["new_price_paise"]


def test_only_ones_own_offers_have_a_price_to_change(inventory_db, now):
    first = an_approved_seller(inventory_db, now)
    second = an_approved_seller(inventory_db, now, "Bina Stores")
    put_item(inventory_db, first.seller_id, "MUG", now)
    cheaper = ChangePrice(price_paise=1)
    with pytest.raises(NotFound):
        prices.change(inventory_db, ADMIN, second.seller_id, "MUG", cheaper, now)
    with pytest.raises(NotFound):
        prices.change(inventory_db, ADMIN, uuid4(), "MUG", cheaper, now)
