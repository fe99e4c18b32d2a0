"""The typed clients on the real apps without a network: what a client sends is asked of the app here, in this process."""

import json
from typing import Any

import httpx

from local.client.app import Identity
from local.client.customers import Customers
from local.client.fulfillment import Fulfillment
from online_kart.domain.principals import Role
from tests import identity

NOWHERE = "http://in-process"
NOT_SENT_ON = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length"}


class InProcess(httpx.BaseTransport):
    """`client`: an `HttpClient` of the tests of the APIs, which holds each answer against the app's document."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {
            name.title(): value
            for name, value in request.headers.items()
            if name not in NOT_SENT_ON
        }
        body = json.loads(request.read() or b"null")
        path = request.url.raw_path.decode()
        answer = self._client.ask(request.method, path, body, **headers)
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=answer.body, request=request
        )


class Session:
    """As `local.kart.session` has it, of the apps of a test: by somebody of the staff in that role."""

    def __init__(self, fulfillment: Any, customer: Any, role: Role = Role.ADMIN) -> None:
        self._fulfillment, self._customer, self._role = fulfillment, customer, role

    def of(self, role: Role) -> "Session":
        return Session(self._fulfillment, self._customer, role)

    def fulfillment(self) -> Fulfillment:
        who = self._identity("fulfillment_app")
        return Fulfillment(NOWHERE, who, transport=InProcess(self._fulfillment))

    def customers(self) -> Customers:
        return self.over(InProcess(self._customer))

    def over(self, transport: httpx.BaseTransport) -> Customers:
        """The Customer App by another way."""
        return Customers(NOWHERE, self._identity("customer_app"), transport=transport)

    def _identity(self, app: str) -> Identity:
        return Identity(lambda: identity.staff(app, self._role))
