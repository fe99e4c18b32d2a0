"""The OpenAPI 3.1 document of an app, made of its routes and of what `contract` was told of their views."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from itertools import groupby
from typing import Any, NamedTuple

from chalice import Chalice
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from . import problems
from .contract import CSV, JSON, Answer, Operation, errors_of, operation_of
from .domain.base import Model
from .domain.errors import KartError
from .domain.imports import BYTES_MAX, LINES_MAX, example_of
from .domain.principals import Access
from .gateway import Rate, rate_of
from .http import (
    CHALLENGE,
    ETAG,
    HEADER_LENGTH_MAX,
    IF_MATCH,
    IF_MATCH_PATTERN,
    INTERNAL_ERROR,
    KEY,
    RETRY_AFTER,
    may_pass,
)
from .problems import Schema, schema_name
from .request_ids import HEADER

VERSION = "1.0.0"
"""Of the contract. The first number changes when clients must."""

_REFERENCE = "#/components/schemas/{model}"
_NOT_JSON = "NotJson"
_SIGN_IN = "access_token"


class Unsaid(Exception):
    """A view without `@operation`: nobody could know what it takes and answers."""


class Route(NamedTuple):
    """An operation in its place. `parameters` are names in its path, `media_types` those that Chalice lets pass, `rate` what
    a gateway lets in."""

    path: str
    method: str
    name: str
    parameters: Sequence[str]
    media_types: Sequence[str]
    view: Callable[..., Any]
    said: Operation
    rate: Rate | None

    @property
    def module(self) -> str:
        return self.view.__module__

    @property
    def errors(self) -> tuple[type[KartError], ...]:
        return errors_of(self.said, bool(self.parameters))

    @property
    def tag(self) -> str:
        """One noun, one module: the noun is the module's name."""
        return self.module.rpartition(".")[2].replace("_", " ")


class _Part(NamedTuple):
    """A type whose schema the document needs. `mode`: "validation" of what comes in, "serialization" of what goes out."""

    key: tuple[Any, ...]
    mode: Any
    type_: Any


class _Named(GenerateJsonSchema):
    """Pydantic's schemas, with names that can be said: `PageOfHub`, not `Page_Hub_`."""

    def normalize_name(self, name: str) -> str:
        words = name.replace("[", " Of ").replace(",", " And ")
        return "".join(word[0].upper() + word[1:] for word in re.findall(r"\w+", words))


class _Schemas:
    """The schemas of parts, and of the models that they name."""

    def __init__(self, parts: Iterable[_Part]) -> None:
        inputs = [(part.key, part.mode, TypeAdapter(part.type_)) for part in parts]
        keyed, definitions = TypeAdapter.json_schemas(
            inputs, ref_template=_REFERENCE, schema_generator=_Named
        )
        self._of = {key: schema for (key, _), schema in keyed.items()}
        self.components: dict[str, Schema] = definitions.get("$defs", {})

    def of(self, *key: Any) -> Schema:
        return self._of[key]

    def model(self, *key: Any) -> Schema:
        """The schema of a model itself instead of a reference to it."""
        return self.components[self.name(*key)]

    def name(self, *key: Any) -> str:
        return str(self.of(*key)["$ref"]).rpartition("/")[2]


def document(app: Chalice, title: str, description: str) -> dict[str, Any]:
    """Raises Unsaid."""
    routes = list(routes_of(app))
    errors = sorted({e for route in routes for e in route.errors}, key=schema_name_of)
    schemas = _Schemas([*_parts(routes), *_fact_parts(errors)])
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": VERSION, "description": description},
        "servers": [{"url": "."}],
        "tags": _tags(routes),
        "paths": paths,
        "security": [{_SIGN_IN: []}],
        "components": {
            "schemas": _components(routes, schemas) | _problems(errors, schemas),
            "headers": {
                HEADER: _request_id(),
                RETRY_AFTER: _retry_after(),
                CHALLENGE: _challenge(),
            },
            "securitySchemes": {_SIGN_IN: _sign_in()},
        },
    }


def routes_of(app: Chalice) -> Iterator[Route]:
    """By path. Raises Unsaid."""
    for path, methods in sorted(app.routes.items()):
        for method, entry in methods.items():
            said = operation_of(entry.view_function)
            if said is None:
                raise Unsaid(f"{method} {path}: put @operation on {entry.view_name}.")
            yield Route(
                path=path,
                method=method,
                name=entry.view_name,
                parameters=entry.view_args,
                media_types=entry.content_types,
                view=entry.view_function,
                said=said,
                rate=rate_of(f"{app.app_name}_app", entry.view_name),
            )


