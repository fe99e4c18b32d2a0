"""The pages of an API: its document at `/openapi.json`, and Swagger UI to read and try it at `/docs`.

All of it comes from the app itself. Swagger UI is the one in Powertools for AWS Lambda, which keeps it up to date; only
its files are read, none of its code is imported.
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from chalice import Blueprint, Chalice, Response

from ..contract import ok, operation
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
        return _text(_document(pages.current_app, title), "application/json")

    @pages.route("/docs", methods=["GET"])
    @operation(ok(str, "text/html"), access=ANYONE)
    @errors_to_http
    def api_page() -> Response:
        """This page. Everything it needs comes from here."""
        return _text((HERE / "page.html").read_text("utf-8"), "text/html")

    @pages.route("/docs/{file_name}", methods=["GET"])
    @operation(ok(str, "text/javascript", "text/css"), errors=(NotFound,), access=ANYONE)
    @errors_to_http
    def api_page_file(file_name: str) -> Response:
        """Scripts and styles of the page."""
        if file_name not in MEDIA_TYPES:
            raise NotFound("file", file_name)
        return _text(_file(file_name), MEDIA_TYPES[file_name])

    return pages


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
