"""/projections: how far copies are behind."""

from chalice import Blueprint, Response

from online_kart.contract import ok, operation
from online_kart.domain.principals import STAFF_SEES
from online_kart.domain.projections import Projections
from online_kart.http import errors_to_http, json_response

from .. import wiring
from ..services import projections

projections_api = Blueprint(__name__)


@projections_api.route("/projections", methods=["GET"])
@operation(ok(Projections), access=STAFF_SEES)
@errors_to_http
def list_projections() -> Response:
    """The copies of which this app sees both ends. Those of the customer app are told of there."""
    shown = projections.shown(wiring.inventory_db(), wiring.documents(), wiring.now())
    return json_response(shown)
