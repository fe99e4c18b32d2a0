"""Receipts of announced inbound shipments, and what an announcement must fit. (The announcement itself is D1.)"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.inbound import Receipt, ReceiptLine

RECEIPT_COLUMNS = "asn, fc_code, seller_id, status, received_by, arrived_at, closed_at"


def lock_shipment(conn: Connection[Any], asn: str) -> None:
    """Let nobody else amend, cancel or receive the shipment until the transaction ends.

    Its announcement is a document and may have no row to lock yet.
    """
    conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))", {"key": f"inbound {asn}"}
    )


def fc_status(conn: Connection[Any], fc_code: str) -> str | None:
    """open, draining or closed. None where there is no such FC."""
    row = conn.execute(
        "SELECT status FROM facilities WHERE code = %(fc_code)s AND kind = 'fc'",
        {"fc_code": fc_code},
    ).fetchone()
    return str(row[0]) if row else None


def arrived(conn: Connection[Any], asns: Sequence[str]) -> set[str]:
    """Those of the shipments that have a receipt."""
    rows = conn.execute(
        "SELECT asn FROM receipts WHERE asn = ANY(%(asns)s)", {"asns": list(asns)}
    ).fetchall()
    return {row[0] for row in rows}


def without_run(
    conn: Connection[Any], arrived_before: datetime, limit: int
) -> list[tuple[str, str]]:
    """(ASN, FC) of what arrived before then and no run books: nobody heard of it."""
    return conn.execute(
        """
        SELECT asn, fc_code FROM receipts AS c
         WHERE status <> 'closed' AND arrived_at < %(before)s
           AND NOT EXISTS (SELECT FROM runs AS r
                            WHERE r.machine = 'receive_shipment' AND r.business_id = c.asn)
           AND NOT EXISTS (SELECT FROM outbox AS o
                            WHERE o.sent_at IS NULL AND o.type = 'ShipmentArrived' AND o.aggregate_id = c.asn)
         ORDER BY arrived_at, asn LIMIT %(limit)s
        """,
        {"before": arrived_before, "limit": limit},
    ).fetchall()


def insert_receipt(conn: Connection[Any], receipt: Receipt) -> None:
    conn.execute(
        f"""
        INSERT INTO receipts ({RECEIPT_COLUMNS})
        VALUES (%(asn)s, %(fc_code)s, %(seller_id)s, %(status)s, %(received_by)s, %(arrived_at)s,
                %(closed_at)s)
        """,
        receipt.model_dump(exclude={"lines"}),
    )


def insert_receipt_lines(conn: Connection[Any], asn: str, lines: Sequence[ReceiptLine]) -> None:
    conn.cursor().executemany(
        """
        INSERT INTO receipt_lines (asn, sku, announced, counted, reason)
        VALUES (%(asn)s, %(sku)s, %(announced)s, %(counted)s, %(reason)s)
        """,
        [{"asn": asn, **line.model_dump()} for line in lines],
    )


def receipt(conn: Connection[Any], asn: str) -> Receipt | None:
    """None where the shipment has not arrived."""
    return _receipt(conn, asn, "")


def lock_receipt(conn: Connection[Any], asn: str) -> Receipt | None:
    """As `receipt`; locks its row until the transaction ends."""
    return _receipt(conn, asn, "FOR NO KEY UPDATE")


def _receipt(conn: Connection[Any], asn: str, lock: str) -> Receipt | None:
    with conn.cursor(row_factory=class_row(Receipt)) as cur:
        found = cur.execute(
            f"SELECT {RECEIPT_COLUMNS} FROM receipts WHERE asn = %(asn)s {lock}", {"asn": asn}
        ).fetchone()
    return found and found.model_copy(update={"lines": _lines(conn, asn)})


def _lines(conn: Connection[Any], asn: str) -> tuple[ReceiptLine, ...]:
    with conn.cursor(row_factory=class_row(ReceiptLine)) as cur:
        lines = cur.execute(
            """
            SELECT sku, announced, counted, reason
              FROM receipt_lines
             WHERE asn = %(asn)s
             ORDER BY sku
            """,
            {"asn": asn},
        ).fetchall()
    return tuple(lines)


def mark_booked(conn: Connection[Any], asn: str) -> None:
    conn.execute("UPDATE receipts SET status = 'booked' WHERE asn = %(asn)s", {"asn": asn})


def mark_closed(conn: Connection[Any], asn: str, now: datetime) -> None:
    conn.execute(
        "UPDATE receipts SET status = 'closed', closed_at = %(now)s WHERE asn = %(asn)s",
        {"asn": asn, "now": now},
    )
