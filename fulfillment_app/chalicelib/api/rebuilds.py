"""How every change of the network answers: accepted, and where its route tables are to be seen; or what it would do."""

from http import HTTPStatus

from chalice import Response

from online_kart.contract import accepted, ok
from online_kart.domain.base import Model, example
from online_kart.http import Request, json_response, read_query

from .. import wiring
from ..services.dry_runs import Change, DryRun, Subject, dry_run


class ChangeQuery(Model):
    """With `dry_run` nothing is changed: the answer says what the change would do."""

    model_config = example(dry_run=True)

    dry_run: bool = False


class RebuildAccepted(Model):
    """The version of route tables that will have the change, and where its build is to be seen."""

    version: int
    rebuild: str


REBUILD = accepted(RebuildAccepted)
CHANGE_ANSWERS = (REBUILD, ok(DryRun))


def answer_change(request: Request, change: Change, subject: Subject = None) -> Response:
    """Make the change, or try it: `subject` is the facility or leg that it is about."""
    return answer_query(read_query(request, ChangeQuery), change, subject)


def answer_query(query: ChangeQuery, change: Change, subject: Subject = None) -> Response:
    conn, now = wiring.inventory_db(), wiring.now()
    if not query.dry_run:
        return rebuild_accepted(change(conn, now))
    hop_limit = wiring.settings().hop_limit
    return json_response(dry_run(conn, wiring.documents(), change, subject, hop_limit, now))


def rebuild_accepted(version: int) -> Response:
    """The change is committed, and the event that starts the build with it."""
    wiring.nudge_relay()
    location = f"/route-tables/rebuilds/{version}"
    return json_response(
        {"version": version, "rebuild": location}, HTTPStatus.ACCEPTED, {"Location": location}
    )
