"""How every change of the network answers: accepted, and where its route tables are to be seen."""

from http import HTTPStatus

from chalice import Response

from online_kart.http import json_response

from .. import wiring


def rebuild_accepted(version: int) -> Response:
    """The change is committed, and the event that starts the build with it."""
    wiring.nudge_relay()
    location = f"/route-tables/rebuilds/{version}"
    return json_response(
        {"version": version, "rebuild": location}, HTTPStatus.ACCEPTED, {"Location": location}
    )
