"""What the walk along route tables takes for wrong, on tables that are right."""

from types import SimpleNamespace
from typing import Any, cast

from fulfillment_app.chalicelib.services.route_checks import walks
from online_kart.domain.reconciliation import Findings
from online_kart.routing.tables import Router
from tests.builders import a_network, roads


def test_an_fc_that_is_passed_again_behind_a_hub_is_no_loop():
    """From U by land D is four legs away: the one way turns at the hub beyond X, and comes back by X."""
    legs = [*roads("U", "V", "X", "H"), *roads("H", "X", "Y", "D")]
    network = a_network(legs, hubs="H", hop_limit=3)
    tables = {table.facility: table for table in Router(network).tables()}
    reading = SimpleNamespace(
        network=network,
        tables=tables,
        right_tables=tables,
        lost_tables=[],
        manifest=SimpleNamespace(tables=tables),
    )
    findings = Findings()

    assert walks(cast(Any, reading), findings) == "6 tables, 25 pairs walked"
    assert findings.kept == []

    assert walks(cast(Any, reading), findings, pairs_max=12) == "6 tables, 10 pairs walked"
