"""Who asks, as the authorizer hands it to the app: a few texts in the request's context, for API Gateway takes no others."""

from typing import Any

from .domain.errors import KartError, Unauthenticated, Unavailable
from .domain.principals import Principal

PRINCIPAL, REFUSED, UNAVAILABLE = "principal", "refused", "unavailable"


def context_of(found: Principal | KartError) -> dict[str, str]:
    """Of a principal, or of why there is none: a token that was refused, or keys that could not be read."""
    match found:
        case Principal():
            return {PRINCIPAL: found.model_dump_json()}
        case Unavailable():
            return {UNAVAILABLE: str(found)}
        case Unauthenticated(reason=str(reason)):
            return {REFUSED: reason}
    return {}


def principal_of(request: Any) -> Principal:
    """Who asks. Raises Unauthenticated, Unavailable."""
    found = request.context.get("authorizer") or {}
    if UNAVAILABLE in found:
        raise Unavailable(found[UNAVAILABLE])
    if PRINCIPAL not in found:
        raise Unauthenticated(found.get(REFUSED))
    return Principal.model_validate_json(found[PRINCIPAL])
