"""The customer app, route by route, as clients meet it: answers, errors, paging."""

import json
from uuid import UUID, uuid4

import psycopg
import pytest

from customer_app.chalicelib.services import orders
from local.apps import load_app
from online_kart.customer_db import catalog
from online_kart.domain.events import CategoryChanged
from tests.api.conftest import forget_connections
from tests.identity import SignedIn
from tests.storefront import SELLER, confirm, put_offer, put_paths

ADDRESS = {
    "recipient": "Asha",
    "street": "1 MG Road",
    "city": "Bengaluru",
    "state": "Karnataka",
    "pincode": 560001,
}


@pytest.fixture
def shopper(customer):
    """A registered customer."""
    answer = customer.post("/customers", {"name": "Asha", "email": "asha@example.com"})
    return answer.json_body["customer_id"]


@pytest.fixture
def address_id(customer, shopper):
    return customer.post(f"/customers/{shopper}/addresses", ADDRESS).json_body["address_id"]


@pytest.fixture
def wanted(shopper, address_id, customer_db, now):
    """The body of an order for two mugs."""
    put_offer(customer_db, now)
    return {
        "customer_id": shopper,
        "address_id": address_id,
        "lines": [{"sku": "MUG", "quantity": 2}],
    }


@pytest.fixture
def order(customer, wanted):
    return customer.post("/orders", wanted, Idempotency_Key="first").json_body


def assert_problem(answer, status, type_):
    assert (answer.status_code, answer.json_body["type"]) == (status, f"urn:kart:problem:{type_}")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json_body["status"] == status
    assert answer.json_body["title"]


def pages(customer, path, limit):
    """Every page of a list, by following the cursors."""
    cursor, found = "", []
    while True:
        page = customer.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}").json_body
        found.append(page["items"])
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


# -- is it there?


def test_the_app_says_that_it_is_up_and_that_its_stores_answer(customer, now):
    assert customer.get("/health").json_body == {"app": "customer", "status": "up"}

    ready = customer.get("/ready").json_body
    assert (ready["app"], ready["unsent_events"]) == ("customer", 0)
    assert ready["now"] >= now.isoformat()


def test_an_app_whose_database_is_gone_is_up_but_not_ready(customer, environment):
    environment.setenv("KART_CUSTOMER_DSN", "postgresql://nobody@127.0.0.1:1/nothing")
    forget_connections(load_app("customer_app"))

    assert customer.get("/health").status_code == 200
    assert_problem(customer.get("/ready"), 503, "Unavailable")


# -- customers


def test_a_customer_registers_and_is_found(customer):
    body = {"name": " Asha Rao ", "email": "asha@example.com", "phone": "+91 80 1234 5678"}

    registered = customer.post("/customers", body)

    assert registered.status_code == 201
    assert registered.json_body["name"] == "Asha Rao"
    found = customer.get(registered.headers["Location"])
    assert (found.status_code, found.json_body) == (200, registered.json_body)


def test_an_email_address_registers_once_in_whatever_case(customer, shopper):
    again = customer.post("/customers", {"name": "Asha", "email": "ASHA@example.com"})

    assert_problem(again, 409, "EmailTaken")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"email": "nobody"}, "email"),
        ({"phone": "ring me"}, "phone"),
        ({"is_admin": True}, "is_admin"),
    ],
)
def test_a_registration_that_does_not_fit_names_the_field(customer, change, field):
    body = {"name": "Asha", "email": "asha@example.com", **change}

    answer = customer.post("/customers", body)

    assert_problem(answer, 422, "InvalidFields")
    assert [error["field"] for error in answer.json_body["errors"]] == [field]


def test_text_that_no_database_can_hold_is_the_client_s_fault(customer):
    answer = customer.post("/customers", {"name": "A\0", "email": "asha@example.com"})

    assert_problem(answer, 422, "InvalidRequest")


# -- addresses


def test_the_first_address_is_the_default_until_another_is_made_so(customer, shopper, address_id):
    path = f"/customers/{shopper}/addresses"
    second = customer.post(path, ADDRESS).json_body
    third = customer.post(path, {**ADDRESS, "is_default": True}).json_body

    defaults = {a["address_id"]: a["is_default"] for a in customer.get(path).json_body["items"]}

    assert defaults == {address_id: False, second["address_id"]: False, third["address_id"]: True}


