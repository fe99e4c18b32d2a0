"""What Schemathesis is told of our APIs besides their documents: ids of things that there are, and what is no failure.

It imports this module by the name in SCHEMATHESIS_HOOKS; the things are in a file that KART_FUZZ_THINGS names. Without a
KART_FUZZ_TOKEN nobody is signed in.
"""

import json
import os
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData

from online_kart.http import IF_MATCH, IF_MATCH_PATTERN, KEY, problem_type

THINGS, TOKEN = "KART_FUZZ_THINGS", "KART_FUZZ_TOKEN"
KEY_EXAMPLE = "5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11"

RULES = frozenset(
    {"UnknownReference", "VersionChanged", "InvalidNetwork", "ImportRefused", "UnreadableFile"}
)
"""Problems of what no schema can say: what there is, what was read before, what a file or a network has to be as a whole."""


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Each parameter of a path, and each id in a body's example, is that of a thing that there is."""
    things = json.loads(Path(os.environ[THINGS]).read_text())
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            _name(operation, things)


def _name(operation: dict[str, Any], things: Mapping[str, str]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"] in things:
            parameter["example"] = things[parameter["name"]]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if isinstance(content.get("example"), dict):
            content["example"] = _about(content["example"], things)


def _about(value: Any, things: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: things[name] if name in things and isinstance(part, str) else _about(part, things)
            for name, part in value.items()
        }
    return [_about(part, things) for part in value] if isinstance(value, list) else value


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]
) -> None:
    """The example of a key is one, but each request is another: it gets a key of its own."""
    if case.headers and case.headers.get(KEY) == KEY_EXAMPLE:
        case.headers[KEY] = str(uuid4())


@schemathesis.check
def nobody_is_let_in_without_a_token(
    ctx: schemathesis.CheckContext,
    response: schemathesis.Response,
    case: schemathesis.Case[Any],
) -> None:
    """Only where nobody is signed in. `ignored_auth` asks of one request of each operation, this of all."""
    if TOKEN not in os.environ and case.operation.definition.raw["security"]:
        assert response.status_code == HTTPStatus.UNAUTHORIZED, response.status_code


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Whether it is one."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    return not (_is_no_tag(case) or _breaks_a_rule(response))


def _is_no_tag(case: schemathesis.Case[Any]) -> bool:
    """Schemathesis 4.32 finds no value with quotation marks for a header: it sends `0`, which `If-Match` can't be."""
    sent: str | None = case.headers.get(IF_MATCH) if case.headers else None
    return sent is not None and re.fullmatch(IF_MATCH_PATTERN, sent) is None


def _breaks_a_rule(response: schemathesis.Response) -> bool:
    """Whether what was refused is no matter of its schema: the document says so of each problem."""
    problem = response.json()
    match problem["type"].removeprefix(problem_type("")):
        case "InvalidFields":  # by validators of our own, of what fields mean together
            return {error["kind"] for error in problem["errors"]} == {"value_error"}
        case "InvalidRequest":  # by a service, or a text in a path that is not what it should be
            return not problem["title"].endswith(" is malformed.")
        case name:
            return name in RULES
