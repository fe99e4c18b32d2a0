"""The customer side of a reconciliation: its own invariants, and its copies against what the source laid out."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.checks import violations
from online_kart.crashpoints import crashpoint
from online_kart.customer_db import invariants, reconciliations
from online_kart.documents import reconciliations as parts
from online_kart.domain.reconciliation import DIFFERENCES_KEPT_MAX, Difference, differences


def compare_customer(
    conn: Connection[Any],
    documents: Database[dict[str, Any]],
    reconciliation_id: UUID,
    now: datetime,
) -> int:
    """How many rows of the copies differ from their source. Safe to repeat."""
    key = str(reconciliation_id)
    found = violations(conn, invariants.CHECKS, at_rest=False)
    parts.put_rows(
        documents,
        key,
        "customer violations",
        {str(n): [v.invariant, v.key, v.detail] for n, v in enumerate(found)},
        now,
    )
    crashpoint("compare_customer.violations_put")
    different: list[Difference] = []
    for table, copy in reconciliations.catalog_copy(conn).items():
        source = parts.rows_of(documents, key, f"source of {table}")
        different += differences(table, source, copy)
    source = parts.rows_of(documents, key, "source of packages")
    copy = reconciliations.package_copy(conn, list(source))
    # A package of an order that is not confirmed yet is not known here: only what is here is compared.
    different += differences("packages", {k: v for k, v in source.items() if k in copy}, copy)
    parts.put_rows(
        documents,
        key,
        "differences",
        {
            f"{d.table} {d.key}": [d.table, d.key, d.source, d.copy_]
            for d in different[:DIFFERENCES_KEPT_MAX]
        },
        now,
    )
    crashpoint("compare_customer.differences_put")
    return len(different)
