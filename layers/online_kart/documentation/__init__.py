"""The pages of an API: its document at `/openapi.json`, and Swagger UI to read and try it at `/docs`; the events for
others at `/docs/events`, with a schema of each.

All of it comes from the app itself. Swagger UI is the one in Powertools for AWS Lambda, which keeps it up to date; only
its files are read, none of its code is imported.
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Annotated

from chalice import Blueprint, Chalice, Response
from pydantic import Field

from ..contract import JSON, ok, operation
from ..domain.errors import NotFound
from ..domain.principals import ANYONE
from ..http import errors_to_http

HERE = Path(__file__).parent
CONVENTIONS = HERE / "API.md"
EVENTS = HERE / "EVENTS.md"
EVENT_SCHEMAS = HERE / "events"
RENDERER = "aws_lambda_powertools"
RENDERER_FOLDER = "event_handler/openapi/swagger_ui"

MEDIA_TYPES = {
    "start.js": "text/javascript",
    "swagger-ui-bundle.min.js": "text/javascript",
    "swagger-ui.min.css": "text/css",
}
"""What `/docs` loads, and nothing else."""

EVENTS_DOCUMENT = "document.json"
"""Beside the schemas: what the page of events is made of, for the renderer that shows the API's."""

# Swagger UI writes styles into elements, and has pictures in its style sheet.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KEPT_BY_BROWSERS = "max-age=3600"


def documentation(title: str) -> Blueprint:
    """The routes of the pages, for the app that registers them."""
    pages = Blueprint(__name__)

    @pages.route("/openapi.json", methods=["GET"])
    @operation(ok(dict), access=ANYONE)
    @errors_to_http
    def api_document() -> Response:
        """This document."""
        return _text(_document(pages.current_app, title), JSON)

    @pages.route("/docs", methods=["GET"])
    @operation(ok(str, "text/html"), access=ANYONE)
    @errors_to_http
    def api_page() -> Response:
        """This page. Everything it needs comes from here."""
        link = '<a href="docs/events">Events for others</a>'
        return _page(files="docs", document="openapi.json", link=link)

    @pages.route("/docs/{file_name}", methods=["GET"])
    @operation(
        ok(str, "text/javascript", "text/css"),
        path={"file_name": Annotated[str, Field(examples=["start.js"])]},
        errors=(NotFound,),
        access=ANYONE,
    )
    @errors_to_http
    def api_page_file(file_name: str) -> Response:
        """Scripts and styles of the page."""
        if file_name not in MEDIA_TYPES:
            raise NotFound("file", file_name)
        return _text(_file(file_name), MEDIA_TYPES[file_name])

    _add_events(pages)
    return pages


def _add_events(pages: Blueprint) -> None:
    """The routes of the page of events, and of their schemas."""

    @pages.route("/docs/events", methods=["GET"])
    @operation(ok(str, "text/html"), access=ANYONE)
    @errors_to_http
    def events_page() -> Response:
        """What others may hear on the event bus. Everything the page needs comes from here."""
        link = '<a href="../docs">The API</a>'
        return _page(files=".", document=f"events/{EVENTS_DOCUMENT}", link=link)

    @pages.route("/docs/events/{file_name}", methods=["GET"])
    @operation(
        ok(dict),
        path={"file_name": Annotated[str, Field(examples=["OrderPlaced.v1.json"])]},
        errors=(NotFound,),
        access=ANYONE,
    )
    @errors_to_http
    def event_schema(file_name: str) -> Response:
        """The schema of an event, such as `OrderPlaced.v1.json`."""
        if file_name == EVENTS_DOCUMENT:
            return _text(_events_document(), JSON)
        if file_name not in _schemas():
            raise NotFound("schema", file_name)
        return _text((EVENT_SCHEMAS / file_name).read_text("utf-8"), JSON)


def _page(**parts: str) -> Response:
    """`files`: where it finds scripts and styles; `document`: what it shows; `link`: to the other page."""
    return _text(Template((HERE / "page.html").read_text("utf-8")).substitute(parts), "text/html")


@cache
def _schemas() -> frozenset[str]:
    return frozenset(path.name for path in EVENT_SCHEMAS.iterdir())


@cache
def _events_document() -> str:
    """A document without operations."""
    info = {"title": "Online Kart", "version": "1", "description": EVENTS.read_text("utf-8")}
    return json.dumps({"openapi": "3.1.0", "info": info, "paths": {}})


@cache
def _document(app: Chalice, title: str) -> str:
    from ..openapi import document  # when somebody asks: an app starts without it

    return json.dumps(document(app, title, CONVENTIONS.read_text("utf-8")))


def _file(name: str) -> str:
    own = HERE / name
    return (own if own.exists() else _renderer() / name).read_text("utf-8")


@cache
def _renderer() -> Path:
    """Where Swagger UI's files are. Found without an import, which would cost a start of the app."""
    spec = find_spec(RENDERER)
    assert spec is not None, f"the layer carries {RENDERER}"
    assert spec.origin is not None, "it is a package with a file"
    return Path(spec.origin).parent / RENDERER_FOLDER


def _text(body: str, media_type: str) -> Response:
    headers: dict[str, str | list[str]] = {
        "Content-Type": f"{media_type}; charset=utf-8",
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": KEPT_BY_BROWSERS,
    }
    return Response(body=body, status_code=200, headers=headers)
