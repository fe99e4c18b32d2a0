"""Our own table of state machine runs: what people list, and what sweeps start again.

A run is named `<business id>-<revision>`. Its times are the wall clock's.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from ..domain.base import Model
from ..domain.values import Instant

RunStatus = Literal["running", "succeeded", "failed", "lost"]


class Run(Model):
    machine: str
    business_id: str
    revision: int
    status: RunStatus
    input: dict[str, Any]
    error: str | None
    started_at: Instant
    ended_at: Instant | None

    @property
    def name(self) -> str:
        return f"{self.business_id}-{self.revision}"


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
            INSERT INTO runs (machine, business_id, revision, status, input, started_at)
            VALUES (%(machine)s, %(business_id)s, %(revision)s, 'running', %(input)s, %(now)s)
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


def running(conn: Connection[Any], started_before: datetime, limit: int) -> list[Run]:
    """The longest-running first."""
    with conn.cursor(row_factory=class_row(Run)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM runs
             WHERE status = 'running' AND started_at < %(before)s
             ORDER BY started_at LIMIT %(limit)s
            """,
            {"before": started_before, "limit": limit},
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
    """Every revision of one business id, the newest first."""
    with conn.cursor(row_factory=class_row(Run)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM runs
             WHERE machine = %(machine)s AND business_id = %(business_id)s
             ORDER BY revision DESC
            """,
            {"machine": machine, "business_id": business_id},
        ).fetchall()
