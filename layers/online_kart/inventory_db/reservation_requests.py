"""Orders that wait for their turn at a contended offer, and the turns: PostgreSQL's advisory locks.

At most one transaction has an offer's *turn*; while it has it, the offer's *round* lasts. Others don't wait for the turn,
which would pass from one to the next. They wait for the round: when it ends all of them go on at once, and find that their
requests were served, or one of them takes the next turn. Turns say who is to wait, not what is safe: stock is changed by a
conditional statement, whoever has the turn.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from ..domain.sourcing import OrderToServe, ReservationRequest
from ..domain.stock import Offer

TURN = "hashtextextended(format('turn %%s %%s', sku, seller_id), 0)"
ROUND = "hashtextextended(format('round %%s %%s', sku, seller_id), 0)"


def contended(conn: Connection[Any], offers: Iterable[Offer]) -> Offer | None:
    """An offer that orders wait for, None where there is none."""
    row = conn.execute(
        """
        SELECT r.sku, r.seller_id
          FROM unnest(%(skus)s::text[], %(sellers)s::uuid[]) AS w (sku, seller_id)
          JOIN reservation_requests AS r USING (sku, seller_id)
         LIMIT 1
        """,
        _columns(offers),
    ).fetchone()
    return Offer(*row) if row else None


def take_turns(conn: Connection[Any], offers: Iterable[Offer]) -> Offer | None:
    """Take the turns of all the offers until the transaction ends. None; or an offer whose turn another has. Never waits."""
    row = conn.execute(
        f"""
        SELECT sku, seller_id
          FROM unnest(%(skus)s::text[], %(sellers)s::uuid[]) AS w (sku, seller_id)
         WHERE NOT (pg_try_advisory_xact_lock({TURN}) AND pg_try_advisory_xact_lock({ROUND}))
         LIMIT 1
        """,
        _columns(offers),
    ).fetchone()
    return Offer(*row) if row else None


def take_turn(conn: Connection[Any], offer: Offer) -> bool:
    """Take the turn of one offer until the transaction ends, if nobody has it; then its round begins.

    Waits only for those who just learn that the last round has ended.
    """
    row = conn.execute(
        f"""
        SELECT CASE WHEN pg_try_advisory_xact_lock({TURN})
                    THEN pg_advisory_xact_lock({ROUND}) IS NOT NULL
                    ELSE false END
          FROM (VALUES (%(sku)s::text, %(seller_id)s::uuid)) AS w (sku, seller_id)
        """,
        offer._asdict(),
    ).fetchone()
    assert row is not None
    return bool(row[0])


def wait_for_round(conn: Connection[Any], offer: Offer) -> None:
    """Until the round that is on has ended; at once where there is none."""
    conn.execute(
        f"""
        SELECT pg_advisory_xact_lock_shared({ROUND})
          FROM (VALUES (%(sku)s::text, %(seller_id)s::uuid)) AS w (sku, seller_id)
        """,
        offer._asdict(),
    )


def insert(conn: Connection[Any], offer: Offer, request: ReservationRequest) -> None:
    """Wait in line for the offer's turn. One that waits already keeps its place, unless it waits for another offer by now."""
    conn.execute(
        """
        INSERT INTO reservation_requests (order_id, sku, seller_id, payload, hold_until)
        VALUES (%(order_id)s, %(sku)s, %(seller_id)s, %(payload)s::jsonb, %(hold_until)s)
        ON CONFLICT (order_id) DO UPDATE
           SET sku = excluded.sku, seller_id = excluded.seller_id, hold_until = excluded.hold_until
        """,
        {
            "order_id": request.order.order_id,
            "payload": request.order.model_dump_json(),
            "hold_until": request.hold_until,
            **offer._asdict(),
        },
    )


def first(conn: Connection[Any], offer: Offer, limit: int) -> list[ReservationRequest]:
    """Who waits for the offer, the longest first."""
    rows = conn.execute(
        """
        SELECT payload::text, hold_until FROM reservation_requests
         WHERE sku = %(sku)s AND seller_id = %(seller_id)s
         ORDER BY request_no LIMIT %(limit)s
        """,
        {**offer._asdict(), "limit": limit},
    ).fetchall()
    return [ReservationRequest(OrderToServe.model_validate_json(row[0]), row[1]) for row in rows]


def waits(conn: Connection[Any], order_id: UUID) -> bool:
    return bool(
        conn.execute(
            "SELECT FROM reservation_requests WHERE order_id = %(id)s", {"id": order_id}
        ).rowcount
    )


def delete(conn: Connection[Any], order_ids: Sequence[UUID]) -> None:
    conn.execute(
        "DELETE FROM reservation_requests WHERE order_id = ANY(%(ids)s)", {"ids": list(order_ids)}
    )


def prune(conn: Connection[Any], held_until: datetime) -> int:
    """Forget requests whose deadline has passed: nobody waits for their answers any more. How many."""
    return conn.execute(
        "DELETE FROM reservation_requests WHERE hold_until <= %(held_until)s",
        {"held_until": held_until},
    ).rowcount


def _columns(offers: Iterable[Offer]) -> dict[str, Any]:
    wanted = list(offers)
    return {
        "skus": [offer.sku for offer in wanted],
        "sellers": [offer.seller_id for offer in wanted],
    }
