"""Access tokens (JWT, RFC 9068's rules as far as Cognito keeps them): from what a request carries to who asks.

A token counts where its issuer is one that the app trusts, its key one that the issuer publishes (JWKS), its algorithm
RS256 and no other, its audience this app's, and now within its time. What a user can write about themselves is not read:
roles come from the pool and from its groups, which only those who run the pool can change.
"""

import time
import urllib.request
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Annotated, Any, Literal
from uuid import UUID

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidSignatureError,
    PyJWTError,
)
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from .domain.errors import Unauthenticated, Unavailable
from .domain.principals import Principal, Role

ALGORITHM = "RS256"
"""The only one: a list that a token could choose from is how `none` and HS256 with the public key come in."""

TOKEN_LENGTH_MAX = 8_000
"""Cognito's with a hundred groups has some 4,000 characters."""

CLOCKS_DIFFER_SECONDS = 10
"""By so much the issuer's clock may be ahead of ours, or behind."""

KEYS_ANSWER_SECONDS_MAX = 2.0
"""An issuer's keys are a small file of a server in the same region; a request waits for it."""

KEYS_FRESH_SECONDS = 900
"""After that the keys are read again, so that one that was withdrawn is not trusted for long."""

KEYS_KEPT_SECONDS = 3_600
"""So long they are trusted where they can't be read again: an outage of the issuer's is no outage of ours."""

KEYS_PAUSE_SECONDS = 10
"""Between two tries to read them, also where each request names a key that there is not."""

KEYS_BYTES_MAX = 65_536

STAFF_ROLES = frozenset({Role.FC_STAFF, Role.NETWORK_PLANNER, Role.AUDITOR, Role.ADMIN})
FACILITY_GROUP = "facility:"
"""The group `facility:BLR1` of the staff's pool: who works there. `facility:*`: everywhere."""

Pool = Literal["customers", "sellers", "staff"]


class Issuer(BaseModel):
    """A user pool whose tokens an app takes. `audience`: the app's client in the pool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: Pool
    issuer: str
    audience: str
    keys_url: str | None = None
    """Where its keys are, if not where OpenID Connect has them."""

    @property
    def keys_are_at(self) -> str:
        return self.keys_url or f"{self.issuer}/.well-known/jwks.json"


class _Claims(BaseModel):
    """What is read of a token besides what the library checks."""

    sub: UUID
    client_id: str
    token_use: Literal["access"]
    username: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    groups: tuple[str, ...] = Field((), alias="cognito:groups")


class _KeySet(BaseModel):
    keys: list[dict[str, Any]]


Fetch = Callable[[str], bytes]


def fetched(url: str) -> bytes:
    """Raises OSError, ValueError."""
    with urllib.request.urlopen(url, timeout=KEYS_ANSWER_SECONDS_MAX) as answer:
        return bytes(answer.read(KEYS_BYTES_MAX))


class Keys:
    """The public keys of an issuer, by their ids: read when they are first needed, and again when they are old."""

    def __init__(
        self, url: str, fetch: Fetch = fetched, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._url, self._fetch, self._seconds = url, fetch, seconds
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._read_at = self._asked_at = float("-inf")
        self._lock = Lock()

    def key(self, key_id: str) -> jwt.PyJWK | None:
        """None where the issuer has no such key. Raises Unavailable where that can't be known."""
        with self._lock:
            age = self._seconds() - self._read_at
            if age > KEYS_FRESH_SECONDS or key_id not in self._keys:
                self._read_again()
            if self._seconds() - self._read_at > KEYS_KEPT_SECONDS:
                raise Unavailable("The keys of who issues the tokens can't be read.")
            return self._keys.get(key_id)

    def _read_again(self) -> None:
        if self._seconds() - self._asked_at < KEYS_PAUSE_SECONDS:
            return
        self._asked_at = self._seconds()
        try:
            self._keys = _keys_in(self._fetch(self._url))
        except (OSError, ValueError, PyJWTError):
            return  # those that are known go on for a while
        self._read_at = self._seconds()


def _keys_in(text: bytes) -> dict[str, jwt.PyJWK]:
    """RSA keys for signatures; a shared secret among them would be no key of an issuer's. Raises ValueError, PyJWTError."""
    listed = _KeySet.model_validate_json(text).keys
    return {
        str(each["kid"]): jwt.PyJWK(each, algorithm=ALGORITHM)
        for each in listed
        if each.get("kty") == "RSA" and each.get("use", "sig") == "sig" and "kid" in each
    }


class Tokens:
    """What an app takes for a token, by the issuers that it trusts. No issuers: no token."""

    def __init__(self, issuers: str) -> None:
        """`issuers` is JSON: a list of what `Issuer` has."""
        trusted = TypeAdapter(list[Issuer]).validate_json(issuers)
        self._trusted = {each.issuer: (each, Keys(each.keys_are_at)) for each in trusted}

    def principal(self, authorization: str) -> Principal:
        """Whose token a header `Authorization: Bearer …` carries. Raises Unauthenticated, Unavailable."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= TOKEN_LENGTH_MAX:
            raise Unauthenticated
        try:
            return self._verified(token)
        except ExpiredSignatureError:
            raise Unauthenticated("expired") from None
        except ImmatureSignatureError:
            raise Unauthenticated("not yet valid") from None
        except InvalidSignatureError:
            raise Unauthenticated("wrong signature") from None
        except (PyJWTError, ValidationError):
            raise Unauthenticated("malformed") from None

    def _verified(self, token: str) -> Principal:
        """Raises Unauthenticated, Unavailable, PyJWTError, ValidationError."""
        issuer, keys = self._issuer_of(token)
        header = jwt.get_unverified_header(token)
        key = keys.key(str(header.get("kid"))) if header.get("alg") == ALGORITHM else None
        if key is None:
            raise Unauthenticated("not signed by its issuer")
        verified = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=issuer.issuer,
            leeway=CLOCKS_DIFFER_SECONDS,
            # Cognito's access tokens tell their audience in `client_id`, and have no `aud`.
            options={"require": ["exp", "iat", "iss", "sub"], "verify_aud": False},
        )
        claims = _Claims.model_validate(verified)
        if claims.client_id != issuer.audience:
            raise Unauthenticated("for another app")
        return _principal(issuer.pool, claims)

    def _issuer_of(self, token: str) -> tuple[Issuer, Keys]:
        """By what the token says of itself, which counts only if that issuer's key has signed it."""
        unverified = jwt.decode(token, options={"verify_signature": False, "verify_exp": False})
        try:
            return self._trusted[str(unverified.get("iss"))]
        except KeyError:
            raise Unauthenticated("of another issuer") from None


def _principal(pool: Pool, claims: _Claims) -> Principal:
    match pool:
        case "customers":
            return _of_pool(Role.CUSTOMER, claims)
        case "sellers":
            return _of_pool(Role.SELLER, claims)
    return Principal(
        subject=claims.sub,
        name=f"staff {claims.username}",
        roles=STAFF_ROLES & set(map(_role, claims.groups)),
        facilities=frozenset(
            group.removeprefix(FACILITY_GROUP)
            for group in claims.groups
            if group.startswith(FACILITY_GROUP)
        ),
    )


def _of_pool(role: Role, claims: _Claims) -> Principal:
    """Everybody in the customers' pool is a customer and nothing else, whatever groups there are."""
    return Principal(subject=claims.sub, name=f"{role} {claims.sub}", roles=frozenset({role}))


def _role(group: str) -> Role | None:
    return Role(group) if group in STAFF_ROLES else None
