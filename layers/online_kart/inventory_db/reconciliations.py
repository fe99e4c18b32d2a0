"""Reconciliations: what was asked for, and the report of each. Also what the customer side's copies are compared with."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from ..domain.reconciliation import Reconciliation, Report, Row
from ..domain.sales import Sale
from ..streaming import streamed

COLUMNS = "reconciliation_id, status, report, requested_at, finished_at"


def insert(conn: Connection[Any], reconciliation_id: UUID, now: datetime) -> None:
    conn.execute(
        """
        INSERT INTO reconciliations (reconciliation_id, status, requested_at)
        VALUES (%(id)s, 'requested', %(now)s)
        """,
        {"id": reconciliation_id, "now": now},
    )


def keep_report(conn: Connection[Any], reconciliation_id: UUID, report: Report) -> None:
    """One that is finished keeps the report it has."""
    conn.execute(
        """
        UPDATE reconciliations SET status = 'running', report = %(report)s
         WHERE reconciliation_id = %(id)s AND status <> 'finished'
        """,
        {"id": reconciliation_id, "report": Jsonb(report.model_dump())},
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


def finish(conn: Connection[Any], reconciliation_id: UUID, report: Report, now: datetime) -> None:
    conn.execute(
        """
        UPDATE reconciliations SET status = 'finished', report = %(report)s, finished_at = %(now)s
         WHERE reconciliation_id = %(id)s
        """,
        {"id": reconciliation_id, "report": Jsonb(report.model_dump()), "now": now},
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


# What copies are compared with: (key, values), in the order of the keys' characters

CATALOG: dict[str, LiteralString] = {
    "categories": """
        SELECT category_id, name, parent_id, version FROM item_categories ORDER BY category_id COLLATE "C"
    """,
    "items": """
        SELECT sku, category_id, name, brand, weight_grams, status, version FROM items ORDER BY sku COLLATE "C"
    """,
    "offers": """
        SELECT sku || ' ' || seller_id AS key, price_paise, status, version FROM offers
         ORDER BY (sku || ' ' || seller_id) COLLATE "C"
    """,
    "units_left": """
        SELECT sku || ' ' || seller_id AS key, free_units, free_by_fc, version FROM item_availability
         ORDER BY (sku || ' ' || seller_id) COLLATE "C"
    """,
}
"""What C6 and C7 should be: table → its rows, the version last."""


def catalog_rows(conn: Connection[Any], table: str) -> Iterator[Row]:
    """Of a table of CATALOG."""
    return streamed(conn, CATALOG[table])


def packages(conn: Connection[Any], since: datetime, before: datetime) -> Iterator[Row]:
    """What C5 should say of packages under way, or changed since, but not in the last moments.

    package id → order id, origin FC, promise date, quantities by line, status, version.
    """
    return streamed(
        conn,
        """
        SELECT package_id::text, order_id::text, origin_fc_code, promise_date::text,
               (SELECT jsonb_object_agg(line_no, quantity) FROM package_lines AS l WHERE l.package_id = p.package_id),
               status, version
          FROM packages AS p
         WHERE (status IN ('planned', 'in_transit', 'out_for_delivery', 'returning') OR updated_at >= %(since)s)
           AND updated_at < %(before)s
         ORDER BY package_id
        """,
        {"since": since, "before": before},
    )


def packed(conn: Connection[Any], since: datetime, before: datetime) -> Iterator[Row]:
    """ "<order id> <line>" → units in packages that were planned since and are not cancelled, whether it has settled."""
    return streamed(
        conn,
        """
        SELECT order_id || ' ' || line_no AS key, sum(quantity)::bigint, max(updated_at) < %(before)s
          FROM packages JOIN package_lines USING (package_id)
         WHERE status <> 'cancelled' AND created_at >= %(since)s
         GROUP BY order_id, line_no ORDER BY (order_id || ' ' || line_no) COLLATE "C"
        """,
        {"since": since, "before": before},
    )


def held_for_orders(conn: Connection[Any], since: datetime, before: datetime) -> Iterator[Row]:
    """Order id → what is held for it: units, or a package that goes on. Not of the last moments.

    What had left when its order was cancelled returns: that is nobody's any more. Of delivered packages those since.
    """
    return streamed(
        conn,
        """
        SELECT order_id::text, what FROM (
            SELECT order_id, 'units held in ' || fc_code AS what FROM reservations
             WHERE status IN ('held', 'confirmed') AND updated_at < %(before)s
            UNION ALL
            SELECT order_id, 'a package that is ' || status FROM packages
             WHERE (status IN ('planned', 'in_transit', 'out_for_delivery')
                    OR (status = 'delivered' AND updated_at >= %(since)s))
               AND updated_at < %(before)s) AS held
         ORDER BY order_id, what
        """,
        {"since": since, "before": before},
    )


# Documents of this side against their rows


class PackagePlace(NamedTuple):
    """What a package's row says that its path repeats."""

    package_id: UUID
    status: str
    version: int
    path_revision: int
    at_facility: str | None


