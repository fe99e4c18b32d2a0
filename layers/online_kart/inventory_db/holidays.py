"""Holidays of one FC, or of all of them (I2c). What promises read is in `facilities`: each FC with its own."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.holidays import HOLIDAY_NAME_DEFAULT, Holiday, HolidayKey
from ..domain.network import Facility


def insert(conn: Connection[Any], holiday: Holiday) -> bool:
    """False where there is one on that day, of the same FC or, without an FC, of all."""
    return (
        conn.execute(
            """
            INSERT INTO holidays (day, fc_code, name) VALUES (%(day)s, %(fc_code)s, %(name)s)
            ON CONFLICT DO NOTHING
            """,
            holiday.model_dump(),
        ).rowcount
        == 1
    )


def insert_those_of(conn: Connection[Any], facilities: Iterable[Facility]) -> None:
    """Add the holidays that FCs of a network have. One that is every FC's already stays every FC's."""
    conn.cursor().executemany(
        """
        INSERT INTO holidays (day, fc_code, name)
        SELECT day, %(fc_code)s, %(name)s FROM unnest(%(days)s::date[]) AS d (day)
         WHERE NOT EXISTS (SELECT FROM holidays AS h WHERE h.day = d.day AND h.fc_code IS NULL)
        ON CONFLICT DO NOTHING
        """,
        [
            {"fc_code": fc.code, "name": HOLIDAY_NAME_DEFAULT, "days": list(fc.holidays)}
            for fc in facilities
            if fc.holidays
        ],
    )


def most_of_an_fc(conn: Connection[Any]) -> int:
    """How many holidays the FC has that has most, those of all FCs among them."""
    row = conn.execute(
        """
        SELECT (SELECT count(*) FROM holidays WHERE fc_code IS NULL)
             + coalesce((SELECT count(*) FROM holidays WHERE fc_code IS NOT NULL
                          GROUP BY fc_code ORDER BY count(*) DESC LIMIT 1), 0)
        """
    ).fetchone()
    assert row is not None
    return int(row[0])


def listed(
    conn: Connection[Any],
    fc_code: str | None,
    since: date | None,
    after: tuple[date, str] | None,
    limit: int,
) -> Sequence[Holiday]:
    """By day and FC, after the given ones: those of all FCs come first. With an FC: on which it is closed."""
    with conn.cursor(row_factory=class_row(Holiday)) as cur:
        return cur.execute(
            """
            SELECT day, fc_code, name FROM holidays
             WHERE (%(fc_code)s::text IS NULL OR fc_code = %(fc_code)s OR fc_code IS NULL)
               AND (%(since)s::date IS NULL OR day >= %(since)s)
               AND (%(after_day)s::date IS NULL
                    OR (day, coalesce(fc_code, '')) > (%(after_day)s, %(after_fc_code)s))
             ORDER BY day, coalesce(fc_code, '')
             LIMIT %(limit)s
            """,
            {
                "fc_code": fc_code,
                "since": since,
                "after_day": after[0] if after else None,
                "after_fc_code": after[1] if after else None,
                "limit": limit,
            },
        ).fetchall()


def delete(conn: Connection[Any], key: HolidayKey) -> bool:
    """False where there is no such holiday."""
    return (
        conn.execute(
            """
            DELETE FROM holidays
             WHERE day = %(day)s AND fc_code IS NOT DISTINCT FROM %(fc_code)s::text
            """,
            key.model_dump(include={"day", "fc_code"}),
        ).rowcount
        == 1
    )