@pytest.mark.parametrize("pincode", [99_999, 1_000_000, "56000x", None])
def test_an_address_needs_a_six_digit_pincode(customer, shopper, pincode):
    answer = customer.post(f"/customers/{shopper}/addresses", {**ADDRESS, "pincode": pincode})

    assert_problem(answer, 422, "InvalidFields")
    assert answer.json_body["errors"][0]["field"] == "pincode"


def defaults(customer, shopper):
    found = customer.get(f"/customers/{shopper}/addresses").json_body["items"]
    return [address["address_id"] for address in found if address["is_default"]]


def test_an_address_is_found_where_it_was_said_to_be_and_can_be_changed(customer, shopper):
    added = customer.post(f"/customers/{shopper}/addresses", ADDRESS)
    path = added.headers["Location"]
    assert customer.get(path).json_body == added.json_body

    moved = {**ADDRESS, "city": "Mysuru", "pincode": 570_001}
    first, again = customer.put(path, moved), customer.put(path, moved)

    assert (first.status_code, first.json_body) == (
        200,
        {**added.json_body, **moved, "is_default": True},
    )
    assert again.json_body == first.json_body == customer.get(path).json_body


def test_there_is_always_one_default_address(customer, shopper, address_id):
    path = f"/customers/{shopper}/addresses"
    second, third = (customer.post(path, ADDRESS).json_body["address_id"] for _ in range(2))

    customer.put(f"{path}/{third}", {**ADDRESS, "is_default": True})
    assert defaults(customer, shopper) == [third]
    customer.put(f"{path}/{third}", {**ADDRESS, "is_default": False})
    assert defaults(customer, shopper) == [third]

    assert customer.delete(f"{path}/{third}").status_code == 204
    assert defaults(customer, shopper) == [address_id]
    assert customer.delete(f"{path}/{second}").status_code == 204
    assert customer.delete(f"{path}/{address_id}").status_code == 204
    assert customer.get(path).json_body["items"] == []
    assert customer.post(path, ADDRESS).json_body["is_default"]


def test_an_order_keeps_the_address_that_it_was_placed_with(customer, shopper, address_id, order):
    path = f"/customers/{shopper}/addresses/{address_id}"
    placed = customer.get(f"/orders/{order['order_id']}").json_body
    assert placed["deliver_to"] == {**ADDRESS}

    customer.put(path, {**ADDRESS, "city": "Mysuru", "pincode": 570_001})
    assert customer.get(f"/orders/{order['order_id']}").json_body == placed
    assert customer.delete(path).status_code == 204
    assert customer.get(f"/orders/{order['order_id']}").json_body == placed


def test_nobody_has_the_address_of_another_customer(customer, address_id):
    body = {"name": "Bala", "email": "bala@example.com"}
    other = customer.post("/customers", body).json_body["customer_id"]

    for path in (
        f"/customers/{other}/addresses/{address_id}",
        f"/customers/{uuid4()}/addresses/{address_id}",
    ):
        assert_problem(customer.get(path), 404, "NotFound")
        assert_problem(customer.put(path, ADDRESS), 404, "NotFound")
        assert_problem(customer.delete(path), 404, "NotFound")


def test_addresses_are_paged(customer, shopper):
    path = f"/customers/{shopper}/addresses"
    added = {customer.post(path, ADDRESS).json_body["address_id"] for _ in range(5)}

    found = pages(customer, path, limit=2)

    assert [len(page) for page in found] == [2, 2, 1]
    assert {address["address_id"] for page in found for address in page} == added


# -- the catalog


def test_categories_are_paged_by_id(customer, customer_db, now):
    for category_id in ("toys", "kitchen", "books"):
        described = {"name": category_id.title(), "parent_id": None, "version": 1}
        event = CategoryChanged(occurred_at=now, category_id=category_id, **described)
        catalog.put_category(customer_db, event)

    found = pages(customer, "/categories", limit=2)

    assert [[c["category_id"] for c in page] for page in found] == [["books", "kitchen"], ["toys"]]


def test_items_are_paged_by_sku_and_searched(customer, customer_db, now):
    for sku in ("MUG", "CUP", "JUG"):
        put_offer(customer_db, now, sku)

    found = pages(customer, "/items", limit=2)

    assert [[item["sku"] for item in page] for page in found] == [["CUP", "JUG"], ["MUG"]]
    assert [i["sku"] for i in customer.get("/items?q=a+jug").json_body["items"]] == ["JUG"]
    assert customer.get("/items?category_id=garden").json_body["items"] == []