def _parts(routes: Iterable[Route]) -> Iterator[_Part]:
    for route in routes:
        place, said = (route.method, route.path), route.said
        for name, type_ in (("body", said.body), ("query", said.query)):
            if type_ is not None:
                yield _Part((*place, name), "validation", type_)
        for parameter, type_ in said.path.items():
            yield _Part((*place, "path", parameter), "validation", type_)
        for answer in said.answers:
            if answer.content is not None:
                yield _Part((*place, answer.status), "serialization", answer.content)


def _fact_parts(errors: Iterable[type[KartError]]) -> Iterator[_Part]:
    for error in errors:
        for fact, type_ in problems.facts_of(error).items():
            yield _Part((error, fact), "serialization", type_)


def _tags(routes: Iterable[Route]) -> list[dict[str, str]]:
    """Each noun, with the first sentence of its module."""
    modules = {route.tag: route.module for route in routes}
    first = {
        tag: (sys.modules[name].__doc__ or "").partition("\n")[0] for tag, name in modules.items()
    }
    return [{"name": tag, "description": first[tag]} for tag in sorted(modules)]


def _components(routes: Iterable[Route], schemas: _Schemas) -> dict[str, Schema]:
    """All models but those of queries, which have become parameters."""
    queries = {
        schemas.name(route.method, route.path, "query") for route in routes if route.said.query
    }
    return {name: s for name, s in schemas.components.items() if name not in queries}


def _problems(errors: Iterable[type[KartError]], schemas: _Schemas) -> dict[str, Schema]:
    found = {
        schema_name_of(error): problems.schema_of(
            error, {fact: schemas.of(error, fact) for fact in problems.facts_of(error)}
        )
        for error in errors
    }
    return {**found, schema_name(INTERNAL_ERROR): problems.bug_schema(), _NOT_JSON: _not_json()}


def schema_name_of(error: type[KartError]) -> str:
    return schema_name(error.__name__)


def _not_json() -> Schema:
    """What Chalice answers before a view is asked."""
    return {
        "type": "object",
        "title": "Not JSON",
        "description": "The request's Content-Type is not application/json, or not text/csv where a file is asked for. "
        "This answer alone is no problem+json.",
        "properties": {"Code": {"const": "UnsupportedMediaType"}, "Message": {"type": "string"}},
        "required": ["Code", "Message"],
    }


def _request_id() -> Schema:
    return {
        "required": True,
        "description": "Tell us this when something is wrong: our logs have it.",
        "schema": {"type": "string"},
    }


def _retry_after() -> Schema:
    return {
        "required": True,
        "description": "Seconds to wait before the same request is sent again.",
        "schema": {"type": "integer"},
    }


def _challenge() -> Schema:
    return {
        "required": True,
        "description": "How to sign in (RFC 6750), and what is wrong with the token that was sent.",
        "schema": {"type": "string"},
    }


def _sign_in() -> Schema:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of the app's user pool. An operation's roles are listed with it: one is needed.",
    }


# -- an operation


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.name.replace("_", " ").capitalize(),
        "description": inspect.getdoc(route.view),
        "tags": [route.tag],
        "parameters": list(_parameters(route, schemas)),
        "requestBody": _body(route, schemas),
        "responses": _answers(route, schemas),
    }
    given = {name: value for name, value in said.items() if value}
    return {**given, "security": _security(route.said.access)}


def _security(access: Access) -> list[dict[str, list[str]]]:
    """Empty where nobody has to sign in."""
    return [{_SIGN_IN: sorted(access.roles)}] if access.needs_sign_in else []


def _parameters(route: Route, schemas: _Schemas) -> Iterator[dict[str, Any]]:
    for name in route.parameters:
        known = name in route.said.path
        schema = schemas.of(route.method, route.path, "path", name) if known else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if route.said.query:
        yield from _query_parameters(schemas.model(route.method, route.path, "query"))
    if route.said.takes_key:
        yield {
            "name": KEY,
            "in": "header",
            "required": route.said.needs_key,
            "description": "The same request again under the same key, within 24 h, happens once and gets the same answer.",
            "schema": {"type": "string", "minLength": 1, "maxLength": HEADER_LENGTH_MAX},
            "example": "5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11",
        }
    if route.said.takes_version:
        yield _if_match()


def _if_match() -> dict[str, Any]:
    return {
        "name": IF_MATCH,
        "in": "header",
        "required": False,
        "description": "The `ETag` of what is to be changed, as it was read: if it has changed since, nothing happens (412).",
        "schema": {"type": "string", "maxLength": HEADER_LENGTH_MAX, "pattern": IF_MATCH_PATTERN},
        "example": '"3"',
    }


