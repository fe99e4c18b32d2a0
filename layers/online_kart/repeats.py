"""Requests that may be sent again: with an `Idempotency-Key`, whatever a view does happens once, and is answered alike.

The key's row is written in the transaction of the effect, around the view's own. A request that was refused keeps nothing
and may come again. Views whose services keep their answers themselves (orders, adjustments, announcements) don't need it.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalice import Blueprint, Response
from psycopg import Connection

from .http import KEY, rendered_response, required_header
from .messaging import idempotency
from .messaging.idempotency import Answer, Keyed
from .signed_in import principal_of

View = Callable[..., Response]

_SAFE = "_takes_key"


@dataclass(frozen=True)
class Repeats:
    """How an app keeps answers: where, by which clock, and what it does once they are committed."""

    conn: Callable[[], Connection[Any]]
    now: Callable[[], datetime]
    committed: Callable[[], None]

    def safe(self, blueprint: Blueprint) -> Callable[[View], View]:
        """Below `errors_to_http`: the view's answer is kept for its key. Without a key the view is just called."""

        def decorate(view: View) -> View:
            @functools.wraps(view)
            def wrapped(**path: Any) -> Response:
                request = blueprint.current_request
                if KEY.lower() not in request.headers:
                    return view(**path)
                response = self._once(_keyed(request), lambda: view(**path))
                self.committed()
                return response

            setattr(wrapped, _SAFE, True)
            return wrapped

        return decorate

    def _once(self, keyed: Keyed, view: Callable[[], Response]) -> Response:
        conn = self.conn()
        with conn.transaction():
            earlier = idempotency.earlier_answer(conn, keyed)
            if earlier:
                return rendered_response(earlier.body, earlier.status_code, earlier.headers)
            response = view()
            headers = {name: str(value) for name, value in response.headers.items()}
            answer = Answer(response.status_code, headers, str(response.body))
            idempotency.keep(conn, keyed, answer, self.now())
        return response


def is_safe(view: View) -> bool:
    """Whether it, or the view that it wraps, keeps its answers for keys."""
    return getattr(view, _SAFE, False)


def _keyed(request: Any) -> Keyed:
    """A key counts for who sends it and for its path: nobody has to know others' keys, nor learns their answers."""
    path = request.path.format(**(request.uri_params or {}))
    query = "&".join(f"{k}={v}" for k, v in sorted((request.query_params or {}).items()))
    return Keyed(
        principal=f"{principal_of(request).name} {request.method} {path}",
        key=required_header(request, KEY),
        digest=idempotency.digest(request.method, f"{path}?{query}", request.raw_body),
    )
