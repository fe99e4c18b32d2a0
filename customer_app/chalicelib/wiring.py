"""What the app is connected to: opened on first use, never on import.

Local runs and tests swap it by the environment. There is no way into the inventory database from here.
"""

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from psycopg import Connection
from pymongo.database import Database as Documents

from online_kart import aws, credentials
from online_kart.clock import Clock
from online_kart.documents import connection
from online_kart.domain.payments import PaymentProvider
from online_kart.messaging import relay
from online_kart.messaging.bus import EventBus
from online_kart.payment_provider import HttpPaymentProvider
from online_kart.postgres import Database
from online_kart.settings import CustomerSettings

if TYPE_CHECKING:
    from online_kart.tokens import Tokens


@cache
def settings() -> CustomerSettings:
    return CustomerSettings.from_env()


@cache
def clock() -> Clock:
    return Clock.from_file(settings().clock_file or None)


def now() -> datetime:
    """Business time."""
    return clock().now()


@cache
def _customer() -> Database:
    dsn = settings().customer_dsn
    return Database(dsn, credentials.database_password(settings(), dsn))


def customer_db() -> Connection[Any]:
    return _customer().connection()


@cache
def documents() -> Documents[dict[str, Any]]:
    return connection.database(credentials.documents_uri(settings()), settings().documents_db)


@cache
def bus() -> EventBus:
    return EventBus(aws_client("events"), settings().event_bus)


@cache
def payments() -> PaymentProvider:
    """Knows no order where no provider is connected: none can be prepaid then."""
    return HttpPaymentProvider(settings().payments_url)


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
