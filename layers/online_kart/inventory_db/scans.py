"""What was scanned of a batch that is being unloaded. Who changes it holds the lock on the batch (`batches.lock`)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection


def scanned(conn: Connection[Any], batch_id: UUID) -> set[UUID]:
    """Empty for a batch of which nothing was scanned yet, or that is history."""
    rows = conn.execute(
        "SELECT package_id FROM batch_scans WHERE batch_id = %(batch_id)s", {"batch_id": batch_id}
    ).fetchall()
    return {row[0] for row in rows}


def insert(
    conn: Connection[Any], batch_id: UUID, package_ids: Sequence[UUID], by: str, now: datetime
) -> None:
    """None of them was scanned before."""
    conn.execute(
        """
        INSERT INTO batch_scans (batch_id, package_id, scanned_at, scanned_by)
        SELECT %(batch_id)s, package_id, %(now)s, %(by)s FROM unnest(%(ids)s::uuid[]) AS p (package_id)
        """,
        {"batch_id": batch_id, "ids": list(package_ids), "by": by, "now": now},
    )
