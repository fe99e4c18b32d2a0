"""The OpenAPI documents: whole, valid, and told by the apps themselves. That answers keep to them, every API test checks."""

import inspect
import json
import re
from http import HTTPStatus
from types import SimpleNamespace

import pytest
from chalice import Chalice
from chalice.test import Client
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from local.apps import APPS, load_app
from local.conventions import conventions
from online_kart import problems
from online_kart.contract import ok, operation
from online_kart.documentation import CONVENTIONS, MEDIA_TYPES
from online_kart.domain import errors
from online_kart.domain.errors import KartError
from online_kart.domain.principals import NOBODY, Role
from online_kart.http import INTERNAL_ERROR, NUL, errors_to_http, json_response
from online_kart.messaging.published import PUBLISHED
from online_kart.openapi import Unsaid, document, routes_of
from online_kart.request_ids import with_request_id
from tests.api.conftest import without_stores
from tests.contracts import Broken, Contract, contract_of

ROUTES = [(name, route) for name in APPS for route in routes_of(load_app(name).app)]
LISTS = [(name, route) for name, route in ROUTES if any(a.is_page for a in route.said.answers)]
BODIES = [(name, route) for name, route in ROUTES if route.said.body is not None]
ONLY_IN_MACHINES = {
    "Conflict",
    "Forbidden",
    "OrderAlreadyDelivered",
    "OutOfStock",
    "PackagesAlreadyDiscarded",
    "PaymentDeclined",
    "ReceiptMismatch",
    "ReservationExpired",
    "RouteTablesMissing",
    "StockAlreadyReleased",
}
"""Errors that no operation answers: state machines catch them."""


def named(value):
    return value if isinstance(value, str) else f"{value.method} {value.path}"


@pytest.fixture(params=APPS)
def app(request):
    return load_app(request.param).app


@pytest.fixture
def served(app):
    """The document as a client gets it."""
    answer = Client(app).http.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json_body


# -- the documents


def test_a_document_has_the_operations_that_the_app_has_and_no_others(app, served):
    routes = {(path, method) for path, methods in app.routes.items() for method in methods}
    told = {(path, method.upper()) for path, said in served["paths"].items() for method in said}

    assert told == routes


