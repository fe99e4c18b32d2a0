"""HTTP at the edge: reading requests into models, answering with models, and errors as RFC 9457 problems.

Chalice's middleware can't catch what a view raises (it has become a 500 by then), so `errors_to_http` is a decorator.
"""

import base64
import functools
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Generic, Protocol, TypeVar

from chalice import Response
from psycopg.errors import DeadlockDetected, SerializationFailure
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from .domain.base import Model
from .domain.errors import (
    Conflict,
    Forbidden,
    HeaderMissing,
    InvalidRequest,
    KartError,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    VersionChanged,
)
from .domain.imports import Line, lines_of
from .domain.versions import Versions

logger = logging.getLogger(__name__)

PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 200
ERRORS_SHOWN_MAX = 50  # of one request's fields
HEADER_LENGTH_MAX = 200
CURSOR_LENGTH_MAX = 1_000  # the longest sort key has three parts, each shorter than 200 characters

RETRY_AFTER = "Retry-After"
RETRY_AFTER_SECONDS = 2
"""What does not answer is back within seconds (a failover, a moment of crowding) or not soon: asking sooner adds to it."""

CHALLENGE = "WWW-Authenticate"
"""In each 401: how to sign in (RFC 6750)."""

NUL = "\0"
"""PostgreSQL's text can't hold it, so no text of a request may."""

STATUS_OF_ERROR: dict[type[KartError], HTTPStatus] = {
    HeaderMissing: HTTPStatus.BAD_REQUEST,
    InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    VersionChanged: HTTPStatus.PRECONDITION_FAILED,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

INTERNAL_ERROR = "InternalError"
"""The type of a problem that is a bug of ours: it has no class."""

RESERVED = frozenset({"type", "title", "status", "retry"})
"""A problem's own members; an error's facts can't replace them."""

KEY = "Idempotency-Key"
ETAG, IF_MATCH = "ETag", "If-Match"
ETAGS = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
"""One of the list that `If-Match` is: whether it is weak, and what it says (RFC 9110, 8.8.3)."""

_ETAG_PATTERN = r'(W/)?"[\x21\x23-\x7e]*"'
IF_MATCH_PATTERN = rf"^(\*|{_ETAG_PATTERN}( *, *{_ETAG_PATTERN})*)$"

VERSION = re.compile(r"[1-9][0-9]{0,17}")

EXPECTED: dict[str, str] = {
    IF_MATCH: 'the ETag of an answer, such as "3", several with commas between, or *',
    KEY: "1 to 200 characters of your own choice, such as a UUID; send the same again to repeat the request",
}
"""What a client has to send, by header."""

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
L = TypeVar("L", bound=Model)


class Request(Protocol):
    """What we read of Chalice's request."""

    query_params: Any
    headers: Any

    @property
    def raw_body(self) -> str | bytes: ...


class Query(BaseModel):
    """The base of query parameters: unknown ones are refused; lists are paged by an opaque cursor."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"limit": PAGE_SIZE_DEFAULT}]}
    )

    limit: int = Field(PAGE_SIZE_DEFAULT, ge=1, le=PAGE_SIZE_MAX, description="Rows of a page.")
    cursor: Annotated[str, Field(max_length=CURSOR_LENGTH_MAX)] | None = Field(
        None, description="`next_cursor` of the page before."
    )


class Page(BaseModel, Generic[T]):
    """One page of a list. `next_cursor` is None on the last one."""

    items: Sequence[T]
    next_cursor: str | None = None


def page_of(rows: Sequence[T], limit: int, cursor_of: Callable[[T], Sequence[Any]]) -> Page[T]:
    """A page from up to `limit + 1` rows in order: the one too many says that there is a next page.

    `cursor_of` gives the sort key of a row; the next page starts after it (see `after`).
    """
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(items=shown, next_cursor=_encode_cursor(cursor_of(shown[-1])) if more else None)


def _encode_cursor(key: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(key), default=str).encode()).decode()


def after(cursor: str | None, types: type[T]) -> T | None:
    """The sort key that a cursor holds, as the given tuple type. None at the start of a list."""
    if cursor is None:
        return None
    try:
        key = TypeAdapter(types).validate_json(base64.urlsafe_b64decode(cursor.encode()))
        _refuse_nul(key, "cursor")
    except (ValueError, InvalidRequest):
        raise InvalidRequest(
            "The cursor is not one of ours.", "cursor", "next_cursor of the page before"
        ) from None
    return key


def read_body(request: Request, model: type[M]) -> M:
    """The request's JSON body as the model, by JSON's own types: `"2"` is no number, and 0 no date. 2.0 is 2.

    InvalidRequest names every field that is wrong.
    """
    raw = request.raw_body or b"null"
    try:
        body = _body_of(raw, model)
    except ValidationError as error:
        raise InvalidFields(error) from None
    _refuse_nul(body.model_dump(mode="json"), "body")
    return body


def _body_of(raw: str | bytes, model: type[M]) -> M:
    """Raises ValidationError. Pydantic takes no 2.0 for an integer, as JSON Schema does, so it is told once more of 2."""
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        if all(detail["type"] != "int_type" for detail in error.errors(include_url=False)):
            raise
    return model.model_validate_json(json.dumps(json.loads(raw, parse_float=_whole)), strict=True)


def _whole(number: str) -> int | float:
    """The number, as an integer where it is one."""
    value = float(number)
    return int(value) if value.is_integer() else value


def read_file(request: Request, model: type[L]) -> list[Line[L]]:
    """The request's body as a CSV file of such lines. Raises UnreadableFile."""
    body = request.raw_body or b""
    return lines_of(body.encode() if isinstance(body, str) else body, model)


def _refuse_nul(value: Any, field: str) -> None:
    if _has_nul(value):
        raise InvalidRequest("Text can't hold a NUL character.", field, "text without it")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return NUL in value
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list | tuple) and any(_has_nul(part) for part in value)


