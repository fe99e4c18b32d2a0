"""Places at which a process may die and leave half of its work: between every two effects that outlive it.

Effects are the commit of a transaction, a document that is written, events that are published, a run that is started,
a message that is deleted. In production a crash point is one look at a global. Tests put a watcher there, which counts
who passes, and kills (`tests/crashes`). Names are literals, dotted (`reserve_stock.held`), and each is used once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Watcher = Callable[[str], None]
"""Told the name of each crash point that is passed. What it raises, or does to the process, happens there."""

_watcher: Watcher | None = None


def crashpoint(name: str) -> None:
    """A test may let the process die here."""
    if _watcher is not None:
        _watcher(name)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Every crash point of this process is told to the watcher, as long as the block lasts. For tests."""
    global _watcher
    before, _watcher = _watcher, watcher
    try:
        yield
    finally:
        _watcher = before
