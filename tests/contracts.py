"""Holds answers, and bodies that were taken, against an app's OpenAPI document."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from chalice import Chalice
from jsonschema import FormatChecker
from jsonschema.exceptions import best_match
from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from online_kart.openapi import document
from online_kart.request_ids import HEADER as REQUEST_ID

URI = "urn:kart:contract"
FORMATS = FormatChecker(formats=("date", "date-time", "uuid"))
CHALICE_S_OWN = (403, 405)
"""Of a path that is no route, and of a method that a route has not: no operation's answers."""


class Broken(AssertionError):
    """The app did otherwise than its document says."""


class Contract:
    """The document of one app, ready to be compared with what it does."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.said = said
        resource = DRAFT202012.create_resource(said)
        self._registry: Registry[Any] = Registry().with_resource(URI, resource)
        self._paths = [(_pattern(path), path) for path in said["paths"]]

    def check(self, method: str, url: str, body: Any, answer: Any) -> None:
        """Raises Broken."""
        path = self._path_of(url.partition("?")[0], method)
        if path is None:
            if answer.status_code not in CHALICE_S_OWN:
                raise Broken(f"{method} {url} is not in the document.")
            return
        place = ("paths", path, method.lower())
        self._check_answer(place, answer)
        if answer.status_code < 400 and body is not None:
            self._check_body(place, body)

    def _path_of(self, asked: str, method: str) -> str | None:
        """A route of plain names goes before one with parameters, as it does in the apps."""
        found = [path for pattern, path in self._paths if pattern.fullmatch(asked)]
        having = [path for path in found if method.lower() in self.said["paths"][path]]
        return min(having, key=lambda path: path.count("{"), default=None)

    def _check_answer(self, place: tuple[str, ...], answer: Any) -> None:
        status = str(answer.status_code)
        known = self.at(place)["responses"]
        if status not in known:
            raise Broken(f"{place[1:]} answers {status}, which is not one of {list(known)}.")
        for name in known[status]["headers"]:
            if name not in answer.headers:
                raise Broken(f"{place[1:]} answers {status} without {name}.")
        self._check_content((*place, "responses", status), answer)

    def _check_content(self, place: tuple[str, ...], answer: Any) -> None:
        content = self.at(place).get("content")
        if content is None:
            if answer.body:
                raise Broken(f"{place[1:]} has a body that is not in the document.")
            return
        media_type = answer.headers["Content-Type"].partition(";")[0]
        if media_type not in content:
            raise Broken(f"{place[1:]} is {media_type}, which is not one of {list(content)}.")
        value = json.loads(answer.body) if media_type.endswith("json") else answer.body.decode()
        self.check_value((*place, "content", media_type, "schema"), value)

    def _check_body(self, place: tuple[str, ...], body: Any) -> None:
        if "requestBody" in self.at(place):
            self.check_value((*place, "requestBody", "content", "application/json", "schema"), body)

    def check_value(self, place: tuple[str, ...], value: Any) -> None:
        """Against the schema in that place of the document. Raises Broken."""
        error = best_match(self._validator(place).iter_errors(value))
        if error is not None:
            raise Broken(f"{place[1:]}: {error.json_path}: {error.message[:500]}")

    @cache  # noqa: B019  # there are three contracts, and they live as long as the tests
    def _validator(self, place: tuple[str, ...]) -> OAS31Validator:
        pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in place)
        schema = {"$ref": f"{URI}#/{quote(pointer)}"}
        return OAS31Validator(schema, registry=self._registry, format_checker=FORMATS)

    def at(self, place: tuple[str, ...]) -> Any:
        found: Any = self.said
        for part in place:
            found = found[part]
        return found


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"{\w+}", path)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))


def kept_headers(answer: Any) -> dict[str, str]:
    """What a repeated request is answered alike: all but the request's id, of which each has its own."""
    return {name: value for name, value in answer.headers.items() if name != REQUEST_ID}


@cache
def contract_of(app: Chalice) -> Contract:
    return Contract(document(app, "of a test", ""))
