"""Doing things at the same time, to see what comes of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
from psycopg import Connection


def run_together(dsn: str, *actions: Callable[[Connection[Any]], Any]) -> list[Any]:
    """What each answers or raises. Each has a connection of its own; all start at once."""
    barrier = Barrier(len(actions))

    def run(action: Callable[[Connection[Any]], Any]) -> Any:
        with psycopg.connect(dsn, autocommit=True) as conn:
            barrier.wait()
            try:
                return action(conn)
            except Exception as error:
                return error

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(run, actions))