def test_an_item_tells_price_and_only_n_left(customer, customer_db, now):
    put_offer(customer_db, now, free_units=7)

    assert customer.get("/items/MUG").json_body["offers"] == [
        {
            "seller_id": str(SELLER),
            "price_paise": 49_900,
            "in_stock": True,
            "units_left": 7,
            "promise": None,
        }
    ]


# -- orders


def test_an_order_is_taken_at_once_and_found_at_its_location(customer, wanted):
    answer = customer.post("/orders", wanted, Idempotency_Key="first")

    assert (answer.status_code, answer.json_body["status"]) == (202, "placed")
    assert answer.json_body["total_paise"] == 2 * 49_900
    found = customer.get(answer.headers["Location"])
    assert (found.status_code, found.json_body) == (200, answer.json_body)


def test_the_same_request_again_is_answered_byte_for_byte(customer, wanted, customer_db):
    first = customer.post("/orders", wanted, Idempotency_Key="first")
    customer_db.execute("UPDATE orders SET status = 'cancelling'")

    again = customer.post("/orders", wanted, Idempotency_Key="first")

    assert (again.status_code, again.body) == (first.status_code, first.body)
    assert again.headers["Location"] == first.headers["Location"]


def test_a_key_with_another_body_is_refused(customer, wanted, order):
    other = {**wanted, "lines": [{"sku": "MUG", "quantity": 3}]}

    answer = customer.post("/orders", other, Idempotency_Key="first")

    assert_problem(answer, 422, "InvalidRequest")
    assert answer.json_body["field"] == "Idempotency-Key"


def test_an_order_without_an_idempotency_key_is_refused(customer, wanted, customer_db):
    answer = customer.post("/orders", wanted)

    assert_problem(answer, 400, "HeaderMissing")
    assert answer.json_body["field"] == "Idempotency-Key"
    assert customer_db.execute("SELECT count(*) FROM orders").fetchone() == (0,)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lines": []}, "lines"),
        ({"lines": [{"sku": "MUG", "quantity": 0}]}, "lines.0.quantity"),
        ({"lines": [{"sku": "mug", "quantity": 1}]}, "lines.0.sku"),
        ({"lines": [{"sku": "MUG", "quantity": 1, "price": 1}]}, "lines.0.price"),
        ({"customer_id": "me"}, "customer_id"),
        ({"coupon": "FREE"}, "coupon"),
    ],
)
def test_an_order_that_does_not_fit_names_the_field(customer, wanted, change, field):
    answer = customer.post("/orders", {**wanted, **change}, Idempotency_Key="first")

    assert_problem(answer, 422, "InvalidFields")
    assert field in [error["field"] for error in answer.json_body["errors"]]


def test_what_is_not_offered_or_not_known_is_told_by_name(customer, wanted):
    unknown_item = {**wanted, "lines": [{"sku": "JUG", "quantity": 1}]}
    unknown_address = {**wanted, "address_id": str(uuid4())}

    not_offered = customer.post("/orders", unknown_item, Idempotency_Key="1")
    no_address = customer.post("/orders", unknown_address, Idempotency_Key="2")

    assert_problem(not_offered, 409, "NotOffered")
    assert not_offered.json_body["sku"] == "JUG"
    assert_problem(no_address, 404, "NotFound")


def test_an_order_worth_more_than_we_can_count_is_refused(customer, wanted, customer_db, now):
    put_offer(customer_db, now, "CAR", price_paise=10**12)
    wanted = {**wanted, "lines": [{"sku": "CAR", "quantity": 2}]}

    assert_problem(customer.post("/orders", wanted, Idempotency_Key="1"), 422, "InvalidRequest")


def test_orders_of_a_customer_are_paged_from_the_newest(customer, wanted, shopper):
    placed = [
        customer.post("/orders", wanted, Idempotency_Key=str(n)).json_body["order_id"]
        for n in range(5)
    ]

    found = pages(customer, f"/customers/{shopper}/orders", limit=2)

    assert [order["order_id"] for page in found for order in page] == placed[::-1]


