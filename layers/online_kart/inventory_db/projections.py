"""What waits to be added up or built, and packages that are late: figures for operations."""

from datetime import date
from typing import Any

from psycopg import Connection

from ..domain.projections import Waiting


def availability_changes(conn: Connection[Any]) -> Waiting:
    """Of stock (I13). They are added up by the next run of the minute."""
    return _waiting(conn, "SELECT count(*), NULL FROM item_availability_changes")


def sales_changes(conn: Connection[Any]) -> Waiting:
    """Of the totals (I11, I12), which are shown with them. They are added up by the next run of the minute."""
    return _waiting(
        conn,
        """
        SELECT (SELECT count(*) FROM category_sales_changes) + (SELECT count(*) FROM month_sales_changes)
               + (SELECT count(*) FROM item_sales_changes), NULL
        """,
    )


def route_builds(conn: Connection[Any]) -> Waiting:
    """Versions of the network whose tables are not in force yet."""
    return _waiting(
        conn,
        """
        SELECT count(*), min(requested_at) FROM route_builds
         WHERE status IN ('requested', 'building')
        """,
    )


def _waiting(conn: Connection[Any], query: Any) -> Waiting:
    row = conn.execute(query).fetchone()
    assert row is not None
    return Waiting(*row)


def late_packages_count(conn: Connection[Any], today: date) -> int:
    """Packages on their way to a customer to whom an earlier date was promised."""
    row = conn.execute(
        """
        SELECT count(*) FROM packages
         WHERE status IN ('planned', 'in_transit', 'out_for_delivery') AND promise_date < %(today)s
        """,
        {"today": today},
    ).fetchone()
    assert row is not None
    return int(row[0])
