"""Reconciliations: what was asked for, and the report of each. Also what the customer side's copies are compared with."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from ..domain.reconciliation import Reconciliation

COLUMNS = "reconciliation_id, status, report, requested_at, finished_at"


def insert(conn: Connection[Any], reconciliation_id: UUID, now: datetime) -> None:
    conn.execute(
        """
        INSERT INTO reconciliations (reconciliation_id, status, requested_at)
        VALUES (%(id)s, 'requested', %(now)s)
        """,
        {"id": reconciliation_id, "now": now},
    )


def keep_report(conn: Connection[Any], reconciliation_id: UUID, report: dict[str, Any]) -> None:
    """One that is finished keeps the report it has."""
    conn.execute(
        """
        UPDATE reconciliations SET status = 'running', report = %(report)s
         WHERE reconciliation_id = %(id)s AND status <> 'finished'
        """,
        {"id": reconciliation_id, "report": Jsonb(report)},
    )


def fail(conn: Connection[Any], reconciliation_id: UUID, now: datetime) -> None:
    """One that is finished stays so."""
    conn.execute(
        """
        UPDATE reconciliations SET status = 'failed', finished_at = %(now)s
         WHERE reconciliation_id = %(id)s AND status <> 'finished'
        """,
        {"id": reconciliation_id, "now": now},
    )


def finish(
    conn: Connection[Any], reconciliation_id: UUID, report: dict[str, Any], now: datetime
) -> None:
    conn.execute(
        """
        UPDATE reconciliations SET status = 'finished', report = %(report)s, finished_at = %(now)s
         WHERE reconciliation_id = %(id)s
        """,
        {"id": reconciliation_id, "report": Jsonb(report), "now": now},
    )


def by_id(conn: Connection[Any], reconciliation_id: UUID) -> Reconciliation | None:
    """None where there is no such reconciliation."""
    with conn.cursor(row_factory=class_row(Reconciliation)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM reconciliations WHERE reconciliation_id = %(id)s",
            {"id": reconciliation_id},
        ).fetchone()


def lock(conn: Connection[Any], reconciliation_id: UUID) -> Reconciliation | None:
    """As `by_id`; nobody else changes it until the transaction ends."""
    with conn.cursor(row_factory=class_row(Reconciliation)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM reconciliations WHERE reconciliation_id = %(id)s FOR UPDATE",
            {"id": reconciliation_id},
        ).fetchone()


def listed(
    conn: Connection[Any], after: tuple[datetime, UUID] | None, limit: int
) -> list[Reconciliation]:
    """The newest first."""
    with conn.cursor(row_factory=class_row(Reconciliation)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM reconciliations
             WHERE %(at)s::timestamptz IS NULL OR (requested_at, reconciliation_id) < (%(at)s, %(id)s)
             ORDER BY requested_at DESC, reconciliation_id DESC LIMIT %(limit)s
            """,
            {
                "at": after[0] if after else None,
                "id": after[1] if after else None,
                "limit": limit,
            },
        ).fetchall()


def catalog_copy(conn: Connection[Any]) -> dict[str, dict[str, list[Any]]]:
    """What C6 and C7 should be: table → key → values, the version last."""
    return {
        "categories": _keyed(
            conn, "SELECT category_id, name, parent_id, version FROM item_categories"
        ),
        "items": _keyed(
            conn, "SELECT sku, category_id, name, brand, weight_grams, status, version FROM items"
        ),
        "offers": _keyed(
            conn,
            "SELECT sku || ' ' || seller_id, price_paise, status, version FROM offers",
        ),
        "units_left": _keyed(
            conn, "SELECT sku || ' ' || seller_id, free_units, version FROM item_availability"
        ),
    }


def package_copy(conn: Connection[Any], since: datetime) -> dict[str, list[Any]]:
    """What C5 should say of packages under way, or changed since: package id → status, version."""
    return _keyed(
        conn,
        """
        SELECT package_id::text, status, version FROM packages
         WHERE status IN ('planned', 'in_transit', 'out_for_delivery', 'returning')
            OR updated_at >= %(since)s
        """,
        {"since": since},
    )


def _keyed(
    conn: Connection[Any], statement: Any, values: dict[str, Any] | None = None
) -> dict[str, list[Any]]:
    return {row[0]: list(row[1:]) for row in conn.execute(statement, values)}
