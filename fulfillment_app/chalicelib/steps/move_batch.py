"""The steps of `move_batch`: close → depart → check arrival, or alert → forward packages → finish.

Each takes the batch's id and the run's revision, and answers with the state it found or made, and the wall-clock moment
at which the run is to look again. Deadlocks and lost connections are tried again; the run itself is restarted by a sweep.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from chalice import Blueprint
from pydantic import Field

from online_kart.domain.base import Model
from online_kart.one_by_one import one_by_one
from online_kart.postgres import retrying

from .. import wiring
from ..services import forwarding, line_haul
from ..services.line_haul import Outcome
from ..services.runs import timestamp

move_batch_steps = Blueprint(__name__)


class BatchStep(Model):
    batch_id: UUID
    revision: Annotated[int, Field(ge=1)]


class ForwardStep(Model):
    batch_id: UUID
    package_ids: Annotated[
        tuple[UUID, ...], Field(min_length=1, max_length=forwarding.GROUP_SIZE_MAX)
    ]


def _answer(step: BatchStep, outcome: Outcome, moment: str) -> dict[str, Any]:
    """The input of the next state. `moment` names the time to wait until, where there is one."""
    answer: dict[str, Any] = {**step.model_dump(mode="json"), "state": outcome.state}
    if outcome.until is not None:
        answer[moment] = _wall_timestamp(outcome.until)
    return answer


def _wall_timestamp(business_at: datetime) -> str:
    return timestamp(wiring.clock().wall_time_of(business_at))


@move_batch_steps.lambda_function(name="close_batch")
def close_batch(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Raises NotFound."""
    step = BatchStep.model_validate(event)
    conn = wiring.inventory_db()
    outcome = retrying(lambda: line_haul.close(conn, step.batch_id, step.revision, wiring.now()))
    return _answer(step, outcome, "due_wall_at")


@move_batch_steps.lambda_function(name="depart_batch")
def depart_batch(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Raises NotFound, BatchStatusConflict."""
    step = BatchStep.model_validate(event)
    conn, documents = wiring.inventory_db(), wiring.documents()
    hop_limit = wiring.settings().hop_limit
    outcome = retrying(
        lambda: line_haul.depart(
            conn, documents, step.batch_id, step.revision, hop_limit, wiring.now()
        )
    )
    wiring.nudge_relay()
    return _answer(step, outcome, "check_wall_at")


@move_batch_steps.lambda_function(name="check_arrival")
def check_arrival(event: dict[str, Any], context: object) -> dict[str, Any]:
    """With the ids of the packages to forward, in groups, where the batch has arrived. Raises NotFound."""
    step = BatchStep.model_validate(event)
    conn = wiring.inventory_db()
    outcome = line_haul.check_arrival(conn, step.batch_id, step.revision, wiring.now())
    answer = _answer(step, outcome, "check_wall_at")
    if outcome.state == "arrived":
        groups = forwarding.groups_to_forward(conn, step.batch_id)
        answer["groups"] = [[str(package_id) for package_id in group] for group in groups]
    return answer


@move_batch_steps.lambda_function(name="alert_late")
def alert_late(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Raises NotFound."""
    step = BatchStep.model_validate(event)
    conn, recheck_minutes = wiring.inventory_db(), wiring.settings().late_recheck_minutes
    outcome = line_haul.alert_late(
        conn, step.batch_id, step.revision, recheck_minutes, wiring.now()
    )
    wiring.nudge_relay()
    return _answer(step, outcome, "check_wall_at")


@move_batch_steps.lambda_function(name="forward_package")
def forward_package(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Some packages of the batch, one after the other, each in a transaction of its own.

    One that fails holds up none of the others: the first error is raised when all were tried. Raises NotFound.
    """
    step = ForwardStep.model_validate(event)
    try:
        forwarded = one_by_one(step.package_ids, lambda id_: _forward(step.batch_id, id_))
    finally:
        wiring.nudge_relay()
    return {"forwarded": forwarded}


def _forward(batch_id: UUID, package_id: UUID) -> bool:
    conn, documents = wiring.inventory_db(), wiring.documents()
    return retrying(lambda: forwarding.forward(conn, documents, batch_id, package_id, wiring.now()))


@move_batch_steps.lambda_function(name="finish_batch")
def finish_batch(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Raises NotFound."""
    step = BatchStep.model_validate(event)
    conn = wiring.inventory_db()
    outcome = retrying(lambda: forwarding.finish(conn, step.batch_id, step.revision, wiring.now()))
    return _answer(step, outcome, "check_wall_at")
