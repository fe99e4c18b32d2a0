"""Packages on their last mile (I6): a row each, until it is delivered or on its way back."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.deliveries import Delivery, DeliveryStatus

COLUMNS = "package_id, fc_code, order_id, status, attempt, failure_reason, out_at, expected_on"


def insert(conn: Connection[Any], delivery: Delivery) -> bool:
    """False where the package is on its last mile already."""
    return (
        conn.execute(
            f"""
            INSERT INTO deliveries ({COLUMNS})
            VALUES (%(package_id)s, %(fc_code)s, %(order_id)s, %(status)s, %(attempt)s,
                    %(failure_reason)s, %(out_at)s, %(expected_on)s)
            ON CONFLICT (package_id) DO NOTHING
            """,
            delivery.model_dump(),
        ).rowcount
        == 1
    )


def of_package(conn: Connection[Any], package_id: UUID) -> Delivery | None:
    """None where the package is not on its last mile."""
    with conn.cursor(row_factory=class_row(Delivery)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM deliveries WHERE package_id = %(id)s", {"id": package_id}
        ).fetchone()


def listed(
    conn: Connection[Any],
    fc_codes: Sequence[str] | None,
    status: DeliveryStatus | None,
    after: tuple[str, str, UUID] | None,
    limit: int,
) -> list[Delivery]:
    """After the sort key (fc_code, status, package_id)."""
    after_fc, after_status, after_id = after or (None, None, None)
    with conn.cursor(row_factory=class_row(Delivery)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM deliveries
             WHERE (%(fc_codes)s::text[] IS NULL OR fc_code = ANY(%(fc_codes)s))
               AND (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(after_id)s::uuid IS NULL
                    OR (fc_code, status, package_id) > (%(after_fc)s, %(after_status)s, %(after_id)s))
             ORDER BY fc_code, status, package_id LIMIT %(limit)s
            """,
            {
                "fc_codes": None if fc_codes is None else list(fc_codes),
                "status": status,
                "after_fc": after_fc,
                "after_status": after_status,
                "after_id": after_id,
                "limit": limit,
            },
        ).fetchall()


def fail_attempt(
    conn: Connection[Any], package_id: UUID, reason: str, expected_on: date
) -> Delivery | None:
    """Note that the attempt was in vain; the next one is expected on that day. None where there is no delivery."""
    with conn.cursor(row_factory=class_row(Delivery)) as cur:
        return cur.execute(
            f"""
            UPDATE deliveries
               SET status = 'failed', attempt = attempt + 1, failure_reason = %(reason)s,
                   expected_on = %(expected_on)s
             WHERE package_id = %(id)s
            RETURNING {COLUMNS}
            """,
            {"id": package_id, "reason": reason, "expected_on": expected_on},
        ).fetchone()


def delete(conn: Connection[Any], package_id: UUID) -> bool:
    """False where it was not there."""
    return (
        conn.execute(
            "DELETE FROM deliveries WHERE package_id = %(id)s", {"id": package_id}
        ).rowcount
        == 1
    )
