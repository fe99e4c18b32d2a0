"""A request's id: API Gateway's, or one made here. It is in the answer, and on every line that is logged meanwhile.

A log record has it as `request_id`, which Lambda's JSON log format writes out beside the message.
"""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from chalice import Response

HEADER = "X-Request-Id"

_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def with_request_id(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Chalice's middleware for HTTP: also of what Chalice refuses by itself on a route, such as a body that is not JSON."""
    _mark_log_lines()
    request_id = str(request.context.get("requestId") or uuid4())
    token = _current.set(request_id)
    try:
        response = get_response(request)
    finally:
        _current.reset(token)
    response.headers[HEADER] = request_id
    return response


def _mark_log_lines() -> None:
    """When the first request comes, not on import: packaging imports an app, too."""
    factory = logging.getLogRecordFactory()
    if isinstance(factory, _Marked):
        return
    logging.setLogRecordFactory(_Marked(factory))


class _Marked:
    """Makes log records as before, and puts the request's id on them, where there is a request."""

    def __init__(self, factory: Callable[..., logging.LogRecord]) -> None:
        self._factory = factory

    def __call__(self, *args: Any, **facts: Any) -> logging.LogRecord:
        record = self._factory(*args, **facts)
        request_id = _current.get()
        if request_id is not None:
            record.request_id = request_id
        return record
