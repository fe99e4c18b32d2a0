"""Hubs and fulfillment centers (I1, I2), and the network that the router takes.

Every change of the network holds the network's lock until it commits (`lock_network`), so changes
happen one after another: the version of route tables a change asks for says which changes it has.
"""

from collections.abc import Iterable
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.errors import NotFound
from ..domain.facilities import (
    FacilityStatus,
)
from ..domain.network import HOP_LIMIT_DEFAULT, Facility, Leg, Network

NETWORK_LOCK = 7_301_846
"""The key of PostgreSQL's advisory lock; any number that nobody else uses."""

_HUB = """
    SELECT f.code AS hub_code, f.kind, f.name, f.state, f.latitude, f.longitude, f.time_zone,
           f.handling_minutes, f.status, f.created_at, f.updated_at
      FROM facilities AS f
"""
_FULFILLMENT_CENTER = """
    SELECT f.code AS fc_code, f.name, f.state, f.latitude, f.longitude, f.time_zone,
           f.handling_minutes, f.status, f.created_at, f.updated_at, c.capacity_units, c.cut_off,
           c.home_hub_code
      FROM facilities AS f
      JOIN fulfillment_centers AS c ON c.fc_code = f.code
"""
_FACILITY = """
    SELECT f.code, f.kind, f.handling_minutes, f.latitude, f.longitude, f.name, f.state,
           f.time_zone, c.capacity_units, c.cut_off,
           ARRAY(SELECT ARRAY[lower(r.pincodes), upper(r.pincodes) - 1]
                   FROM pincode_ranges AS r
                  WHERE r.fc_code = f.code
                  ORDER BY r.pincodes) AS pincode_ranges
      FROM facilities AS f
      LEFT JOIN fulfillment_centers AS c ON c.fc_code = f.code
"""
_LEG = """
    SELECT l.origin, l.destination, l.mode, l.transit_minutes, l.distance_km, l.departure_times
      FROM legs AS l
"""


def lock_network(conn: Connection[Any]) -> None:
    """Wait until no other change of the network is under way; hold the next ones back."""
    conn.execute("SELECT pg_advisory_xact_lock(%(key)s)", {"key": NETWORK_LOCK})


def lock_network_to_read(conn: Connection[Any]) -> None:
    """Wait until no change of the network is under way; others may read at the same time."""
    conn.execute("SELECT pg_advisory_xact_lock_shared(%(key)s)", {"key": NETWORK_LOCK})


# -- what the router takes


def network(conn: Connection[Any], hop_limit: int = HOP_LIMIT_DEFAULT) -> Network:
    """All that is open. A draining facility is left out, and with it every leg from or to it."""
    with conn.transaction():
        lock_network_to_read(conn)
        with conn.cursor(row_factory=class_row(Facility)) as facilities:
            facilities.execute(f"{_FACILITY} WHERE f.status = 'open' ORDER BY f.code")
            with conn.cursor(row_factory=class_row(Leg)) as legs:
                legs.execute(
                    f"""
                    {_LEG}
                      JOIN facilities AS o ON o.code = l.origin AND o.status = 'open'
                      JOIN facilities AS d ON d.code = l.destination AND d.status = 'open'
                     ORDER BY l.origin, l.destination, l.mode
                    """
                )
                return Network(
                    hop_limit=hop_limit,
                    facilities=tuple(facilities.fetchall()),
                    legs=tuple(legs.fetchall()),
                )


def facility(conn: Connection[Any], code: str) -> Facility:
    """A facility of any status, as the network has it. Raises NotFound."""
    with conn.cursor(row_factory=class_row(Facility)) as cur:
        found = cur.execute(f"{_FACILITY} WHERE f.code = %(code)s", {"code": code}).fetchone()
    if found is None:
        raise NotFound("facility", code)
    return found


def legs_from(conn: Connection[Any], code: str) -> list[Leg]:
    """The legs by which what is here can leave, also from a draining facility; to open ones only."""
    with conn.cursor(row_factory=class_row(Leg)) as cur:
        return cur.execute(
            f"""
            {_LEG}
              JOIN facilities AS d ON d.code = l.destination AND d.status = 'open'
             WHERE l.origin = %(code)s
             ORDER BY l.destination, l.mode
            """,
            {"code": code},
        ).fetchall()


def status_of(conn: Connection[Any], code: str) -> FacilityStatus | None:
    """None where there is no such facility."""
    row = conn.execute(
        "SELECT status FROM facilities WHERE code = %(code)s", {"code": code}
    ).fetchone()
    return row[0] if row else None


def kinds_of(conn: Connection[Any], codes: Iterable[str]) -> dict[str, str]:
    """fc, airport or seaport, of those of the codes that exist."""
    rows = conn.execute(
        "SELECT code, kind FROM facilities WHERE code = ANY(%(codes)s)", {"codes": list(codes)}
    ).fetchall()
    return dict(rows)
