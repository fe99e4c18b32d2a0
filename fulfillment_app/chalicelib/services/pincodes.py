"""Which FC serves which pincodes. Each change asks for new route tables in the same transaction."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.errors import ExclusionViolation

from online_kart.domain.errors import NotFound, PincodesTaken
from online_kart.domain.facilities import PincodeChange, RangeLine
from online_kart.domain.imports import Line, refuse_wrong
from online_kart.domain.pincodes import Served, clashes, first_overlap, united, without
from online_kart.domain.routes import Ranges
from online_kart.inventory_db import facilities, pincodes

from . import rebuilds


def listed(
    conn: Connection[Any], fc_code: str, after: int | None, limit: int
) -> Sequence[tuple[int, int]]:
    """An FC's ranges in order, those that begin after a pincode. Raises NotFound."""
    _require_fc(conn, fc_code)
    return pincodes.listed(conn, fc_code, after, limit)


def add(conn: Connection[Any], fc_code: str, change: PincodeChange, now: datetime) -> int:
    """Give the FC a range; the version of the route tables that will have it.

    With `move`, it is taken from whoever serves it. Raises PincodesTaken, NotFound.
    """
    added = ((change.first, change.last),)
    with conn.transaction():
        facilities.lock_network(conn)
        _require_fc(conn, fc_code)
        if change.move:
            _take_away(conn, added)
        ranges = pincodes.of_fcs(conn, [fc_code]).get(fc_code, ())
        replace(conn, {fc_code: united(ranges, added)})
        reason = f"{fc_code} serves {change.first}–{change.last}"
        return rebuilds.request_rebuild(conn, reason, now)


def import_ranges(conn: Connection[Any], lines: Sequence[Line[RangeLine]], now: datetime) -> int:
    """Give each FC the ranges of its lines, or change nothing; the one version of route tables that will have them all.

    A file is one plan: half of it would be a network that nobody has planned. With `move`, a line takes its range from
    whoever serves it. Raises ImportRefused, which names every line that is wrong.
    """
    with conn.transaction():
        facilities.lock_network(conn)
        refuse_wrong(_judged(conn, lines))
        said = [line.said for line in lines if line.said is not None]
        given: dict[str, list[tuple[int, int]]] = {}
        for each in said:
            given.setdefault(each.fc_code, []).append((each.first, each.last))
        _take_away(conn, united(*given.values()))
        had = pincodes.of_fcs(conn, given)
        replace(conn, {fc: united(had.get(fc, ()), ranges) for fc, ranges in given.items()})
        reason = f"{len(said)} ranges of {len(given)} FCs were imported"
        return rebuilds.request_rebuild(conn, reason, now)


def _judged(conn: Connection[Any], lines: Sequence[Line[RangeLine]]) -> Sequence[Line[RangeLine]]:
    """The lines, with what the network has against each: an unknown FC, or pincodes of others."""
    judged = list(lines)
    for place, field, expected in _wrong(conn, lines):
        judged[place] = judged[place].refused(field, expected)
    return judged


def _wrong(
    conn: Connection[Any], lines: Sequence[Line[RangeLine]]
) -> Iterator[tuple[int, str, str]]:
    """(place of the line, field, what was expected)"""
    said = [(place, line.said) for place, line in enumerate(lines) if line.said is not None]
    kinds = facilities.kinds_of(conn, {each.fc_code for _, each in said})
    ranges = [Served(each.fc_code, each.first, each.last) for _, each in said]
    for one, other in clashes(ranges):
        number = lines[said[other][0]].number
        yield (
            said[one][0],
            "first",
            f"pincodes that no other line gives to another FC: {number} does",
        )
    wanted = united((each.first, each.last) for each in ranges)
    served = [Served(*holder) for holder in pincodes.holders(conn, wanted)]
    for place, each in said:
        if kinds.get(each.fc_code) != "fc":
            yield place, "fc_code", "a fulfillment center that exists"
        others = [holder for holder in served if holder.fc_code != each.fc_code]
        taken = None if each.move else first_overlap(others, each.first, each.last)
        if taken is not None:
            yield place, "first", _told(taken)


def _told(taken: Served) -> str:
    return (
        f"pincodes that nobody serves, or move to take them:"
        f" {taken.fc_code} serves {taken.first}–{taken.last}"
    )


def remove(conn: Connection[Any], fc_code: str, first: int, last: int, now: datetime) -> int:
    """Take a range from the FC. Raises NotFound where it serves none of it."""
    gone = ((first, last),)
    with conn.transaction():
        facilities.lock_network(conn)
        _require_fc(conn, fc_code)
        ranges = pincodes.of_fcs(conn, [fc_code]).get(fc_code, ())
        left = without(ranges, gone)
        if left == ranges:
            raise NotFound("pincode served", f"by {fc_code} in {first}–{last}")
        pincodes.replace(conn, {fc_code: left})
        return rebuilds.request_rebuild(conn, f"{fc_code} no longer serves {first}–{last}", now)


def replace(conn: Connection[Any], ranges_of: Mapping[str, Ranges]) -> None:
    """Give each of the FCs exactly these ranges. Raises PincodesTaken, naming an FC that has some of them."""
    try:
        with conn.transaction():
            pincodes.replace(conn, ranges_of)
    except ExclusionViolation as error:
        if error.diag.constraint_name != pincodes.SERVED_ONCE:
            raise
        wanted = united(*ranges_of.values())
        fc_code, first, last = next(
            holder for holder in pincodes.holders(conn, wanted) if holder[0] not in ranges_of
        )
        raise PincodesTaken(first, last, fc_code) from error


def _take_away(conn: Connection[Any], ranges: Ranges) -> None:
    """From all who serve any of them."""
    holders = {fc_code for fc_code, _, _ in pincodes.holders(conn, ranges)}
    before = pincodes.of_fcs(conn, holders)
    pincodes.replace(conn, {fc_code: without(had, ranges) for fc_code, had in before.items()})


def _require_fc(conn: Connection[Any], fc_code: str) -> None:
    if facilities.fulfillment_center(conn, fc_code) is None:
        raise NotFound("fulfillment center", fc_code)
