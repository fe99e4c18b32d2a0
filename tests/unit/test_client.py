"""A client that is not let in: it waits, and asks again, for a while."""

import httpx
import pytest

from local.client.app import App, Identity, Patience
from local.client.refused import Refused
from local.kart.advice import what_to_do
from online_kart.gateway import answer

BRIEF = Patience(seconds=0.3)


class Crowded(httpx.BaseTransport):
    """A gateway that lets nobody in for the first requests. What it let in, in order."""

    def __init__(self, refusals, retry_after="0"):
        self.refusals, self.retry_after, self.let_in = refusals, retry_after, []

    def handle_request(self, request):
        if self.refusals:
            self.refusals -= 1
            said = answer("THROTTLED")
            headers = {**said.headers, "Retry-After": self.retry_after}
            return httpx.Response(said.status_code, headers=headers, content=said.body)
        self.let_in.append(request.method)
        return httpx.Response(200, json={})


def client_of(gateway, patience=None):
    return App("http://gateway", Identity(lambda: "token"), patience, transport=gateway)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_is_not_let_in_is_sent_again_also_a_post_without_a_key(method):
    gateway = Crowded(refusals=2)

    assert client_of(gateway).call(method, "/orders") == {}
    assert gateway.let_in == [method]


def test_a_crowd_that_lasts_is_told_of_and_what_to_do():
    with pytest.raises(Refused) as refused:
        client_of(Crowded(refusals=1_000), BRIEF).get("/orders")

    assert (refused.value.status, refused.value.type) == (429, "TooManyRequests")
    assert "in some seconds" in what_to_do(refused.value)
