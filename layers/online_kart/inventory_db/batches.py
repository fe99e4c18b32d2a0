"""Batches under way (I5) and the history of those that are through. What they hold is in `manifests`.

Locks: packages first, in the order of their ids, then batches, then stock. Who joins or leaves a batch holds FOR SHARE
on its row, who closes it locks it alone: so nobody joins a batch that is being closed, and many may join at once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.batches import Batch, BatchFilter
from ..domain.network import LegKey

COLUMNS = """batch_id, origin, destination, mode, status, revision, due_at, transit_minutes, opened_at, closed_at,
             departed_at, expected_at, arrived_at, late_alerts_count"""


# Opening and joining


def insert_open(conn: Connection[Any], batch: Batch) -> bool:
    """False where there is an open batch of this departure already."""
    return (
        conn.execute(
            """
            INSERT INTO batches (batch_id, origin, destination, mode, status, revision, due_at,
                                 transit_minutes, opened_at)
            VALUES (%(batch_id)s, %(origin)s, %(destination)s, %(mode)s, 'open', %(revision)s,
                    %(due_at)s, %(transit_minutes)s, %(opened_at)s)
            ON CONFLICT (origin, destination, mode, due_at) WHERE status = 'open' DO NOTHING
            """,
            batch.model_dump(),
        ).rowcount
        == 1
    )


def share_open(conn: Connection[Any], leg: LegKey, due_at: datetime) -> Batch | None:
    """The open batch of a departure, kept from closing until the transaction ends. None where there is none."""
    with conn.cursor(row_factory=class_row(Batch)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM batches
             WHERE origin = %(origin)s AND destination = %(destination)s AND mode = %(mode)s
               AND due_at = %(due_at)s AND status = 'open'
               FOR SHARE
            """,
            {**leg._asdict(), "due_at": due_at},
        ).fetchone()


def has_left(conn: Connection[Any], leg: LegKey, due_at: datetime) -> bool:
    """Whether a batch of this departure was closed before."""
    return bool(
        conn.execute(
            """
            SELECT FROM batches
             WHERE origin = %(origin)s AND destination = %(destination)s AND mode = %(mode)s
               AND due_at = %(due_at)s AND status <> 'open'
            UNION ALL
            SELECT FROM batches_history
             WHERE origin = %(origin)s AND destination = %(destination)s AND mode = %(mode)s
               AND due_at = %(due_at)s
             LIMIT 1
            """,
            {**leg._asdict(), "due_at": due_at},
        ).rowcount
    )


def share(conn: Connection[Any], batch_id: UUID) -> Batch | None:
    """As `by_id`; it is kept as it is until the transaction ends."""
    with conn.cursor(row_factory=class_row(Batch)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM batches WHERE batch_id = %(id)s FOR SHARE", {"id": batch_id}
        ).fetchone()


def share_of_packages(conn: Connection[Any], package_ids: Sequence[UUID]) -> dict[UUID, Batch]:
    """By package: the batch that holds it, kept as it is until the transaction ends. The caller has locked the packages."""
    rows = conn.execute(
        "SELECT package_id, batch_id FROM batch_packages WHERE package_id = ANY(%(ids)s)",
        {"ids": list(package_ids)},
    ).fetchall()
    held = {batch_id: share(conn, batch_id) for batch_id in sorted({row[1] for row in rows})}
    return {package_id: batch for package_id, key in rows if (batch := held[key]) is not None}


