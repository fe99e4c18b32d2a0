"""Deciding who may sell (I9)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.domain.errors import NotFound
from online_kart.domain.sellers import JudgeSeller, Seller, SellerStatus, offer_changed
from online_kart.inventory_db import sellers
from online_kart.messaging import outbox


def listed(
    conn: Connection[Any],
    status: SellerStatus | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Seller]:
    """The oldest first, beginning behind the sort key (registered_at, seller_id)."""
    return sellers.listed(conn, status, after, limit)


def by_id(conn: Connection[Any], seller_id: UUID) -> Seller:
    """Raises NotFound."""
    seller = sellers.by_id(conn, seller_id)
    if seller is None:
        raise NotFound("seller", seller_id)
    return seller


def judge(conn: Connection[Any], seller_id: UUID, command: JudgeSeller, now: datetime) -> Seller:
    """Approve or suspend. The offers of a suspended seller are paused; approved again, they are open again.

    A repeat changes nothing. Raises NotFound.
    """
    with conn.transaction():
        seller = sellers.by_id_for_update(conn, seller_id)
        if seller is None:
            raise NotFound("seller", seller_id)
        if seller.status == command.status:
            return seller
        may_sell = command.status == "approved"
        judged = seller.model_copy(
            update={
                "status": command.status,
                "version": seller.version + 1,
                "approved_at": now if may_sell else seller.approved_at,
            }
        )
        sellers.update_status(conn, judged)
        offers = sellers.change_status_of_offers(
            conn, seller_id, "active" if may_sell else "paused", now
        )
        outbox.append(conn, *map(offer_changed, offers))
        crashpoint("judge_seller.written")
    crashpoint("judge_seller.committed")
    return judged
