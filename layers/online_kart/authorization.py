"""Sign-in of an app: its built-in authorizer verifies tokens; each request is held against what its view says.

API Gateway asks the authorizer first, and hands on what that found as the request's context. A token that is refused is
handed on as such: the app answers it with a problem and a challenge, which a gateway's own answer has not. Nothing is
reached by it: on a route that needs a sign-in the guard lets nothing pass without a principal.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice import AuthResponse, Chalice, Response
from chalice.app import AuthRequest, ChaliceAuthorizer

from .contract import operation_of
from .domain.errors import KartError, Unauthenticated, Unavailable
from .domain.principals import NOBODY, Access
from .http import error_response
from .signed_in import context_of, principal_of

if TYPE_CHECKING:  # with its cryptography it takes 100 ms: only the authorizer loads it
    from .tokens import Tokens

KEPT_SECONDS = 0
"""API Gateway does not keep what the authorizer found: a token is good to the second, and an outage is not remembered."""


def protect(app: Chalice, tokens: Callable[[], "Tokens"]) -> ChaliceAuthorizer:
    """Make every route that is registered need a token, but for those whose view is open. Call it last.

    The authorizer, which `app.py` has to name `verify_token`: Lambda looks for it there.
    """

    @app.authorizer(ttl_seconds=KEPT_SECONDS)
    def verify_token(request: AuthRequest) -> AuthResponse:
        return _told(tokens, request.token)

    for methods in app.routes.values():
        for entry in methods.values():
            if _access_to(entry.view_function).needs_sign_in:
                entry.authorizer = verify_token
    app.middleware("http")(_guard(app))
    authorizer: ChaliceAuthorizer = verify_token
    return authorizer


def _told(tokens: Callable[[], "Tokens"], authorization: str) -> AuthResponse:
    """For all routes: which of them the principal may call, the guard decides by what their views say."""
    try:
        principal = tokens().principal(authorization)
    except (Unauthenticated, Unavailable) as refused:
        return AuthResponse(["*"], "nobody", context_of(refused))
    return AuthResponse(["*"], str(principal.subject), context_of(principal))


def _guard(app: Chalice) -> Callable[[Any, Callable[[Any], Response]], Response]:
    """Middleware: who may not call the operation is answered before its view is asked."""

    def guard(request: Any, get_response: Callable[[Any], Response]) -> Response:
        entry = app.routes.get(request.path, {}).get(request.method)
        if entry is None:  # a method that the route has not: Chalice says so
            return get_response(request)
        access = _access_to(entry.view_function)
        if access.needs_sign_in:
            try:
                principal_of(request).require_role(access)
            except KartError as refused:
                return error_response(refused)
        return get_response(request)

    return guard


def _access_to(view: Callable[..., Any]) -> Access:
    said = operation_of(view)
    return said.access if said else NOBODY
