"""One app over HTTP, for somebody who is signed in: its requests, which are repeated where that is safe, and its lists."""

import time
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple, Self, TypeVar
from uuid import uuid4

import httpx

from online_kart.domain.base import Model
from online_kart.http import KEY, PAGE_SIZE_MAX, RETRY_AFTER

from ..errors import LocalError
from .refused import raise_for

M = TypeVar("M", bound=Model)

ANSWER_SECONDS_MAX = 30.0
"""A gateway gives up after 29 s."""

FIRST_PAUSE_SECONDS = 0.1
PAUSE_SECONDS_MAX = 2.0
"""Pauses double up to here; an app's `Retry-After` is 2 s."""

PAGES_MAX = 1_000
"""Of one list: 200,000 rows. Who wants more should filter."""

CONNECTIONS_MAX = 32


class Endless(LocalError):
    """A list has more pages than a client follows."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} has more than {PAGES_MAX * PAGE_SIZE_MAX} rows: filter it.")


@dataclass(frozen=True)
class Patience:
    """For how long a request that is safe to repeat is tried again, and after which answers.

    Safe are, by the APIs' conventions, GET, PUT, PATCH and DELETE, each POST with an `Idempotency-Key`, and whatever
    was not let in (429); `repeats_all` is for callers who handle what a POST without a key answers the second time.
    """

    seconds: float = 10.0
    statuses: frozenset[int] = frozenset({502, 503, 504})
    repeats_all: bool = False

    def bears(self, answer: httpx.Response) -> bool:
        """Whether another one may come."""
        return _was_not_let_in(answer) or answer.status_code in self.statuses

    def allows(self, request: "Asked", answer: httpx.Response | None) -> bool:
        """`answer`: None where none came."""
        if answer is not None and _was_not_let_in(answer):
            return True
        return self.repeats_all or request.method != "POST" or KEY in request.headers


def _was_not_let_in(answer: httpx.Response) -> bool:
    return answer.status_code == HTTPStatus.TOO_MANY_REQUESTS


class Identity:
    """Somebody's token for an app: asked for when it is first needed, and once more when it is refused."""

    def __init__(self, new_token: Callable[[], str]) -> None:
        self._new_token, self._token = new_token, ""

    def header(self) -> str:
        self._token = self._token or self._new_token()
        return f"Bearer {self._token}"

    def forget(self) -> None:
        self._token = ""


class Asked(NamedTuple):
    """A request, without who asks."""

    method: str
    path: str
    body: Any
    headers: Mapping[str, str]
    params: Mapping[str, Any]


class App:
    """One app, for somebody."""

    def __init__(
        self,
        base_url: str,
        identity: Identity,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`transport` is for those who reach the app otherwise than over a network."""
        self._identity, self._patience = identity, patience or Patience()
        self._client = httpx.Client(
            base_url=base_url,
            timeout=ANSWER_SECONDS_MAX,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=0),
            transport=transport,
        )

    def signed_in(self, identity: Identity) -> Self:
        """The same app for somebody else."""
        other = copy(self)
        other._identity = identity
        return other

    def close(self) -> None:
        self._client.close()

    # -- in the words of HTTP

    def send(
        self, method: str, path: str, body: Any = None, key: str | None = None, **params: Any
    ) -> httpx.Response:
        """The answer, whatever its status, but for those it was patient with. Raises LocalError where nobody answers."""
        headers = {KEY: key} if key else {}
        given = {name: value for name, value in params.items() if value is not None}
        return self._patiently(Asked(method, path, body, headers, given))

    def call(
        self, method: str, path: str, body: Any = None, key: str | None = None, **params: Any
    ) -> Any:
        """The answer's JSON. Raises Refused where the app refuses."""
        answer = raise_for(self.send(method, path, body, key, **params))
        return answer.json() if answer.content else {}

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, **params)

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """Every item of a paged list, page by page as they are asked for. Raises Refused, Endless."""
        cursor = None
        for _ in range(PAGES_MAX):
            page = self.get(path, limit=PAGE_SIZE_MAX, cursor=cursor, **params)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return
        raise Endless(path)

    # -- in the words of the domain, for what is built on this

    def _one(self, model: type[M], path: str, **params: Any) -> M:
        return read(model, self.get(path, **params))

    def _rows(self, model: type[M], path: str, **params: Any) -> Iterator[M]:
        return (read(model, row) for row in self.pages(path, **params))

    def _made(
        self, model: type[M], path: str, body: Model | None, key: str | None = None, **params: Any
    ) -> M:
        """What a POST answers. It has a key of its own where the caller has none, so it happens once."""
        sent = None if body is None else body.model_dump(mode="json", exclude_unset=True)
        return read(model, self.call("POST", path, sent, key or str(uuid4()), **params))

    # -- repeating

    def _patiently(self, asked: Asked) -> httpx.Response:
        """The last answer. Raises LocalError where there was none."""
        deadline, pause = time.monotonic() + self._patience.seconds, FIRST_PAUSE_SECONDS
        while True:
            answer, why = self._try(asked)
            is_final = answer is not None and not self._patience.bears(answer)
            may_repeat = self._patience.allows(asked, answer) and time.monotonic() < deadline
            if is_final or not may_repeat:
                break
            time.sleep(max(pause, _wanted_pause(answer)))
            pause = min(pause * 2, PAUSE_SECONDS_MAX)
        if answer is None:
            where = f"{self._client.base_url}{asked.path}"
            raise LocalError(f"{asked.method} {where}: no answer ({why})")
        return answer

    def _try(self, asked: Asked) -> tuple[httpx.Response | None, str]:
        """The answer, or why there is none."""
        try:
            return self._request(asked), ""
        except httpx.TransportError as error:
            return None, repr(error)

    def _request(self, asked: Asked) -> httpx.Response:
        """Signs in again, once, where the token is good no more."""
        answer = self._signed(asked)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._identity.forget()
            answer = self._signed(asked)
        return answer

    def _signed(self, asked: Asked) -> httpx.Response:
        headers = {**asked.headers, "Authorization": self._identity.header()}
        return self._client.request(
            asked.method, asked.path, json=asked.body, headers=headers, params=asked.params
        )


def read(model: type[M], found: Any) -> M:
    """As the APIs' conventions want it, fields that this client does not know are passed over."""
    return model.model_validate(found, extra="ignore")


def _wanted_pause(answer: httpx.Response | None) -> float:
    """Seconds, as the app's `Retry-After` has them, and never long."""
    said = answer.headers.get(RETRY_AFTER, "") if answer is not None else ""
    return min(float(said), PAUSE_SECONDS_MAX) if said.isdecimal() else 0.0
