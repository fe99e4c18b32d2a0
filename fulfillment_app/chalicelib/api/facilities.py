"""/fulfillment-centers, /hubs, /legs and /network.

A change answers 202 and the location of the build of route tables that will have it. With `?dry_run=true` it answers 200
and what it would do, and changes nothing.
"""

from chalice import Blueprint, Response

from online_kart.contract import operation, pages, versioned
from online_kart.domain.base import example
from online_kart.domain.errors import (
    FacilityExists,
    FacilityInUse,
    InvalidNetwork,
    LegExists,
    NotFound,
    PincodesTaken,
    TooManyHolidays,
    VersionChanged,
)
from online_kart.domain.facilities import (
    AddFulfillmentCenter,
    AddHub,
    AddLeg,
    ChangeFulfillmentCenter,
    ChangeHub,
    ChangeLeg,
    FulfillmentCenter,
    Hub,
    KnownLeg,
    LegName,
)
from online_kart.domain.network import LegKey, Mode, Network, parse_network
from online_kart.domain.principals import PLANNERS_ACT, STAFF_SEES
from online_kart.domain.values import FacilityCode
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    etag,
    json_response,
    page_of,
    read_body,
    read_path,
    read_query,
    wanted_versions,
)

from .. import wiring
from ..services import facilities
from .rebuilds import CHANGE_ANSWERS, ChangeQuery, answer_change, answer_query
from .repeats import repeats

facilities_api = Blueprint(__name__)


# -- hubs


@facilities_api.route("/hubs", methods=["POST"])
@operation(
    *CHANGE_ANSWERS, body=AddHub, query=ChangeQuery, errors=(FacilityExists,), access=PLANNERS_ACT
)
@errors_to_http
@repeats.safe(facilities_api)
def add_hub() -> Response:
    request = facilities_api.current_request
    command = read_body(request, AddHub)
    return answer_change(
        request, lambda conn, now: facilities.add_hub(conn, command, now), command.hub_code
    )


@facilities_api.route("/hubs", methods=["GET"])
@operation(pages(Hub), query=Query, access=STAFF_SEES)
@errors_to_http
def list_hubs() -> Response:
    """By code."""
    query = read_query(facilities_api.current_request, Query)
    start = after(query.cursor, tuple[str])
    rows = facilities.hubs(wiring.inventory_db(), start[0] if start else None, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda hub: (hub.hub_code,)))


