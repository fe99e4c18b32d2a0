"""Who has no token, or one that is not to go by, is answered 401 by every operation that needs a sign-in."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.apps import APPS, load_app
from local.chalice_server import Challenged
from online_kart.domain.principals import Role
from online_kart.http import CHALLENGE
from online_kart.openapi import routes_of
from tests import identity
from tests.api.conftest import without_stores
from tests.contracts import contract_of
from tests.identity import KEY_ID, bearer, claims, issuer_of, person, signed, signing_key

A_ROUTE = {
    "customer_app": "/orders/5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11",
    "fulfillment_app": "/hubs",
    "seller_app": "/sellers/5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11",
}
"""That an admin may ask for."""

ANOTHER_APP = {
    "customer_app": "seller_app",
    "seller_app": "fulfillment_app",
    "fulfillment_app": "customer_app",
}

Made = Callable[[str], str]
"""A token for the app."""


def of_admin(app: str, **changes: Any) -> dict[str, Any]:
    """What an admin's token says, but for the changes; None leaves a claim out."""
    said = claims(app, "staff", person("admin"), "admin", [Role.ADMIN]) | changes
    return {name: value for name, value in said.items() if value is not None}


def parts(header: dict[str, Any], said: dict[str, Any]) -> bytes:
    return b".".join(unpadded(json.dumps(each).encode()) for each in (header, said))


def unpadded(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def unsigned(app: str) -> str:
    return parts({"alg": "none", "typ": "JWT", "kid": KEY_ID}, of_admin(app)).decode() + "."


def signed_with_the_public_key(app: str) -> str:
    """As HS256, with what everybody can read as the shared secret."""
    public = signing_key().public_key()
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = parts({"alg": "HS256", "typ": "JWT", "kid": KEY_ID}, of_admin(app))
    return (text + b"." + unpadded(hmac.digest(secret, text, hashlib.sha256))).decode()


FORGER = identity.key_pair()


def forged(app: str, **header: Any) -> str:
    return jwt.encode(of_admin(app), FORGER, "RS256", headers={"kid": KEY_ID, **header})


def signed_by_another_algorithm(app: str) -> str:
    return jwt.encode(of_admin(app), signing_key(), "RS512", headers={"kid": KEY_ID})


def changed(app: str) -> str:
    """Somebody else's token, with an admin's claims put in."""
    head, _, signature = signed(of_admin(app, **{"cognito:groups": None})).split(".")
    said = unpadded(json.dumps(of_admin(app)).encode()).decode()
    return ".".join((head, said, signature))


def other_pool_of(app: str) -> str:
    return signed(of_admin(app, iss="https://tests.example/strangers"))


BAD: dict[str, Made] = {
    "nothing": lambda app: "",
    "no token": lambda app: "no.token.atall",
    "cut short": lambda app: signed(of_admin(app))[:-9],
    "without its signature": lambda app: signed(of_admin(app)).rpartition(".")[0],
    "much too long": lambda app: "a" * 9_000,
    "expired": lambda app: signed(of_admin(app, exp=int(time.time()) - 60)),
    "not yet valid": lambda app: signed(of_admin(app, nbf=int(time.time()) + 600)),
    "issued in the future": lambda app: signed(of_admin(app, iat=int(time.time()) + 600)),
    "good for ever": lambda app: signed(of_admin(app, exp=None)),
    "of nobody": lambda app: signed(of_admin(app, sub=None)),
    "of somebody without an id": lambda app: signed(of_admin(app, sub="admin")),
    "of another issuer": other_pool_of,
    "of no issuer": lambda app: signed(of_admin(app, iss=None)),
    "for another app": lambda app: signed(of_admin(ANOTHER_APP[app]) | {"iss": issuer_of("staff")}),
    "for no app": lambda app: signed(of_admin(app, client_id=None)),
    "an ID token": lambda app: signed(of_admin(app, token_use="id")),
    "unsigned": unsigned,
    "signed with the public key": signed_with_the_public_key,
    "signed by another algorithm": signed_by_another_algorithm,
    "signed by another": forged,
    "signed by a key that it brings along": lambda app: forged(app, jwk=identity.published(FORGER)),
    "by a key that it says where to get": lambda app: forged(app, jku="https://evil.example/keys"),
    "by a key that there is not": lambda app: forged(app, kid="another"),
    "of another, with claims put in": changed,
}


@pytest.fixture
def http(request, environment):
    with without_stores(request.param, environment) as http:
        yield request.param, http


in_every_app = pytest.mark.parametrize("http", APPS, indirect=True)


def assert_refused(answer):
    assert answer.status_code == 401, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers[CHALLENGE].startswith("Bearer")
    assert answer.json_body["type"] == "urn:kart:problem:Unauthenticated"


@in_every_app
@pytest.mark.parametrize("kind", BAD)
def test_a_token_that_is_not_to_go_by_is_refused(http, kind):
    app, client = http

    assert_refused(client.get(A_ROUTE[app], bearer(BAD[kind](app))))


@in_every_app
def test_a_good_token_is_not(http):
    """So the others are refused for what is bad in them: the stores, which are away, are asked."""
    app, client = http

    assert client.get(A_ROUTE[app], bearer(signed(of_admin(app)))).status_code == 503


@in_every_app
@pytest.mark.parametrize("header", ["Basic YWRtaW46YWRtaW4=", "Bearer", "admin", ""])
def test_what_is_no_bearer_token_is_refused(http, header):
    app, client = http

    answer = client.get(A_ROUTE[app], {"Authorization": header})

    assert_refused(answer)
    assert answer.headers[CHALLENGE] == "Bearer", "nothing is wrong with a token that was not sent"


@in_every_app
def test_no_operation_that_needs_a_sign_in_can_be_asked_without_a_good_token(http):
    app, client = http
    tokens = [BAD[kind](app) for kind in ("expired", "unsigned", "signed by another")]
    guarded = [r for r in routes_of(load_app(app).app) if r.said.access.needs_sign_in]
    assert guarded

    for route in guarded:
        url = re.sub(r"{\w+}", "5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11", route.path)
        for token in tokens:
            assert_refused(client.request(route.method, url, bearer(token)))


@in_every_app
def test_a_request_without_the_header_ends_at_the_gateway(http):
    """Chalice's stand-in answers as API Gateway does by default."""
    app, client = http
    guarded = [r for r in routes_of(load_app(app).app) if r.said.access.needs_sign_in]

    for route in guarded:
        url = re.sub(r"{\w+}", "5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11", route.path)
        assert client.without_token(route.method, url).status_code == 401


def test_the_local_gateway_answers_it_as_a_deployment_s_does(environment):
    environment.setattr("chalice.local.NotAuthorizedError", Challenged)
    with without_stores("fulfillment_app", environment) as client:
        answer = client.without_token("GET", "/hubs")

    assert_refused(answer)
    contract_of(load_app("fulfillment_app").app).check("GET", "/hubs", None, answer)


@in_every_app
def test_open_operations_are_answered_whatever_comes_with_them(http):
    _, client = http

    assert client.without_token("GET", "/health").status_code == 200
    assert client.get("/health", bearer("no.token.atall")).status_code == 200


def test_a_seller_s_token_is_none_for_the_staff_s_app(environment):
    with without_stores("fulfillment_app", environment) as client:
        assert_refused(client.get("/hubs", bearer(identity.seller(person("malabar")))))
