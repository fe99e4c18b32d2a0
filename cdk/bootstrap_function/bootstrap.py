"""Makes the stores ready for the code that comes after it: tables, collections, and who may use them.

A deployment calls it before it replaces any function, and again whenever anything in the layer has changed. Two at a time
and one after another do the same as one: migrations are applied once each, roles and rights are put as they should be.
"""

import json
from pathlib import Path
from typing import Any

import psycopg
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from online_kart import aws, migrate
from online_kart.credentials import CERTIFICATES, documentdb_uri
from online_kart.documents.indexes import ensure_collections
from online_kart.settings import Settings

FOLDERS: dict[str, Path] = {"inventory": migrate.INVENTORY, "customer": migrate.CUSTOMER}

APP_USER = "kart_app"
"""May read and write rows. It changes no table, and does not see which migrations there were."""

SIGNS_IN_BY_IAM = "rds_iam"
"""Aurora's role: who has it signs in by IAM, and by no password."""

LOCK = 0x4B415255
"""Of what gives rights: PostgreSQL refuses two who do that at once."""

USER_EXISTS = 51003

Secret = dict[str, Any]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`event` is CloudFormation's and says nothing that is needed; the environment says which stores there are."""
    settings = BootstrapSettings.from_env()
    done: dict[str, Any] = {}
    for database, folder in FOLDERS.items():
        secret = _secret(settings, getattr(settings, f"{database}_secret"))
        dsn = admin_dsn(secret, database)
        done[database] = migrate.migrate(dsn, folder)
        let_app_in(dsn)
    if settings.documents_admin_secret:
        admin = documentdb_uri(_secret(settings, settings.documents_admin_secret))
        app = _secret(settings, settings.mongodb_secret)
        prepare_documents(admin, settings.documents_db, app)
    return done


class BootstrapSettings(Settings):
    """Names of secrets."""

    inventory_secret: str
    customer_secret: str
    documents_admin_secret: str = ""
    """None where the store is not ours to prepare."""


def _secret(settings: Settings, name: str) -> Secret:
    """Read anew each time: administrators' passwords are rotated."""
    client = aws.client("secretsmanager", settings.aws_region)
    secret: Secret = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    return secret


def admin_dsn(secret: Secret, database: str) -> str:
    """`secret` is as RDS keeps them: `username`, `password`, `host`, `port`."""
    return psycopg.conninfo.make_conninfo(
        user=secret["username"],
        password=secret["password"],
        host=secret["host"],
        port=secret["port"],
        dbname=database,
        sslmode="verify-full",
        sslrootcert=CERTIFICATES,
    )


def let_app_in(dsn: str) -> None:
    """The apps' role, with its rights on what there is now; a later migration is followed by another call of this."""
    with psycopg.connect(dsn, connect_timeout=migrate.CONNECT_SECONDS_MAX) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": LOCK})
        if not _has_role(conn, APP_USER):
            conn.execute(f"CREATE ROLE {APP_USER} LOGIN")
        if _has_role(conn, SIGNS_IN_BY_IAM):
            conn.execute(f"GRANT {SIGNS_IN_BY_IAM} TO {APP_USER}")
        conn.execute(f"GRANT USAGE ON SCHEMA public TO {APP_USER}")
        conn.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP_USER}"
        )
        conn.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP_USER}")
        conn.execute(f"REVOKE ALL ON schema_migrations FROM {APP_USER}")


def _has_role(conn: psycopg.Connection[Any], name: str) -> bool:
    found = conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %(name)s", {"name": name})
    return found.fetchone() is not None


def prepare_documents(admin_uri: str, name: str, app: Secret) -> None:
    """The apps' user with the password of its secret, then every collection with its indexes."""
    with MongoClient[dict[str, Any]](admin_uri, retryWrites=False, tz_aware=True) as client:
        rights = [{"role": "readWrite", "db": name}]
        put_user(client, app["username"], app["password"], rights)
        ensure_collections(client[name])


def put_user(
    client: MongoClient[dict[str, Any]], user: str, password: str, rights: list[dict[str, str]]
) -> None:
    """A user that is there gets the password anew: so it is changed by changing the secret, and deploying."""
    try:
        client.admin.command("createUser", user, pwd=password, roles=rights)
    except OperationFailure as error:
        if error.code != USER_EXISTS:
            raise
        client.admin.command("updateUser", user, pwd=password, roles=rights)
