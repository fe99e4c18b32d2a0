"""Which FC serves which pincodes. Each change asks for new route tables in the same transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.errors import ExclusionViolation

from online_kart.domain.errors import NotFound, PincodesTaken
from online_kart.domain.facilities import PincodeChange
from online_kart.domain.pincodes import united, without
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
