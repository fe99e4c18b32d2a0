"""The fulfillment side's steps of `place_order`: reserve stock, plan packages; and what undoes them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chalice import Blueprint

from online_kart.domain.base import Model
from online_kart.domain.sourcing import OrderToServe
from online_kart.planning.routes import current_routes

from .. import wiring
from ..services import packages, recalls, stock

place_order_steps = Blueprint(__name__)


class OrderStep(Model):
    order_id: UUID


def _order(event: dict[str, Any]) -> OrderToServe:
    """The machine's input has more than a step takes: what the steps before answered, and fields that events of a
    later release have."""
    return OrderToServe.model_validate(event, extra="ignore")


def _hold_until() -> datetime:
    return wiring.now() + timedelta(minutes=wiring.settings().hold_minutes)


@place_order_steps.lambda_function(name="reserve_stock")
def reserve_stock(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Raises OutOfStock, NoRoute, NotServed, StockAlreadyReleased, ReservationExpired, which the machine catches."""
    sourcing = stock.reserve_stock(
        wiring.inventory_db(),
        current_routes(wiring.documents()),
        _order(event),
        _hold_until(),
        wiring.now(),
    )
    return {"sourcing": sourcing.model_dump(mode="json")}


@place_order_steps.lambda_function(name="plan_packages")
def plan_packages(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Raises NoRoute, NotServed, PackagesAlreadyDiscarded, StockAlreadyReleased, ReservationExpired."""
    planned = packages.plan_packages(
        wiring.inventory_db(),
        wiring.documents(),
        current_routes(wiring.documents()),
        _order(event),
        _hold_until(),
        wiring.now(),
    )
    wiring.nudge_relay()
    return planned.model_dump(mode="json")


@place_order_steps.lambda_function(name="discard_packages")
def discard_packages(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Undoes plan_packages, also where that never ran."""
    step = OrderStep(order_id=event["order_id"])
    discarded = recalls.discard_packages(
        wiring.inventory_db(), wiring.documents(), step.order_id, wiring.now()
    )
    wiring.nudge_relay()
    return {"order_id": str(step.order_id), "discarded": discarded}


@place_order_steps.lambda_function(name="release_stock")
def release_stock(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Undoes reserve_stock, also where that never ran. A step of `cancel_order` too."""
    step = OrderStep(order_id=event["order_id"])
    released = stock.release_stock(wiring.inventory_db(), step.order_id, wiring.now())
    wiring.nudge_relay()
    return {"order_id": str(step.order_id), "released": released}
