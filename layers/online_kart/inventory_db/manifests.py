"""What batches hold (I5): packages and restocking units.

A row of `batch_packages` says where a package is now: it leaves its batch for the next one. What a batch carried stays
in its row's `package_ids`, sealed when it closes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.batches import Manifest, Units

# Joining and leaving


def put_package(conn: Connection[Any], batch_id: UUID, package_id: UUID, now: datetime) -> None:
    """Into this batch, out of any other."""
    put_packages(conn, batch_id, [package_id], now)


def put_packages(
    conn: Connection[Any], batch_id: UUID, package_ids: Sequence[UUID], now: datetime
) -> None:
    """As `put_package`, of several."""
    conn.execute(
        """
        INSERT INTO batch_packages (batch_id, package_id, loaded_at)
        SELECT %(batch_id)s, package_id, %(now)s FROM unnest(%(ids)s::uuid[]) AS package_id
         ORDER BY package_id
        ON CONFLICT (package_id) DO UPDATE SET batch_id = excluded.batch_id, loaded_at = excluded.loaded_at
        """,
        {"batch_id": batch_id, "ids": list(package_ids), "now": now},
    )


def take_out(conn: Connection[Any], package_ids: Sequence[UUID]) -> None:
    """Out of the batches that hold them."""
    conn.execute(
        "DELETE FROM batch_packages WHERE package_id = ANY(%(ids)s)", {"ids": list(package_ids)}
    )


def insert_units(conn: Connection[Any], batch_id: UUID, units: Units, now: datetime) -> bool:
    """False where the transfer is in a batch already."""
    return (
        conn.execute(
            """
            INSERT INTO batch_units (batch_id, transfer_id, sku, seller_id, quantity, loaded_at)
            VALUES (%(batch_id)s, %(transfer_id)s, %(sku)s, %(seller_id)s, %(quantity)s, %(now)s)
            ON CONFLICT (transfer_id) DO NOTHING
            """,
            {**units.model_dump(), "batch_id": batch_id, "now": now},
        ).rowcount
        == 1
    )


def batch_of_transfer(conn: Connection[Any], transfer_id: UUID) -> UUID | None:
    """None where no batch of the working table has the transfer."""
    row = conn.execute(
        "SELECT batch_id FROM batch_units WHERE transfer_id = %(id)s", {"id": transfer_id}
    ).fetchone()
    return row[0] if row else None


def units_have_left(conn: Connection[Any], transfer_id: UUID) -> bool:
    """Whether the transfer's units are out of its first FC's stock: the ledger knows it for ever."""
    return bool(
        conn.execute(
            "SELECT FROM stock_ledger WHERE reference = %(id)s AND cause = 'transfer_out'",
            {"id": str(transfer_id)},
        ).rowcount
    )


def take_out_units(conn: Connection[Any], transfer_id: UUID) -> None:
    """Out of the batch that has them."""
    conn.execute("DELETE FROM batch_units WHERE transfer_id = %(id)s", {"id": transfer_id})


# Reading


def manifest(conn: Connection[Any], batch_id: UUID) -> Manifest:
    """What an open batch holds, or a closed one was closed with; of the working table. Packages by id."""
    sealed = conn.execute(
        """
        SELECT coalesce(b.package_ids,
                        ARRAY(SELECT p.package_id FROM batch_packages AS p
                               WHERE p.batch_id = b.batch_id ORDER BY p.package_id))
          FROM batches AS b WHERE b.batch_id = %(id)s
        """,
        {"id": batch_id},
    ).fetchone()
    with conn.cursor(row_factory=class_row(Units)) as cur:
        units = cur.execute(
            """
            SELECT transfer_id, sku, seller_id, quantity FROM batch_units
             WHERE batch_id = %(id)s ORDER BY transfer_id
            """,
            {"id": batch_id},
        ).fetchall()
    return Manifest(package_ids=tuple(sealed[0]) if sealed else (), units=tuple(units))


def finished_manifest(conn: Connection[Any], batch_id: UUID) -> Manifest:
    """What a batch of the history carried."""
    row = conn.execute(
        "SELECT package_ids, units FROM batches_history WHERE batch_id = %(id)s", {"id": batch_id}
    ).fetchone()
    if row is None:
        return Manifest(package_ids=())
    units = tuple(Units.model_validate(each) for each in row[1])
    return Manifest(package_ids=tuple(row[0]), units=units)


def packages_in(conn: Connection[Any], batch_id: UUID, limit: int | None = None) -> list[UUID]:
    """What the batch holds now, in the order of their ids; the first `limit` of them."""
    rows = conn.execute(
        """
        SELECT package_id FROM batch_packages WHERE batch_id = %(id)s
         ORDER BY package_id LIMIT %(limit)s
        """,
        {"id": batch_id, "limit": limit},
    ).fetchall()
    return [row[0] for row in rows]
