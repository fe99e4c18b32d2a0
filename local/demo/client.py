"""The demo's way into the apps: HTTP, as any client's, patient with a system that is being restarted."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx

from ..errors import LocalError

PATIENCE_SECONDS = 90.0
"""How long a request is tried again while nobody answers: long enough to start the system anew in another shell."""

FIRST_PAUSE_SECONDS = 0.1
PAUSE_SECONDS_MAX = 2.0
REPEATED_STATUSES = (500, 502, 503, 504)


class Refused(LocalError):
    """An app refused a request; `problem` is its RFC 9457 answer."""

    def __init__(self, method: str, url: str, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{method} {url} answered {status}: {json.dumps(problem)[:600]}")
        self.status, self.problem = status, problem


class App:
    """One app. Every request may be repeated: callers send idempotency keys, or handle a 409 of the second try."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx.Client(
            base_url=base_url,
            timeout=30,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=0),
        )

    def close(self) -> None:
        self._client.close()

    def send(
        self, method: str, path: str, body: Any = None, key: str | None = None, **params: Any
    ) -> httpx.Response:
        """The answer, whatever its status below 500. Raises LocalError where nobody answers for PATIENCE_SECONDS."""
        headers = {"Idempotency-Key": key} if key else {}
        given = {name: value for name, value in params.items() if value is not None}
        deadline, pause, last = time.monotonic() + PATIENCE_SECONDS, FIRST_PAUSE_SECONDS, ""
        while True:
            try:
                answer = self._client.request(
                    method, path, json=body, headers=headers, params=given
                )
                if answer.status_code not in REPEATED_STATUSES:
                    return answer
                last = answer.text[:300]
            except httpx.TransportError as error:
                last = repr(error)
            if time.monotonic() > deadline:
                raise LocalError(f"{method} {self._client.base_url}{path}: no answer ({last})")
            time.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)

    def call(
        self, method: str, path: str, body: Any = None, key: str | None = None, **params: Any
    ) -> Any:
        """The answer's JSON. Raises Refused where the app refuses."""
        answer = self.send(method, path, body, key, **params)
        content = answer.json() if answer.content else {}
        if answer.status_code >= 400:
            raise Refused(method, path, answer.status_code, content)
        return content

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, **params)

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """Every item of a paged list."""
        cursor = None
        while True:
            page = self.get(path, limit=200, cursor=cursor, **params)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return


class Kart:
    """The three apps."""

    def __init__(self, fulfillment: str, seller: str, customer: str) -> None:
        self.fulfillment, self.seller, self.customer = App(fulfillment), App(seller), App(customer)

    def close(self) -> None:
        for app in (self.fulfillment, self.seller, self.customer):
            app.close()
