"""What a deployment does to the stores, on a real PostgreSQL and a real document store."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import InsufficientPrivilege

from cdk.bootstrap_function import bootstrap
from cdk.bootstrap_function.bootstrap import APP_USER, SIGNS_IN_BY_IAM
from cdk.deployments import ADMIN_USER, APP_USER as USER_OF_THE_DSN
from local.postgres_server import SUPERUSER
from online_kart import migrate


@pytest.fixture
def admin_dsn(inventory_dsn):
    """An administrator as Aurora has one: no superuser, but may make roles and give them Aurora's."""
    superuser = make_conninfo(inventory_dsn, user=SUPERUSER)
    with psycopg.connect(superuser, autocommit=True) as conn:
        for role, options in ((SIGNS_IN_BY_IAM, "NOLOGIN"), (ADMIN_USER, "LOGIN CREATEROLE")):
            found = conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if not found.fetchone():
                conn.execute(f"CREATE ROLE {role} {options}")
        owner = conninfo_to_dict(inventory_dsn)["user"]
        conn.execute(f"GRANT {owner} TO {ADMIN_USER}")
        conn.execute(f"GRANT {SIGNS_IN_BY_IAM} TO {ADMIN_USER} WITH ADMIN OPTION")
    return make_conninfo(inventory_dsn, user=ADMIN_USER)


@pytest.fixture
def as_app(admin_dsn):
    """Lets the apps in, four times at once, and connects as they do."""
    with ThreadPoolExecutor(4) as deployments:
        list(deployments.map(bootstrap.let_app_in, [admin_dsn] * 4))
    with psycopg.connect(make_conninfo(admin_dsn, user=APP_USER), autocommit=True) as conn:
        yield conn


def test_apps_read_and_write_rows_and_change_no_table(as_app):
    as_app.execute("INSERT INTO item_categories (category_id, name) VALUES ('toys', 'Toys')")
    as_app.execute("UPDATE item_categories SET name = 'Toys and games'")
    as_app.execute("SELECT * FROM sales_by_month")
    as_app.execute("DELETE FROM item_categories")

    for refused in (
        "CREATE TABLE more (id int)",
        "ALTER TABLE item_categories ADD COLUMN more int",
        "DROP TABLE item_categories",
        "SELECT * FROM schema_migrations",
    ):
        with pytest.raises(InsufficientPrivilege):
            as_app.execute(refused)


def test_apps_sign_in_by_iam_and_have_no_password(as_app):
    row = as_app.execute(
        "SELECT pg_has_role(%(user)s, %(role)s, 'member')",
        {"user": APP_USER, "role": SIGNS_IN_BY_IAM},
    ).fetchone()

    assert row == (True,)
    assert USER_OF_THE_DSN == APP_USER


def test_a_table_that_comes_later_is_the_apps_after_the_next_deployment(
    inventory_dsn, admin_dsn, as_app
):
    with psycopg.connect(inventory_dsn, autocommit=True) as admin:
        admin.execute("CREATE TABLE later (id bigint GENERATED ALWAYS AS IDENTITY)")
    with pytest.raises(InsufficientPrivilege):
        as_app.execute("INSERT INTO later DEFAULT VALUES")

    bootstrap.let_app_in(admin_dsn)

    as_app.execute("INSERT INTO later DEFAULT VALUES")


def test_the_administrators_address_verifies_who_answers():
    secret = {"username": "kart_admin", "password": "a b'c", "host": "inventory.x", "port": 5432}

    to = conninfo_to_dict(bootstrap.admin_dsn(secret, "inventory"))

    assert (to["user"], to["password"], to["dbname"]) == ("kart_admin", "a b'c", "inventory")
    assert to["sslmode"] == "verify-full"


def test_every_database_has_its_migrations():
    assert set(bootstrap.FOLDERS.values()) == {migrate.INVENTORY, migrate.CUSTOMER}


def test_collections_and_their_user_can_be_made_twice(documents):
    client = documents.client
    app = {"username": f"{APP_USER}_{documents.name}", "password": "one"}
    rights = [{"role": "readWrite", "db": documents.name}]

    bootstrap.put_user(client, app["username"], app["password"], rights)
    bootstrap.put_user(client, app["username"], "another", rights)

    (user,) = client.admin.command("usersInfo", app["username"])["users"]
    assert user["roles"] == rights
