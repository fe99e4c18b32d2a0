"""Migrations run beside code that serves people: squawk knows which statements would stop it. Needs `squawk-cli`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from online_kart import migrate
from online_kart.migrate import Migration

SQUAWK = Path(sys.executable).parent / "squawk"

pytestmark = pytest.mark.skipif(not SQUAWK.exists(), reason="squawk-cli is not installed")

NOT_ASKED = {
    "prefer-robust-stmts": "each file is one transaction, so none is applied by half",
    "require-lock-timeout": "the migrator sets one",
    "require-statement-timeout": "an index takes its time; a lock is what others wait for",
    "prefer-bigint-over-int": "the domain says how large a number can be",
    "prefer-bigint-over-smallint": "the same",
}
"""Rule → why it says nothing here."""

BEFORE_THE_FIRST_DEPLOYMENT = {
    "0005_retention.sql": {"require-concurrent-index-deletion"},
    "0006_payments.sql": {"ban-drop-constraint"},
    "0007_manifests.sql": {"constraint-missing-not-valid"},
    "0008_calendars.sql": {
        *("ban-drop-default", "changing-column-type", "constraint-missing-not-valid"),
    },
    "0008_search.sql": {"require-concurrent-index-creation"},
    "0009_addresses_of_orders.sql": {"ban-drop-constraint"},
    "0013_retention.sql": {"require-concurrent-index-deletion"},
    "0015_returns.sql": {"ban-drop-constraint"},
    "0019_seller_decisions.sql": {"ban-drop-constraint", "constraint-missing-not-valid"},
}
"""What these did to tables that were empty wherever they were applied. A later one has no place here: see CONTRIBUTING.md."""


def rules_broken(migration: Migration, folder: Path) -> set[str]:
    file = folder / migration.name
    file.write_text(migration.sql)
    in_transaction = ["--assume-in-transaction"] if migration.in_transaction else []
    excluded = f"--exclude={','.join(NOT_ASKED)}"
    ended = subprocess.run(
        [SQUAWK, "--pg-version=17", "--reporter=json", excluded, *in_transaction, file],
        capture_output=True,
        text=True,
        check=False,
    )
    return {finding["rule_name"] for finding in json.loads(ended.stdout)}


def test_no_migration_stops_the_code_that_runs(tmp_path):
    files = [file for folder in (migrate.INVENTORY, migrate.CUSTOMER) for file in folder.glob("*")]
    migrations = [Migration.from_file(file) for file in files if file.suffix == ".sql"]

    broken = {each.name: rules_broken(each, tmp_path) for each in migrations}

    assert {name: rules for name, rules in broken.items() if rules} == BEFORE_THE_FIRST_DEPLOYMENT


def test_a_statement_that_stops_everybody_is_found(tmp_path):
    rewrites = Migration("0099", "0099_x.sql", "ALTER TABLE stock ALTER COLUMN sku TYPE int;", True)

    assert "changing-column-type" in rules_broken(rewrites, tmp_path)
