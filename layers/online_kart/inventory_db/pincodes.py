"""Which FC serves which pincodes (I3). That no pincode is served twice is the database's constraint.

Ranges are written merged: an FC's whole set is replaced, so that two neighbours are one row.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import Connection

from ..domain.routes import Ranges

SERVED_ONCE = "pincode_is_served_once"
"""The constraint that a range breaks which is another FC's."""


def of_fcs(conn: Connection[Any], fc_codes: Iterable[str]) -> dict[str, Ranges]:
    """The ranges of each FC, sorted. An FC that serves nothing is left out."""
    rows = conn.execute(
        """
        SELECT fc_code, lower(pincodes), upper(pincodes) - 1 FROM pincode_ranges
         WHERE fc_code = ANY(%(fc_codes)s)
         ORDER BY pincodes
        """,
        {"fc_codes": list(fc_codes)},
    ).fetchall()
    ranges: dict[str, list[tuple[int, int]]] = {}
    for fc_code, first, last in rows:
        ranges.setdefault(fc_code, []).append((first, last))
    return {fc_code: tuple(each) for fc_code, each in ranges.items()}


def listed(
    conn: Connection[Any], fc_code: str, after: int | None, limit: int
) -> Sequence[tuple[int, int]]:
    """An FC's ranges (first, last) in order, those that begin after a pincode."""
    rows = conn.execute(
        """
        SELECT lower(pincodes), upper(pincodes) - 1 FROM pincode_ranges
         WHERE fc_code = %(fc_code)s AND (%(after)s::integer IS NULL OR lower(pincodes) > %(after)s)
         ORDER BY pincodes
         LIMIT %(limit)s
        """,
        {"fc_code": fc_code, "after": after, "limit": limit},
    ).fetchall()
    return [(first, last) for first, last in rows]


def replace(conn: Connection[Any], ranges_of: Mapping[str, Ranges]) -> None:
    """Give each of the FCs exactly these ranges.

    Raises psycopg's ExclusionViolation (SERVED_ONCE) where another FC has some of them.
    """
    conn.execute(
        "DELETE FROM pincode_ranges WHERE fc_code = ANY(%(fc_codes)s)",
        {"fc_codes": list(ranges_of)},
    )
    conn.cursor().executemany(
        """
        INSERT INTO pincode_ranges (fc_code, pincodes)
        VALUES (%(fc_code)s, int4range(%(first)s, %(last)s, '[]'))
        """,
        [
            {"fc_code": fc_code, "first": first, "last": last}
            for fc_code, ranges in ranges_of.items()
            for first, last in ranges
        ],
    )


def holders(conn: Connection[Any], ranges: Ranges) -> list[tuple[str, int, int]]:
    """Who serves any of these pincodes: (FC, first, last) of each common part, by pincode."""
    rows = conn.execute(
        """
        SELECT p.fc_code, lower(p.pincodes * a.pincodes), upper(p.pincodes * a.pincodes) - 1
          FROM unnest(%(firsts)s::integer[], %(lasts)s::integer[]) AS n (first, last)
         CROSS JOIN LATERAL (SELECT int4range(n.first, n.last, '[]')) AS a (pincodes)
          JOIN pincode_ranges AS p ON p.pincodes && a.pincodes
         ORDER BY 2
        """,
        {
            "firsts": [first for first, _ in ranges],
            "lasts": [last for _, last in ranges],
        },
    ).fetchall()
    return [(fc_code, first, last) for fc_code, first, last in rows]
