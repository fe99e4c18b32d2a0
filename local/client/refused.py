"""What an app answers where it does not do what was asked."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from ..errors import LocalError

PROBLEM = "urn:kart:problem:"
OWN_MEMBERS = frozenset({"type", "title", "status", "detail"})
"""Of every problem; the facts are in the others."""

TEXT_SHOWN_MAX = 300


class Refused(LocalError):
    """An app refused a request; `problem` is its RFC 9457 answer, or what a gateway said instead."""

    def __init__(self, method: str, url: str, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{method} {url} answered {status}: {json.dumps(problem)[:600]}")
        self.status, self.problem = status, dict(problem)

    @property
    def type(self) -> str:
        """After `urn:kart:problem:`, such as `NotFound`. Empty where no app answered, but a gateway."""
        return str(self.problem.get("type", "")).removeprefix(PROBLEM)

    @property
    def title(self) -> str:
        """For people. A gateway has other names for it."""
        names = ("title", "Message", "message")
        told = next((self.problem[name] for name in names if self.problem.get(name)), None)
        return str(told or f"The answer was {self.status}.")

    @property
    def detail(self) -> str | None:
        told = self.problem.get("detail")
        return None if told is None else str(told)

    @property
    def facts(self) -> dict[str, Any]:
        return {name: fact for name, fact in self.problem.items() if name not in OWN_MEMBERS}


def raise_for(answer: httpx.Response) -> httpx.Response:
    """The answer, if the app did what was asked. Raises Refused."""
    if answer.is_error:
        request = answer.request
        raise Refused(request.method, str(request.url), answer.status_code, _problem_of(answer))
    return answer


def _problem_of(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"message": answer.text[:TEXT_SHOWN_MAX]}
