"""Where two long sequences of models that are almost alike differ.

A change of a network leaves nearly all of its facilities and legs as they were, in the same order.
So both are walked side by side, block by block; where a block differs, one of a few entries that
follow is looked for in the other. Entries are told apart by their fields: what pydantic keeps in
`__dict__` is compared in C, and at once where it is the same object.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, TypeVar

BLOCK = 256
AHEAD_MAX = 64
"""So many entries that are gone, or new, in a row are seen as such."""
APART_MAX = 2_000
"""After so many entries that differ, the rest is taken to differ: it is not worth the walk."""

Entry = TypeVar("Entry")
Fields = list[dict[str, Any]]

_fields = attrgetter("__dict__")


def apart(old: Sequence[Entry], new: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The entries of each with no equal at the same place of the other.

    An entry that is in both, but elsewhere, may be among both.
    """
    before, after = list(map(_fields, old)), list(map(_fields, new))
    gone: list[Entry] = []
    came: list[Entry] = []
    here = there = 0
    while here < len(old) and there < len(new) and len(gone) + len(came) < APART_MAX:
        same = _alike(before, here, after, there)
        here, there = here + same, there + same
        if same < BLOCK:
            skip_old, skip_new = _to_the_next_alike(before, here, after, there)
            gone += old[here : here + skip_old]
            came += new[there : there + skip_new]
            here, there = here + skip_old, there + skip_new
    return [*gone, *old[here:]], [*came, *new[there:]]


def _alike(before: Fields, here: int, after: Fields, there: int) -> int:
    """How many entries from here on are equal, at most a block."""
    block, other = before[here : here + BLOCK], after[there : there + BLOCK]
    if block == other:
        return BLOCK
    pairs = enumerate(zip(block, other, strict=False))
    return next((place for place, (one, two) in pairs if one != two), min(len(block), len(other)))


def _to_the_next_alike(before: Fields, here: int, after: Fields, there: int) -> tuple[int, int]:
    """How many entries to pass over in each: some that are gone, some that are new, or one that changed."""
    if before[here + 1 : here + 2] == after[there + 1 : there + 2]:
        return 1, 1
    for skip in range(1, AHEAD_MAX):
        if before[here + skip : here + skip + 1] == after[there : there + 1]:
            return skip, 0
        if after[there + skip : there + skip + 1] == before[here : here + 1]:
            return 0, skip
    return 1, 1
