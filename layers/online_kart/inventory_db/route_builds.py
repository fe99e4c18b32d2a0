"""Builds of route tables: one row a version, which orders them and never goes back.

Whoever asks for a build holds the network's lock until the commit. So versions are committed in
their order, and version 17 has every change of the network up to its own.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.route_builds import BuildFigures, RouteBuild

COLUMNS = """version, reason, status, requested_at, started_at, ended_at, base_version, tables_count, touched_count,
             written_count, packages_replanned_count, build_ms, network_ms, comparison_ms, tables_ms, writing_ms,
             switching_ms, error"""


def insert(conn: Connection[Any], reason: str, now: datetime) -> int:
    """Ask for a build; its version. The caller holds the network's lock."""
    row = conn.execute(
        """
        INSERT INTO route_builds (reason, status, requested_at)
        VALUES (%(reason)s, 'requested', %(now)s)
        RETURNING version
        """,
        {"reason": reason, "now": now},
    ).fetchone()
    assert row is not None
    return int(row[0])


def newest_version(conn: Connection[Any]) -> int:
    """The last one that was asked for; 0 before the first."""
    row = conn.execute("SELECT coalesce(max(version), 0) FROM route_builds").fetchone()
    assert row is not None
    return int(row[0])


def is_any_under_way(conn: Connection[Any]) -> bool:
    """Whether one was asked for, and is not in force yet."""
    under_way = conn.execute(
        "SELECT FROM route_builds WHERE status IN ('requested', 'building') LIMIT 1"
    )
    return bool(under_way.rowcount)


