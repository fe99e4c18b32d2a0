"""/projections: how far copies are behind, as far as this app knows."""

from chalice import Blueprint, Response

from online_kart.contract import ok, operation
from online_kart.domain.principals import AUDITORS_SEE
from online_kart.domain.projections import Projections
from online_kart.http import errors_to_http, json_response

from .. import wiring
from ..services import projections

projections_api = Blueprint(__name__)


@projections_api.route("/projections", methods=["GET"])
@operation(ok(Projections), access=AUDITORS_SEE)
@errors_to_http
def list_projections() -> Response:
    """The outbox, and when each copy has last heard of its source: what waits on its way is the fulfillment app's to tell."""
    return json_response(projections.shown(wiring.customer_db(), wiring.now()))
