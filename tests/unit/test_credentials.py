"""Signing in to stores on AWS: IAM's tokens for PostgreSQL, and the document store's secret."""

import json
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws
from psycopg.conninfo import conninfo_to_dict
from pymongo.uri_parser import parse_uri

from online_kart import credentials
from online_kart.settings import SellerSettings, Settings

REGION = "ap-south-1"
DSN = "postgresql://kart_app@inventory.example:5432/inventory?sslmode=verify-full"


@pytest.fixture
def keys(monkeypatch):
    """An access key that signs, and is good for nothing."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "an-example")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    credentials._session.cache_clear()
    yield
    credentials._session.cache_clear()


def token_of_boto3():
    return boto3.client("rds", region_name=REGION).generate_db_auth_token(
        DBHostname="inventory.example", Port=5432, DBUsername="kart_app", Region=REGION
    )


def asked_in(token):
    """What the token asks for, and who signs; the signature follows from it."""
    parts = urlsplit(f"https://{token}")
    return parts.netloc, parse_qs(parts.query)


def in_the_same_second():
    """Ours and boto3's, made in one second, for the signature has the time in it."""
    while True:
        tokens = credentials.database_token(DSN, REGION), token_of_boto3()
        if len({asked_in(token)[1]["X-Amz-Date"][0] for token in tokens}) == 1:
            return tokens


def test_a_token_is_the_one_that_boto3_makes(keys):
    ours, theirs = in_the_same_second()

    assert asked_in(ours) == asked_in(theirs)
    assert asked_in(ours)[1]["X-Amz-Expires"] == [str(credentials.TOKEN_SECONDS)]


def test_a_token_takes_the_place_of_a_password_only_where_iam_is_asked_for(keys):
    by_password = SellerSettings(inventory_dsn=DSN)
    by_iam = SellerSettings(inventory_dsn=DSN, database_sign_in="iam")

    assert credentials.database_password(by_password, DSN) is None
    make = credentials.database_password(by_iam, DSN)
    assert make is not None
    assert make().startswith("inventory.example:5432/?Action=connect&DBUser=kart_app&")
    assert conninfo_to_dict(DSN, password=make())["password"] == make()


def test_without_a_secret_the_address_is_the_settings():
    assert credentials.documents_uri(Settings(mongodb_uri="mongodb://here")) == "mongodb://here"


def kept(secret):
    """Under the name `kart-dev-documents`."""
    client = boto3.client("secretsmanager", region_name=REGION)
    client.create_secret(Name="kart-dev-documents", SecretString=json.dumps(secret))
    return Settings(mongodb_secret="kart-dev-documents")


@mock_aws
def test_the_address_of_a_store_elsewhere_is_the_secret(keys):
    settings = kept({"uri": "mongodb+srv://kart:x@atlas.example/"})

    assert credentials.documents_uri(settings) == "mongodb+srv://kart:x@atlas.example/"


@mock_aws
def test_the_address_of_documentdb_is_made_of_its_secret(keys):
    secret = {"username": "kart_app", "password": "a/b@c", "host": "docdb.example", "port": 27017}

    assert credentials.documents_uri(kept(secret)) == credentials.documentdb_uri(secret)
    parsed = parse_uri(credentials.documentdb_uri(secret, __file__))  # pymongo looks for the file

    assert (parsed["username"], parsed["password"]) == ("kart_app", "a/b@c")
    assert parsed["nodelist"] == [("docdb.example", 27017)]
    assert parsed["options"]["tls"] is True
