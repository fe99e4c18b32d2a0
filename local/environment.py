"""What each local process finds in its environment: the same names as on AWS, local addresses."""

import json
import os
from pathlib import Path

from .apps import LoadedApp
from .aws import state_machine_arns
from .clock import ClockFile
from .databases import Databases
from .ports import HOST, Ports

REGION = "ap-south-1"
RELAYS = {
    "fulfillment_app": "relay_inventory_outbox",
    "seller_app": "relay_inventory_outbox",
    "customer_app": "relay_customer_outbox",
}
"""The function that each app nudges after a commit."""


IMPATIENCE = {
    "KART_RUN_LOST_AFTER_SECONDS": "30",
    "KART_ORDER_STUCK_AFTER_SECONDS": "30",
    "KART_HOLD_MINUTES": str(5 * 24 * 60),
}
"""Production waits for minutes before it takes a run for lost. Here a step takes milliseconds, and who
has killed the engine watches what becomes of the orders. Stock, on the other hand, is held for days of
business time instead of minutes: at the demo's speed a quarter of an hour is a fifth of a second."""


def environment(databases: Databases, ports: Ports, state: Path) -> dict[str, str]:
    """Of every process of the system. What the caller's environment sets besides stays."""
    return {
        **IMPATIENCE,
        **os.environ,
        **databases.as_environment(),
        "KART_DOCUMENTS_DB": documents_db(),
        "KART_STATE": str(state),
        "KART_CLOCK_FILE": str(ClockFile(state).path),
        "KART_ENGINE_PORT": str(ports.engine),
        "KART_EVENT_BUS": "kart",
        "KART_STATE_MACHINE_ARNS": json.dumps(state_machine_arns(REGION)),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "KART_PAYMENTS_URL": os.environ.get("KART_PAYMENTS_URL", f"http://{HOST}:{ports.engine}"),
        "AWS_ENDPOINT_URL_LAMBDA": f"http://{HOST}:{ports.engine}",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
    }


def documents_db() -> str:
    return os.environ.get("KART_DOCUMENTS_DB", "kart")


def app_environment(name: str) -> dict[str, str]:
    """What one app has of its own."""
    return {"KART_RELAY_FUNCTION": RELAYS[name]}


def settle_settings(app: LoadedApp) -> None:
    """Let the app read its settings now, with what it has of its own.

    Where all apps share a process they share an environment; each reads it once and keeps it.
    """
    os.environ.update(app_environment(app.name))
    if app.wiring is not None:
        app.wiring.settings()
