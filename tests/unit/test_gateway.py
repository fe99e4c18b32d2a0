"""What is deployed in front of the apps: rates of operations that there are, and answers in the words of the apps."""

import json

import pytest

from local.apps import APPS, load_app
from online_kart.gateway import ANSWERS, OF_APPS, OF_OPERATIONS, answer, rate_of
from online_kart.http import status_of
from online_kart.openapi import routes_of
from tests.contracts import contract_of

ROUTES = {(app, route.name): route for app in APPS for route in routes_of(load_app(app).app)}


def test_a_rate_is_that_of_an_operation_that_there_is_and_lower_than_its_app_s():
    dear = {
        (app, name): rate for app, rates in OF_OPERATIONS.items() for name, rate in rates.items()
    }

    assert dear.keys() <= ROUTES.keys()
    for (app, _), rate in dear.items():
        assert rate.per_second <= rate.burst < OF_APPS[app].per_second


def test_every_file_and_every_change_that_can_be_a_dry_run_has_a_rate_of_its_own():
    dear = {
        (app, name)
        for (app, name), route in ROUTES.items()
        if route.said.line or "dry_run" in getattr(route.said.query, "model_fields", ())
    }

    assert dear
    assert {name for app, name in dear if name not in OF_OPERATIONS[app]} == set()


def test_an_operation_tells_how_many_are_let_in():
    for (app, name), route in ROUTES.items():
        said = contract_of(load_app(app).app).said["paths"][route.path][route.method.lower()]
        rate = rate_of(app, name)
        assert rate is not None
        assert f"{rate.per_second} a second" in said["responses"]["429"]["description"]


@pytest.mark.parametrize("response_type", ANSWERS)
def test_what_the_gateway_answers_by_itself_is_what_the_documents_say(response_type):
    told = answer(response_type)

    status = str(told.status_code)
    assert int(status) == status_of(type(ANSWERS[response_type]))
    assert told.headers["Content-Type"] == "application/problem+json"
    contract = contract_of(load_app("seller_app").app)
    place = ("paths", "/sellers", "post", "responses", status)
    schema = (*place, "content", "application/problem+json", "schema")
    contract.check_value(schema, json.loads(told.body))
    wanted = contract.at(place)["headers"].keys() - {"X-Request-Id"}
    assert wanted <= told.headers.keys()


def test_whoever_is_not_let_in_may_send_the_same_again_for_nothing_has_happened():
    told = answer("THROTTLED")

    assert (told.status_code, told.headers["Retry-After"]) == (429, "2")
    assert json.loads(told.body)["retry"]["how"].startswith("Nothing has happened")
