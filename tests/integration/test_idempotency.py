"""The same request under the same key gets the same answer; it happens once."""

import json
from datetime import timedelta

import pytest

from online_kart.domain.errors import InvalidRequest, NotOffered
from online_kart.domain.orders import LineWanted
from online_kart.messaging import idempotency, retention
from online_kart.retention import prune
from tests.shop import events_of
from tests.storefront import an_order_of, place, put_customer, put_offer
from tests.together import run_together


@pytest.fixture
def address(customer_db, now):
    put_offer(customer_db, now)
    return put_customer(customer_db, now)


def orders_count(conn):
    return conn.execute("SELECT count(*) FROM orders").fetchone()[0]


def test_a_repeat_is_answered_byte_for_byte_as_the_first_was(customer_db, address, now):
    first = place(customer_db, an_order_of(address), now, "key")
    customer_db.execute("UPDATE orders SET status = 'cancelling', version = 2")
    customer_db.execute("UPDATE offers SET price_paise = price_paise + 1")

    repeat = place(customer_db, an_order_of(address), now + timedelta(hours=23), "key")

    assert repeat == first
    assert orders_count(customer_db) == len(events_of(customer_db, "OrderPlaced")) == 1


def test_a_key_that_came_with_another_request_is_refused(customer_db, address, now):
    place(customer_db, an_order_of(address), now, "key")
    another = an_order_of(address, LineWanted(sku="MUG", quantity=3))

    with pytest.raises(InvalidRequest, match="another request"):
        place(customer_db, another, now, "key")

    assert orders_count(customer_db) == 1


def test_the_digest_tells_requests_apart_byte_by_byte():
    digest = idempotency.digest

    assert digest("POST", "/orders", b"{}") == digest("POST", "/orders", "{}")
    assert digest("POST", "/orders", b"{}") != digest("POST", "/orders", b"{ }")
    assert digest("POST", "/a", b"b") != digest("POST", "/", b"ab")


def test_two_customers_may_use_the_same_key(customer_db, address, now):
    other = put_customer(customer_db, now)

    one = place(customer_db, an_order_of(address), now, "key")
    two = place(customer_db, an_order_of(other), now, "key")

    assert json.loads(one.body)["order_id"] != json.loads(two.body)["order_id"]


def test_of_requests_with_one_key_at_once_one_happens_and_all_are_answered_by_it(
    customer_db, customer_dsn, address, now
):
    def request(conn):
        return place(conn, an_order_of(address), now, "key")

    answers = run_together(customer_dsn, *[request] * 6)

    assert len({answer.body for answer in answers}) == 1
    assert orders_count(customer_db) == len(events_of(customer_db, "OrderPlaced")) == 1


def test_a_request_that_was_refused_may_come_again_under_its_key(customer_db, now):
    address = put_customer(customer_db, now)
    with pytest.raises(NotOffered):
        place(customer_db, an_order_of(address), now, "key")

    put_offer(customer_db, now)

    assert place(customer_db, an_order_of(address), now, "key").status_code == 202


def test_a_key_makes_at_most_one_order_even_after_its_answer_was_forgotten(
    customer_db, address, now
):
    place(customer_db, an_order_of(address), now, "key")
    for hours, forgotten in ((24, 0), (25, 1)):
        pruned = prune(customer_db, [retention.ANSWERS], now + timedelta(hours=hours))
        assert pruned == {"idempotency_keys": forgotten}

    with pytest.raises(InvalidRequest, match="has made an order before"):
        place(customer_db, an_order_of(address), now + timedelta(hours=25), "key")

    assert orders_count(customer_db) == 1
