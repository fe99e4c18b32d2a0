"""Packages, their lines and what happened to them.

Whoever changes a package holds the lock on its row. Rows are locked in the order of their ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from ..domain.events import PackageStatus
from ..domain.packages import Package, PackageEvent, PackageLine

COLUMNS = """package_id, order_id, origin_fc_code, destination_fc_code, to_pincode, status, at_facility, budget,
             weight_grams, promise_date, table_version, path_revision, version, created_at, updated_at,
             picked_at, packed_at"""


class Noted(NamedTuple):
    """A package as it is after a step, and the step: what happened, by whom, where, and what is worth keeping."""

    package: Package
    what: str
    by: str
    facility: str | None
    detail: Mapping[str, Any]


def insert(conn: Connection[Any], package: Package, lines: Iterable[PackageLine]) -> None:
    conn.execute(
        f"""
        INSERT INTO packages ({COLUMNS})
        VALUES (%(package_id)s, %(order_id)s, %(origin_fc_code)s, %(destination_fc_code)s, %(to_pincode)s,
                %(status)s, %(at_facility)s, %(budget)s, %(weight_grams)s, %(promise_date)s, %(table_version)s,
                %(path_revision)s, %(version)s, %(created_at)s, %(updated_at)s, %(picked_at)s, %(packed_at)s)
        """,
        package.model_dump(),
    )
    conn.cursor().executemany(
        """
        INSERT INTO package_lines (package_id, line_no, sku, seller_id, quantity, unit_price_paise)
        VALUES (%(package_id)s, %(line_no)s, %(sku)s, %(seller_id)s, %(quantity)s, %(unit_price_paise)s)
        """,
        [{"package_id": package.package_id, **line.model_dump()} for line in lines],
    )


def by_id(conn: Connection[Any], package_id: UUID) -> Package | None:
    """None where there is no such package."""
    with conn.cursor(row_factory=class_row(Package)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM packages WHERE package_id = %(id)s", {"id": package_id}
        ).fetchone()


def lock(conn: Connection[Any], package_id: UUID) -> Package | None:
    """Locked until the transaction ends. None where there is no such package."""
    return next(iter(lock_many(conn, [package_id])), None)


def lock_many(conn: Connection[Any], package_ids: Sequence[UUID]) -> list[Package]:
    """In the order of their ids, locked until the transaction ends. Unknown ids are left out."""
    with conn.cursor(row_factory=class_row(Package)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM packages WHERE package_id = ANY(%(ids)s)
             ORDER BY package_id FOR NO KEY UPDATE
            """,
            {"ids": list(package_ids)},
        ).fetchall()


def lock_of_order(conn: Connection[Any], order_id: UUID) -> list[Package]:
    """In the order of their ids, locked until the transaction ends."""
    with conn.cursor(row_factory=class_row(Package)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM packages WHERE order_id = %(id)s
             ORDER BY package_id FOR NO KEY UPDATE
            """,
            {"id": order_id},
        ).fetchall()


def listed(
    conn: Connection[Any],
    status: PackageStatus | None,
    facilities: Sequence[str] | None,
    after: UUID | None,
    limit: int,
) -> list[Package]:
    """In the order of their ids. `facilities`: where they are now; None: anywhere."""
    with conn.cursor(row_factory=class_row(Package)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM packages
             WHERE (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(facilities)s::text[] IS NULL OR at_facility = ANY(%(facilities)s))
               AND (%(after)s::uuid IS NULL OR package_id > %(after)s)
             ORDER BY package_id LIMIT %(limit)s
            """,
            {
                "status": status,
                "facilities": None if facilities is None else list(facilities),
                "after": after,
                "limit": limit,
            },
        ).fetchall()


