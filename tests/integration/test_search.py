"""Finding items: words, categories, prices, what is in stock; sorted, in pages, and counted by kind."""

import random
import threading
import time
from uuid import UUID

import pytest

from customer_app.chalicelib.services import catalog
from online_kart.domain.events import CategoryChanged, ItemChanged
from online_kart.domain.storefront import PRICE_BANDS_PAISE, Search
from tests.storefront import enveloped, put_offer
from tests.together import run_together

OTHER = UUID(int=1)


def project(conn, event):
    catalog.project(conn, enveloped(event), event.occurred_at)


def put_category(conn, now, category_id, parent_id=None):
    described = {"name": category_id.title(), "parent_id": parent_id, "version": 1}
    project(conn, CategoryChanged(occurred_at=now, category_id=category_id, **described))


def put_item(conn, now, sku, category_id="kitchen", name="A mug", brand="Acme"):
    described = {"name": name, "brand": brand, "weight_grams": 350, "status": "active"}
    event = ItemChanged(occurred_at=now, sku=sku, category_id=category_id, version=9, **described)
    project(conn, event)


def found(conn, sort="sku", **search):
    return [each.item.sku for each in catalog.items(conn, Search(**search), sort, None, 100)]


def counts(facets):
    return {each.category_id: each.items_count for each in facets}


@pytest.fixture
def shop(customer_db, now):
    """Mugs at 49,900 and 200 paise, a lamp that is sold out, a robot that nobody offers."""
    put_category(customer_db, now, "home")
    put_category(customer_db, now, "kitchen", "home")
    put_category(customer_db, now, "toys")
    put_offer(customer_db, now, "MUG", price_paise=49_900)
    put_offer(customer_db, now, "CUP", price_paise=90_000)
    put_offer(customer_db, now, "CUP", seller_id=OTHER, price_paise=200)
    put_offer(customer_db, now, "LAMP", price_paise=120_000, free_units=0)
    put_item(customer_db, now, "MUG", name="Mug 100% clay")
    put_item(customer_db, now, "CUP", name="Steel cup")
    put_item(customer_db, now, "LAMP", category_id="home", name="Lamp")
    put_item(customer_db, now, "ROBOT", category_id="toys", name="Robot", brand="Toyland")
    return customer_db


def test_a_category_has_the_items_of_those_below_it(shop):
    assert found(shop, category_id="home") == ["CUP", "LAMP", "MUG"]
    assert found(shop, category_id="kitchen") == ["CUP", "MUG"]
    assert found(shop, category_id="garden") == []


def test_categories_that_are_told_in_a_circle_end_no_search(shop, now):
    event = CategoryChanged(
        occurred_at=now, category_id="home", name="Home", parent_id="kitchen", version=2
    )
    project(shop, event)

    assert found(shop, category_id="kitchen") == ["CUP", "LAMP", "MUG"]
    assert counts(catalog.facets(shop, Search()).categories)["kitchen"] == 3


@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ("steel", ["CUP"]),
        ("ACME", ["CUP", "LAMP", "MUG"]),
        ("acme ste", ["CUP"]),
        ("tee", []),
        ("100%", ["MUG"]),
        ("_", []),
        ("\\", []),
        ("mug' | 'lamp:*", []),
        ("& ! ( <->", []),
        ("मग", []),
    ],
)
def test_every_word_is_found_where_name_or_brand_have_one_that_begins_so(shop, text, skus):
    assert found(shop, text=text) == skus


def test_prices_are_the_lowest_that_anybody_asks(shop):
    assert found(shop, price_from=200, price_to=49_900) == ["CUP", "MUG"]
    assert found(shop, price_from=201) == ["LAMP", "MUG"]
    assert found(shop, price_to=199) == []
    assert found(shop, in_stock=True) == ["CUP", "MUG"]


def test_items_are_sorted_as_asked_and_those_without_a_price_have_no_place_among_prices(shop):
    assert found(shop, "name") == ["LAMP", "MUG", "ROBOT", "CUP"]
    assert found(shop, "price") == ["CUP", "MUG", "LAMP"]
    assert found(shop, "-price") == ["LAMP", "MUG", "CUP"]


def test_every_item_is_on_one_page_also_where_prices_are_the_same(customer_db, now):
    rng = random.Random(7)
    for number in range(12):
        put_offer(customer_db, now, f"MUG-{number}", price_paise=rng.choice((100, 200, 300)))

    for sort in ("sku", "name", "price", "-price"):
        seen, place = [], None
        while page := catalog.items(customer_db, Search(), sort, place, 5):
            seen += [each.item.sku for each in page]
            place = page[-1].place(sort)
        assert seen == found(customer_db, sort)
        assert len(seen) == 12


def test_items_are_counted_for_their_categories_and_all_above(shop):
    facets = catalog.facets(shop, Search())

    assert (facets.items_count, facets.in_stock_count) == (4, 2)
    assert counts(facets.categories) == {"home": 3, "kitchen": 2, "toys": 1}
    assert [each.category_id for each in facets.categories] == ["home", "kitchen", "toys"]


def test_each_price_is_in_one_band(shop):
    bands = catalog.facets(shop, Search()).price_bands

    assert [each.from_paise for each in bands] == list(PRICE_BANDS_PAISE)
    assert [each.items_count for each in bands] == [2, 0, 1, 0, 0, 0, 0, 0]


def test_what_is_counted_is_what_is_found(shop):
    for search in (
        Search(category_id="home"),
        Search(text="acme"),
        Search(in_stock=True),
        Search(price_to=1_000),
        Search(category_id="garden"),
    ):
        assert catalog.facets(shop, search).items_count == len(found(shop, **search.model_dump()))


def test_a_best_offer_is_right_whoever_changes_prices_and_units_at_the_same_time(
    customer_db, customer_dsn, now
):
    """Who comes second sees what the first has committed meanwhile, not what there was before."""
    put_offer(customer_db, now, price_paise=100, free_units=0)
    has_changed = threading.Event()

    def price(conn):
        with conn.transaction():
            conn.execute("UPDATE offers SET price_paise = 70")
            has_changed.set()
            time.sleep(0.3)  # the other one waits for this commit by then

    def units(conn):
        has_changed.wait()
        conn.execute("UPDATE units_left SET free_units = 1")

    assert run_together(customer_dsn, price, units) == [None, None]

    best = customer_db.execute("SELECT lowest_price_paise, in_stock FROM best_offers").fetchone()
    assert best == (70, True)
