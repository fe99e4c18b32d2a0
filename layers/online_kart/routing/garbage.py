"""Python's collector of cycles, while millions of objects are made that are in no cycle."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """The collector rests meanwhile, in all threads.

    Rows of tables hold strings and integers, so it can't find anything among them, and looking at all
    of them again and again nearly doubled the time of a build. What is in no cycle is freed as ever.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
