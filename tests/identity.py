"""People of the tests, and their tokens: issued here, of pools that the apps trust as they do Cognito's.

The keys come to the apps as an issuer's do, by the code that fetches them; their URL is a `data:` one: no server is needed.
"""

import json
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

import jwt
from chalice import Chalice
from chalice.test import Client
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from online_kart.domain.principals import Principal, Role
from online_kart.tokens import Pool

POOLS: tuple[Pool, ...] = ("customers", "sellers", "staff")
APP_OF_POOL = {"customers": "customer_app", "sellers": "seller_app"}
KEY_ID = "of-the-tests"
SECONDS = 24 * 3_600
"""Longer than any test of ours."""
PEOPLE = UUID("5e0b1e00-0000-4000-8000-000000000000")
VARIABLE = "KART_TOKEN_ISSUERS"


def key_pair() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@cache
def signing_key() -> rsa.RSAPrivateKey:
    """One for a process and those that it forks: making it takes a tenth of a second."""
    return key_pair()


def published(key: rsa.RSAPrivateKey, key_id: str = KEY_ID) -> dict[str, Any]:
    """As a JWKS has it."""
    public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": key_id, "use": "sig", "alg": "RS256"}


def issuer_of(pool: Pool) -> str:
    return f"https://tests.example/{pool}"


def audience_of(app: str) -> str:
    return f"client-of-{app}"


def keys_url(*keys: Mapping[str, Any]) -> str:
    return f"data:application/json,{quote(json.dumps({'keys': keys}))}"


@cache
def issuers(app: str) -> str:
    """What the app's settings have: its own people's pool, if it has one, and the staff's."""
    return json.dumps(
        [
            {
                "pool": pool,
                "issuer": issuer_of(pool),
                "audience": audience_of(app),
                "keys_url": keys_url(published(signing_key())),
            }
            for pool in POOLS
            if APP_OF_POOL.get(pool, app) == app
        ]
    )


def person(name: str) -> UUID:
    """Whose subject: the same for the same name."""
    return uuid5(PEOPLE, name)


def claims(
    app: str, pool: Pool, subject: UUID, username: str, groups: Sequence[str] = ()
) -> dict[str, Any]:
    """As Cognito's access tokens have them."""
    now = int(time.time())
    return {
        "iss": issuer_of(pool),
        "client_id": audience_of(app),
        "token_use": "access",
        "sub": str(subject),
        "username": username,
        "iat": now,
        "exp": now + SECONDS,
        **({"cognito:groups": list(groups)} if groups else {}),
    }


def signed(said: Mapping[str, Any]) -> str:
    return jwt.encode(dict(said), signing_key(), algorithm="RS256", headers={"kid": KEY_ID})


@cache
def staff(app: str, role: Role, *facilities: str, name: str | None = None) -> str:
    """The token of somebody of the staff in that role."""
    groups = [role, *(f"facility:{code}" for code in facilities)]
    name = name or role.value
    return signed(claims(app, "staff", person(name), name, groups))


@cache
def customer(subject: UUID) -> str:
    return signed(claims("customer_app", "customers", subject, str(subject)))


@cache
def seller(subject: UUID) -> str:
    return signed(claims("seller_app", "sellers", subject, str(subject)))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def as_admin(app: str) -> dict[str, str]:
    """The header that lets a client do anything."""
    return bearer(staff(app, Role.ADMIN))


class SignedIn:
    """Chalice's client of an app, as an admin unless a request brings a token of its own."""

    def __init__(self, app: Chalice, authorization: Mapping[str, str] | None = None) -> None:
        self._http = Client(app).http
        self._authorization = authorization or as_admin(f"{app.app_name}_app")

    def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Any:
        sent = {**self._authorization, **(headers or {})}
        return self._http.request(method, path, headers=sent, body=body)

    def without_token(self, method: str, path: str) -> Any:
        return self._http.request(method, path, headers={}, body=b"")

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        return self.request("GET", path, headers)

    def post(self, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Any:
        return self.request("POST", path, headers, body)

    def delete(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        return self.request("DELETE", path, headers)


ADMIN = Principal(subject=person(Role.ADMIN), name="staff admin", roles=frozenset({Role.ADMIN}))
"""Who asks services for whatever a test is not about."""


def the_seller(seller_id: UUID) -> Principal:
    """A seller who asks services for what is theirs."""
    return Principal(subject=seller_id, name=f"seller {seller_id}", roles=frozenset({Role.SELLER}))


def the_customer(customer_id: UUID) -> Principal:
    name = f"customer {customer_id}"
    return Principal(subject=customer_id, name=name, roles=frozenset({Role.CUSTOMER}))
