"""Is the app there, and can it reach its stores? `/health` asks no store; `/ready` asks each."""

from chalice import Blueprint, Response

from online_kart.contract import ok, operation
from online_kart.domain.principals import ANYONE
from online_kart.health import Ready, Up
from online_kart.http import errors_to_http, json_response
from online_kart.messaging import outbox

from .. import wiring

health_api = Blueprint(__name__)


@health_api.route("/health", methods=["GET"])
@operation(ok(Up), access=ANYONE)
@errors_to_http
def health() -> Response:
    return json_response({"app": "seller", "status": "up"})


@health_api.route("/ready", methods=["GET"])
@operation(ok(Ready), access=ANYONE)
@errors_to_http
def ready() -> Response:
    """Both stores answer; tells business time and how many events wait to be sent."""
    now = wiring.now()
    unsent, lag = outbox.backlog(wiring.inventory_db(), now)
    wiring.documents().command("ping")
    return json_response(Ready(app="seller", now=now, unsent_events=unsent, outbox_lag_seconds=lag))
