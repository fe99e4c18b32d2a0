"""/network/health: what the network can't do, and what it hangs on."""

from typing import Annotated, Any

from chalice import Blueprint, Response
from pydantic import BeforeValidator, Field

from online_kart.contract import ok, operation
from online_kart.domain.base import Model, example
from online_kart.domain.principals import STAFF_SEES
from online_kart.domain.values import Pincode
from online_kart.http import errors_to_http, json_response, read_query

from .. import wiring
from ..services import network_health
from ..services.network_health import NetworkHealth

network_health_api = Blueprint(__name__)

PINCODES_MAX = 200


def _parted(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return text.split(",") if text else ()


class HealthQuery(Model):
    """Pincodes that should be served, with commas between."""

    model_config = example(pincodes=[560001, 744101])

    pincodes: Annotated[
        tuple[Pincode, ...], Field(max_length=PINCODES_MAX), BeforeValidator(_parted)
    ] = ()


@network_health_api.route("/network/health", methods=["GET"])
@operation(ok(NetworkHealth), query=HealthQuery, access=STAFF_SEES)
@errors_to_http
def health_of_network() -> Response:
    """`?pincodes=560001,744101`: which of them nobody serves, beside what is wrong anyway."""
    query = read_query(network_health_api.current_request, HealthQuery)
    return json_response(network_health.in_force(wiring.documents(), query.pincodes))
