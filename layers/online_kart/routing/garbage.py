"""Python's collector of cycles, while millions of objects are made that are in no cycle."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """The collector rests meanwhile, in all threads.

    Tables hold strings and integers, so it can't find anything among them, and looking at all of them
    again and again nearly doubled the time of a build. What is in no cycle is freed as ever.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            _make_old()
            gc.enable()


def _make_old() -> None:
    """What there is now is looked at when the old is, not as the youngest at the next chance.

    `freeze` takes all out of the collector's sight, and `unfreeze` puts it among the old; neither looks
    at it. Where somebody keeps something frozen, it is left so.
    """
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.unfreeze()