def test_a_document_is_valid_openapi_3_1(served):
    assert served["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(served).iter_errors()] == []


def test_every_operation_has_a_name_of_its_own_words_and_a_noun(served):
    operations = [each for path in served["paths"].values() for each in path.values()]
    nouns = {tag["name"] for tag in served["tags"] if tag["description"]}

    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(each["summary"] and set(each["tags"]) <= nouns for each in operations)


@pytest.mark.parametrize(("name", "route"), ROUTES, ids=named)
def test_an_operation_knows_each_part_of_its_path(name, route):
    assert set(route.said.path) <= set(route.parameters)


OPEN = {
    "customer_app": {"list_categories", "list_items", "item_by_sku", "item_facets", "quote_cart"},
    "fulfillment_app": set(),
    "seller_app": set(),
}
"""Operations that nobody has to sign in for, besides those of every app."""

OPEN_IN_EVERY_APP = {
    *("health", "ready", "api_document", "api_page", "api_page_file"),
    *("events_page", "event_schema"),
}


@pytest.mark.parametrize("name", APPS)
def test_few_operations_are_open_and_they_are_known(name):
    told = contract_of(load_app(name).app).said["paths"].values()
    open_ones = {
        each["operationId"] for path in told for each in path.values() if not each["security"]
    }

    assert open_ones == OPEN[name] | OPEN_IN_EVERY_APP


@pytest.mark.parametrize(("name", "route"), ROUTES, ids=named)
def test_every_operation_says_who_may_call_it(name, route):
    access = route.said.access

    assert access != NOBODY, "Say access=… in @operation."
    assert Role.ADMIN in access.roles or not access.needs_sign_in


@pytest.mark.parametrize(("name", "route"), ROUTES, ids=named)
def test_an_auditor_changes_nothing(name, route):
    reads = route.method == "GET" or route.name in CHANGE_NOTHING

    assert (Role.AUDITOR in route.said.access.roles) <= reads


CHANGE_NOTHING = {"ask_for_promises"}
"""Operations that are no GET, because what they ask is too long for a URL."""


@pytest.mark.parametrize("name", APPS)
def test_every_operation_but_the_open_ones_has_the_authorizer(name):
    """It is put on all routes at once, so that no view can forget it."""
    app = load_app(name).app
    unguarded = {route.name for route in routes_of(app) if not authorizer_of(app, route)}

    assert unguarded == OPEN[name] | OPEN_IN_EVERY_APP


def authorizer_of(app, route):
    return app.routes[route.path][route.method].authorizer


def test_a_view_that_says_nothing_of_itself_is_found():
    app = Chalice(app_name="silent")
    app.route("/silent")(lambda: {})

    with pytest.raises(Unsaid, match="GET /silent"):
        document(app, "Silent", "")


@pytest.mark.parametrize(("name", "route"), LISTS, ids=named)
def test_a_list_tells_its_order(name, route):
    assert route.view.__doc__, "Say by what it is sorted."


# -- examples


@pytest.mark.parametrize(("name", "route"), BODIES, ids=named)
def test_every_body_has_an_example_that_its_model_and_its_schema_take(name, route):
    contract = contract_of(load_app(name).app)
    place = ("paths", route.path, route.method.lower(), "requestBody", "content")
    said = contract.at((*place, "application/json"))

    route.said.body.model_validate_json(json.dumps(said["example"]))
    contract.check_value((*place, "application/json", "schema"), said["example"])


@pytest.mark.parametrize(("name", "route"), [(n, r) for n, r in ROUTES if r.said.query], ids=named)
def test_every_query_has_an_example_that_its_model_takes(name, route):
    parameters = contract_of(load_app(name).app).at(("paths", route.path, route.method.lower()))
    query = {p["name"]: p for p in parameters["parameters"] if p["in"] == "query"}

    examples = {name: p["example"] for name, p in query.items() if "example" in p}
    assert examples
    route.said.query.model_validate(examples)
    assert {name for name, p in query.items() if p["required"]} <= set(examples)


def test_every_example_in_a_schema_fits_it(app):
    contract = contract_of(app)
    for name, schema in contract.said["components"]["schemas"].items():
        for example in schema.get("examples", ()):
            contract.check_value(("components", "schemas", name), example)


# -- problems


def test_every_fact_that_an_error_carries_is_declared():
    """So the schema of its problem has it."""
    for error in problems.classes():
        raised = an_instance(error)
        assert set(raised.facts()) <= set(problems.facts_of(error)), error.__name__


def an_instance(error: type[KartError]) -> KartError:
    """Of whatever values: only the names of its facts are looked at."""
    parameters = inspect.signature(error.__init__).parameters.values()
    named = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD][1:]
    return error(*(ANYTHING.get(name, "x") for name in named))


ANYTHING = {
    "candidates": [{}],
    "error": SimpleNamespace(errors=lambda **_: []),
    "held_by": {"packages": 1},
    "kept": [1],
    "missing": ["A"],
    "problems": ("x",),
    "shortages": (),
    "skus": ("A",),
    "unaccounted": (),
    "unknown": (),
}


def test_every_error_is_answered_by_some_operation_or_known_to_be_for_machines_only():
    said = {
        name.removesuffix("Problem")
        for app in APPS
        for name in contract_of(load_app(app).app).said["components"]["schemas"]
        if name.endswith("Problem")
    }

    assert {error.__name__ for error in problems.classes()} - said == ONLY_IN_MACHINES
    assert said - {INTERNAL_ERROR, "InvalidFields"} <= set(vars(errors))


