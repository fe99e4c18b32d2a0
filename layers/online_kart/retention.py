"""Forgetting what nobody needs any more, by rules that are data: which rows, by what age, kept for how long.

A rule takes rows away in small batches, each its own transaction: what is locked by somebody is left for the next run,
a run that dies has forgotten what it has forgotten, and two at once share the work. How far back a table has been
forgotten is noted with it (`forgotten`), for who compares it with what is kept elsewhere. LIMITS.md says why each rule is
as it is.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection

logger = logging.getLogger(__name__)

BATCH_SIZE_MAX = 1_000
"""Rows of one transaction: some milliseconds, so nobody waits for it."""

ROUNDS_MAX = 200
"""Batches of one rule and run. Hourly, that is 4.8 million rows a day; what is left waits for the next hour."""

COUNTED_MAX = 100_000
"""Up to here is counted what a run has left: who sees that number knows that pruning falls behind."""


class Rule(NamedTuple):
    """Rows of `table` that are older than `kept_for` go, by the time in `age`, as far as the condition `only` allows.

    An index on `age` makes it cheap to find the oldest; `age` is an expression of the table's own columns.
    """

    table: LiteralString
    key: LiteralString
    age: LiteralString
    kept_for: timedelta
    only: LiteralString = "true"


class DocumentRule(NamedTuple):
    """The same of a collection: `forget` removes up to so many documents older than then, and says how many."""

    collection: str
    kept_for: timedelta
    forget: Callable[[datetime, int], int]


def prune(conn: Connection[Any], rules: Iterable[Rule], now: datetime) -> dict[str, int]:
    """Forget by each rule, within ROUNDS_MAX batches. How many rows of each table."""
    return {rule.table: _prune(conn, rule, now) for rule in rules}


def _prune(conn: Connection[Any], rule: Rule, now: datetime) -> int:
    before = now - rule.kept_for
    count = _repeated(lambda: _forget_some(conn, rule, before, now))
    _log(rule.table, count, left(conn, rule, before) if count else 0)
    return count


def prune_documents(rules: Iterable[DocumentRule], now: datetime) -> dict[str, int]:
    """As `prune`, of collections."""
    pruned = {}
    for rule in rules:
        before = now - rule.kept_for
        pruned[rule.collection] = _repeated(partial(rule.forget, before, BATCH_SIZE_MAX))
        _log(rule.collection, pruned[rule.collection], None)
    return pruned


def _repeated(forget_some: Callable[[], int]) -> int:
    """Batch after batch, until one isn't full."""
    count = 0
    for _ in range(ROUNDS_MAX):
        some = forget_some()
        count += some
        if some < BATCH_SIZE_MAX:
            break
    return count


def _log(what: str, count: int, left_count: int | None) -> None:
    if count:
        logger.info("Forgot what is old", extra={"of": what, "count": count, "left": left_count})


def _forget_some(conn: Connection[Any], rule: Rule, before: datetime, now: datetime) -> int:
    """One batch, the oldest first, and how far back the table is forgotten now."""
    row = conn.execute(
        f"""
        WITH old AS (
            SELECT {rule.key} FROM {rule.table} AS t
             WHERE {rule.age} < %(before)s AND ({rule.only})
             ORDER BY {rule.age} LIMIT %(limit)s
               FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM {rule.table} WHERE ({rule.key}) IN (SELECT {rule.key} FROM old)
            RETURNING {rule.age} AS at
        ), noted AS (
            INSERT INTO forgotten (what, up_to, forgotten_count, last_at)
            SELECT %(table)s, max(at), count(*), %(now)s FROM gone HAVING count(*) > 0
            ON CONFLICT (what) DO UPDATE
               SET up_to = greatest(forgotten.up_to, excluded.up_to),
                   forgotten_count = forgotten.forgotten_count + excluded.forgotten_count,
                   last_at = excluded.last_at
        )
        SELECT count(*) FROM gone
        """,
        {"before": before, "limit": BATCH_SIZE_MAX, "table": rule.table, "now": now},
    ).fetchone()
    assert row is not None
    return int(row[0])


def left(conn: Connection[Any], rule: Rule, before: datetime) -> int:
    """How many rows a run left that may go, counted up to COUNTED_MAX."""
    row = conn.execute(
        f"""
        SELECT count(*) FROM (
            SELECT FROM {rule.table} AS t
             WHERE {rule.age} < %(before)s AND ({rule.only}) LIMIT %(limit)s) AS old
        """,
        {"before": before, "limit": COUNTED_MAX},
    ).fetchone()
    assert row is not None
    return int(row[0])
