"""Hubs and fulfillment centers (I1, I2), and the network that the router takes.

Every change of the network holds the network's lock until it commits (`lock_network`), so changes
happen one after another: the version of route tables a change asks for says which changes it has.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.errors import NotFound
from ..domain.facilities import (
    CAPACITY_UNITS_DEFAULT,
    CUT_OFF_DEFAULT,
    AddFulfillmentCenter,
    AddHub,
    FacilityStatus,
    FulfillmentCenter,
    Held,
    Hub,
)
from ..domain.network import HOP_LIMIT_DEFAULT, Facility, Leg, Network
from ..domain.promises import LAST_MILE_MINUTES_DEFAULT

NETWORK_LOCK = 7_301_846
"""The key of PostgreSQL's advisory lock; any number that nobody else uses."""

_HUB = """
    SELECT f.code AS hub_code, f.kind, f.name, f.state, f.latitude, f.longitude, f.time_zone,
           f.handling_minutes, f.status, f.version, f.created_at, f.updated_at
      FROM facilities AS f
"""
_FULFILLMENT_CENTER = """
    SELECT f.code AS fc_code, f.name, f.state, f.latitude, f.longitude, f.time_zone,
           f.handling_minutes, f.status, f.version, f.created_at, f.updated_at, c.capacity_units, c.cut_off,
           c.last_mile_minutes, c.closed_weekdays, c.home_hub_code
      FROM facilities AS f
      JOIN fulfillment_centers AS c ON c.fc_code = f.code
"""
_FACILITY = """
    SELECT f.code, f.kind, f.handling_minutes, f.latitude, f.longitude, f.name, f.state,
           f.time_zone, c.capacity_units, c.cut_off, c.last_mile_minutes,
           coalesce(c.closed_weekdays, '{}') AS closed_weekdays,
           ARRAY(SELECT h.day FROM holidays AS h
                  WHERE h.fc_code = c.fc_code OR (h.fc_code IS NULL AND c.fc_code IS NOT NULL)) AS holidays,
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


# -- hubs and fulfillment centers


def hub(conn: Connection[Any], hub_code: str) -> Hub | None:
    """None where there is no such hub."""
    with conn.cursor(row_factory=class_row(Hub)) as cur:
        return cur.execute(
            f"{_HUB} WHERE f.code = %(code)s AND f.kind <> 'fc'", {"code": hub_code}
        ).fetchone()


def hubs(conn: Connection[Any], after: str | None, limit: int) -> Sequence[Hub]:
    """By code, after the given one."""
    with conn.cursor(row_factory=class_row(Hub)) as cur:
        return cur.execute(
            f"""
            {_HUB}
             WHERE f.kind <> 'fc' AND (%(after)s::text IS NULL OR f.code > %(after)s)
             ORDER BY f.code
             LIMIT %(limit)s
            """,
            {"after": after, "limit": limit},
        ).fetchall()


def fulfillment_center(conn: Connection[Any], fc_code: str) -> FulfillmentCenter | None:
    """None where there is no such FC."""
    with conn.cursor(row_factory=class_row(FulfillmentCenter)) as cur:
        return cur.execute(
            f"{_FULFILLMENT_CENTER} WHERE f.code = %(code)s", {"code": fc_code}
        ).fetchone()


def fulfillment_centers(
    conn: Connection[Any], after: str | None, limit: int
) -> Sequence[FulfillmentCenter]:
    """By code, after the given one."""
    with conn.cursor(row_factory=class_row(FulfillmentCenter)) as cur:
        return cur.execute(
            f"""
            {_FULFILLMENT_CENTER}
             WHERE %(after)s::text IS NULL OR f.code > %(after)s
             ORDER BY f.code
             LIMIT %(limit)s
            """,
            {"after": after, "limit": limit},
        ).fetchall()


def insert_hub(conn: Connection[Any], hub: AddHub, now: datetime) -> bool:
    """False where a facility has the code."""
    fields = {**hub.model_dump(), "code": hub.hub_code, "now": now}
    return _insert_facility(conn, fields) and bool(
        conn.execute("INSERT INTO hubs (hub_code, kind) VALUES (%(code)s, %(kind)s)", fields)
    )


def insert_fulfillment_center(
    conn: Connection[Any], fc: AddFulfillmentCenter, now: datetime
) -> bool:
    """False where a facility has the code. Its pincode ranges are `pincodes.replace`'s."""
    fields = {**fc.model_dump(), "code": fc.fc_code, "kind": "fc", "now": now}
    return _insert_facility(conn, fields) and bool(
        conn.execute(
            """
            INSERT INTO fulfillment_centers (fc_code, capacity_units, cut_off, last_mile_minutes, closed_weekdays)
            VALUES (%(code)s, %(capacity_units)s, %(cut_off)s, %(last_mile_minutes)s,
                    %(closed_weekdays)s::text[])
            """,
            {**fields, "closed_weekdays": list(fc.closed_weekdays)},
        )
    )


