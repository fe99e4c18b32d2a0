"""What runs on a schedule. Every job is safe to run twice and at the same time, and bounded."""

from datetime import timedelta
from typing import Any

from chalice import Blueprint, Rate
from chalice.app import CloudWatchEvent

from online_kart.messaging import outbox
from online_kart.messaging.published import CUSTOMER_SOURCE

from . import wiring
from .services import orders, payments, retention, returns

jobs = Blueprint(__name__)

SWEPT_AT_ONCE_MAX = 200


@jobs.schedule(Rate(1, unit=Rate.MINUTES), name="relay_customer_outbox")
def relay_customer_outbox(event: CloudWatchEvent) -> dict[str, Any]:
    """Send every unsent event. Also runs when nudged."""
    sent = outbox.send_unsent(wiring.customer_db(), wiring.bus(), CUSTOMER_SOURCE, wiring.now())
    return {"sent": sent}


@jobs.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_orders")
def sweep_orders(event: CloudWatchEvent) -> dict[str, Any]:
    """Tell again of orders that were neither served nor cancelled in time."""
    stuck_for = timedelta(seconds=wiring.settings().order_stuck_after_seconds)
    now = wiring.now()
    stuck_before = now - stuck_for * wiring.clock().speed
    swept = orders.sweep(wiring.customer_db(), stuck_before, SWEPT_AT_ONCE_MAX, now)
    wiring.nudge_relay()
    return {"swept": swept}


@jobs.schedule(Rate(1, unit=Rate.MINUTES), name="settle_payments")
def settle_payments(event: CloudWatchEvent) -> dict[str, Any]:
    """Capture payments of confirmed orders; release those of rejected and cancelled ones."""
    settled = payments.settle(
        wiring.customer_db(), wiring.payments(), SWEPT_AT_ONCE_MAX, wiring.now()
    )
    return {"settled": settled}


@jobs.schedule(Rate(1, unit=Rate.MINUTES), name="refund_returns")
def refund_returns(event: CloudWatchEvent) -> dict[str, Any]:
    """Give back what was prepaid and has been returned."""
    refunded = returns.settle(
        wiring.customer_db(), wiring.payments(), SWEPT_AT_ONCE_MAX, wiring.now()
    )
    wiring.nudge_relay()
    return {"refunded": refunded}


@jobs.schedule(Rate(1, unit=Rate.HOURS), name="prune_customer")
def prune_customer(event: CloudWatchEvent) -> dict[str, Any]:
    """Forget sent events, handled ids and old answers."""
    return retention.prune(wiring.customer_db(), wiring.now())