def test_an_order_is_cancelled_and_cancelling_again_is_the_same(customer, order):
    path = f"/orders/{order['order_id']}/cancellation"

    first, again = customer.post(path, {}), customer.post(path, {})

    assert (first.status_code, first.json_body["status"]) == (202, "cancelling")
    assert (again.status_code, again.json_body) == (202, first.json_body)
    assert first.headers["Location"] == f"/orders/{order['order_id']}"


def test_a_cancellation_needs_no_body_of_any_kind(customer, order):
    http = SignedIn(load_app("customer_app").app)
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = http.post(f"/orders/{order['order_id']}/cancellation", headers=form, body=b"")

    assert answer.status_code == 202


def test_an_order_that_was_rejected_can_not_be_cancelled(customer, order, customer_db, now):
    orders.reject_order(customer_db, UUID(order["order_id"]), "OutOfStock", "", now)

    answer = customer.post(f"/orders/{order['order_id']}/cancellation", {})

    assert_problem(answer, 409, "OrderStatusConflict")
    assert answer.json_body["order_status"] == "rejected"


def test_a_package_s_path_is_shown(customer, order, customer_db, documents, now):
    placed = orders.by_id(customer_db, UUID(order["order_id"]))
    (package_id,) = put_paths(documents, placed, now)
    confirm(customer_db, documents, placed, [package_id], now)

    shown = customer.get(f"/orders/{order['order_id']}").json_body["packages"]
    path = customer.get(f"/packages/{package_id}/path").json_body

    assert [package["package_id"] for package in shown] == [str(package_id)]
    assert shown[0]["lines"] == {"1": 2}
    assert [stop["facility"] for stop in path["stops"]] == ["BLR1"]


# -- what every route refuses alike

BY_ID = [
    "/customers/{}",
    "/customers/{}/addresses",
    "/orders/{}",
    "/packages/{}/path",
]


@pytest.mark.parametrize("path", [*BY_ID, "/customers/{}/orders"])
def test_a_malformed_id_is_refused(customer, path):
    assert_problem(customer.get(path.format("42")), 422, "InvalidRequest")


@pytest.mark.parametrize("path", [*BY_ID, "/customers/{}/orders"])
def test_an_unknown_id_is_not_found(customer, path):
    assert_problem(customer.get(path.format(uuid4())), 404, "NotFound")


def test_an_unknown_or_malformed_sku_is_told_apart(customer):
    assert_problem(customer.get("/items/JUG"), 404, "NotFound")
    assert_problem(customer.get("/items/jug"), 422, "InvalidRequest")


@pytest.mark.parametrize(
    "path", ["/customers/{}/addresses", "/orders/{}/cancellation"], ids=["addresses", "cancel"]
)
def test_a_change_of_what_is_unknown_is_not_found(customer, path):
    assert_problem(customer.post(path.format(uuid4()), ADDRESS), 404, "NotFound")
    assert_problem(customer.post(path.format("42"), ADDRESS), 422, "InvalidRequest")


@pytest.mark.parametrize("path", ["/customers", "/orders", "/customers/{}/addresses"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_what_is_no_json_object_is_refused(customer, path, body):
    http = SignedIn(load_app("customer_app").app)
    headers = {"Content-Type": "application/json", "Idempotency-Key": "1"}

    answer = http.post(path.format(uuid4()), headers=headers, body=body)

    assert_problem(answer, 422, "InvalidFields")


LISTS = ["/categories", "/items", "/customers/{}/addresses", "/customers/{}/orders"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("query", "type_"),
    [
        ("limit=0", "InvalidFields"),
        ("limit=201", "InvalidFields"),
        ("limit=many", "InvalidFields"),
        ("page=2", "InvalidFields"),
        ("cursor=42", "InvalidRequest"),
    ],
)
def test_a_list_refuses_what_it_does_not_know(customer, shopper, path, query, type_):
    assert_problem(customer.get(f"{path.format(shopper)}?{query}"), 422, type_)


def test_a_bug_of_ours_tells_nothing(customer, shopper, customer_dsn):
    with psycopg.connect(customer_dsn, autocommit=True) as conn:
        conn.execute("ALTER TABLE customers RENAME COLUMN phone TO telephone")

    answer = customer.get(f"/customers/{shopper}")

    assert_problem(answer, 500, "InternalError")
    assert "telephone" not in json.dumps(answer.json_body)
    assert "phone" not in json.dumps(answer.json_body)