def read_query(request: Request, model: type[M]) -> M:
    """The query parameters as the model."""
    params = request.query_params
    values = {key: params.getlist(key)[-1] for key in params} if params else {}
    _refuse_nul(values, "query")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidFields(error) from None


def read_path(type_: type[T] | Any, value: str, field: str) -> T:
    """A path parameter as the given type, for instance `read_path(UUID, order_id, "order_id")`."""
    _refuse_nul(value, field)
    try:
        parsed: T = TypeAdapter(type_).validate_python(value)
    except ValidationError as error:
        raise InvalidRequest(f"{field} is malformed.", field, error.errors()[0]["msg"]) from None
    return parsed


def required_header(request: Request, name: str) -> str:
    value = str(request.headers.get(name.lower()) or "")
    if not 1 <= len(value) <= HEADER_LENGTH_MAX:
        raise HeaderMissing(f"The header {name} is missing or too long.", name, EXPECTED[name])
    _refuse_nul(value, name)
    return value


def etag(version: int) -> dict[str, str]:
    """The header of an answer that tells its version."""
    return {ETAG: f'"{version}"'}


def wanted_versions(request: Request) -> Versions:
    """The versions that `If-Match` names; None where it is not sent, or is `*`. Raises InvalidRequest.

    A weak tag, and one that is none of ours, matches nothing.
    """
    header = request.headers.get(IF_MATCH.lower())
    if header is None or header == "*":
        return None
    if not re.fullmatch(IF_MATCH_PATTERN, header) or len(header) > HEADER_LENGTH_MAX:
        raise InvalidRequest("The header If-Match is malformed.", IF_MATCH, EXPECTED[IF_MATCH])
    tags = ETAGS.finditer(header)
    return frozenset(int(tag[2]) for tag in tags if not tag[1] and VERSION.fullmatch(tag[2]))


class WrongField(TypedDict):
    """`field`: the way to it, with dots. `kind`: what is wrong, in pydantic's word for it."""

    field: str
    expected: str
    kind: str


class InvalidFields(InvalidRequest):
    """A body or query that does not fit its model; `errors` lists field, expectation and kind."""

    errors: list[WrongField]

    def __init__(self, error: ValidationError) -> None:
        super().__init__("The request does not fit its schema.")
        self.errors = [
            {
                "field": ".".join(str(part) for part in detail["loc"]) or "body",
                "expected": detail["msg"],
                "kind": detail["type"],
            }
            for detail in error.errors(
                include_url=False, include_context=False, include_input=False
            )[:ERRORS_SHOWN_MAX]
        ]


