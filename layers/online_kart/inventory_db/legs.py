"""Legs between facilities (I2b): one a direction and mode. What routing reads is in `facilities`."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.facilities import KnownLeg
from ..domain.network import Leg, LegKey

COLUMNS = "origin, destination, mode, transit_minutes, distance_km, departure_times"

_VALUES = """
    VALUES (%(origin)s, %(destination)s, %(mode)s, %(transit_minutes)s, %(distance_km)s,
            %(departure_times)s::text[])
"""


def _row(leg: Leg) -> dict[str, Any]:
    row = leg.model_dump()
    return {**row, "mode": leg.mode.value, "departure_times": list(row["departure_times"])}


def insert(conn: Connection[Any], leg: Leg) -> bool:
    """False where there is a leg of that mode between the two."""
    return (
        conn.execute(
            f"INSERT INTO legs ({COLUMNS}) {_VALUES} ON CONFLICT DO NOTHING", _row(leg)
        ).rowcount
        == 1
    )


def upsert(conn: Connection[Any], legs: Sequence[Leg]) -> None:
    """Add or change legs as a network has them."""
    conn.cursor().executemany(
        f"""
        INSERT INTO legs ({COLUMNS}) {_VALUES}
        ON CONFLICT (origin, destination, mode) DO UPDATE
           SET transit_minutes = excluded.transit_minutes,
               distance_km = coalesce(excluded.distance_km, legs.distance_km),
               departure_times = excluded.departure_times,
               version = legs.version + 1
        """,
        [_row(leg) for leg in legs],
    )


def by_key(conn: Connection[Any], key: LegKey) -> KnownLeg | None:
    """None where there is no such leg."""
    with conn.cursor(row_factory=class_row(KnownLeg)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS}, version FROM legs
             WHERE origin = %(origin)s AND destination = %(destination)s AND mode = %(mode)s
            """,
            _named(key),
        ).fetchone()


def listed(
    conn: Connection[Any],
    origin: str | None,
    destination: str | None,
    after: tuple[str, str, str] | None,
    limit: int,
) -> Sequence[KnownLeg]:
    """By origin, destination and mode, after the given ones; of one origin or to one destination."""
    with conn.cursor(row_factory=class_row(KnownLeg)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS}, version FROM legs
             WHERE (%(origin)s::text IS NULL OR origin = %(origin)s)
               AND (%(destination)s::text IS NULL OR destination = %(destination)s)
               AND (%(after_origin)s::text IS NULL OR (origin, destination, mode)
                    > (%(after_origin)s, %(after_destination)s, %(after_mode)s))
             ORDER BY origin, destination, mode
             LIMIT %(limit)s
            """,
            {
                "origin": origin,
                "destination": destination,
                "after_origin": after[0] if after else None,
                "after_destination": after[1] if after else None,
                "after_mode": after[2] if after else None,
                "limit": limit,
            },
        ).fetchall()


def update(conn: Connection[Any], key: LegKey, changes: Mapping[str, Any]) -> bool:
    """Change what is given. False where there is no such leg."""
    times = changes.get("departure_times")
    fields = {
        "transit_minutes": changes.get("transit_minutes"),
        "distance_km": changes.get("distance_km"),
        "departure_times": None if times is None else list(times),
    }
    return (
        conn.execute(
            """
            UPDATE legs
               SET transit_minutes = coalesce(%(transit_minutes)s, transit_minutes),
                   distance_km = coalesce(%(distance_km)s, distance_km),
                   departure_times = coalesce(%(departure_times)s::text[], departure_times),
                   version = version + 1
             WHERE origin = %(origin)s AND destination = %(destination)s AND mode = %(mode)s
            """,
            {**_named(key), **fields},
        ).rowcount
        == 1
    )


def delete(conn: Connection[Any], key: LegKey) -> bool:
    """False where there is no such leg."""
    return (
        conn.execute(
            """
            DELETE FROM legs
             WHERE origin = %(origin)s AND destination = %(destination)s AND mode = %(mode)s
            """,
            _named(key),
        ).rowcount
        == 1
    )


def _named(key: LegKey) -> dict[str, str]:
    return {"origin": key.origin, "destination": key.destination, "mode": str(key.mode)}
