"""What a client is told when the database takes too long: no 500, when to try again, and that it is safe."""

import psycopg
import pytest

from online_kart import postgres
from tests.storefront import an_order_of, put_customer, put_offer


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setitem(postgres.SESSION_SETTINGS, "lock_timeout", 50)


def place(customer, address):
    body = an_order_of(address).model_dump(mode="json")
    return customer.post("/orders", body, Idempotency_Key="key")


def assert_to_be_retried(answer):
    assert answer.status_code == 503, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json_body["type"] == "urn:kart:problem:Unavailable"
    assert answer.json_body["retry"]["after_seconds"] == int(answer.headers["Retry-After"])
    assert "Idempotency-Key" in answer.json_body["retry"]["how"]


def test_an_order_that_waits_for_a_lock_in_vain_may_be_sent_again(
    customer, customer_db, customer_dsn, now
):
    put_offer(customer_db, now)
    address = put_customer(customer_db, now)
    with psycopg.connect(customer_dsn) as other:
        other.execute("LOCK TABLE orders IN EXCLUSIVE MODE")
        assert_to_be_retried(place(customer, address))
        other.rollback()

    assert place(customer, address).status_code == 202
    assert customer_db.execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_reading_an_order_that_can_not_be_read_now_is_no_fault_of_ours_either(
    customer, customer_db, customer_dsn, now
):
    put_offer(customer_db, now)
    order = place(customer, put_customer(customer_db, now)).json_body
    with psycopg.connect(customer_dsn) as other:
        other.execute("LOCK TABLE order_lines IN ACCESS EXCLUSIVE MODE")
        assert_to_be_retried(customer.get(f"/orders/{order['order_id']}"))
        other.rollback()

    assert customer.get(f"/orders/{order['order_id']}").status_code == 200
