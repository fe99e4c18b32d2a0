"""How an app signs in to its stores on AWS, where no password is in its environment.

To PostgreSQL it signs in by IAM: a token that is signed here, without asking anybody, takes the place of a password for
the quarter of an hour in which a connection may be opened. The document store's password is in a secret, which is read
when the store is first used; an environment of Lambda's lives for hours, and is then replaced by one that reads it again.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import quote_plus

from psycopg.conninfo import conninfo_to_dict

from . import aws
from .settings import Settings

TOKEN_SECONDS = 900
"""IAM allows no more. It is only looked at when a connection is opened."""

CERTIFICATES = "/opt/certificates/rds.pem"
"""In the layer: who signs the certificates of DocumentDB's servers."""


def database_password(settings: Settings, dsn: str) -> Callable[[], str] | None:
    """What makes a password for each new connection. None where the DSN has all that is needed."""
    if settings.database_sign_in == "password":
        return None
    return lambda: database_token(dsn, settings.aws_region)


def database_token(dsn: str, region: str) -> str:
    """As boto3's client of RDS makes it, but without reading that service's description, which takes 100 ms."""
    from botocore.model import ServiceId  # only where it is used, as all of botocore
    from botocore.signers import RequestSigner

    session = _session()
    signer = RequestSigner(
        *(ServiceId("rds"), region, "rds-db", "v4"),
        *(session.get_credentials(), session.get_component("event_emitter")),
    )
    to = conninfo_to_dict(dsn)
    request = {
        "method": "GET",
        "url": f"https://{to['host']}:{to['port']}/?Action=connect&DBUser={to['user']}",
        "body": {},
        "headers": {},
        "context": {},
    }
    url: str = signer.generate_presigned_url(request, "connect", expires_in=TOKEN_SECONDS)
    return url.removeprefix("https://")


@cache
def _session() -> Any:
    """It renews the role's credentials by itself."""
    from botocore.session import get_session

    return get_session()


def documents_uri(settings: Settings) -> str:
    """The address of the document store, with user and password where it has any."""
    if not settings.mongodb_secret:
        return settings.mongodb_uri
    client = aws.client("secretsmanager", settings.aws_region)
    answer = client.get_secret_value(SecretId=settings.mongodb_secret)
    secret: dict[str, Any] = json.loads(answer["SecretString"])
    return str(secret["uri"]) if "uri" in secret else documentdb_uri(secret)


def documentdb_uri(secret: dict[str, Any], certificates: str = CERTIFICATES) -> str:
    """`secret` is as Secrets Manager keeps them: `username`, `password`, `host`, `port`."""
    who = f"{quote_plus(secret['username'])}:{quote_plus(secret['password'])}"
    return (
        f"mongodb://{who}@{secret['host']}:{secret['port']}/"
        f"?tls=true&tlsCAFile={quote_plus(certificates)}&replicaSet=rs0"
    )
