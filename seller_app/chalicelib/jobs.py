"""What runs on a schedule. Every job is safe to run twice and at the same time, and bounded."""

from typing import Any

from chalice import Blueprint, Rate
from chalice.app import CloudWatchEvent

from . import wiring
from .services import prices

jobs = Blueprint(__name__)

STARTED_AT_ONCE_MAX = 500


@jobs.schedule(Rate(1, unit=Rate.MINUTES), name="start_coming_prices")
def start_coming_prices(event: CloudWatchEvent) -> dict[str, Any]:
    """Prices whose time has come begin; `started` counts their offers."""
    started = prices.start_due(wiring.inventory_db(), wiring.now(), STARTED_AT_ONCE_MAX)
    if started:
        wiring.nudge_relay()
    return {"started": started}
