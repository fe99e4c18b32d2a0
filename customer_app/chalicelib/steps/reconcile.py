"""The customer side's step of `reconcile`."""

from typing import Any
from uuid import UUID

from chalice import Blueprint

from .. import wiring
from ..services import reconciliations

reconcile_steps = Blueprint(__name__)


@reconcile_steps.lambda_function(name="compare_customer")
def compare_customer(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers how many rows differ; the rows themselves are in the document store."""
    key = UUID(event["reconciliation_id"])
    different = reconciliations.compare_customer(
        wiring.customer_db(), wiring.documents(), key, wiring.now()
    )
    return {"reconciliation_id": str(key), "differences": different}
