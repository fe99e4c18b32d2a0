"""Faults that a test causes and mends: rows that can't be written, steps that die, runs that got lost."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection


def refuse_writes(conn: Connection[Any], table: str, when: str = "true") -> None:
    """Let no such row be written, as a disk that is full would, until `accept_writes`."""
    conn.execute(
        """
        CREATE FUNCTION refuse_write() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = 'disk_full'; END $$
        """
    )
    conn.execute(
        f"""
        CREATE TRIGGER refuses_writes BEFORE INSERT OR UPDATE ON {table}
        FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse_write()
        """
    )


def accept_writes(conn: Connection[Any]) -> None:
    conn.execute("DROP FUNCTION refuse_write CASCADE")


def sweep_runs(engine: Any, conn: Connection[Any]) -> None:
    """As the schedule does, when the runs have been silent for long enough."""
    conn.execute("UPDATE runs SET checked_at = checked_at - interval '1 day'")
    engine.invoke("sweep_runs")
    engine.settle()


DEATHS = ("Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout")
"""What Step Functions may call the death of a function's process: killed, out of memory, or out of time."""


class Crash(Exception):
    """The process dies here."""


def crash_before_the_commit(conn: Connection[Any], step: Callable[[], object]) -> None:
    """The step writes its documents and never commits."""

    def dies() -> None:
        with conn.transaction():
            step()
            raise Crash

    with pytest.raises(Crash):
        dies()