def share_of_package(conn: Connection[Any], package_id: UUID) -> Batch | None:
    """The batch that holds the package, kept as it is until the transaction ends. None where none does."""
    with conn.cursor(row_factory=class_row(Batch)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM batches
             WHERE batch_id = (SELECT batch_id FROM batch_packages WHERE package_id = %(id)s)
               FOR SHARE
            """,
            {"id": package_id},
        ).fetchone()


# Reading


def by_id(conn: Connection[Any], batch_id: UUID) -> Batch | None:
    """Of the working table. None where there is none, or it is through."""
    with conn.cursor(row_factory=class_row(Batch)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM batches WHERE batch_id = %(id)s", {"id": batch_id}
        ).fetchone()


def lock(conn: Connection[Any], batch_id: UUID) -> Batch | None:
    """As `by_id`, and nobody else joins, leaves or changes it until the transaction ends."""
    with conn.cursor(row_factory=class_row(Batch)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM batches WHERE batch_id = %(id)s FOR NO KEY UPDATE",
            {"id": batch_id},
        ).fetchone()


def finished(conn: Connection[Any], batch_id: UUID) -> Batch | None:
    """From the history. None where it is not there."""
    with conn.cursor(row_factory=class_row(Batch)) as cur:
        return cur.execute(
            f"SELECT {HISTORY_COLUMNS} FROM batches_history WHERE batch_id = %(id)s",
            {"id": batch_id},
        ).fetchone()


HISTORY_COLUMNS = """batch_id, origin, destination, mode, 'finished' AS status, revision, due_at, opened_at,
                     departed_at, expected_at, arrived_at, late_alerts_count, finished_at"""


def listed(
    conn: Connection[Any], wanted: BatchFilter, after: tuple[datetime, UUID] | None, limit: int
) -> list[Batch]:
    """Of the working table, the next to leave first, after the sort key (due_at, batch_id)."""
    with conn.cursor(row_factory=class_row(Batch)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM batches
             WHERE (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(origin)s::text IS NULL OR origin = %(origin)s)
               AND (%(destination)s::text IS NULL OR destination = %(destination)s)
               AND (%(facilities)s::text[] IS NULL OR origin = ANY(%(facilities)s)
                    OR destination = ANY(%(facilities)s))
               AND (%(expected_before)s::timestamptz IS NULL OR expected_at < %(expected_before)s)
               AND (%(after_at)s::timestamptz IS NULL OR (due_at, batch_id) > (%(after_at)s, %(after_id)s))
             ORDER BY due_at, batch_id LIMIT %(limit)s
            """,
            _page(wanted, after, limit),
        ).fetchall()


def listed_finished(
    conn: Connection[Any], wanted: BatchFilter, after: tuple[datetime, UUID] | None, limit: int
) -> list[Batch]:
    """Of the history, the last to finish first, after the sort key (finished_at, batch_id)."""
    with conn.cursor(row_factory=class_row(Batch)) as cur:
        return cur.execute(
            f"""
            SELECT {HISTORY_COLUMNS} FROM batches_history
             WHERE (%(origin)s::text IS NULL OR origin = %(origin)s)
               AND (%(destination)s::text IS NULL OR destination = %(destination)s)
               AND (%(facilities)s::text[] IS NULL OR origin = ANY(%(facilities)s)
                    OR destination = ANY(%(facilities)s))
               AND (%(expected_before)s::timestamptz IS NULL OR expected_at < %(expected_before)s)
               AND (%(after_at)s::timestamptz IS NULL
                    OR (finished_at, batch_id) < (%(after_at)s, %(after_id)s))
             ORDER BY finished_at DESC, batch_id DESC LIMIT %(limit)s
            """,
            _page(wanted, after, limit),
        ).fetchall()


def _page(wanted: BatchFilter, after: tuple[datetime, UUID] | None, limit: int) -> dict[str, Any]:
    after_at, after_id = after or (None, None)
    facilities = None if wanted.facilities is None else list(wanted.facilities)
    page = {"facilities": facilities, "after_at": after_at, "after_id": after_id, "limit": limit}
    return {**wanted._asdict(), **page}


