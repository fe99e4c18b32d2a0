"""This side's steps of `reconcile`."""

from typing import Any
from uuid import UUID

from chalice import Blueprint

from online_kart.domain.base import Model

from .. import wiring
from ..services import reconciliations

reconcile_steps = Blueprint(__name__)


class Reconcile(Model):
    reconciliation_id: UUID

    @classmethod
    def of(cls, event: dict[str, Any]) -> UUID:
        return cls(reconciliation_id=event["reconciliation_id"]).reconciliation_id


@reconcile_steps.lambda_function(name="compare_inventory")
def compare_inventory(event: dict[str, Any], context: object) -> dict[str, Any]:
    key = Reconcile.of(event)
    reconciliations.compare_inventory(wiring.inventory_db(), wiring.documents(), key, wiring.now())
    return {"reconciliation_id": str(key)}


@reconcile_steps.lambda_function(name="report_differences")
def report_differences(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers counts only: the report itself is kept with the reconciliation."""
    key = Reconcile.of(event)
    report = reconciliations.report(wiring.inventory_db(), wiring.documents(), key, wiring.now())
    return {
        "reconciliation_id": str(key),
        "checked": sum(each.checked for each in report.invariants),
        "broken": sum(each.broken for each in report.invariants),
    }


@reconcile_steps.lambda_function(name="repair_differences")
def repair_differences(event: dict[str, Any], context: object) -> dict[str, Any]:
    key = Reconcile.of(event)
    repaired = reconciliations.repair(wiring.inventory_db(), wiring.documents(), key, wiring.now())
    wiring.nudge_relay()
    return {"reconciliation_id": str(key), "repaired": repaired}


@reconcile_steps.lambda_function(name="fail_reconciliation")
def fail_reconciliation(event: dict[str, Any], context: object) -> dict[str, Any]:
    key = Reconcile.of(event)
    reconciliations.fail(wiring.inventory_db(), key, wiring.now())
    return {"reconciliation_id": str(key)}
