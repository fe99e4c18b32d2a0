"""Running a race many times, in one world after another, and counting what went wrong."""

import itertools
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Connection

from online_kart.documents.collection import Documents
from tests.market import Market, open_market

from .arena import open_arena
from .races import World

TRIALS_A_WORLD = 100
"""Then the databases are new: what all checks read has grown."""

THREADS = 4

Race = Callable[[World], None]


@dataclass
class Tally:
    """What came of the trials of one race."""

    race: str
    trials: int = 0
    oversold: int = 0
    """Units held beyond those on hand, or sold twice."""
    unhandled_deadlocks: int = 0
    """Answers that are one, or that others were in the way too often."""
    retried_deadlocks: int = 0
    """That PostgreSQL found, and the services tried again after."""
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.oversold or self.unhandled_deadlocks or self.faults)


NewWorld = Callable[[], AbstractContextManager[tuple[str, Documents]]]
"""The DSN of an inventory database, and documents, that nobody has used."""


def run_trials(
    race: Race,
    trials: int,
    seed: int,
    new_world: NewWorld,
    now: datetime,
    on_trial: Callable[[], object] = lambda: None,
) -> Tally:
    tally = Tally(race.__name__.replace("_", " "))
    began_at = time.perf_counter()
    rng = random.Random(f"{seed} {race.__name__}")
    for first in range(0, trials, TRIALS_A_WORLD):
        with new_world() as (dsn, documents):
            with psycopg.connect(dsn, autocommit=True) as conn:
                market = open_market(conn, documents, now)
                _run_in_world(
                    race, market, dsn, min(TRIALS_A_WORLD, trials - first), rng, tally, on_trial
                )
            tally.retried_deadlocks += deadlocks_of(dsn)
    tally.retried_deadlocks -= tally.unhandled_deadlocks
    tally.seconds = time.perf_counter() - began_at
    return tally


def _run_in_world(
    race: Race,
    market: Market,
    dsn: str,
    trials: int,
    rng: random.Random,
    tally: Tally,
    on_trial: Callable[[], object],
) -> None:
    with open_arena(dsn, THREADS, rng) as arena:
        world = World(market, arena, itertools.count(1))
        for _ in range(trials):
            try:
                race(world)
            except AssertionError as error:
                tally.faults.append(f"trial {tally.trials}: {error}")
            tally.faults += market.broken_invariants()
            tally.oversold += oversold(market.conn)
            tally.trials += 1
            on_trial()
        tally.unhandled_deadlocks += arena.unhandled_deadlocks


def oversold(conn: Connection[Any]) -> int:
    """Units that orders hold beyond those on hand, by the reservations and not by what the stock's row says."""
    row = conn.execute(
        """
        SELECT coalesce(sum(greatest(r.held - s.on_hand, 0)), 0)
          FROM stock AS s
          JOIN (SELECT sku, fc_code, seller_id, sum(quantity) AS held FROM reservations
                 WHERE status IN ('held', 'confirmed') GROUP BY sku, fc_code, seller_id) AS r
         USING (sku, fc_code, seller_id)
        """
    ).fetchone()
    assert row is not None
    return int(row[0])


def deadlocks_of(dsn: str) -> int:
    """That PostgreSQL has found in a database; complete when the connections to it have ended."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        row = conn.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])
