"""A request's id: API Gateway's, or one made here. It is in the answer, and on every line that is logged meanwhile.

What the request leads to has it as its correlation id (see `logs`).
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from chalice import Response

from . import logs

HEADER = "X-Request-Id"


def with_request_id(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Chalice's middleware for HTTP: also of what Chalice refuses by itself on a route, such as a body that is not JSON."""
    request_id = str(request.context.get("requestId") or uuid4())
    with logs.marked(request_id=request_id, correlation_id=request_id):
        response = get_response(request)
    response.headers[HEADER] = request_id
    return response
