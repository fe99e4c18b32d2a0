"""What batches hold (I5): packages and restocking units, and what happens to all of them at once.

A row of `batch_packages` says where a package is now: it leaves its batch for the next one. What a batch carried stays
in its row's `package_ids`, sealed when it closes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, namedtuple_row
from psycopg.types.json import Jsonb

from ..domain.batches import Batch, Manifest, Units

# Joining and leaving


def put_package(conn: Connection[Any], batch_id: UUID, package_id: UUID, now: datetime) -> None:
    """Into this batch, out of any other."""
    conn.execute(
        """
        INSERT INTO batch_packages (batch_id, package_id, loaded_at)
        VALUES (%(batch_id)s, %(package_id)s, %(now)s)
        ON CONFLICT (package_id) DO UPDATE SET batch_id = excluded.batch_id, loaded_at = excluded.loaded_at
        """,
        {"batch_id": batch_id, "package_id": package_id, "now": now},
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


def packages_in(conn: Connection[Any], batch_id: UUID, limit: int) -> list[UUID]:
    """What the batch holds now, by id."""
    rows = conn.execute(
        """
        SELECT package_id FROM batch_packages WHERE batch_id = %(id)s
         ORDER BY package_id LIMIT %(limit)s
        """,
        {"id": batch_id, "limit": limit},
    ).fetchall()
    return [row[0] for row in rows]


# Its packages, all in one statement


class Moved(NamedTuple):
    """A package after a step of its batch."""

    package_id: UUID
    order_id: UUID
    version: int
    status: str


def lock_packages(conn: Connection[Any], batch_id: UUID) -> list[UUID]:
    """Every package the batch holds, locked in the order of their ids until the transaction ends."""
    rows = conn.execute(
        """
        SELECT p.package_id FROM packages AS p
          JOIN batch_packages AS b ON b.package_id = p.package_id
         WHERE b.batch_id = %(id)s
         ORDER BY p.package_id
           FOR NO KEY UPDATE OF p
        """,
        {"id": batch_id},
    ).fetchall()
    return [row[0] for row in rows]


def depart_packages(
    conn: Connection[Any], batch: Batch, hop_limit: int, now: datetime
) -> list[Moved]:
    """Every package the batch holds is under way, with the budget it has where it arrives next (ROUTING.md)."""
    return _move_packages(
        conn,
        """
        SET status = CASE status WHEN 'planned' THEN 'in_transit' ELSE status END,
            at_facility = NULL,
            budget = CASE WHEN EXISTS (SELECT FROM hubs WHERE hub_code = %(destination)s)
                          THEN %(hop_limit)s ELSE budget - 1 END
        """,
        {
            "batch_id": batch.batch_id,
            "destination": batch.destination,
            "hop_limit": hop_limit,
            "what": "departed",
            "facility": batch.origin,
            "detail": Jsonb({"batch_id": str(batch.batch_id), "next": batch.destination}),
            "now": now,
        },
    )


def arrive_packages(
    conn: Connection[Any], batch: Batch, scanned_by: str, now: datetime
) -> list[Moved]:
    """Every package the batch holds is at its destination."""
    return _move_packages(
        conn,
        "SET at_facility = %(facility)s",
        {
            "batch_id": batch.batch_id,
            "what": "arrived",
            "facility": batch.destination,
            "detail": Jsonb({"batch_id": str(batch.batch_id), "by": scanned_by}),
            "now": now,
        },
    )


def lose_packages(
    conn: Connection[Any], batch: Batch, reasons: dict[UUID, str], by: str, now: datetime
) -> list[Moved]:
    """These packages left with the batch and did not arrive. They leave it."""
    lost = _move_packages(
        conn,
        "SET status = 'lost', at_facility = NULL",
        {
            "batch_id": batch.batch_id,
            "only": list(reasons),
            "what": "lost",
            "facility": batch.destination,
            "detail": Jsonb({"batch_id": str(batch.batch_id), "by": by}),
            "reasons": Jsonb({str(package_id): why for package_id, why in reasons.items()}),
            "now": now,
        },
    )
    take_out(conn, list(reasons))
    return lost


def _move_packages(conn: Connection[Any], change: str, params: dict[str, Any]) -> list[Moved]:
    """One statement: the packages of the batch, their next version, and the event of each."""
    with conn.cursor(row_factory=namedtuple_row) as cur:
        rows = cur.execute(
            f"""
            WITH moved AS (
                UPDATE packages {change}, version = version + 1, updated_at = %(now)s
                 WHERE package_id IN (SELECT package_id FROM batch_packages WHERE batch_id = %(batch_id)s)
                   AND (%(only)s::uuid[] IS NULL OR package_id = ANY(%(only)s))
                RETURNING package_id, order_id, version, status
            ), noted AS (
                INSERT INTO package_events (package_id, version, what, facility, detail, happened_at)
                SELECT package_id, version, %(what)s, %(facility)s,
                       %(detail)s || jsonb_strip_nulls(
                           jsonb_build_object('reason', %(reasons)s::jsonb ->> package_id::text)),
                       %(now)s
                  FROM moved
            )
            SELECT package_id, order_id, version, status FROM moved ORDER BY package_id
            """,
            {"only": None, "reasons": None, **params},
        ).fetchall()
    return [Moved(*row) for row in rows]
