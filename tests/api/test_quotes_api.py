"""Cart quotes, as clients of the Customer App meet them, and that an order gets what was quoted."""

import random

import pytest

from local.reading import Stores
from tests.both_sides import open_both_sides, to_serve
from tests.builders import pincode_of

FCS = ("BLR1", "BLR2", "DEL1", "DEL2")


@pytest.fixture
def sides(inventory_db, customer_db, documents, now):
    """Fifty mugs in BLR1."""
    return open_both_sides(Stores(inventory_db, customer_db, documents), now)


def asked(customer, sides, to, *lines):
    body = {
        "pincode": to if isinstance(to, int) else pincode_of(sides.market.network, to),
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
    }
    answer = customer.post("/cart-quotes", body)
    assert answer.status_code == 200, answer.body
    return answer.json_body


def test_a_quote_tells_packages_dates_and_the_total_and_changes_nothing(customer, sides):
    sides.market.put_stock("DEL1", "LAMP", 2)
    sides.tell()
    rows = sides.stores.customer.execute("SELECT count(*) FROM outbox").fetchone()

    quote = asked(customer, sides, "DEL2", ("MUG", 2), ("LAMP", 1), ("MUG", 1))

    assert [(line["sku"], line["quantity"]) for line in quote["lines"]] == [("MUG", 3), ("LAMP", 1)]
    assert quote["total_paise"] == 4 * quote["lines"][0]["unit_price_paise"]
    assert {each["origin_fc_code"]: each["lines"] for each in quote["packages"]} == {
        "BLR1": {"1": 3},
        "DEL1": {"2": 1},
    }
    assert quote["promise_date"] == max(each["promise_date"] for each in quote["packages"])
    assert (quote["why_not"], quote["short_items"]) == (None, [])
    assert sides.stores.customer.execute("SELECT count(*) FROM outbox").fetchone() == rows
    assert sides.market.level("BLR1") == (50, 0)


def test_what_is_short_is_named_with_how_many_are_left_up_to_thirty(customer, sides):
    sides.market.put_stock("DEL1", "LAMP", 2)
    sides.tell()

    quote = asked(customer, sides, "DEL2", ("MUG", 51), ("LAMP", 3))

    assert (quote["why_not"], quote["packages"], quote["promise_date"]) == (
        "out_of_stock",
        [],
        None,
    )
    assert [(s["sku"], s["wanted"], s["units_left"]) for s in quote["short_items"]] == [
        ("MUG", 51, None),
        ("LAMP", 3, 2),
    ]


def test_a_quote_for_a_pincode_that_nobody_serves_says_so(customer, sides):
    quote = asked(customer, sides, 999_999, ("MUG", 1))

    assert (quote["why_not"], quote["packages"]) == ("not_served", [])
    assert quote["total_paise"] > 0


def test_a_cart_of_what_nobody_offers_is_refused(customer, sides):
    body = {"pincode": 560001, "lines": [{"sku": "JUG", "quantity": 1}]}
    answer = customer.post("/cart-quotes", body)

    assert answer.status_code == 409
    assert answer.json_body["type"] == "urn:kart:problem:NotOffered"


@pytest.mark.parametrize(
    "body",
    [
        {"pincode": 560001, "lines": []},
        {"pincode": 560001},
        {"pincode": 1, "lines": [{"sku": "MUG", "quantity": 1}]},
        {"pincode": 560001, "lines": [{"sku": "MUG", "quantity": 0}]},
        {"pincode": 560001, "lines": [{"sku": "MUG", "quantity": 1, "unit_price_paise": 1}]},
    ],
)
def test_what_is_no_cart_is_refused(customer, sides, body):
    answer = customer.post("/cart-quotes", body)

    assert answer.status_code == 422
    assert answer.json_body["type"] == "urn:kart:problem:InvalidFields"


@pytest.mark.parametrize("seed", range(4))
def test_an_order_gets_what_was_quoted_as_long_as_nothing_changes(customer, sides, seed):
    """Carts of chance, on stock of chance, one after another: each order takes what the next one can't have."""
    rng = random.Random(seed)
    for fc_code in FCS:
        for sku in ("MUG", "LAMP"):
            if units := rng.choice((0, 0, 1, 3, 8)):
                sides.market.put_stock(fc_code, sku, units)
    sides.tell()
    buyer = sides.buyer(rng.choice(FCS))

    served = 0
    for _ in range(4):
        cart = [(sku, rng.randint(1, 9)) for sku in rng.sample(("MUG", "LAMP"), rng.randint(1, 2))]
        quote = asked(customer, sides, buyer.address.pincode, *cart)
        order_id = buyer.place(*cart)
        order = buyer.order(order_id)
        assert (order.total_paise, len(order.lines)) == (quote["total_paise"], len(quote["lines"]))
        if quote["why_not"]:
            continue
        request = to_serve(sides.stores.customer, order_id)
        sides.market.reserve(request)
        planned = sides.market.plan(request)
        served += 1
        got = sides.market.conn.execute(
            """
            SELECT origin_fc_code, promise_date::text, jsonb_object_agg(line_no, quantity)
              FROM packages JOIN package_lines USING (package_id) WHERE order_id = %s
             GROUP BY package_id ORDER BY promise_date, origin_fc_code
            """,
            [order_id],
        ).fetchall()
        assert [tuple(each.values()) for each in quote["packages"]] == got
        assert quote["promise_date"] == planned.promise_date.isoformat()
        sides.tell()
    assert served