def without_run(conn: Connection[Any], due_before: datetime, limit: int) -> list[Batch]:
    """Batches that were due before then and that no run moves: nobody heard that they were opened. The first due first."""
    with conn.cursor(row_factory=class_row(Batch)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM batches AS b
             WHERE due_at < %(before)s
               AND NOT EXISTS (SELECT FROM runs AS r
                                WHERE r.machine = 'move_batch' AND r.business_id = b.batch_id::text
                                  AND r.revision = b.revision)
               AND NOT EXISTS (SELECT FROM outbox AS o
                                WHERE o.sent_at IS NULL AND o.type = 'BatchOpened'
                                  AND o.aggregate_id = b.batch_id::text)
             ORDER BY due_at, batch_id LIMIT %(limit)s
            """,
            {"before": due_before, "limit": limit},
        ).fetchall()


# Its way through


def seal(conn: Connection[Any], batch_id: UUID, now: datetime) -> None:
    """Close an open batch, which the caller has locked, with what it holds as its manifest."""
    conn.execute(
        """
        UPDATE batches
           SET status = 'closed', closed_at = %(now)s,
               package_ids = ARRAY(SELECT package_id FROM batch_packages
                                    WHERE batch_id = %(id)s ORDER BY package_id)
         WHERE batch_id = %(id)s AND status = 'open'
        """,
        {"id": batch_id, "now": now},
    )


def set_departed(
    conn: Connection[Any], batch_id: UUID, departed_at: datetime, expected_at: datetime
) -> None:
    conn.execute(
        """
        UPDATE batches
           SET status = 'in_transit', departed_at = %(departed_at)s, expected_at = %(expected_at)s
         WHERE batch_id = %(id)s AND status = 'closed'
        """,
        {"id": batch_id, "departed_at": departed_at, "expected_at": expected_at},
    )


def set_arrived(conn: Connection[Any], batch_id: UUID, arrived_at: datetime) -> None:
    conn.execute(
        """
        UPDATE batches SET status = 'arrived', arrived_at = %(arrived_at)s
         WHERE batch_id = %(id)s AND status = 'in_transit'
        """,
        {"id": batch_id, "arrived_at": arrived_at},
    )


def count_alert(conn: Connection[Any], batch_id: UUID) -> None:
    """One more time that people were told the batch is late."""
    conn.execute(
        "UPDATE batches SET late_alerts_count = late_alerts_count + 1 WHERE batch_id = %(id)s",
        {"id": batch_id},
    )


def move(conn: Connection[Any], batch_id: UUID, due_at: datetime) -> Batch | None:
    """Give the batch another time and its next revision; an older run ends by itself. None where it is gone.

    Raises UniqueViolation where an open batch of that departure is there.
    """
    with conn.cursor(row_factory=class_row(Batch)) as cur:
        return cur.execute(
            f"""
            UPDATE batches SET revision = revision + 1, due_at = %(due_at)s
             WHERE batch_id = %(id)s
            RETURNING {COLUMNS}
            """,
            {"id": batch_id, "due_at": due_at},
        ).fetchone()


def archive(conn: Connection[Any], batch_id: UUID, now: datetime) -> None:
    """Out of the working tables into the history. The caller has locked the batch; nothing is in it any more.

    A foreign key refuses it while the batch holds a package.
    """
    params = {"id": batch_id, "now": now}
    conn.execute(
        """
        INSERT INTO batches_history
               (batch_id, origin, destination, mode, revision, due_at, opened_at, departed_at, expected_at,
                arrived_at, late_alerts_count, package_ids, units, finished_at)
        SELECT batch_id, origin, destination, mode, revision, due_at, opened_at, departed_at, expected_at,
               arrived_at, late_alerts_count, coalesce(package_ids, '{}'),
               coalesce((SELECT jsonb_agg(jsonb_build_object('transfer_id', u.transfer_id, 'sku', u.sku,
                                                             'seller_id', u.seller_id, 'quantity', u.quantity)
                                          ORDER BY u.transfer_id)
                           FROM batch_units AS u WHERE u.batch_id = b.batch_id), '[]'),
               %(now)s
          FROM batches AS b WHERE batch_id = %(id)s
        """,
        params,
    )
    conn.execute("DELETE FROM batch_units WHERE batch_id = %(id)s", params)
    conn.execute("DELETE FROM batches WHERE batch_id = %(id)s", params)
