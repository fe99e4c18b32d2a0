"""The demo's way into the apps: HTTP, as any client's, patient with a system that is being restarted."""

import json
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import httpx

from online_kart.tokens import Pool

from ..errors import LocalError
from ..sign_in import SignIn

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


class Identity:
    """Somebody's token for an app: asked for when it is first needed, and once more when it is refused."""

    def __init__(self, new_token: Callable[[], str]) -> None:
        self._new_token, self._token = new_token, ""

    def header(self) -> str:
        self._token = self._token or self._new_token()
        return f"Bearer {self._token}"

    def forget(self) -> None:
        self._token = ""


class App:
    """One app, for somebody who is signed in.

    Every request may be repeated: callers send idempotency keys, or handle a 409 of the second try.
    """

    def __init__(
        self, base_url: str, identity: Identity, client: httpx.Client | None = None
    ) -> None:
        self._base_url, self._identity = base_url, identity
        self._client = client or httpx.Client(
            base_url=base_url,
            timeout=30,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=0),
        )

    def signed_in(self, identity: Identity) -> "App":
        """The same app for somebody else."""
        return App(self._base_url, identity, self._client)

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
                answer = self._request(method, path, body, headers, given)
                if answer.status_code not in REPEATED_STATUSES:
                    return answer
                last = answer.text[:300]
            except httpx.TransportError as error:
                last = repr(error)
            if time.monotonic() > deadline:
                raise LocalError(f"{method} {self._client.base_url}{path}: no answer ({last})")
            time.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)

    def _request(
        self, method: str, path: str, body: Any, headers: dict[str, str], params: dict[str, Any]
    ) -> httpx.Response:
        """Signs in again, once, where the token is good no more."""
        for last in (False, True):
            signed = {**headers, "Authorization": self._identity.header()}
            answer = self._client.request(method, path, json=body, headers=signed, params=params)
            if answer.status_code != HTTPStatus.UNAUTHORIZED or last:
                break
            self._identity.forget()
        return answer

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
    """The three apps, as the admin of the demo meets them, and as others do."""

    def __init__(self, sign_in: SignIn, fulfillment: str, seller: str, customer: str) -> None:
        self._sign_in = sign_in
        self.fulfillment = App(fulfillment, self._staff("admin", "fulfillment_app"))
        self.seller = App(seller, self._staff("admin", "seller_app"))
        self.customer = App(customer, self._staff("admin", "customer_app"))
        self.planner = self.fulfillment.signed_in(self._staff("planner", "fulfillment_app"))
        self.staff = self.fulfillment.signed_in(self._staff("ravi", "fulfillment_app"))

    def a_customer(self, username: str) -> App:
        """The customer app for whoever signs up by that name."""
        return self.customer.signed_in(self._of_pool("customers", username, "customer_app"))

    def a_seller(self, username: str) -> App:
        """The seller app for whoever has signed up, or does now, by that name."""
        return self.seller.signed_in(self._of_pool("sellers", username, "seller_app"))

    def _staff(self, username: str, app: str) -> Identity:
        return Identity(lambda: self._sign_in.token("staff", username, app))

    def _of_pool(self, pool: Pool, username: str, app: str) -> Identity:
        return Identity(
            lambda: self._sign_in.token_of(self._sign_in.sign_up(pool, username, app), app)
        )

    def close(self) -> None:
        for app in (self.fulfillment, self.seller, self.customer):
            app.close()