def _query_parameters(model: Schema) -> Iterator[dict[str, Any]]:
    example = model.get("examples", [{}])[0]
    for name, property_ in model["properties"].items():
        schema = _not_null(property_)
        parameter = {
            "name": name,
            "in": "query",
            "required": name in model.get("required", ()),
            "description": schema.pop("description", None),
            "schema": schema,
            "example": example.get(name),
            "explode": False if schema.get("type") == "array" else None,
        }
        yield {key: value for key, value in parameter.items() if value is not None}


def _not_null(schema: Schema) -> Schema:
    """Of a parameter that may be left out: no URL can say null."""
    given = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    kept = {key: value for key, value in schema.items() if key not in ("title", "anyOf")}
    if not given:
        return kept
    kept = {key: value for key, value in kept.items() if key != "default"}
    return {**given[0], **kept} if len(given) == 1 else {"anyOf": given, **kept}


def _body(route: Route, schemas: _Schemas) -> dict[str, Any] | None:
    if route.said.line is not None:
        return _file(route.said.line)
    if route.said.body is None:
        return None
    key = (route.method, route.path, "body")
    content = {"schema": schemas.of(*key)}
    examples = schemas.model(*key).get("examples")
    if examples:
        content["example"] = examples[0]
    return {"required": route.said.needs_body, "content": {JSON: content}}


def _file(line: type[Model]) -> dict[str, Any]:
    """A body of lines."""
    needed = [name for name, field in line.model_fields.items() if field.is_required()]
    schema = {
        "type": "string",
        "maxLength": BYTES_MAX,
        "description": f"CSV in UTF-8: a line that names the columns, and 1 to {LINES_MAX:,} below. "
        f"Columns: {', '.join(line.model_fields)}. Needed: {', '.join(needed)}.",
    }
    return {"required": True, "content": {CSV: {"schema": schema, "example": example_of(line)}}}


def _answers(route: Route, schemas: _Schemas) -> dict[str, dict[str, Any]]:
    """By status. Each has its request's id."""
    return {
        status: {**told, "headers": {**told.get("headers", {}), **_header(HEADER)}}
        for status, told in sorted(_responses(route, schemas))
    }


def _responses(route: Route, schemas: _Schemas) -> Iterator[tuple[str, dict[str, Any]]]:
    for answer in route.said.answers:
        yield str(int(answer.status)), _answer(route, answer, schemas)
    errors = sorted(route.errors, key=problems.answered)
    for status, of_status in groupby(errors, key=problems.answered):
        yield str(int(status)), _refusal(status, list(of_status), route.rate)
    if "*/*" not in route.media_types:
        not_json = {"schema": _named(_NOT_JSON)}
        told = f"The Content-Type is not {' or '.join(route.media_types)}"
        yield "415", {"description": told, "content": {JSON: not_json}}
    bug = HTTPStatus.INTERNAL_SERVER_ERROR
    yield str(int(bug)), _problem(bug, problems.BUG, [INTERNAL_ERROR])


def _answer(route: Route, answer: Answer, schemas: _Schemas) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.status.phrase}
    if answer.has_location:
        location = {"type": "string", "format": "uri-reference"}
        told["headers"] = {"Location": {"required": True, "schema": location}}
    if answer.has_etag:
        told["headers"] = {ETAG: {"required": True, "schema": {"type": "string"}}}
    if answer.content is not None:
        schema = schemas.of(route.method, route.path, answer.status)
        told["content"] = {media_type: {"schema": schema} for media_type in answer.media_types}
    return told


def _refusal(
    status: HTTPStatus, errors: Sequence[type[KartError]], rate: Rate | None
) -> dict[str, Any]:
    told = "\n".join(f"- `{error.__name__}`: {problems.meaning(error)}" for error in errors)
    if rate and status == HTTPStatus.TOO_MANY_REQUESTS:
        told += (
            f" Of all who call, {rate.per_second} a second are let in, and {rate.burst} at once."
        )
    return _problem(status, told, [error.__name__ for error in errors])


def _problem(status: HTTPStatus, description: str, names: Sequence[str]) -> dict[str, Any]:
    """The problems of one status, told apart by their `type`."""
    schemas = [_named(schema_name(name)) for name in names]
    schema: Schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
    return {
        "description": description,
        "content": {problems.MEDIA_TYPE: {"schema": schema}},
        "headers": _header(*_headers_of(status)),
    }


def _headers_of(status: HTTPStatus) -> Sequence[str]:
    """Those of a problem, besides the request's id."""
    if status == HTTPStatus.UNAUTHORIZED:
        return (CHALLENGE,)
    return (RETRY_AFTER,) if may_pass(status) else ()


def _header(*names: str) -> dict[str, Schema]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _named(name: str) -> Schema:
    return {"$ref": _REFERENCE.format(model=name)}