@facilities_api.route("/hubs/{hub_code}", methods=["GET"])
@operation(versioned(Hub), errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def hub(hub_code: str) -> Response:
    found = facilities.hub(wiring.inventory_db(), hub_code)
    return json_response(found, headers=etag(found.version))


@facilities_api.route("/hubs/{hub_code}", methods=["PATCH"])
@operation(
    *CHANGE_ANSWERS,
    body=ChangeHub,
    query=ChangeQuery,
    errors=(NotFound, VersionChanged),
    access=PLANNERS_ACT,
)
@errors_to_http
def change_hub(hub_code: str) -> Response:
    """`{"status": "open"}` opens it again."""
    request = facilities_api.current_request
    command, wanted = read_body(request, ChangeHub), wanted_versions(request)
    return answer_change(
        request,
        lambda conn, now: facilities.change_hub(conn, hub_code, command, now, wanted),
        hub_code,
    )


@facilities_api.route("/hubs/{hub_code}", methods=["DELETE"])
@operation(
    *CHANGE_ANSWERS,
    query=ChangeQuery,
    errors=(NotFound, FacilityInUse, VersionChanged),
    access=PLANNERS_ACT,
)
@errors_to_http
def delete_hub(hub_code: str) -> Response:
    """Refused while something holds it; its legs go with it."""
    wanted = wanted_versions(facilities_api.current_request)
    return answer_change(
        facilities_api.current_request,
        lambda conn, now: facilities.delete_hub(conn, hub_code, now, wanted),
        hub_code,
    )


@facilities_api.route("/hubs/{hub_code}/closure", methods=["POST"])
@operation(*CHANGE_ANSWERS, query=ChangeQuery, errors=(NotFound,), access=PLANNERS_ACT)
@errors_to_http
@repeats.safe(facilities_api)
def close_hub(hub_code: str) -> Response:
    """Paths avoid it from the next route tables on; it is closed when nothing is in it any more."""
    return answer_change(
        facilities_api.current_request,
        lambda conn, now: facilities.close_hub(conn, hub_code, now),
        hub_code,
    )


# -- fulfillment centers


@facilities_api.route("/fulfillment-centers", methods=["POST"])
@operation(
    *CHANGE_ANSWERS,
    body=AddFulfillmentCenter,
    query=ChangeQuery,
    errors=(FacilityExists, PincodesTaken),
    access=PLANNERS_ACT,
)
@errors_to_http
@repeats.safe(facilities_api)
def add_fulfillment_center() -> Response:
    request = facilities_api.current_request
    command = read_body(request, AddFulfillmentCenter)
    return answer_change(
        request,
        lambda conn, now: facilities.add_fulfillment_center(conn, command, now),
        command.fc_code,
    )


@facilities_api.route("/fulfillment-centers", methods=["GET"])
@operation(pages(FulfillmentCenter), query=Query, access=STAFF_SEES)
@errors_to_http
def list_fulfillment_centers() -> Response:
    """By code."""
    query = read_query(facilities_api.current_request, Query)
    start = after(query.cursor, tuple[str])
    rows = facilities.fulfillment_centers(
        wiring.inventory_db(), start[0] if start else None, query.limit + 1
    )
    return json_response(page_of(rows, query.limit, lambda fc: (fc.fc_code,)))


@facilities_api.route("/fulfillment-centers/{fc_code}", methods=["GET"])
@operation(versioned(FulfillmentCenter), errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def fulfillment_center(fc_code: str) -> Response:
    found = facilities.fulfillment_center(wiring.inventory_db(), fc_code)
    return json_response(found, headers=etag(found.version))


@facilities_api.route("/fulfillment-centers/{fc_code}", methods=["PATCH"])
@operation(
    *CHANGE_ANSWERS,
    body=ChangeFulfillmentCenter,
    query=ChangeQuery,
    errors=(NotFound, VersionChanged),
    access=PLANNERS_ACT,
)
@errors_to_http
def change_fulfillment_center(fc_code: str) -> Response:
    """`{"status": "open"}` opens it again."""
    request = facilities_api.current_request
    command, wanted = read_body(request, ChangeFulfillmentCenter), wanted_versions(request)
    return answer_change(
        request,
        lambda conn, now: facilities.change_fulfillment_center(conn, fc_code, command, now, wanted),
        fc_code,
    )


@facilities_api.route("/fulfillment-centers/{fc_code}", methods=["DELETE"])
@operation(
    *CHANGE_ANSWERS,
    query=ChangeQuery,
    errors=(NotFound, FacilityInUse, VersionChanged),
    access=PLANNERS_ACT,
)
@errors_to_http
def delete_fulfillment_center(fc_code: str) -> Response:
    """Refused while something holds it; its legs and pincode ranges go with it."""
    wanted = wanted_versions(facilities_api.current_request)
    return answer_change(
        facilities_api.current_request,
        lambda conn, now: facilities.delete_fulfillment_center(conn, fc_code, now, wanted),
        fc_code,
    )


@facilities_api.route("/fulfillment-centers/{fc_code}/closure", methods=["POST"])
@operation(*CHANGE_ANSWERS, query=ChangeQuery, errors=(NotFound,), access=PLANNERS_ACT)
@errors_to_http
@repeats.safe(facilities_api)
def close_fulfillment_center(fc_code: str) -> Response:
    """It serves nobody from the next route tables on; it is closed when nothing is in it any more."""
    return answer_change(
        facilities_api.current_request,
        lambda conn, now: facilities.close_fulfillment_center(conn, fc_code, now),
        fc_code,
    )


# -- legs


class LegsQuery(Query):
    origin: FacilityCode | None = None
    destination: FacilityCode | None = None


class LegNameQuery(LegName, ChangeQuery):
    """Which leg, and whether in earnest."""

    model_config = example(origin="BLR1", destination="BLR", mode="road", dry_run=True)


@facilities_api.route("/legs", methods=["POST"])
@operation(
    *CHANGE_ANSWERS,
    body=AddLeg,
    query=ChangeQuery,
    errors=(NotFound, LegExists, InvalidNetwork),
    access=PLANNERS_ACT,
)
@errors_to_http
@repeats.safe(facilities_api)
def add_leg() -> Response:
    request = facilities_api.current_request
    command = read_body(request, AddLeg)
    return answer_change(
        request, lambda conn, now: facilities.add_leg(conn, command, now), command.key
    )


@facilities_api.route("/legs", methods=["GET"])
@operation(pages(KnownLeg), query=LegsQuery, access=STAFF_SEES)
@errors_to_http
def list_legs() -> Response:
    """By origin, destination and mode."""
    query = read_query(facilities_api.current_request, LegsQuery)
    start = after(query.cursor, tuple[str, str, str])
    rows = facilities.legs_listed(
        wiring.inventory_db(), query.origin, query.destination, start, query.limit + 1
    )
    return json_response(page_of(rows, query.limit, lambda leg: leg.key))


@facilities_api.route("/legs", methods=["DELETE"])
@operation(
    *CHANGE_ANSWERS, query=LegNameQuery, errors=(NotFound, VersionChanged), access=PLANNERS_ACT
)
@errors_to_http
def delete_leg_named_in_query() -> Response:
    query = read_query(facilities_api.current_request, LegNameQuery)
    wanted = wanted_versions(facilities_api.current_request)
    key = LegKey(query.origin, query.destination, query.mode)
    return answer_query(query, lambda conn, now: facilities.delete_leg(conn, key, now, wanted), key)


@facilities_api.route("/legs/{origin}/{destination}/{mode}", methods=["GET"])
@operation(versioned(KnownLeg), path={"mode": Mode}, errors=(NotFound,), access=STAFF_SEES)
@errors_to_http
def leg(origin: str, destination: str, mode: str) -> Response:
    found = facilities.leg(wiring.inventory_db(), _key(origin, destination, mode))
    return json_response(found, headers=etag(found.version))


@facilities_api.route("/legs/{origin}/{destination}/{mode}", methods=["PATCH"])
@operation(
    *CHANGE_ANSWERS,
    path={"mode": Mode},
    body=ChangeLeg,
    query=ChangeQuery,
    errors=(NotFound, VersionChanged),
    access=PLANNERS_ACT,
)
@errors_to_http
def change_leg(origin: str, destination: str, mode: str) -> Response:
    key, request = _key(origin, destination, mode), facilities_api.current_request
    command, wanted = read_body(request, ChangeLeg), wanted_versions(request)
    return answer_change(
        request, lambda conn, now: facilities.change_leg(conn, key, command, now, wanted), key
    )


@facilities_api.route("/legs/{origin}/{destination}/{mode}", methods=["DELETE"])
@operation(
    *CHANGE_ANSWERS,
    path={"mode": Mode},
    query=ChangeQuery,
    errors=(NotFound, VersionChanged),
    access=PLANNERS_ACT,
)
@errors_to_http
def delete_leg(origin: str, destination: str, mode: str) -> Response:
    key, request = _key(origin, destination, mode), facilities_api.current_request
    wanted = wanted_versions(request)
    return answer_change(
        request, lambda conn, now: facilities.delete_leg(conn, key, now, wanted), key
    )


def _key(origin: str, destination: str, mode: str) -> LegKey:
    return LegKey(origin, destination, read_path(Mode, mode, "mode"))


# -- the whole network


@facilities_api.route("/network", methods=["PUT"])
@operation(
    *CHANGE_ANSWERS,
    body=Network,
    query=ChangeQuery,
    errors=(InvalidNetwork, PincodesTaken, TooManyHolidays),
    access=PLANNERS_ACT,
)
@errors_to_http
def put_network() -> Response:
    """Adds and changes what the file has (the router's own format), removes nothing."""
    request = facilities_api.current_request
    network = parse_network(request.raw_body)
    hop_limit = wiring.settings().hop_limit
    return answer_change(
        request, lambda conn, now: facilities.put_network(conn, network, hop_limit, now)
    )
