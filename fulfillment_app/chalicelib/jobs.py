"""What runs on a schedule. Every job is safe to run twice and at the same time, bounded, and logs what it did."""

from datetime import datetime, timedelta
from typing import Any

from chalice import Blueprint, Cron, Rate
from chalice.app import CloudWatchEvent

from online_kart.messaging import outbox
from online_kart.messaging.published import INVENTORY_SOURCE

from . import wiring
from .services import (
    availability,
    facilities,
    projections,
    rebuilds,
    recalls,
    reconciliations,
    reservation_requests,
    retention,
    runs,
    sales,
    stock,
    unheard,
)

jobs = Blueprint(__name__)

SWEPT_AT_ONCE_MAX = 500

MINUTE = Rate(1, unit=Rate.MINUTES)


@jobs.schedule(MINUTE, name="relay_inventory_outbox")
def relay_inventory_outbox(event: CloudWatchEvent) -> dict[str, Any]:
    """Send every unsent event; then add up what changed in stock (I13) and tell of that. Also runs when nudged.

    In this order a sum that goes wrong holds up no event.
    """
    sent = _send_unsent()
    projected = availability.project(wiring.inventory_db(), wiring.now())
    return {"projected": projected, "sent": sent + (_send_unsent() if projected else 0)}


def _send_unsent() -> int:
    return outbox.send_unsent(wiring.inventory_db(), wiring.bus(), INVENTORY_SOURCE, wiring.now())


@jobs.schedule(MINUTE, name="sweep_runs")
def sweep_runs(event: CloudWatchEvent) -> dict[str, Any]:
    """Start again what was lost, and tell again of what was never started.

    After an outage nobody need wait until a run counts as lost: `detail` may set `unheard_since`, the wall time of
    the outage. Later runs are not of concern: an order's, which can't be asked for, would be started again and again.
    """
    clock = wiring.clock()
    engine = runs.Engine(wiring.step_functions(), wiring.state_machine_arns())
    lost_after = timedelta(seconds=wiring.settings().run_lost_after_seconds)
    outage = event.detail.get("unheard_since")
    unheard_since = datetime.fromisoformat(outage) if outage else clock.wall_now() - lost_after
    try:
        swept = runs.sweep(wiring.inventory_db(), engine, clock, unheard_since)
    finally:
        told = unheard.tell_again(
            wiring.inventory_db(),
            clock.now() - lost_after * clock.speed,
            SWEPT_AT_ONCE_MAX,
            clock.now(),
        )
        wiring.nudge_relay()
    return {**swept, "told_again": told}


@jobs.schedule(MINUTE, name="sweep_reservations")
def sweep_reservations(event: CloudWatchEvent) -> dict[str, Any]:
    """What is held past its deadline: release it, or confirm it where its order was confirmed unheard."""
    conn, documents, now = wiring.inventory_db(), wiring.documents(), wiring.now()
    try:
        confirmed = stock.confirm_unheard(conn, documents, now, SWEPT_AT_ONCE_MAX)
    finally:
        released = recalls.release_expired(conn, documents, now, SWEPT_AT_ONCE_MAX)
    return {"released": released, "confirmed": confirmed}


@jobs.schedule(MINUTE, name="roll_up_sales")
def roll_up_sales(event: CloudWatchEvent) -> dict[str, Any]:
    """Add sales changes to the totals by category and month (I11, I12)."""
    return {"rolled_up": sales.roll_up(wiring.inventory_db())}


@jobs.schedule(Rate(5, unit=Rate.MINUTES), name="measure_projections")
def measure_projections(event: CloudWatchEvent) -> dict[str, Any]:
    """How far copies are behind, and how many packages are late, as metrics."""
    return projections.measure(wiring.inventory_db(), wiring.documents(), wiring.now())


@jobs.schedule(MINUTE, name="close_drained_facilities")
def close_drained_facilities(event: CloudWatchEvent) -> dict[str, Any]:
    """A draining facility that holds nothing any more is closed."""
    return {"closed": facilities.close_drained(wiring.inventory_db(), wiring.now())}


@jobs.schedule(Rate(1, unit=Rate.HOURS), name="prune_inventory")
def prune_inventory(event: CloudWatchEvent) -> dict[str, Any]:
    """Forget what is older than its rule says (LIMITS.md), requests nobody waits for, and route tables nothing uses."""
    conn, documents, clock = wiring.inventory_db(), wiring.documents(), wiring.clock()
    return {
        **retention.prune(conn, documents, clock.now(), clock.wall_now()),
        "reservation_requests": reservation_requests.prune(conn, clock.now()),
        "route_tables": rebuilds.prune(documents),
    }


@jobs.schedule(Cron(30, 20, "*", "*", "?", "*"), name="rebuild_routes_daily")
def rebuild_routes_daily(event: CloudWatchEvent) -> dict[str, Any]:
    """At 02:00 in the shop's time zone."""
    version = rebuilds.request_rebuild(wiring.inventory_db(), "daily", wiring.now())
    wiring.nudge_relay()
    return {"version": version}


@jobs.schedule(Cron(0, 21, "*", "*", "?", "*"), name="reconcile_daily")
def reconcile_daily(event: CloudWatchEvent) -> dict[str, Any]:
    """At 02:30 in the shop's time zone."""
    reconciliation_id = reconciliations.request(wiring.inventory_db(), wiring.now())
    wiring.nudge_relay()
    return {"reconciliation_id": str(reconciliation_id)}
