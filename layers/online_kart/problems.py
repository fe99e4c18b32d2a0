"""Problems (RFC 9457) as schemas: one for each class of error, made of its name, its status and its facts."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from types import NoneType
from typing import Any, Union, get_args, get_type_hints

from .domain.errors import KartError
from .http import INTERNAL_ERROR, may_pass, problem_type, status_of

MEDIA_TYPE = "application/problem+json"
BUG = "A bug of ours. It was noted; there is nothing more to tell."

Schema = dict[str, Any]

_RETRY: Schema = {
    "type": "object",
    "title": "Retry",
    "description": "That the same request may be sent again, when (as `Retry-After` says), and how.",
    "properties": {
        "after_seconds": {"type": "integer"},
        "how": {"type": "string", "description": "For people; its words may change."},
    },
    "required": ["after_seconds", "how"],
    "additionalProperties": False,
}


def classes(of: type[KartError] = KartError) -> Iterator[type[KartError]]:
    """Every class of error that can be answered, in the order in which they are written."""
    if status_of(of):
        yield of
    for each in of.__subclasses__():
        yield from classes(each)


def answered(error: type[KartError]) -> HTTPStatus:
    """The status of its answer. Only for a class that has one (see `classes`)."""
    status = status_of(error)
    assert status, f"no client can cause {error.__name__}"
    return status


def schema_name(name: str) -> str:
    return f"{name}Problem"


def meaning(error: type[KartError]) -> str:
    """The first paragraph of what its class says, on one line."""
    return " ".join((inspect.getdoc(error) or "").partition("\n\n")[0].split())


def facts_of(error: type[KartError]) -> Mapping[str, Any]:
    """Fact → its type, without None: a fact that is None is left out of an answer."""
    return {name: _given(type_) for name, type_ in get_type_hints(error).items()}


def schema_of(error: type[KartError], facts: Mapping[str, Schema]) -> Schema:
    """`facts` are the schemas of `facts_of`."""
    required = [name for name, type_ in get_type_hints(error).items() if not _may_be_none(type_)]
    return _schema(error.__name__, answered(error), inspect.getdoc(error) or "", facts, required)


def bug_schema() -> Schema:
    return _schema(INTERNAL_ERROR, HTTPStatus.INTERNAL_SERVER_ERROR, BUG, {}, [])


def _schema(
    name: str,
    status: HTTPStatus,
    description: str,
    facts: Mapping[str, Schema],
    required: Iterable[str],
) -> Schema:
    """Closed, so that a fact that nobody has declared is noticed."""
    retry = {"retry": _RETRY} if may_pass(status) else {}
    return {
        "type": "object",
        "title": name,
        "description": description,
        "properties": {
            "type": {"const": problem_type(name)},
            "title": {"type": "string", "description": "For people; its words may change."},
            "status": {"const": int(status)},
            **retry,
            **facts,
        },
        "required": ["type", "title", "status", *retry, *required],
        "additionalProperties": False,
    }


def _may_be_none(type_: Any) -> bool:
    return NoneType in get_args(type_)


def _given(type_: Any) -> Any:
    if not _may_be_none(type_):
        return type_
    return Union[tuple(arg for arg in get_args(type_) if arg is not NoneType)]  # noqa: UP007