def _insert_facility(conn: Connection[Any], fields: Mapping[str, Any]) -> bool:
    return (
        conn.execute(
            """
            INSERT INTO facilities (code, kind, name, state, latitude, longitude, time_zone,
                                    handling_minutes, created_at, updated_at)
            VALUES (%(code)s, %(kind)s, %(name)s, %(state)s, %(latitude)s, %(longitude)s,
                    %(time_zone)s, %(handling_minutes)s, %(now)s, %(now)s)
            ON CONFLICT (code) DO NOTHING
            """,
            fields,
        ).rowcount
        == 1
    )


def update(conn: Connection[Any], code: str, changes: Mapping[str, Any], now: datetime) -> None:
    """Change what is given, of an FC or a hub; `changes` has columns of theirs and no others."""
    known = (
        "name",
        "state",
        "latitude",
        "longitude",
        "time_zone",
        "handling_minutes",
        "status",
        "capacity_units",
        "cut_off",
        "last_mile_minutes",
        "closed_weekdays",
    )
    fields = {**dict.fromkeys(known), **changes, "code": code, "now": now}
    if fields["closed_weekdays"] is not None:
        fields["closed_weekdays"] = list(fields["closed_weekdays"])
    conn.execute(
        """
        UPDATE facilities
           SET name = coalesce(%(name)s, name),
               state = coalesce(%(state)s, state),
               latitude = coalesce(%(latitude)s, latitude),
               longitude = coalesce(%(longitude)s, longitude),
               time_zone = coalesce(%(time_zone)s, time_zone),
               handling_minutes = coalesce(%(handling_minutes)s, handling_minutes),
               status = coalesce(%(status)s, status),
               version = version + 1,
               updated_at = %(now)s
         WHERE code = %(code)s
        """,
        fields,
    )
    conn.execute(
        """
        UPDATE fulfillment_centers
           SET capacity_units = coalesce(%(capacity_units)s, capacity_units),
               cut_off = coalesce(%(cut_off)s, cut_off),
               last_mile_minutes = coalesce(%(last_mile_minutes)s, last_mile_minutes),
               closed_weekdays = coalesce(%(closed_weekdays)s::text[], closed_weekdays)
         WHERE fc_code = %(code)s
        """,
        fields,
    )


