"""Items and their facets, and when they can be at somebody's door, as clients of the Customer App meet them."""

import pytest

from fulfillment_app.chalicelib.services import promises
from local.reading import Stores
from tests.both_sides import open_both_sides
from tests.builders import pincode_of
from tests.storefront import put_offer


def refused(answer, status, problem):
    assert answer.status_code == status, answer.body
    assert answer.json_body["type"] == f"urn:kart:problem:{problem}"


def paged(client, path):
    """The items' SKUs, page by page."""
    cursor, seen = "", []
    while cursor is not None:
        answer = client.get(f"{path}{cursor and '&cursor=' + cursor}")
        assert answer.status_code == 200, answer.body
        seen += [item["sku"] for item in answer.json_body["items"]]
        cursor = answer.json_body["next_cursor"]
    return seen


@pytest.fixture
def shop(customer_db, now):
    for sku, price_paise in (("MUG", 300), ("CUP", 100), ("JUG", 200)):
        put_offer(customer_db, now, sku, price_paise=price_paise)


def test_items_are_filtered_and_sorted_and_each_is_on_one_page(customer, shop):
    assert paged(customer, "/items?limit=2&sort=price") == ["CUP", "JUG", "MUG"]
    assert paged(customer, "/items?limit=2&sort=-price") == ["MUG", "JUG", "CUP"]
    assert paged(customer, "/items?limit=2&sort=name") == ["CUP", "JUG", "MUG"]
    assert paged(customer, "/items?limit=1&price_from=150&price_to=300") == ["JUG", "MUG"]
    assert paged(customer, "/items?limit=1&in_stock=true&q=mug") == ["MUG"]


def test_facets_count_what_is_found(customer, shop):
    facets = customer.get("/item-facets?price_to=200").json_body

    assert (facets["items_count"], facets["in_stock_count"]) == (2, 2)
    assert facets["price_bands"][0] == {"from_paise": 0, "below_paise": 50_000, "items_count": 2}


@pytest.mark.parametrize(
    "query",
    [
        *("sort=cheapest", "price_from=-1", "price_to=1.5", "in_stock=perhaps", "q=", "colour=red"),
        *("pincode=12345", "pincode=x", "limit=0"),
    ],
)
def test_what_is_no_search_is_refused(customer, query):
    refused(customer.get(f"/items?{query}"), 422, "InvalidFields")


def test_a_cursor_of_another_order_is_refused(customer, shop):
    by_name = customer.get("/items?limit=1&sort=name").json_body["next_cursor"]

    refused(customer.get(f"/items?limit=1&sort=price&cursor={by_name}"), 422, "InvalidRequest")
    refused(customer.get(f"/items?limit=1&cursor={by_name}"), 422, "InvalidRequest")


def test_facets_take_no_page(customer):
    refused(customer.get("/item-facets?limit=3"), 422, "InvalidFields")


def test_a_date_for_a_pincode_needs_route_tables(customer, shop):
    refused(customer.get("/items?pincode=560001"), 503, "Unavailable")


# -- promises


@pytest.fixture
def sides(inventory_db, customer_db, documents, now):
    """Mugs in BLR1, and a lamp that nobody has."""
    return open_both_sides(Stores(inventory_db, customer_db, documents), now)


def promise_of(answer):
    return answer.json_body["offers"][0]["promise"]


def test_an_item_tells_when_it_can_be_at_a_pincodes_door(customer, sides):
    sides.market.put_stock("DEL1", "LAMP", 3)
    sides.tell()
    market = sides.market

    for fc_code in ("BLR1", "DEL2"):
        pincode = pincode_of(market.network, fc_code)
        told = promises.promises(
            market.conn, market.routes, pincode, ["LAMP", "MUG"], market.now
        ).promises
        shown = customer.get(f"/items?pincode={pincode}").json_body["items"]
        assert [item["sku"] for item in shown] == ["LAMP", "MUG"]
        assert [item["offers"][0]["promise"]["promise_date"] for item in shown] == [
            str(each.promise_date) for each in told
        ]


def test_the_order_keeps_the_date_that_was_shown(customer, sides):
    order = sides.market.an_order(("MUG", 1), to="DEL2")

    shown = promise_of(customer.get(f"/items/MUG?pincode={order.to_pincode}"))

    assert shown == {
        "promise_date": sides.market.reserve(order).chosen.promise_date.isoformat(),
        "why_not": None,
    }


def test_why_there_is_no_date_is_told(customer, sides):
    nowhere = promise_of(customer.get("/items/MUG?pincode=999999"))
    sold_out = promise_of(
        customer.get(f"/items/LAMP?pincode={pincode_of(sides.market.network, 'DEL2')}")
    )

    assert nowhere == {"promise_date": None, "why_not": "not_served"}
    assert sold_out == {"promise_date": None, "why_not": "out_of_stock"}
