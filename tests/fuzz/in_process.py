"""An app without a server, as WSGI: what Schemathesis can ask in its own process."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from chalice import Chalice
from chalice.test import Client
from werkzeug.datastructures import EnvironHeaders

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def as_wsgi(app: Chalice) -> Callable[[Environ, StartResponse], Iterable[bytes]]:
    client = Client(app).http

    def answered(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = client.request(
            environ["REQUEST_METHOD"],
            _url(environ),
            headers=dict(EnvironHeaders(environ)),
            body=environ["wsgi.input"].read(),
        )
        status = f"{answer.status_code} {HTTPStatus(answer.status_code).phrase}"
        start_response(status, [(name, str(value)) for name, value in answer.headers.items()])
        return [answer.body]

    return answered


def _url(environ: Environ) -> str:
    """As it was sent. The documents' server is `.`, which a client without a network leaves out."""
    path = "/" + environ["REQUEST_URI"].partition("?")[0].lstrip("/")
    return f"{path}?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else path
