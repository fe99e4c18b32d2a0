"""Every operation, for every role and every stranger: what is not theirs is refused, and nothing changes by it.

Made of the routes that there are, so a new operation is in it by itself. The world has one of each thing, all of them
somebody's; that they are there, and that their owners may see them, is tested too: a refusal would prove nothing else.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from pydantic import TypeAdapter

from local.apps import APPS, load_app
from local.reading import Stores
from online_kart.contract import CSV
from online_kart.domain.principals import FC_STAFF_ACTS, Role
from online_kart.openapi import Route, routes_of
from tests import identity
from tests.api.conftest import HttpClient, without_stores
from tests.contracts import contract_of
from tests.identity import person
from tests.snapshots import snapshot
from tests.things import put_things

STRANGER = person("stranger")
ELSEWHERE = "HYD9"
"""Where nothing of the world is."""


class Persona(NamedTuple):
    """Somebody who is signed in, and is not who the world belongs to."""

    name: str
    role: Role
    token: str


def personas(app: str) -> Iterator[Persona]:
    """Every role that can sign in to the app, but the admin's."""
    if app == "customer_app":
        yield Persona("another customer", Role.CUSTOMER, identity.customer(STRANGER))
    if app == "seller_app":
        yield Persona("another seller", Role.SELLER, identity.seller(STRANGER))
    elsewhere = identity.staff(app, Role.FC_STAFF, ELSEWHERE)
    yield Persona("staff of another facility", Role.FC_STAFF, elsewhere)
    for role in (Role.NETWORK_PLANNER, Role.AUDITOR):
        yield Persona(role, role, identity.staff(app, role))
    yield Persona("staff without a role", Role.CUSTOMER, nobody(app))


def nobody(app: str) -> str:
    return identity.signed(identity.claims(app, "staff", person("nobody"), "nobody"))


GUARDED = {
    app: [r for r in routes_of(load_app(app).app) if r.said.access.needs_sign_in] for app in APPS
}


def refusal(route: Route, persona: Persona) -> int | None:
    """The status that the persona is refused with; None where they may call it."""
    if persona.name == "staff without a role" or persona.role not in route.said.access.roles:
        return 403
    if persona.role in (Role.CUSTOMER, Role.SELLER):
        return 404 if names_an_owner(route) else None
    if persona.role is Role.FC_STAFF and route.said.access == FC_STAFF_ACTS:
        return 403
    return None


def names_an_owner(route: Route) -> bool:
    """All that customers and sellers ask for is somebody's, but what they register as."""
    return bool(route.parameters) or route.name == "place_order"


# -- a world with one of each


@pytest.fixture
def clients(fulfillment, seller, customer) -> dict[str, HttpClient]:
    return {"fulfillment_app": fulfillment, "seller_app": seller, "customer_app": customer}


@pytest.fixture
def stores(inventory_db, customer_db, documents) -> Stores:
    return Stores(inventory_db, customer_db, documents)


@pytest.fixture
def things(stores: Stores, clients: Mapping[str, HttpClient], now: Any) -> dict[str, str]:
    return put_things(stores, now)


# -- what is asked


def url_of(route: Route, things: Mapping[str, str]) -> str:
    """Of the things that there are. A name without one fails: put one into the world."""
    return re.sub(r"{(\w+)}", lambda name: things[name[1]], route.path)


def body_of(app: str, route: Route, things: Mapping[str, str]) -> Any:
    """The document's example, about the things that there are."""
    if route.said.body is None:
        return None
    example = example_of(app, route, "application/json")
    known = {name: things[name] for name in ("customer_id", "address_id", "seller_id")}
    return {**example, **{name: known[name] for name in known if name in example}}


def example_of(app: str, route: Route, media_type: str) -> Any:
    place = ("paths", route.path, route.method.lower(), "requestBody", "content", media_type)
    return contract_of(load_app(app).app).at(place)["example"]


def ask(client: HttpClient, app: str, route: Route, things: Mapping[str, str]) -> Any:
    url, key = url_of(route, things), str(uuid4())
    if route.said.line is not None:
        return client.post_file(url, example_of(app, route, CSV), Idempotency_Key=key)
    return client.ask(route.method, url, body_of(app, route, things), Idempotency_Key=key)


