"""The customer side's steps of `cancel_order`."""

from typing import Any
from uuid import UUID

from chalice import Blueprint

from online_kart.domain.base import Model

from .. import wiring
from ..services import cancellations

cancel_order_steps = Blueprint(__name__)


class CancelOrder(Model):
    order_id: UUID


@cancel_order_steps.lambda_function(name="begin_cancellation")
def begin_cancellation(event: dict[str, Any], context: object) -> dict[str, Any]:
    step = CancelOrder(order_id=event["order_id"])
    status = cancellations.begin(wiring.customer_db(), step.order_id)
    return {"order_id": str(step.order_id), "status": status}


@cancel_order_steps.lambda_function(name="finish_cancellation")
def finish_cancellation(event: dict[str, Any], context: object) -> dict[str, Any]:
    step = CancelOrder(order_id=event["order_id"])
    refund_paise = cancellations.finish(wiring.customer_db(), step.order_id, wiring.now())
    wiring.nudge_relay()
    return {"order_id": str(step.order_id), "refund_paise": refund_paise}


@cancel_order_steps.lambda_function(name="refuse_cancellation")
def refuse_cancellation(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The way out where a package was delivered before it could be recalled."""
    step = CancelOrder(order_id=event["order_id"])
    status = cancellations.refuse(wiring.customer_db(), step.order_id, wiring.now())
    wiring.nudge_relay()
    return {"order_id": str(step.order_id), "status": status}
