"""The edge: pages and cursors, requests into models, errors into problems."""

import base64
import json
import logging
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from chalice import Response
from chalice.app import MultiDict
from psycopg.errors import DeadlockDetected, SerializationFailure

from online_kart.domain.base import Model
from online_kart.domain.errors import (
    InvalidRequest,
    MigrationRefused,
    NotFound,
    OutOfStock,
    Shortage,
    Unavailable,
)
from online_kart.domain.values import Name, Quantity, Sku
from online_kart.http import (
    ERRORS_SHOWN_MAX,
    InvalidFields,
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_body,
    read_path,
    read_query,
    required_header,
)

SHORT = Shortage("MUG", UUID(int=1), wanted=2, free=1)


class Line(Model):
    sku: Sku
    quantity: Quantity


class Wanted(Model):
    name: Name
    lines: tuple[Line, ...]


def a_request(body=b"", query=None, headers=None):
    params = MultiDict(query) if query else None
    return SimpleNamespace(raw_body=body, query_params=params, headers=headers or {})


def body_of(response: Response):
    return json.loads(response.body)


def answered(error: Exception) -> Response:
    @errors_to_http
    def view() -> Response:
        raise error

    return view()


# -- pages


def test_the_last_page_has_no_cursor():
    assert page_of(["a", "b"], 2, lambda row: (row,)).next_cursor is None
    assert page_of([], 2, lambda row: (row,)).next_cursor is None


def test_a_page_shows_no_more_than_its_limit_and_says_where_the_next_one_starts():
    page = page_of(["a", "b", "c"], 2, lambda row: (row,))

    assert page.items == ["a", "b"]
    assert after(page.next_cursor, tuple[str]) == ("b",)


def test_a_cursor_keeps_every_part_of_the_sort_key_exactly():
    key = (datetime(2026, 3, 2, 4, 30, 0, 123456, tzinfo=UTC), uuid4())

    page = page_of([key, key], 1, lambda row: row)

    assert after(page.next_cursor, tuple[datetime, UUID]) == key


def test_without_a_cursor_the_list_starts_at_its_start():
    assert after(None, tuple[str]) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%%%",
        "é",
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"not json").decode(),
        base64.urlsafe_b64encode(b'["a", "b"]').decode(),
        base64.urlsafe_b64encode(b"[1]").decode(),
        base64.urlsafe_b64encode(rb'["a\u0000"]').decode(),
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(cursor):
    with pytest.raises(InvalidRequest) as refused:
        after(cursor, tuple[str])

    assert refused.value.field == "cursor"


# -- requests


def test_a_body_becomes_its_model():
    body = b'{"name": " Asha ", "lines": [{"sku": "MUG", "quantity": 2}]}'

    assert read_body(a_request(body), Wanted) == Wanted(
        name="Asha", lines=(Line(sku="MUG", quantity=2),)
    )


def test_every_wrong_field_of_a_body_is_named():
    body = b'{"lines": [{"sku": "mug", "quantity": 0, "colour": "red"}]}'

    with pytest.raises(InvalidFields) as refused:
        read_body(a_request(body), Wanted)

    assert {error["field"]: error["kind"] for error in refused.value.errors} == {
        "name": "missing",
        "lines.0.sku": "string_pattern_mismatch",
        "lines.0.quantity": "greater_than_equal",
        "lines.0.colour": "extra_forbidden",
    }


@pytest.mark.parametrize("quantity", ["2.0", "2e0", "2"])
def test_a_whole_number_is_an_integer_however_it_is_written(quantity):
    body = b'{"name": "Asha", "lines": [{"sku": "MUG", "quantity": %s}]}' % quantity.encode()

    assert read_body(a_request(body), Wanted).lines[0].quantity == 2


@pytest.mark.parametrize("quantity", ['"2"', "true", "2.5", "1e400", "1e308"])
def test_what_only_looks_like_a_number_is_refused_as_the_schema_says(quantity):
    body = b'{"name": "Asha", "lines": [{"sku": "MUG", "quantity": %s}]}' % quantity.encode()

    with pytest.raises(InvalidFields) as refused:
        read_body(a_request(body), Wanted)

    assert [error["field"] for error in refused.value.errors] == ["lines.0.quantity"]


def test_an_error_repeats_nothing_that_the_client_sent():
    with pytest.raises(InvalidFields) as refused:
        read_body(a_request(b'{"name": {"secret": "4711"}, "lines": []}'), Wanted)

    assert "4711" not in json.dumps(refused.value.facts())