def upsert(conn: Connection[Any], facilities: Sequence[Facility], now: datetime) -> None:
    """Add or change facilities as a network has them. What it leaves out stays, as does the status.

    Raises no error of its own for a code that is of another kind: ask `kinds_of` first.
    """
    rows = [
        {
            **facility.model_dump(exclude={"pincode_ranges", "holidays"}, mode="python"),
            "kind": facility.kind.value,
            "closed_weekdays": list(facility.closed_weekdays),
            "now": now,
            "capacity_units_default": CAPACITY_UNITS_DEFAULT,
            "cut_off_default": CUT_OFF_DEFAULT,
            "last_mile_minutes_default": LAST_MILE_MINUTES_DEFAULT,
        }
        for facility in facilities
    ]
    cur = conn.cursor()
    cur.executemany(
        """
        INSERT INTO facilities AS f (code, kind, name, state, latitude, longitude, time_zone,
                                     handling_minutes, created_at, updated_at)
        VALUES (%(code)s, %(kind)s, coalesce(nullif(%(name)s, ''), %(code)s), %(state)s,
                %(latitude)s, %(longitude)s, %(time_zone)s, %(handling_minutes)s, %(now)s, %(now)s)
        ON CONFLICT (code) DO UPDATE
           SET name = coalesce(nullif(%(name)s, ''), f.name),
               state = coalesce(nullif(%(state)s, ''), f.state),
               latitude = excluded.latitude,
               longitude = excluded.longitude,
               time_zone = excluded.time_zone,
               handling_minutes = excluded.handling_minutes,
               version = f.version + 1,
               updated_at = excluded.updated_at
        """,
        rows,
    )
    cur.executemany(
        """
        INSERT INTO hubs (hub_code, kind) VALUES (%(code)s, %(kind)s) ON CONFLICT DO NOTHING
        """,
        [row for row in rows if row["kind"] != "fc"],
    )
    cur.executemany(
        """
        INSERT INTO fulfillment_centers AS c (fc_code, capacity_units, cut_off, last_mile_minutes, closed_weekdays)
        VALUES (%(code)s, coalesce(%(capacity_units)s, %(capacity_units_default)s),
                coalesce(%(cut_off)s, %(cut_off_default)s),
                coalesce(%(last_mile_minutes)s, %(last_mile_minutes_default)s),
                %(closed_weekdays)s::text[])
        ON CONFLICT (fc_code) DO UPDATE
           SET capacity_units = coalesce(%(capacity_units)s, c.capacity_units),
               cut_off = coalesce(%(cut_off)s, c.cut_off),
               last_mile_minutes = coalesce(%(last_mile_minutes)s, c.last_mile_minutes),
               closed_weekdays = coalesce(nullif(excluded.closed_weekdays, '{}'), c.closed_weekdays)
        """,
        [row for row in rows if row["kind"] == "fc"],
    )


def delete(conn: Connection[Any], code: str) -> None:
    """Delete it with its legs and pincode ranges. Raises psycopg's ForeignKeyViolation where it has a history."""
    conn.execute("DELETE FROM facilities WHERE code = %(code)s", {"code": code})


# -- closing


_HELD = """
    SELECT (SELECT coalesce(sum(s.on_hand), 0) FROM stock AS s WHERE s.fc_code = f.code)
               AS stock_units,
           (SELECT count(*) FROM batches AS b
             WHERE b.origin = f.code OR b.destination = f.code) AS open_batches,
           (SELECT count(*) FROM packages AS p
             WHERE p.status IN ('planned', 'in_transit', 'out_for_delivery', 'returning')
               AND (p.at_facility = f.code OR p.destination_fc_code = f.code)) AS packages,
           (SELECT count(*) FROM receipts AS r WHERE r.fc_code = f.code AND r.status <> 'closed')
               AS receipts
"""


def held(conn: Connection[Any], code: str) -> Held:
    """What keeps the facility from being closed: what is in it, or is on its way to it."""
    row = conn.execute(
        f"{_HELD} FROM facilities AS f WHERE f.code = %(code)s", {"code": code}
    ).fetchone()
    assert row is not None
    return Held(*row)


def close_drained(conn: Connection[Any], now: datetime) -> list[str]:
    """Close every draining facility that holds nothing. Their codes.

    Not before the newest route tables are in force and its run has planned anew what was under way: until then packages
    may be led through it.
    """
    rows = conn.execute(
        f"""
        UPDATE facilities AS f SET status = 'closed', version = version + 1, updated_at = %(now)s
         WHERE f.status = 'draining'
           AND (SELECT status FROM route_builds ORDER BY version DESC LIMIT 1) = 'published'
           AND NOT EXISTS (
               SELECT FROM runs AS r
                WHERE machine = 'rebuild_routes' AND status <> 'succeeded'
                  AND business_id = 'network-' || (SELECT max(version) FROM route_builds)
                  AND NOT EXISTS (SELECT FROM runs AS later
                                   WHERE later.machine = r.machine AND later.business_id = r.business_id
                                     AND later.revision > r.revision))
           AND (SELECT stock_units + open_batches + packages + receipts FROM ({_HELD}) AS h) = 0
        RETURNING f.code
        """,
        {"now": now},
    ).fetchall()
    return sorted(code for (code,) in rows)