def published_version(conn: Connection[Any]) -> int:
    """The last one in force; 0 before the first. Who holds the network's lock to read keeps it from changing."""
    row = conn.execute(
        "SELECT coalesce(max(version), 0) FROM route_builds WHERE status = 'published'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def by_version(conn: Connection[Any], version: int) -> RouteBuild | None:
    """None where nobody asked for it."""
    with conn.cursor(row_factory=class_row(RouteBuild)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM route_builds WHERE version = %(version)s",
            {"version": version},
        ).fetchone()


def listed(conn: Connection[Any], before: int | None, limit: int) -> Sequence[RouteBuild]:
    """The newest first, from the version before the given one."""
    with conn.cursor(row_factory=class_row(RouteBuild)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM route_builds
             WHERE %(before)s::bigint IS NULL OR version < %(before)s
             ORDER BY version DESC
             LIMIT %(limit)s
            """,
            {"before": before, "limit": limit},
        ).fetchall()


def newest_without_run(conn: Connection[Any], requested_before: datetime) -> tuple[int, str] | None:
    """(version, reason) of the newest build, where it was asked for before then and nobody heard of it."""
    return conn.execute(
        """
        SELECT version, reason FROM route_builds AS b
         WHERE version = (SELECT max(version) FROM route_builds)
           AND status = 'requested' AND requested_at < %(before)s
           AND NOT EXISTS (SELECT FROM runs AS r
                            WHERE r.machine = 'rebuild_routes' AND r.business_id = 'network-' || b.version)
           AND NOT EXISTS (SELECT FROM outbox AS o
                            WHERE o.sent_at IS NULL AND o.type = 'NetworkChanged'
                              AND o.aggregate_id = b.version::text)
        """,
        {"before": requested_before},
    ).fetchone()


def begin(conn: Connection[Any], version: int, now: datetime) -> None:
    """Note that it is being built, also where it failed before."""
    conn.execute(
        """
        UPDATE route_builds
           SET status = 'building', started_at = coalesce(started_at, %(now)s), ended_at = NULL,
               error = NULL
         WHERE version = %(version)s AND status IN ('requested', 'building', 'failed')
        """,
        {"version": version, "now": now},
    )


def supersede(conn: Connection[Any], version: int, now: datetime) -> None:
    """Note that a later build took its place. One that was published stays so."""
    conn.execute(
        """
        UPDATE route_builds SET status = 'superseded', ended_at = %(now)s
         WHERE version = %(version)s AND status IN ('requested', 'building', 'failed')
        """,
        {"version": version, "now": now},
    )


def note_touched(
    conn: Connection[Any],
    version: int,
    base_version: int,
    touched_count: int,
    network_ms: float,
    comparison_ms: float,
) -> None:
    """Note what is to be built, and how long it took to find out. One that was published stays as it is."""
    conn.execute(
        """
        UPDATE route_builds
           SET base_version = %(base_version)s, touched_count = %(touched_count)s, network_ms = %(network_ms)s,
               comparison_ms = %(comparison_ms)s
         WHERE version = %(version)s AND status <> 'published'
        """,
        {
            "version": version,
            "base_version": base_version,
            "touched_count": touched_count,
            "network_ms": network_ms,
            "comparison_ms": comparison_ms,
        },
    )


def publish(conn: Connection[Any], version: int, figures: BuildFigures, now: datetime) -> None:
    """Note what the build made. A repeat leaves the first time's numbers."""
    conn.execute(
        """
        UPDATE route_builds
           SET status = 'published', ended_at = %(now)s, tables_count = %(tables_count)s,
               written_count = %(written_count)s, build_ms = %(tables_ms)s + %(writing_ms)s, tables_ms = %(tables_ms)s,
               writing_ms = %(writing_ms)s, switching_ms = %(switching_ms)s, error = NULL,
               packages_replanned_count = coalesce(packages_replanned_count, 0)
         WHERE version = %(version)s AND status <> 'published'
        """,
        {"version": version, "now": now, **figures.model_dump()},
    )


def fail(conn: Connection[Any], version: int, error: str, now: datetime) -> None:
    """Note why the build failed. Where it was published before, it stays so: what came after failed."""
    conn.execute(
        """
        UPDATE route_builds
           SET error = %(error)s,
               ended_at = CASE WHEN status = 'published' THEN ended_at ELSE %(now)s END,
               status = CASE WHEN status = 'published' THEN status ELSE 'failed' END
         WHERE version = %(version)s AND status <> 'superseded'
        """,
        {"version": version, "error": error, "now": now},
    )


def add_replanned(conn: Connection[Any], version: int, packages_count: int) -> None:
    conn.execute(
        """
        UPDATE route_builds
           SET packages_replanned_count = coalesce(packages_replanned_count, 0) + %(count)s
         WHERE version = %(version)s
        """,
        {"version": version, "count": packages_count},
    )


def set_home_hubs(conn: Connection[Any], home_hubs: Mapping[str, str | None]) -> None:
    """Write each FC's home hub. A hub or FC that was deleted meanwhile is passed over."""
    conn.execute(
        """
        UPDATE fulfillment_centers AS c
           SET home_hub_code = h.hub_code
          FROM unnest(%(fcs)s::text[], %(hubs)s::text[]) AS n (fc_code, hub_code)
          LEFT JOIN hubs AS h ON h.hub_code = n.hub_code
         WHERE c.fc_code = n.fc_code AND c.home_hub_code IS DISTINCT FROM h.hub_code
        """,
        {"fcs": list(home_hubs), "hubs": list(home_hubs.values())},
    )


def under_way_ranges(
    conn: Connection[Any], size: int, ranges_max: int
) -> list[tuple[UUID | None, UUID]]:
    """Packages that are not at their end, as ranges of ids (after, until): about `size` in each.

    The first range is after None. There are never more than `ranges_max` of them.
    """
    rows = conn.execute(
        """
        WITH under_way AS (
            SELECT package_id, row_number() OVER (ORDER BY package_id) - 1 AS place,
                   count(*) OVER () AS total
              FROM packages
             WHERE status IN ('planned', 'in_transit', 'out_for_delivery', 'returning')
        ), ends AS (
            SELECT package_id FROM under_way
             WHERE (place + 1) %% greatest(%(size)s, ceil(total::numeric / %(ranges_max)s)) = 0
                OR place + 1 = total
        )
        SELECT lag(package_id) OVER (ORDER BY package_id), package_id FROM ends ORDER BY package_id
        """,
        {"size": size, "ranges_max": ranges_max},
    ).fetchall()
    return [(after, until) for after, until in rows]
