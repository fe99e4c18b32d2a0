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
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import RejectedPositiveData, UseAfterFree

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
    """The example of a key is one, but each request is another: it gets a key of its own.

    And a header that should fit its schema does: Schemathesis 4.32 finds no value with quotation marks for one, and sends
    `0` as `If-Match`, so that no change would ever be made.
    """
    if not case.headers or (case.meta and case.meta.is_negative_at(ParameterLocation.HEADER)):
        return
    if case.headers.get(KEY) == KEY_EXAMPLE:
        case.headers[KEY] = str(uuid4())
    if _has_broken_if_match(case):
        del case.headers[IF_MATCH]


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
    match failure:
        case RejectedPositiveData():
            # Its coverage phase takes a case for a valid one whose header breaks the header's own pattern.
            return not (_breaks_a_rule(response) or _has_broken_if_match(case))
        case UseAfterFree():  # what DELETE cancels is still there, and says so
            return bool(response.json().get("status") != "cancelled")
        case _:
            return True


def _has_broken_if_match(case: schemathesis.Case[Any]) -> bool:
    sent = case.headers.get(IF_MATCH, "*") if case.headers else "*"
    return not re.fullmatch(IF_MATCH_PATTERN, sent)


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