def package_places(
    conn: Connection[Any], since: datetime, before: datetime, after: UUID | None, limit: int
) -> list[PackagePlace]:
    """Of packages under way, or changed since, but not in the last moments; by id, after one."""
    rows = conn.execute(
        """
        SELECT package_id, status, version, path_revision, at_facility FROM packages
         WHERE (status IN ('planned', 'in_transit', 'out_for_delivery', 'returning') OR updated_at >= %(since)s)
           AND updated_at < %(before)s
           AND (%(after)s::uuid IS NULL OR package_id > %(after)s)
         ORDER BY package_id LIMIT %(limit)s
        """,
        {"since": since, "before": before, "after": after, "limit": limit},
    ).fetchall()
    return [PackagePlace(*row) for row in rows]


def known_packages(conn: Connection[Any], package_ids: Sequence[str]) -> set[str]:
    """Those of them that have a row."""
    rows = conn.execute(
        "SELECT package_id::text FROM packages WHERE package_id = ANY(%(ids)s::uuid[])",
        {"ids": list(package_ids)},
    )
    return {row[0] for row in rows}


def legs_and_facilities(
    conn: Connection[Any],
) -> tuple[frozenset[tuple[str, str, str]], frozenset[str]]:
    """Every leg (origin, destination, mode), and the codes of facilities that are not closed."""
    legs = conn.execute("SELECT origin, destination, mode FROM legs").fetchall()
    codes = conn.execute("SELECT code FROM facilities WHERE status <> 'closed'").fetchall()
    return frozenset(legs), frozenset(row[0] for row in codes)


def sales(conn: Connection[Any], since: datetime, before: datetime) -> Iterator[Row]:
    """ "<milliseconds since 1970> <sale id>" → seller id, SKU, FC, quantity, amount; by key."""
    return streamed(
        conn,
        """
        SELECT lpad(floor(extract(epoch FROM sold_at) * 1000)::bigint::text, 15, '0') || ' ' || sale_id AS key,
               seller_id::text, sku, fc_code, quantity, amount_paise
          FROM sales WHERE sold_at >= %(since)s AND sold_at < %(before)s
         ORDER BY floor(extract(epoch FROM sold_at) * 1000), sale_id
        """,
        {"since": since, "before": before},
    )


def sale(conn: Connection[Any], sale_id: str) -> Sale | None:
    """None where there is no such sale."""
    with conn.cursor(row_factory=class_row(Sale)) as cur:
        return cur.execute(
            """
            SELECT sale_id, package_id, order_id, line_no, kind, sku, seller_id, fc_code, category_id,
                   quantity, amount_paise, sold_at
              FROM sales WHERE sale_id = %(id)s
            """,
            {"id": sale_id},
        ).fetchone()


def prices(
    conn: Connection[Any],
    since: datetime,
    before: datetime,
    after: tuple[str, str] | None,
    limit: int,
) -> list[list[Any]]:
    """[SKU, seller id, price] of each offer that changed in that time, in their order, after one."""
    rows = conn.execute(
        """
        SELECT sku, seller_id::text, price_paise FROM offers
         WHERE updated_at >= %(since)s AND updated_at < %(before)s
           AND (%(sku)s::text IS NULL OR (sku, seller_id) > (%(sku)s, %(seller_id)s::uuid))
         ORDER BY sku, seller_id LIMIT %(limit)s
        """,
        {
            "since": since,
            "before": before,
            "sku": after[0] if after else None,
            "seller_id": after[1] if after else None,
            "limit": limit,
        },
    ).fetchall()
    return [list(row) for row in rows]


def closed_receipts(conn: Connection[Any], asns: Sequence[str]) -> set[str]:
    """Of the shipments those whose receipt is closed."""
    rows = conn.execute(
        "SELECT asn FROM receipts WHERE asn = ANY(%(asns)s) AND status = 'closed'",
        {"asns": list(asns)},
    )
    return {row[0] for row in rows}
