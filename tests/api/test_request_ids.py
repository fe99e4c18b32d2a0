"""Every answer has its request's id, and so has what was logged meanwhile."""

import logging
from types import SimpleNamespace

import pytest
from chalice import Response
from chalice.test import Client

from local.apps import APPS, load_app
from online_kart.request_ids import HEADER, with_request_id

logger = logging.getLogger(__name__)


@pytest.fixture(params=APPS)
def http(request):
    return Client(load_app(request.param).app).http


def test_each_answer_has_an_id_of_its_own(http):
    first, second = http.get("/health"), http.get("/health")

    assert first.headers[HEADER] != second.headers[HEADER]


def test_a_refusal_has_one_too(http):
    missing = http.get("/docs/nothing")
    not_json = http.get("/health", headers={"Content-Type": "text/plain"})

    assert (missing.status_code, not_json.status_code) == (404, 415)
    assert missing.headers[HEADER]
    assert not_json.headers[HEADER]


def answered(request_id, log):
    def view(_):
        log()
        return Response(body="{}", status_code=200, headers={})

    return with_request_id(SimpleNamespace(context={"requestId": request_id}), view)


def test_the_gateway_s_id_is_taken_and_is_on_what_is_logged_meanwhile(caplog):
    with caplog.at_level(logging.INFO):
        answer = answered("c6af9ac6-7b61", lambda: logger.info("Stock was adjusted."))
        logger.info("Between requests.")

    inside, between = caplog.records
    assert answer.headers[HEADER] == inside.request_id == "c6af9ac6-7b61"
    assert not hasattr(between, "request_id")


def test_a_view_that_fails_leaves_no_id_to_the_next(caplog):
    def fails():
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        answered("first", fails)
    with caplog.at_level(logging.INFO):
        logger.info("Between requests.")

    assert not hasattr(caplog.records[0], "request_id")