# -- the matrix


@pytest.mark.parametrize("app", APPS)
def test_all_things_are_there_and_an_admin_may_see_them(app, clients, things):
    seen = [route for route in GUARDED[app] if route.method == "GET" and route.parameters]

    statuses = {route.path: ask(clients[app], app, route, things).status_code for route in seen}

    assert {path for path, status in statuses.items() if status != 200} <= {
        "/inbound-shipments/{asn}/receipt"  # which is made when the shipment is received
    }


@pytest.mark.parametrize(
    ("app", "pool", "owner"),
    [("customer_app", "customers", "customer_id"), ("seller_app", "sellers", "seller_id")],
)
def test_who_it_belongs_to_may_see_it(app, pool, owner, clients, things):
    said = identity.claims(app, pool, things[owner], things[owner])
    client = clients[app].signed_in(identity.signed(said))
    seen = [route for route in GUARDED[app] if route.method == "GET" and route.parameters]
    things = {**things, "package_id": a_package_of(clients, things)}

    statuses = {route.path: ask(client, app, route, things).status_code for route in seen}

    assert set(statuses.values()) == {200}, statuses


def a_package_of(clients: Mapping[str, HttpClient], things: Mapping[str, str]) -> str:
    """The world's package is of another customer's order than its order."""
    order = clients["customer_app"].get(f"/orders/{things['order_id']}").json_body
    return str(order["packages"][0]["package_id"])


@pytest.mark.parametrize("app", APPS)
def test_nobody_does_or_sees_what_is_not_theirs_and_nothing_changes(app, clients, stores, things):
    before, wrong, tried = snapshot(stores), [], 0
    for persona in personas(app):
        client = clients[app].signed_in(persona.token)
        for route in GUARDED[app]:
            wanted = refusal(route, persona)
            status = ask(client, app, route, things).status_code if wanted else None
            tried += wanted is not None
            if status != wanted:
                wrong.append(f"{persona.name}: {route.method} {route.path} answers {status}")
        assert snapshot(stores) == before, f"{persona.name} has changed something"

    assert wrong == []
    assert tried > 2 * len(GUARDED[app])


def test_a_key_of_another_s_answers_nobody_else(clients, things):
    """What was answered under an `Idempotency-Key` is for who sent it."""
    mine = identity.claims("customer_app", "customers", things["customer_id"], "me")
    me = clients["customer_app"].signed_in(identity.signed(mine))
    stranger = clients["customer_app"].signed_in(identity.customer(STRANGER))
    path = f"/orders/{things['placed']}/cancellation"

    assert me.post(path, {}, Idempotency_Key="1").status_code == 202
    assert stranger.post(path, {}, Idempotency_Key="1").status_code == 404


# -- fields that only answers have


def answered_fields(route: Route) -> set[str]:
    """Of the things that it answers, not of their parts."""
    found: set[str] = set()
    for answer in route.said.answers:
        if answer.model is not None:
            found |= set(TypeAdapter(answer.model).json_schema().get("properties", {}))
    return found


@pytest.mark.parametrize("app", APPS)
def test_no_operation_takes_a_field_that_only_its_answer_has(app, environment):
    tried = 0
    things = dict.fromkeys(("customer_id", "address_id", "seller_id"), str(uuid4()))
    with without_stores(app, environment) as http:
        for route in (route for route in GUARDED[app] if route.said.body is not None):
            body = body_of(app, route, things)
            for field in answered_fields(route) - set(route.said.body.model_fields):
                answer = http.request(route.method, a_url(route), *sent({**body, field: "x"}))
                assert answer.status_code == 422, f"{route.method} {route.path} takes {field}"
                tried += 1

    assert tried > 10


def sent(body: Any) -> tuple[dict[str, str], bytes]:
    return {"Content-Type": "application/json"}, json.dumps(body).encode()


OF_SOME_SHAPE = {"sku": "MUG", "mode": "road", "version": "1", "asn": "ASN-0123456789ABCDEF"}


def a_url(route: Route) -> str:
    """Of nothing that there is."""
    return re.sub(r"{(\w+)}", lambda name: OF_SOME_SHAPE.get(name[1], str(uuid4())), route.path)