def under_way(
    conn: Connection[Any], after: UUID | None, until: UUID | None, limit: int
) -> list[Package]:
    """Packages whose path leads on, with ids `after` (exclusive) to `until` (inclusive), in order. None: no bound."""
    with conn.cursor(row_factory=class_row(Package)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM packages
             WHERE status IN ('planned', 'in_transit', 'returning')
               AND (%(after)s::uuid IS NULL OR package_id > %(after)s)
               AND (%(until)s::uuid IS NULL OR package_id <= %(until)s)
             ORDER BY package_id LIMIT %(limit)s
            """,
            {"after": after, "until": until, "limit": limit},
        ).fetchall()


def lines_of(
    conn: Connection[Any], package_ids: Sequence[UUID]
) -> dict[UUID, tuple[PackageLine, ...]]:
    """The lines of each package, in the order of the lines."""
    rows = conn.execute(
        """
        SELECT package_id, line_no, sku, seller_id, quantity, unit_price_paise
          FROM package_lines WHERE package_id = ANY(%(ids)s) ORDER BY package_id, line_no
        """,
        {"ids": list(package_ids)},
    ).fetchall()
    lines: dict[UUID, list[PackageLine]] = {package_id: [] for package_id in package_ids}
    for package_id, line_no, sku, seller_id, quantity, unit_price_paise in rows:
        lines[package_id].append(
            PackageLine(
                line_no=line_no,
                sku=sku,
                seller_id=seller_id,
                quantity=quantity,
                unit_price_paise=unit_price_paise,
            )
        )
    return {package_id: tuple(of_one) for package_id, of_one in lines.items()}


def weight_grams(conn: Connection[Any], lines: Sequence[PackageLine]) -> int:
    """What the lines weigh together."""
    row = conn.execute(
        """
        SELECT coalesce(sum(i.weight_grams::bigint * w.quantity), 0)
          FROM unnest(%(skus)s::text[], %(quantities)s::int[]) AS w (sku, quantity)
          JOIN items AS i USING (sku)
        """,
        {"skus": [line.sku for line in lines], "quantities": [line.quantity for line in lines]},
    ).fetchone()
    assert row is not None
    return int(row[0])


def events_of(
    conn: Connection[Any], package_id: UUID, after: int = 0, limit: int | None = None
) -> list[PackageEvent]:
    """What happened to it, in order, after a version; all, or up to a limit."""
    with conn.cursor(row_factory=class_row(PackageEvent)) as cur:
        return cur.execute(
            """
            SELECT version, what, facility, detail, happened_at, happened_by
              FROM package_events WHERE package_id = %(id)s AND version > %(after)s
             ORDER BY version LIMIT %(limit)s
            """,
            {"id": package_id, "after": after, "limit": limit},
        ).fetchall()


def set_promise(conn: Connection[Any], package_id: UUID, promise_date: date) -> None:
    conn.execute(
        "UPDATE packages SET promise_date = %(date)s WHERE package_id = %(id)s",
        {"id": package_id, "date": promise_date},
    )


def save(conn: Connection[Any], noted: Sequence[Noted]) -> None:
    """Write the packages, whose rows the caller has locked, and what happened to each."""
    conn.cursor().executemany(
        """
        UPDATE packages
           SET destination_fc_code = %(destination_fc_code)s, status = %(status)s,
               at_facility = %(at_facility)s, budget = %(budget)s, table_version = %(table_version)s,
               path_revision = %(path_revision)s, version = %(version)s, updated_at = %(updated_at)s,
               picked_at = %(picked_at)s, packed_at = %(packed_at)s
         WHERE package_id = %(package_id)s
        """,
        [each.package.model_dump() for each in noted],
    )
    note(conn, noted)


def note(conn: Connection[Any], noted: Sequence[Noted]) -> None:
    """Append what happened. A version that was noted before is an error of ours, and refused by its key."""
    conn.cursor().executemany(
        """
        INSERT INTO package_events (package_id, version, what, facility, detail, happened_at, happened_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        [
            (
                each.package.package_id,
                each.package.version,
                each.what,
                each.facility,
                Jsonb(dict(each.detail)),
                each.package.updated_at,
                each.by,
            )
            for each in noted
        ],
    )
