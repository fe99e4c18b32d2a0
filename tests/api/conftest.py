"""The apps as clients meet them: every route of the real apps, in process, on databases of the test's own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database as Documents

from local.apps import LoadedApp, load_app
from local.clock import ClockFile
from local.databases import Databases
from tests import identity
from tests.contracts import contract_of
from tests.identity import SignedIn


class HttpClient:
    """Speaks JSON; what it is answered has `status_code`, `headers`, `body` and `json_body`.

    Every answer, and every body that was taken, is held against the app's OpenAPI document. Who asks is an admin, or
    whoever the client was made for.
    """

    def __init__(self, app: Any, authorization: dict[str, str] | None = None) -> None:
        self._app = app
        self._http = SignedIn(app, authorization)
        self._contract = contract_of(app)

    def signed_in(self, token: str) -> "HttpClient":
        """The same app for somebody else."""
        return HttpClient(self._app, identity.bearer(token))

    def get(self, path: str) -> Any:
        return self._checked("GET", path, None, self._http.get(path))

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """Headers by their names with underscores: `Idempotency_Key="1"`."""
        return self._send("POST", path, body, headers)

    def post_file(self, path: str, file: str | bytes, **headers: str) -> Any:
        """CSV, as text or as the bytes that a program has saved."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = file.encode() if isinstance(file, str) else file
        answer = self._http.request(
            "POST", path, headers={"Content-Type": "text/csv", **named}, body=body
        )
        return self._checked("POST", path, None, answer)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self._send("PUT", path, body, headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self._send("PATCH", path, body, headers)

    def delete(self, path: str, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._checked("DELETE", path, None, self._http.delete(path, headers=named))

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self._send(method, path, body, headers)

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._http.request(
            method,
            path,
            headers={"Content-Type": "application/json", **named},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        return self._checked(method, path, body, answer)

    def _checked(self, method: str, path: str, body: Any, answer: Any) -> Any:
        self._contract.check(method, path, body, answer)
        return answer


@pytest.fixture
def environment(
    servers: Databases,
    documents: Documents[dict[str, Any]],
    tmp_path: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> pytest.MonkeyPatch:
    """What every app reads: the test's documents, time, and no relay to nudge."""
    clock_file = ClockFile(tmp_path)
    clock_file.anchor(1.0, starts_at=now)
    monkeypatch.setenv("MONGODB_URI", servers.mongodb_uri)
    monkeypatch.setenv("KART_DOCUMENTS_DB", documents.name)
    monkeypatch.setenv("KART_CLOCK_FILE", str(clock_file.path))
    monkeypatch.setenv("KART_RELAY_FUNCTION", "")
    return monkeypatch


@pytest.fixture
def fulfillment(environment: pytest.MonkeyPatch, inventory_dsn: str) -> Iterator[HttpClient]:
    environment.setenv("KART_INVENTORY_DSN", inventory_dsn)
    yield from client_of("fulfillment_app", environment)


@pytest.fixture
def seller(environment: pytest.MonkeyPatch, inventory_dsn: str) -> Iterator[HttpClient]:
    environment.setenv("KART_INVENTORY_DSN", inventory_dsn)
    yield from client_of("seller_app", environment)


@pytest.fixture
def customer(environment: pytest.MonkeyPatch, customer_dsn: str) -> Iterator[HttpClient]:
    environment.setenv("KART_CUSTOMER_DSN", customer_dsn)
    yield from client_of("customer_app", environment)


def client_of(name: str, environment: pytest.MonkeyPatch) -> Iterator[HttpClient]:
    app = load_app(name)
    forget_connections(app)
    environment.setenv(identity.VARIABLE, identity.issuers(name))
    read_settings(app)
    yield HttpClient(app.app)
    forget_connections(app)


@contextmanager
def without_stores(name: str, environment: pytest.MonkeyPatch) -> Iterator[SignedIn]:
    """An app that can be asked only what needs none."""
    for variable in ("KART_INVENTORY_DSN", "KART_CUSTOMER_DSN"):
        environment.setenv(variable, "")
    for _ in client_of(name, environment):
        yield SignedIn(load_app(name).app)


def read_settings(app: LoadedApp) -> None:
    """Now, while the environment is the app's own."""
    wiring: Any = app.wiring
    wiring.settings()


def forget_connections(app: LoadedApp) -> None:
    """Let the app read its settings anew and connect to what they name."""
    for function in vars(app.wiring).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()
