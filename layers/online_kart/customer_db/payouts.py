"""Payouts of what is owed for returns: one a return, and none is changed (C4c)."""

from typing import Any
from uuid import UUID

from psycopg import Connection

from ..domain.payouts import Payout


def insert(conn: Connection[Any], return_id: UUID, payout: Payout) -> None:
    """The caller has locked the return, which was owed."""
    conn.execute(
        """
        INSERT INTO payouts (return_id, amount_paise, reference, paid_by, paid_at)
        VALUES (%(return_id)s, %(amount_paise)s, %(reference)s, %(paid_by)s, %(paid_at)s)
        """,
        {"return_id": return_id, **payout.model_dump()},
    )
