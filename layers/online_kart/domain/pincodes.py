"""Arithmetic of pincode ranges: both ends inclusive, sorted, merged where they touch."""

from collections.abc import Iterable, Iterator, Sequence

from .routes import Ranges, merged


def united(*several: Iterable[Sequence[int]]) -> Ranges:
    """Every pincode of any of them."""
    return merged(each for ranges in several for each in ranges)


def without(ranges: Iterable[Sequence[int]], gone: Iterable[Sequence[int]]) -> Ranges:
    """The pincodes that are not gone."""
    holes = merged(gone)
    return tuple(part for first, last in merged(ranges) for part in _parts(first, last, holes))


def _parts(first: int, last: int, holes: Ranges) -> Iterator[tuple[int, int]]:
    for hole_first, hole_last in holes:
        if hole_last < first:
            continue
        if hole_first > last:
            break
        if hole_first > first:
            yield first, hole_first - 1
        first = hole_last + 1
    if first <= last:
        yield first, last
