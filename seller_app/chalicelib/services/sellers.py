"""Registering sellers, what they change of it, and asking whether one may sell."""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.errors import UniqueViolation

from online_kart.crashpoints import crashpoint
from online_kart.domain.errors import (
    AlreadyRegistered,
    EmailTaken,
    NotFound,
    SellerNotApproved,
    SellerStatusConflict,
)
from online_kart.domain.principals import Principal, Role
from online_kart.domain.sellers import (
    ChangeSeller,
    RegisterSeller,
    Seller,
    changed,
    decision_about,
)
from online_kart.domain.versions import Versions, refuse_past
from online_kart.inventory_db import sellers

logger = logging.getLogger(__name__)


def register(
    conn: Connection[Any], by: Principal, command: RegisterSeller, now: datetime
) -> Seller:
    """Whoever is signed in becomes a seller, who waits for approval. Raises AlreadyRegistered, EmailTaken."""
    seller = Seller(
        seller_id=by.new_id(Role.SELLER) or uuid4(),
        name=command.name,
        email=command.email,
        status="pending",
        version=1,
        registered_at=now,
        approved_at=None,
    )
    if not sellers.insert(conn, seller):
        if sellers.by_id(conn, seller.seller_id):
            raise AlreadyRegistered(seller.seller_id)
        raise EmailTaken(command.email)
    crashpoint("register_seller.committed")
    return seller


def apply_again(conn: Connection[Any], by: Principal, seller_id: UUID, now: datetime) -> Seller:
    """A refused seller waits for approval once more. A repeat changes nothing.

    Raises NotFound, SellerStatusConflict (was not refused).
    """
    by.require_own("seller", seller_id)
    with conn.transaction():
        seller = _found(sellers.by_id_for_update(conn, seller_id), seller_id)
        if seller.status == "pending":
            return seller
        if seller.status != "refused":
            raise SellerStatusConflict(seller_id, seller.status, "pending")
        changes = {"status": "pending", "reason": None, "version": seller.version + 1}
        applied = seller.model_copy(update=changes)
        sellers.update_status(conn, applied)
        sellers.insert_decision(conn, seller_id, decision_about(applied, by.name, now))
        crashpoint("apply_again.written")
    crashpoint("apply_again.committed")
    return applied


def change(
    conn: Connection[Any],
    by: Principal,
    seller_id: UUID,
    command: ChangeSeller,
    wanted: Versions = None,
) -> Seller:
    """What sellers have registered with. Another name of one who was approved waits for staff, who sells on meanwhile.

    A repeat changes nothing. Raises NotFound, EmailTaken, VersionChanged.
    """
    by.require_own("seller", seller_id)
    try:
        with conn.transaction():
            seller = _found(sellers.by_id_for_update(conn, seller_id), seller_id)
            refuse_past(seller.version, wanted)
            new = changed(seller, command)
            if new != seller:
                sellers.update_data(conn, new)
            crashpoint("change_seller.written")
    except UniqueViolation as error:
        raise EmailTaken(new.email) from error
    crashpoint("change_seller.committed")
    logger.info("A seller's data changed", extra={"seller_id": str(seller_id), "by": by.name})
    return new


def by_id(conn: Connection[Any], by: Principal, seller_id: UUID) -> Seller:
    """Raises NotFound, also for another."""
    by.require_own("seller", seller_id)
    return _found(sellers.by_id(conn, seller_id), seller_id)


def approved(conn: Connection[Any], by: Principal, seller_id: UUID) -> Seller:
    """The seller, who stays approved until the caller's transaction ends.

    Raises NotFound, also for another; SellerNotApproved.
    """
    by.require_own("seller", seller_id)
    seller = _found(sellers.by_id_for_share(conn, seller_id), seller_id)
    if seller.status != "approved":
        raise SellerNotApproved(seller_id, seller.status)
    return seller


def _found(seller: Seller | None, seller_id: UUID) -> Seller:
    if seller is None:
        raise NotFound("seller", seller_id)
    return seller
