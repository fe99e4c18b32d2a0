"""Where races are run: threads that stay, each with a connection of its own, which start at a barrier a moment apart.

The moments are drawn from a seed. What the operating system does of its own between them is not, so a seed tells where to
look for a fault, and not that it comes again.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Barrier
from typing import Any

from psycopg import Connection
from psycopg.errors import DeadlockDetected, SerializationFailure

from online_kart.domain.errors import Unavailable
from online_kart.postgres import Database

ANSWER_SECONDS_MAX = 60.0
JITTERS_MAX_SECONDS = (0.0, 0.001, 0.005)
"""How far apart the starts of a trial are at most, which is drawn too: some races are won in a tenth of a millisecond."""

Action = Callable[[Connection[Any]], Any]


class Arena:
    """Its threads are as many as the race with the most needs."""

    def __init__(self, database: Database, pool: ThreadPoolExecutor, rng: random.Random) -> None:
        self._database, self._pool, self._rng = database, pool, rng
        self.unhandled_deadlocks = 0

    def run(self, *actions: Action) -> list[Any]:
        """What each answers or raises, in the order in which they are given."""
        barrier = Barrier(len(actions))
        at_most = self._rng.choice(JITTERS_MAX_SECONDS)

        def run(action: Action, seconds: float) -> Any:
            conn = self._database.connection()
            barrier.wait(ANSWER_SECONDS_MAX)
            time.sleep(seconds)
            try:
                return action(conn)
            except Exception as error:
                return error

        running = [
            self._pool.submit(run, action, self._rng.uniform(0, at_most)) for action in actions
        ]
        answers = [each.result(ANSWER_SECONDS_MAX) for each in running]
        self.unhandled_deadlocks += sum(map(is_deadlock, answers))
        return answers


def is_deadlock(answer: Any) -> bool:
    """Whether an action was given up because others were in its way: each should have found its own way."""
    return isinstance(answer, DeadlockDetected | SerializationFailure | Unavailable)


@contextmanager
def open_arena(dsn: str, threads: int, rng: random.Random) -> Iterator[Arena]:
    with closing(Database(dsn)) as database, ThreadPoolExecutor(threads) as pool:
        yield Arena(database, pool, rng)


def outcomes(answers: Sequence[Any]) -> dict[str, int]:
    """How often each kind of answer came; an error of the program is told whole."""
    counts: dict[str, int] = {}
    for answer in answers:
        name = type(answer).__name__
        counts[name] = counts.get(name, 0) + 1
    return counts
