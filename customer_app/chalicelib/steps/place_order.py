"""The customer side's steps of `place_order`: the order's row decides."""

from datetime import date
from typing import Any
from uuid import UUID

from chalice import Blueprint

from online_kart.domain.base import Model

from .. import wiring
from ..services import orders, payments

place_order_steps = Blueprint(__name__)


class ConfirmOrder(Model):
    order_id: UUID
    package_ids: tuple[UUID, ...]
    promise_date: date
    sourcing: dict[str, Any] | None = None


class RejectOrder(Model):
    order_id: UUID
    error: str
    cause: str = ""


@place_order_steps.lambda_function(name="confirm_order")
def confirm_order(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Raises OrderStatusConflict or PaymentDeclined, which the state machine catches by that name."""
    step = ConfirmOrder.model_validate(event)
    payments.authorize(wiring.customer_db(), wiring.payments(), step.order_id, wiring.now())
    orders.confirm_order(
        wiring.customer_db(),
        wiring.documents(),
        step.order_id,
        step.package_ids,
        step.promise_date,
        step.sourcing,
        wiring.now(),
    )
    wiring.nudge_relay()
    return {"order_id": str(step.order_id)}


@place_order_steps.lambda_function(name="reject_order")
def reject_order(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Decides first, undoes afterwards: where `rejected` is false, there is nothing to undo."""
    step = RejectOrder.model_validate(event)
    rejected = orders.reject_order(
        wiring.customer_db(), step.order_id, step.error, step.cause, wiring.now()
    )
    wiring.nudge_relay()
    return {"order_id": str(step.order_id), "rejected": rejected}
