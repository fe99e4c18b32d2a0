"""The keys of an issuer: fetched in bounded time, kept for a bounded time, and asked for anew no oftener than is good."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from online_kart.domain.errors import Unavailable
from online_kart.domain.principals import Role
from online_kart.tokens import (
    KEYS_ANSWER_SECONDS_MAX,
    KEYS_FRESH_SECONDS,
    KEYS_KEPT_SECONDS,
    KEYS_PAUSE_SECONDS,
    Keys,
    Tokens,
    fetched,
)
from tests.identity import claims, issuers, person, published, signed, signing_key


class Issuer:
    """Publishes keys, or is away; counts how often it is asked."""

    def __init__(self, *key_ids: str) -> None:
        self.key_ids, self.asked, self.seconds = key_ids, 0, 0.0

    def fetch(self, url: str) -> bytes:
        self.asked += 1
        if not self.key_ids:
            raise TimeoutError
        keys = [published(signing_key(), key_id) for key_id in self.key_ids]
        return json.dumps({"keys": keys}).encode()

    @property
    def keys(self) -> Keys:
        return Keys("https://issuer.example/keys", self.fetch, lambda: self.seconds)


def test_keys_are_fetched_once_for_many_tokens():
    issuer = Issuer("first")
    keys = issuer.keys

    assert all(keys.key("first") for _ in range(100))
    assert issuer.asked == 1


def test_a_key_that_is_new_is_found_and_one_that_there_is_not_is_asked_for_once_in_a_while():
    issuer = Issuer("first")
    keys = issuer.keys
    assert keys.key("first")
    issuer.key_ids = ("first", "second")

    assert [keys.key("second") for _ in range(50)] == [None] * 50
    issuer.seconds += KEYS_PAUSE_SECONDS
    assert keys.key("second")
    assert [keys.key("no such key") for _ in range(50)] == [None] * 50
    assert issuer.asked == 2


def test_a_key_that_was_withdrawn_is_not_trusted_for_long():
    issuer = Issuer("first", "second")
    keys = issuer.keys
    assert keys.key("first")
    issuer.key_ids = ("second",)

    issuer.seconds += KEYS_FRESH_SECONDS + 1

    assert keys.key("first") is None


def test_keys_outlive_an_outage_of_their_issuer_for_a_while_and_no_longer():
    issuer = Issuer("first")
    keys = issuer.keys
    assert keys.key("first")
    issuer.key_ids = ()

    issuer.seconds += KEYS_KEPT_SECONDS
    assert keys.key("first")
    issuer.seconds += 1
    with pytest.raises(Unavailable):
        keys.key("first")


def test_an_issuer_that_is_away_from_the_start_is_asked_again():
    issuer = Issuer()
    keys = issuer.keys
    with pytest.raises(Unavailable):
        keys.key("first")
    with pytest.raises(Unavailable):
        keys.key("first")
    assert issuer.asked == 1
    issuer.key_ids = ("first",)

    issuer.seconds += KEYS_PAUSE_SECONDS

    assert keys.key("first")


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "kid": "first", "k": "c2VjcmV0", "alg": "HS256"},
        {**published(signing_key(), "first"), "use": "enc"},
    ],
)
def test_a_shared_secret_or_a_key_for_something_else_is_no_key(key):
    keys = Keys("", lambda url: json.dumps({"keys": [key]}).encode(), lambda: 0.0)

    assert keys.key("first") is None


@pytest.mark.parametrize("text", [b"", b"[]", b'{"keys": 1}', b'{"keys": [1]}', b"{}", b"\xff"])
def test_what_is_no_set_of_keys_counts_as_an_outage(text):
    keys = Keys("", lambda url: text, lambda: 0.0)

    with pytest.raises(Unavailable):
        keys.key("first")


def test_a_group_of_the_customers_pool_makes_nobody_an_admin():
    """Whoever could name a group there would still be a customer."""
    said = claims("customer_app", "customers", person("eve"), "eve", [Role.ADMIN, "facility:*"])

    principal = Tokens(issuers("customer_app")).principal(f"Bearer {signed(said)}")

    assert principal.roles == {Role.CUSTOMER}
    assert not principal.facilities


def test_groups_of_the_staff_s_pool_are_roles_and_facilities_and_others_are_nothing():
    groups = [Role.FC_STAFF, "facility:BLR1", "facility:DEL", "customer", "football"]
    said = claims("seller_app", "staff", person("asha"), "asha", groups)

    principal = Tokens(issuers("seller_app")).principal(f"Bearer {signed(said)}")

    assert principal.roles == {Role.FC_STAFF}
    assert principal.facilities == {"BLR1", "DEL"}
    assert principal.name == "staff asha"


@contextmanager
def serving(body: bytes):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/keys"
        server.shutdown()


def test_keys_come_over_http():
    text = json.dumps({"keys": [published(signing_key(), "first")]}).encode()
    with serving(text) as url:
        assert Keys(url).key("first")


def test_an_issuer_that_never_answers_is_given_up_soon():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(OSError, match="timed out"):
            fetched(f"http://127.0.0.1:{silent.getsockname()[1]}/keys")

    assert time.monotonic() - began < 2 * KEYS_ANSWER_SECONDS_MAX
