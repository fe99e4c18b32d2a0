"""Arithmetic of pincode ranges: both ends inclusive, sorted, merged where they touch."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .routes import Ranges, merged


def united(*several: Iterable[Sequence[int]]) -> Ranges:
    """Every pincode of any of them."""
    return merged(each for ranges in several for each in ranges)


def without(ranges: Iterable[Sequence[int]], gone: Iterable[Sequence[int]]) -> Ranges:
    """The pincodes that are not gone."""
    holes = merged(gone)
    return tuple(part for first, last in merged(ranges) for part in _parts(first, last, holes))


class Served(NamedTuple):
    """Pincodes that an FC serves, both ends inclusive."""

    fc_code: str
    first: int
    last: int


def first_overlap(served: Sequence[Served], first: int, last: int) -> Served | None:
    """The first of them that has any of the pincodes; `served` is sorted, and none overlaps another."""
    place = bisect_left(served, first, key=lambda each: each.last)
    if place < len(served) and served[place].first <= last:
        return served[place]
    return None


def clashes(ranges: Sequence[Served]) -> Iterator[tuple[int, int]]:
    """(place of a range, place of one that has some of its pincodes and is another FC's); not every pair of them."""
    by_first = sorted(range(len(ranges)), key=lambda place: ranges[place].first)
    reaching: dict[
        str, int
    ] = {}  # FC → the range of its that reaches furthest, of those that begin before
    for place in by_first:
        fc_code, first, last = ranges[place]
        for other_fc, other in reaching.items():
            if other_fc != fc_code and ranges[other].last >= first:
                yield place, other
                break
        furthest = reaching.get(fc_code)
        if furthest is None or ranges[furthest].last < last:
            reaching[fc_code] = place


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
