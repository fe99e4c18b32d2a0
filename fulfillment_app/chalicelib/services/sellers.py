"""Deciding who may sell (I9)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.domain.errors import NotFound, SellerStatusConflict
from online_kart.domain.principals import Principal
from online_kart.domain.sellers import (
    DECIDED_FROM,
    Decision,
    JudgeName,
    JudgeSeller,
    Seller,
    SellerStatus,
    decision_about,
    name_judged,
    offer_changed,
)
from online_kart.domain.versions import Versions, refuse_past
from online_kart.inventory_db import sellers
from online_kart.messaging import outbox


def listed(
    conn: Connection[Any],
    status: SellerStatus | None,
    wants_name: bool | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Seller]:
    """The oldest first, beginning behind the sort key (registered_at, seller_id).

    `wants_name`: of those whose name waits for a decision, or of the others.
    """
    return sellers.listed(conn, status, wants_name, after, limit)


def by_id(conn: Connection[Any], seller_id: UUID) -> Seller:
    """Raises NotFound."""
    seller = sellers.by_id(conn, seller_id)
    if seller is None:
        raise NotFound("seller", seller_id)
    return seller


def judge(
    conn: Connection[Any],
    by: Principal,
    seller_id: UUID,
    command: JudgeSeller,
    now: datetime,
    wanted: Versions = None,
) -> Seller:
    """Approve, refuse or suspend. The offers of a suspended seller are paused; approved again, they are open again.

    A repeat changes nothing. Raises NotFound, SellerStatusConflict, VersionChanged.
    """
    with conn.transaction():
        seller = sellers.by_id_for_update(conn, seller_id)
        if seller is None:
            raise NotFound("seller", seller_id)
        refuse_past(seller.version, wanted)
        if seller.status == command.status:
            return seller
        judged = _judged(seller, command, now)
        sellers.update_status(conn, judged)
        sellers.insert_decision(conn, seller_id, decision_about(judged, by.name, now))
        offers = sellers.change_status_of_offers(
            conn, seller_id, "active" if judged.status == "approved" else "paused", now
        )
        outbox.append(conn, *map(offer_changed, offers))
        crashpoint("judge_seller.written")
    crashpoint("judge_seller.committed")
    return judged


def _judged(seller: Seller, command: JudgeSeller, now: datetime) -> Seller:
    if seller.status not in DECIDED_FROM[command.status]:
        raise SellerStatusConflict(seller.seller_id, seller.status, command.status)
    is_approved = command.status == "approved"
    return seller.model_copy(
        update={
            "status": command.status,
            "reason": None if is_approved else command.reason,
            "version": seller.version + 1,
            "approved_at": now if is_approved else seller.approved_at,
        }
    )


def judge_name(
    conn: Connection[Any],
    by: Principal,
    seller_id: UUID,
    command: JudgeName,
    now: datetime,
    wanted: Versions = None,
) -> Seller:
    """Accept the name that a seller wants, or refuse it. A repeat of an acceptance changes nothing.

    Raises NotFound, NameNotWanted, VersionChanged.
    """
    with conn.transaction():
        seller = sellers.by_id_for_update(conn, seller_id)
        if seller is None:
            raise NotFound("seller", seller_id)
        refuse_past(seller.version, wanted)
        judged = name_judged(seller, command)
        if judged == seller:
            return seller
        sellers.update_data(conn, judged)
        decision = Decision(
            version=judged.version,
            status=command.decision,
            reason=judged.name_refusal,
            decided_by=by.name,
            decided_at=now,
            name=command.name,
        )
        sellers.insert_decision(conn, seller_id, decision)
        crashpoint("judge_name.written")
    crashpoint("judge_name.committed")
    return judged


def decisions(
    conn: Connection[Any], seller_id: UUID, after: int | None, limit: int
) -> Sequence[Decision]:
    """What was decided about the seller, the oldest first, after a version. Raises NotFound."""
    by_id(conn, seller_id)
    return sellers.decisions(conn, seller_id, after, limit)
