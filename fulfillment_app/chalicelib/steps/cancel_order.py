"""The fulfillment side's step of `cancel_order`; `release_stock` is `place_order`'s: names are unique in an app."""

from typing import Any
from uuid import UUID

from chalice import Blueprint

from online_kart.domain.base import Model

from .. import wiring
from ..services import recalls

cancel_order_steps = Blueprint(__name__)


class CancelOrder(Model):
    order_id: UUID


@cancel_order_steps.lambda_function(name="recall_packages")
def recall_packages(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Raises OrderAlreadyDelivered, which the state machine catches by that name."""
    step = CancelOrder(order_id=event["order_id"])
    recalled = recalls.recall_packages(
        wiring.inventory_db(), wiring.documents(), step.order_id, wiring.now()
    )
    wiring.nudge_relay()
    return {"order_id": str(step.order_id), "recalled": recalled}