def test_a_body_with_a_thousand_wrong_fields_gets_a_bounded_answer():
    body = json.dumps({str(number): 1 for number in range(1000)}).encode()

    with pytest.raises(InvalidFields) as refused:
        read_body(a_request(body), Wanted)

    assert len(refused.value.errors) == ERRORS_SHOWN_MAX


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"7", b'"text"', b"\xff"])
def test_what_is_no_json_object_is_refused(body):
    with pytest.raises(InvalidFields) as refused:
        read_body(a_request(body), Wanted)

    assert refused.value.errors[0]["field"] == "body"


def test_text_with_a_nul_is_refused_because_no_database_of_ours_could_hold_it():
    with pytest.raises(InvalidRequest, match="NUL"):
        read_body(a_request(rb'{"name": "A\u0000", "lines": []}'), Wanted)
    with pytest.raises(InvalidRequest, match="NUL"):
        read_query(a_request(query={"cursor": ["\0"]}), Query)
    with pytest.raises(InvalidRequest, match="NUL"):
        read_path(str, "a\0", "name")


def test_text_that_only_talks_of_a_nul_is_taken():
    body = rb'{"name": "write \\u0000", "lines": []}'

    assert read_body(a_request(body), Wanted).name == r"write \u0000"


def test_without_query_parameters_the_defaults_hold():
    assert read_query(a_request(), Query) == Query(limit=50, cursor=None)


def test_the_last_of_a_repeated_query_parameter_counts():
    assert read_query(a_request(query={"limit": ["3", "7"]}), Query).limit == 7


@pytest.mark.parametrize("query", [{"limit": ["0"]}, {"limit": ["201"]}, {"page": ["2"]}])
def test_a_query_parameter_that_is_unknown_or_out_of_bounds_is_refused(query):
    with pytest.raises(InvalidFields):
        read_query(a_request(query=query), Query)


def test_a_malformed_part_of_a_path_is_named():
    with pytest.raises(InvalidRequest) as refused:
        read_path(UUID, "42", "order_id")

    assert refused.value.field == "order_id"


@pytest.mark.parametrize("headers", [{}, {"idempotency-key": ""}, {"idempotency-key": "k" * 201}])
def test_a_required_header_must_be_there_and_not_be_too_long(headers):
    with pytest.raises(InvalidRequest) as refused:
        required_header(a_request(headers=headers), "Idempotency-Key")

    assert refused.value.field == "Idempotency-Key"


# -- answers


def test_a_model_is_answered_as_json():
    response = json_response(Line(sku="MUG", quantity=1), headers={"Location": "/lines/1"})

    assert (response.status_code, body_of(response)) == (200, {"sku": "MUG", "quantity": 1})
    assert response.headers == {"Content-Type": "application/json", "Location": "/lines/1"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequest("No.", "sku", "a SKU"), 422),
        (NotFound("order", 42), 404),
        (OutOfStock([SHORT]), 409),
        (Unavailable("The database does not answer."), 503),
    ],
)
def test_an_error_of_ours_becomes_a_problem_by_its_kind(error, status):
    response = answered(error)

    assert response.status_code == body_of(response)["status"] == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert body_of(response)["type"] == f"urn:kart:problem:{type(error).__name__}"
    assert body_of(response)["title"] == str(error)


def test_a_problem_carries_the_error_s_facts():
    problem = body_of(answered(OutOfStock([SHORT])))

    assert problem["shortages"] == [{**SHORT._asdict(), "seller_id": str(SHORT.seller_id)}]


@pytest.mark.parametrize("error", [DeadlockDetected(), SerializationFailure()])
def test_who_met_others_in_the_database_may_try_again(error):
    response = answered(error)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert body_of(response)["type"] == "urn:kart:problem:Unavailable"
    assert body_of(response)["retry"]["after_seconds"] == 2


def test_a_problem_that_is_the_client_s_does_not_ask_for_the_same_again():
    response = answered(NotFound("order", 42))

    assert "Retry-After" not in response.headers
    assert "retry" not in body_of(response)


def test_a_bug_is_logged_and_its_problem_tells_nothing(caplog):
    with caplog.at_level(logging.ERROR):
        response = answered(KeyError("postgresql://kart:secret@10.0.0.1"))

    assert response.status_code == 500
    assert "secret" not in json.dumps(response.body)
    assert "KeyError" not in json.dumps(response.body)
    assert caplog.records[0].exc_info is not None


def test_a_model_that_our_own_row_does_not_fit_is_a_bug_and_not_the_client_s_fault():
    @errors_to_http
    def view() -> Response:
        return json_response(Line.model_validate({"sku": "MUG", "quantity": -1}))

    assert view().status_code == 500


def test_an_error_that_no_client_can_cause_is_a_bug():
    response = answered(MigrationRefused("0001_x.sql", "it was changed"))

    assert response.status_code == 500
    assert "0001_x" not in str(response.body)
