"""What the app is connected to: opened on first use, never on import; local runs and tests swap it by the environment."""

import json
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from psycopg import Connection
from pymongo.database import Database as Documents

from online_kart import aws, credentials
from online_kart.clock import Clock
from online_kart.documents import connection
from online_kart.messaging import relay
from online_kart.messaging.bus import EventBus
from online_kart.postgres import Database
from online_kart.settings import FulfillmentSettings

if TYPE_CHECKING:
    from online_kart.tokens import Tokens


@cache
def settings() -> FulfillmentSettings:
    return FulfillmentSettings.from_env()


@cache
def clock() -> Clock:
    return Clock.from_file(settings().clock_file or None)


def now() -> datetime:
    """Business time."""
    return clock().now()


@cache
def _inventory() -> Database:
    dsn = settings().inventory_dsn
    return Database(dsn, credentials.database_password(settings(), dsn))


def inventory_db() -> Connection[Any]:
    return _inventory().connection()


@cache
def documents() -> Documents[dict[str, Any]]:
    return connection.database(credentials.documents_uri(settings()), settings().documents_db)


@cache
def bus() -> EventBus:
    return EventBus(aws_client("events"), settings().event_bus)


@cache
def state_machine_arns() -> dict[str, str]:
    arns: dict[str, str] = json.loads(settings().state_machine_arns)
    return arns


@cache
def step_functions() -> Any:
    return aws_client("stepfunctions")


@cache
def tokens() -> "Tokens":
    from online_kart.tokens import Tokens  # only the authorizer needs it

    return Tokens(settings().token_issuers)


def nudge_relay() -> None:
    """Ask the relay to send what was just committed. Its schedule would do so within a minute anyway."""
    function = settings().relay_function
    relay.nudge(aws_client("lambda") if function else None, function)


@cache
def aws_client(service: str) -> Any:
    return aws.client(service, settings().aws_region)
