"""/fulfillment-centers, /hubs, /legs and /network.

A change answers 202 and the location of the build of route tables that will have it.
"""

from chalice import Blueprint, Response

from online_kart.domain.facilities import (
    AddFulfillmentCenter,
    AddHub,
    AddLeg,
    ChangeFulfillmentCenter,
    ChangeHub,
    ChangeLeg,
    LegName,
)
from online_kart.domain.network import LegKey, Mode, parse_network
from online_kart.domain.values import FacilityCode
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_body,
    read_path,
    read_query,
)

from .. import wiring
from ..services import facilities
from .rebuilds import rebuild_accepted

facilities_api = Blueprint(__name__)


# -- hubs


@facilities_api.route("/hubs", methods=["POST"])
@errors_to_http
def add_hub() -> Response:
    command = read_body(facilities_api.current_request, AddHub)
    return rebuild_accepted(facilities.add_hub(wiring.inventory_db(), command, wiring.now()))


@facilities_api.route("/hubs", methods=["GET"])
@errors_to_http
def list_hubs() -> Response:
    query = read_query(facilities_api.current_request, Query)
    start = after(query.cursor, tuple[str])
    rows = facilities.hubs(wiring.inventory_db(), start[0] if start else None, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda hub: (hub.hub_code,)))


@facilities_api.route("/hubs/{hub_code}", methods=["GET"])
@errors_to_http
def hub(hub_code: str) -> Response:
    return json_response(facilities.hub(wiring.inventory_db(), hub_code))


@facilities_api.route("/hubs/{hub_code}", methods=["PATCH"])
@errors_to_http
def change_hub(hub_code: str) -> Response:
    """`{"status": "open"}` opens it again."""
    command = read_body(facilities_api.current_request, ChangeHub)
    version = facilities.change_hub(wiring.inventory_db(), hub_code, command, wiring.now())
    return rebuild_accepted(version)


@facilities_api.route("/hubs/{hub_code}", methods=["DELETE"])
@errors_to_http
def delete_hub(hub_code: str) -> Response:
    """Refused while something holds it; its legs go with it."""
    return rebuild_accepted(facilities.delete_hub(wiring.inventory_db(), hub_code, wiring.now()))


@facilities_api.route("/hubs/{hub_code}/closure", methods=["POST"])
@errors_to_http
def close_hub(hub_code: str) -> Response:
    """Paths avoid it from the next route tables on; it is closed when nothing is in it any more."""
    return rebuild_accepted(facilities.close_hub(wiring.inventory_db(), hub_code, wiring.now()))


# -- fulfillment centers


@facilities_api.route("/fulfillment-centers", methods=["POST"])
@errors_to_http
def add_fulfillment_center() -> Response:
    command = read_body(facilities_api.current_request, AddFulfillmentCenter)
    conn, now = wiring.inventory_db(), wiring.now()
    return rebuild_accepted(facilities.add_fulfillment_center(conn, command, now))


@facilities_api.route("/fulfillment-centers", methods=["GET"])
@errors_to_http
def list_fulfillment_centers() -> Response:
    query = read_query(facilities_api.current_request, Query)
    start = after(query.cursor, tuple[str])
    rows = facilities.fulfillment_centers(
        wiring.inventory_db(), start[0] if start else None, query.limit + 1
    )
    return json_response(page_of(rows, query.limit, lambda fc: (fc.fc_code,)))


@facilities_api.route("/fulfillment-centers/{fc_code}", methods=["GET"])
@errors_to_http
def fulfillment_center(fc_code: str) -> Response:
    return json_response(facilities.fulfillment_center(wiring.inventory_db(), fc_code))


@facilities_api.route("/fulfillment-centers/{fc_code}", methods=["PATCH"])
@errors_to_http
def change_fulfillment_center(fc_code: str) -> Response:
    """`{"status": "open"}` opens it again."""
    command = read_body(facilities_api.current_request, ChangeFulfillmentCenter)
    conn, now = wiring.inventory_db(), wiring.now()
    return rebuild_accepted(facilities.change_fulfillment_center(conn, fc_code, command, now))


@facilities_api.route("/fulfillment-centers/{fc_code}", methods=["DELETE"])
@errors_to_http
def delete_fulfillment_center(fc_code: str) -> Response:
    """Refused while something holds it; its legs and pincode ranges go with it."""
    conn, now = wiring.inventory_db(), wiring.now()
    return rebuild_accepted(facilities.delete_fulfillment_center(conn, fc_code, now))


@facilities_api.route("/fulfillment-centers/{fc_code}/closure", methods=["POST"])
@errors_to_http
def close_fulfillment_center(fc_code: str) -> Response:
    """It serves nobody from the next route tables on; it is closed when nothing is in it any more."""
    conn, now = wiring.inventory_db(), wiring.now()
    return rebuild_accepted(facilities.close_fulfillment_center(conn, fc_code, now))


# -- legs


class LegsQuery(Query):
    origin: FacilityCode | None = None
    destination: FacilityCode | None = None


@facilities_api.route("/legs", methods=["POST"])
@errors_to_http
def add_leg() -> Response:
    command = read_body(facilities_api.current_request, AddLeg)
    return rebuild_accepted(facilities.add_leg(wiring.inventory_db(), command, wiring.now()))


@facilities_api.route("/legs", methods=["GET"])
@errors_to_http
def list_legs() -> Response:
    query = read_query(facilities_api.current_request, LegsQuery)
    start = after(query.cursor, tuple[str, str, str])
    rows = facilities.legs_listed(
        wiring.inventory_db(), query.origin, query.destination, start, query.limit + 1
    )
    return json_response(page_of(rows, query.limit, lambda leg: leg.key))


@facilities_api.route("/legs", methods=["DELETE"])
@errors_to_http
def delete_leg_named_in_query() -> Response:
    name = read_query(facilities_api.current_request, LegName)
    key = LegKey(name.origin, name.destination, name.mode)
    return rebuild_accepted(facilities.delete_leg(wiring.inventory_db(), key, wiring.now()))


@facilities_api.route("/legs/{origin}/{destination}/{mode}", methods=["GET"])
@errors_to_http
def leg(origin: str, destination: str, mode: str) -> Response:
    return json_response(facilities.leg(wiring.inventory_db(), _key(origin, destination, mode)))


@facilities_api.route("/legs/{origin}/{destination}/{mode}", methods=["PATCH"])
@errors_to_http
def change_leg(origin: str, destination: str, mode: str) -> Response:
    key, conn = _key(origin, destination, mode), wiring.inventory_db()
    command = read_body(facilities_api.current_request, ChangeLeg)
    return rebuild_accepted(facilities.change_leg(conn, key, command, wiring.now()))


@facilities_api.route("/legs/{origin}/{destination}/{mode}", methods=["DELETE"])
@errors_to_http
def delete_leg(origin: str, destination: str, mode: str) -> Response:
    key, conn = _key(origin, destination, mode), wiring.inventory_db()
    return rebuild_accepted(facilities.delete_leg(conn, key, wiring.now()))


def _key(origin: str, destination: str, mode: str) -> LegKey:
    return LegKey(origin, destination, read_path(Mode, mode, "mode"))


# -- the whole network


@facilities_api.route("/network", methods=["PUT"])
@errors_to_http
def put_network() -> Response:
    """Adds and changes what the file has (the router's own format), removes nothing."""
    network = parse_network(facilities_api.current_request.raw_body)
    hop_limit = wiring.settings().hop_limit
    conn, now = wiring.inventory_db(), wiring.now()
    return rebuild_accepted(facilities.put_network(conn, network, hop_limit, now))