@pytest.mark.parametrize(
    ("name", "route"),
    [(n, r) for n, r in ROUTES if r.parameters and r.method == "GET"],
    ids=named,
)
def test_a_text_in_a_path_that_no_text_may_be_is_refused_as_the_document_says(
    name, route, environment
):
    app = load_app(name).app
    url = re.sub(r"{\w+}", NUL, route.path)  # decoded, as API Gateway hands it on

    with without_stores(name, environment) as http:
        answer = http.get(url)

    assert answer.status_code == 422
    contract_of(app).check("GET", url, None, answer)


def test_whoever_meets_a_fault_of_ours_or_a_crowd_is_told_when_to_try_again(served):
    schemas = served["components"]["schemas"]
    for path, methods in served["paths"].items():
        for method, said in methods.items():
            for status, answer in said["responses"].items():
                may_pass = status == "429" or status.startswith("5")
                assert ("Retry-After" in answer["headers"]) == may_pass, (path, method, status)
            assert {"429", "500", "503"} <= said["responses"].keys(), (path, method)
    assert "retry" in schemas["UnavailableProblem"]["required"]
    assert "retry" in schemas["InternalErrorProblem"]["required"]
    assert "retry" in schemas["TooManyRequestsProblem"]["required"]


def test_the_table_of_problems_in_the_conventions_is_up_to_date():
    assert CONVENTIONS.read_text("utf-8") == conventions(), "Run `python -m local.conventions`."


def test_the_conventions_are_in_every_document(served):
    assert served["info"]["description"] == CONVENTIONS.read_text("utf-8")


# -- what drifts is caught


class Line(BaseModel):
    sku: str
    quantity: int


def drifting(answer, status=HTTPStatus.OK):
    """The contract of an app that says one thing, and the app, which answers another."""
    app = Chalice(app_name="drifting")
    app.middleware("http")(with_request_id)

    @app.route("/lines", methods=["GET"])
    @operation(ok(Line))
    @errors_to_http
    def lines():
        return json_response(answer, status)

    return Contract(document(app, "Drifting", "")), Client(app).http


def test_an_answer_as_the_document_says_passes():
    contract, http = drifting({"sku": "MUG", "quantity": 2})

    contract.check("GET", "/lines", None, http.get("/lines"))


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        ({"sku": "MUG"}, HTTPStatus.OK, "'quantity' is a required property"),
        ({"sku": "MUG", "quantity": "2"}, HTTPStatus.OK, "is not of type 'integer'"),
        ({"sku": "MUG", "quantity": 2}, HTTPStatus.ACCEPTED, "answers 202"),
        ({"sku": "MUG", "quantity": 2}, HTTPStatus.NOT_FOUND, "answers 404"),
    ],
)
def test_an_answer_that_the_document_does_not_have_fails_its_test(answer, status, told):
    contract, http = drifting(answer, status)

    with pytest.raises(Broken, match=told):
        contract.check("GET", "/lines", None, http.get("/lines"))


def test_a_path_that_the_document_does_not_have_fails_its_test():
    contract, http = drifting({})

    with pytest.raises(Broken, match="not in the document"):
        contract.check("GET", "/rows", None, http.get("/lines"))


# -- the pages' files


@pytest.mark.parametrize("file_name", MEDIA_TYPES)
def test_the_page_s_files_come_from_the_app(app, file_name):
    answer = Client(app).http.get(f"/docs/{file_name}")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(MEDIA_TYPES[file_name])
    assert len(answer.body) < 6_000_000, "more than API Gateway hands on"


@pytest.mark.parametrize("file_name", ["page.html", "API.md", "..", "__init__.py", "oauth2.py"])
def test_no_other_file_of_the_layer_is_handed_out(app, file_name):
    assert Client(app).http.get(f"/docs/{file_name}").status_code == 404
    assert Client(app).http.get(f"/docs/events/{file_name}").status_code == 404


def test_the_schema_of_each_event_comes_from_the_app(app):
    http = Client(app).http

    for each in PUBLISHED.values():
        answer = http.get(f"/docs/events/{each.name}.json")
        assert json.loads(answer.body)["title"] == each.name
