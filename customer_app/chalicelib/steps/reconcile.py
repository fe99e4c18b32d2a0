"""The customer side's steps of `reconcile`."""

from typing import Any
from uuid import UUID

from chalice import Blueprint

from .. import wiring
from ..services import reconciliations

reconcile_steps = Blueprint(__name__)


@reconcile_steps.lambda_function(name="compare_customer")
def compare_customer(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers how much was found; what, is in the document store."""
    key = UUID(event["reconciliation_id"])
    found = reconciliations.compare_customer(
        wiring.customer_db(), wiring.documents(), key, wiring.now()
    )
    return {"reconciliation_id": str(key), "found": found}


@reconcile_steps.lambda_function(name="repair_customer")
def repair_customer(event: dict[str, Any], context: object) -> dict[str, Any]:
    key = UUID(event["reconciliation_id"])
    repaired = reconciliations.repair_customer(
        wiring.customer_db(), wiring.documents(), key, wiring.now()
    )
    wiring.nudge_relay()
    return {"reconciliation_id": str(key), "repaired": repaired}