def json_response(
    value: BaseModel | dict[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer, rendered here: Chalice would serialise a model outside of its own error handling."""
    body = value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value)
    return rendered_response(body, status, headers)


def rendered_response(body: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An answer that is JSON text already, for instance one that was kept to be repeated."""
    return Response(
        body=body,
        status_code=int(status),
        headers={"Content-Type": "application/json", **(headers or {})},
    )


RETRIED_WHERE_IT_MAY_HAVE_HAPPENED = (
    "Send the same request again. It happens once if it is no POST, or has an Idempotency-Key,"
    " the same again. A POST without one may have happened: look first."
)
RETRIED_WHERE_IT_DID_NOT_HAPPEN = "Nothing has happened: send the same request again."


def may_pass(status: HTTPStatus) -> bool:
    """Whether the client did nothing wrong: the same request may be answered otherwise later."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _retried_later(status: HTTPStatus) -> dict[str, Any]:
    """The member of a problem that says how the request may be sent again, and when. Empty where it would not help."""
    if not may_pass(status):
        return {}
    happened = status != HTTPStatus.TOO_MANY_REQUESTS
    how = RETRIED_WHERE_IT_MAY_HAVE_HAPPENED if happened else RETRIED_WHERE_IT_DID_NOT_HAPPEN
    return {"retry": {"after_seconds": RETRY_AFTER_SECONDS, "how": how}}


def problem(
    status: HTTPStatus, type_: str, title: str, extra: dict[str, Any] | None = None
) -> Response:
    """RFC 9457. `type_` is stable: clients may decide by it. One that is no fault of theirs says when to try again."""
    extra = {**(extra or {}), **_retried_later(status)}
    retry_after = {RETRY_AFTER: str(RETRY_AFTER_SECONDS)} if may_pass(status) else {}
    body = {"type": type_, "title": title, "status": int(status), **extra}
    return Response(
        body=json.dumps(
            {key: value for key, value in body.items() if value is not None}, default=str
        ),
        status_code=int(status),
        headers={"Content-Type": "application/problem+json", **retry_after},
    )


def error_response(error: KartError) -> Response:
    """The problem that an error becomes. One that no client can have caused is a bug of ours."""
    status = status_of(type(error))
    if status is None:
        return _bug()
    facts = {key: value for key, value in error.facts().items() if key not in RESERVED}
    response = problem(status, problem_type(type(error).__name__), str(error), facts)
    if isinstance(error, Unauthenticated):
        response.headers[CHALLENGE] = challenge(error.reason)
    return response


def challenge(reason: str | None) -> str:
    """What a 401 says of how to sign in; `reason` is why a token was refused, None where there was none."""
    return f'Bearer error="invalid_token", error_description="{reason}"' if reason else "Bearer"


def problem_type(name: str) -> str:
    return f"urn:kart:problem:{name}"


def status_of(error: type[KartError]) -> HTTPStatus | None:
    """None for an error that no client can have caused, nor wait for."""
    return next((STATUS_OF_ERROR[kind] for kind in error.__mro__ if kind in STATUS_OF_ERROR), None)


def errors_to_http(view: Callable[..., Response]) -> Callable[..., Response]:
    """Errors we raise on purpose become problems. Anything else is a bug: logged, and a 500 that tells nothing."""

    @functools.wraps(view)
    def wrapped(**path: Any) -> Response:
        try:
            _refuse_nul(path, "path")
            return view(**path)
        except KartError as error:
            return error_response(error)
        except (DeadlockDetected, SerializationFailure):
            # Whoever met another gave way, and nothing of it happened.
            return error_response(Unavailable("Others were in the way."))
        except Exception:
            return _bug()

    return wrapped


def _bug() -> Response:
    """In an `except` clause: log what was raised."""
    logger.exception("A view failed")
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        problem_type(INTERNAL_ERROR),
        "Something went wrong on our side. It was noted; try again later.",
    )
