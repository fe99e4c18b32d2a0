"""/returns/{return_id}/failed-pickups: nobody was there, or nothing was ready."""

from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import ok, operation
from online_kart.domain.errors import (
    AttemptConflict,
    NotFound,
    NotYourFacility,
    ReturnStatusConflict,
)
from online_kart.domain.principals import FC_STAFF_ACTS
from online_kart.domain.returns import ExpectedReturn, FailPickup
from online_kart.http import errors_to_http, json_response, read_body, read_path
from online_kart.postgres import retrying
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import pickups
from .repeats import repeats

pickups_api = Blueprint(__name__)


@pickups_api.route("/returns/{return_id}/failed-pickups", methods=["POST"])
@operation(
    ok(ExpectedReturn),
    path={"return_id": UUID},
    body=FailPickup,
    errors=(NotFound, NotYourFacility, AttemptConflict, ReturnStatusConflict),
    access=FC_STAFF_ACTS,
)
@errors_to_http
@repeats.safe(pickups_api)
def fail_pickup(return_id: str) -> Response:
    """The courier comes again on the next working day, three times in all; then the return is `cancelled`. Safe to repeat."""
    key: UUID = read_path(UUID, return_id, "return_id")
    command = read_body(pickups_api.current_request, FailPickup)
    by = principal_of(pickups_api.current_request)
    conn, documents, now = wiring.inventory_db(), wiring.documents(), wiring.now()
    expected = retrying(lambda: pickups.fail(conn, documents, by, key, command, now))
    wiring.nudge_relay()
    return json_response(expected)
