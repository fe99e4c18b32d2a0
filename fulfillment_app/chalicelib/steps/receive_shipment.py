"""The steps of `receive_shipment`: count → add to stock → close.

There is nothing to undo: goods that lie in the FC are there. Each step is repeated until it succeeds.
"""

from typing import Any

from chalice import Blueprint

from online_kart.domain.base import Model
from online_kart.domain.inbound import Asn

from .. import wiring
from ..services import inbound

receive_shipment_steps = Blueprint(__name__)


class ShipmentStep(Model):
    asn: Asn


@receive_shipment_steps.lambda_function(name="count_units")
def count_units(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Raises NotFound, ReceiptMismatch."""
    step = ShipmentStep.model_validate(event)
    return dict(inbound.count_units(wiring.inventory_db(), wiring.documents(), step.asn))


@receive_shipment_steps.lambda_function(name="add_to_stock")
def add_to_stock(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Raises NotFound."""
    step = ShipmentStep.model_validate(event)
    booked = inbound.add_to_stock(wiring.inventory_db(), step.asn, wiring.now())
    wiring.nudge_relay()
    return {"booked_units": booked}


@receive_shipment_steps.lambda_function(name="close_asn")
def close_asn(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Raises NotFound."""
    step = ShipmentStep.model_validate(event)
    differing = inbound.close_asn(wiring.inventory_db(), wiring.documents(), step.asn, wiring.now())
    wiring.nudge_relay()
    return {"discrepancies": len(differing)}
