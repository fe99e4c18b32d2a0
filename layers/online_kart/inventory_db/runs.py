"""Our own table of state machine runs: what people list, and what sweeps start again.

A run is named `<business id>-<revision>`. Its times are the wall clock's.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from ..domain.runs import Run, RunStatus

REVISIONS_READ_MAX = 1_000
"""An order that can be neither served nor rejected is told of every ten minutes: those of a week."""

COLUMNS = "machine, business_id, revision, status, input, error, started_at, ended_at"


def insert(
    conn: Connection[Any],
    machine: str,
    business_id: str,
    revision: int,
    input_: dict[str, Any],
    wall_now: datetime,
) -> bool:
    """Note a run as running. False where it is known already."""
    return (
        conn.execute(
            """
            INSERT INTO runs (machine, business_id, revision, status, input, started_at, checked_at)
            VALUES (%(machine)s, %(business_id)s, %(revision)s, 'running', %(input)s, %(now)s, %(now)s)
            ON CONFLICT DO NOTHING
            """,
            {
                "machine": machine,
                "business_id": business_id,
                "revision": revision,
                "input": Jsonb(input_),
                "now": wall_now,
            },
        ).rowcount
        == 1
    )


def end(
    conn: Connection[Any],
    machine: str,
    business_id: str,
    revision: int | None,
    status: RunStatus,
    error: str | None,
    wall_now: datetime,
) -> int:
    """End a run that is still running; `revision` None means every running one of the business id. How many."""
    return conn.execute(
        """
        UPDATE runs
           SET status = %(status)s, error = %(error)s, ended_at = %(now)s
         WHERE machine = %(machine)s AND business_id = %(business_id)s
           AND (%(revision)s::integer IS NULL OR revision = %(revision)s) AND status = 'running'
        """,
        {
            "machine": machine,
            "business_id": business_id,
            "revision": revision,
            "status": status,
            "error": error,
            "now": wall_now,
        },
    ).rowcount


def succeed_after_all(conn: Connection[Any], machine: str, business_id: str, revision: int) -> bool:
    """A run that failed when all was done has succeeded; its error stays noted. False where it did not fail."""
    return (
        conn.execute(
            """
            UPDATE runs SET status = 'succeeded'
             WHERE machine = %(machine)s AND business_id = %(business_id)s
               AND revision = %(revision)s AND status = 'failed'
            """,
            {"machine": machine, "business_id": business_id, "revision": revision},
        ).rowcount
        == 1
    )


def latest_revision(conn: Connection[Any], machine: str, business_id: str) -> int:
    """The highest revision of the business id; 0 where it never ran."""
    row = conn.execute(
        """
        SELECT coalesce(max(revision), 0) FROM runs
         WHERE machine = %(machine)s AND business_id = %(business_id)s
        """,
        {"machine": machine, "business_id": business_id},
    ).fetchone()
    assert row is not None
    return int(row[0])


def take_unchecked(
    conn: Connection[Any],
    checked_before: datetime,
    restarted_machines: Sequence[str],
    revision_max: int,
    limit: int,
    wall_now: datetime,
) -> list[Run]:
    """Runs that nobody has asked the engine about for a while; notes that they are asked about now.

    Failed runs of the given machines are among them, as long as they are the last of their business id.
    """
    with conn.cursor(row_factory=class_row(Run)) as cur:
        return cur.execute(
            f"""
            UPDATE runs SET checked_at = %(now)s
             WHERE (machine, business_id, revision) IN (
                   SELECT machine, business_id, revision FROM runs AS r
                    WHERE checked_at < %(before)s
                      AND (status = 'running'
                           OR status = 'failed' AND machine = ANY(%(machines)s)
                              AND revision < %(revision_max)s
                              AND NOT EXISTS (SELECT FROM runs AS later
                                               WHERE later.machine = r.machine
                                                 AND later.business_id = r.business_id
                                                 AND later.revision > r.revision))
                    ORDER BY checked_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
            RETURNING {COLUMNS}
            """,
            {
                "before": checked_before,
                "machines": list(restarted_machines),
                "revision_max": revision_max,
                "limit": limit,
                "now": wall_now,
            },
        ).fetchall()


def listed(
    conn: Connection[Any],
    machine: str | None,
    status: RunStatus | None,
    after: tuple[datetime, str, str, int] | None,
    limit: int,
) -> Sequence[Run]:
    """The newest first; `after` is the sort key (started_at, machine, business_id, revision) of the page before's last."""
    with conn.cursor(row_factory=class_row(Run)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM runs
             WHERE (%(machine)s::text IS NULL OR machine = %(machine)s)
               AND (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(at)s::timestamptz IS NULL
                    OR (started_at, machine, business_id, revision)
                       < (%(at)s, %(after_machine)s, %(after_id)s, %(after_revision)s))
             ORDER BY started_at DESC, machine DESC, business_id DESC, revision DESC
             LIMIT %(limit)s
            """,
            {
                "machine": machine,
                "status": status,
                "at": after[0] if after else None,
                "after_machine": after[1] if after else None,
                "after_id": after[2] if after else None,
                "after_revision": after[3] if after else None,
                "limit": limit,
            },
        ).fetchall()


def by_key(conn: Connection[Any], machine: str, business_id: str) -> list[Run]:
    """Every revision of one business id, the newest first, up to REVISIONS_READ_MAX of them."""
    with conn.cursor(row_factory=class_row(Run)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM runs
             WHERE machine = %(machine)s AND business_id = %(business_id)s
             ORDER BY revision DESC LIMIT %(limit)s
            """,
            {"machine": machine, "business_id": business_id, "limit": REVISIONS_READ_MAX},
        ).fetchall()
