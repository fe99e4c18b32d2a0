"""Sellers (I9), and their offers with the stock in each FC (I10)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.sellers import (
    Decision,
    Offer,
    OfferedItem,
    OfferStatus,
    Seller,
    SellerStatus,
    StockOfOffer,
)

SELLER_COLUMNS = """seller_id, name, email, status, version, registered_at, approved_at, reason, wanted_name,
                    name_refusal"""
OFFER_COLUMNS = "seller_id, sku, price_paise, status, version, updated_at"
OFFERED_ITEM = """
    SELECT i.sku, i.category_id, i.name, i.brand, i.weight_grams, i.status AS item_status,
           o.seller_id, o.price_paise, o.status AS offer_status, o.version AS offer_version, o.updated_at
      FROM offers AS o
      JOIN items AS i ON i.sku = o.sku
"""


def insert(conn: Connection[Any], seller: Seller) -> bool:
    """False where somebody has registered with this e-mail address, or this id."""
    return (
        conn.execute(
            f"""
            INSERT INTO sellers ({SELLER_COLUMNS})
            VALUES (%(seller_id)s, %(name)s, %(email)s, %(status)s, %(version)s, %(registered_at)s,
                    %(approved_at)s, %(reason)s, %(wanted_name)s, %(name_refusal)s)
            ON CONFLICT DO NOTHING
            """,
            seller.model_dump(),
        ).rowcount
        == 1
    )


def by_id(conn: Connection[Any], seller_id: UUID) -> Seller | None:
    """None where there is none."""
    return _seller(conn, seller_id, "")


def by_id_for_share(conn: Connection[Any], seller_id: UUID) -> Seller | None:
    """As `by_id`; nobody can suspend the seller until the transaction ends."""
    return _seller(conn, seller_id, "FOR SHARE")


def by_id_for_update(conn: Connection[Any], seller_id: UUID) -> Seller | None:
    """As `by_id`; locks the row until the transaction ends."""
    return _seller(conn, seller_id, "FOR NO KEY UPDATE")


def _seller(conn: Connection[Any], seller_id: UUID, lock: str) -> Seller | None:
    with conn.cursor(row_factory=class_row(Seller)) as cur:
        return cur.execute(
            f"SELECT {SELLER_COLUMNS} FROM sellers WHERE seller_id = %(seller_id)s {lock}",
            {"seller_id": seller_id},
        ).fetchone()


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
    with conn.cursor(row_factory=class_row(Seller)) as cur:
        return cur.execute(
            f"""
            SELECT {SELLER_COLUMNS} FROM sellers
             WHERE (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(wants_name)s::boolean IS NULL OR (wanted_name IS NOT NULL) = %(wants_name)s)
               AND (%(at)s::timestamptz IS NULL OR (registered_at, seller_id) > (%(at)s, %(id)s))
             ORDER BY registered_at, seller_id
             LIMIT %(limit)s
            """,
            {
                "status": status,
                "wants_name": wants_name,
                "at": after[0] if after else None,
                "id": after[1] if after else None,
                "limit": limit,
            },
        ).fetchall()


def update_status(conn: Connection[Any], seller: Seller) -> None:
    conn.execute(
        """
        UPDATE sellers
           SET status = %(status)s, version = %(version)s, approved_at = %(approved_at)s,
               reason = %(reason)s
         WHERE seller_id = %(seller_id)s
        """,
        seller.model_dump(),
    )


def update_data(conn: Connection[Any], seller: Seller) -> None:
    """What sellers say of themselves. Raises UniqueViolation where another has registered with the e-mail address."""
    conn.execute(
        """
        UPDATE sellers
           SET name = %(name)s, email = %(email)s, wanted_name = %(wanted_name)s,
               name_refusal = %(name_refusal)s, version = %(version)s
         WHERE seller_id = %(seller_id)s
        """,
        seller.model_dump(),
    )


def insert_decision(conn: Connection[Any], seller_id: UUID, decision: Decision) -> None:
    conn.execute(
        """
        INSERT INTO seller_decisions (seller_id, version, status, reason, decided_by, decided_at, name)
        VALUES (%(seller_id)s, %(version)s, %(status)s, %(reason)s, %(decided_by)s, %(decided_at)s,
                %(name)s)
        """,
        {"seller_id": seller_id, **decision.model_dump()},
    )


def decisions(
    conn: Connection[Any], seller_id: UUID, after: int | None, limit: int
) -> Sequence[Decision]:
    """The oldest first, after a version."""
    with conn.cursor(row_factory=class_row(Decision)) as cur:
        return cur.execute(
            """
            SELECT version, status, reason, decided_by, decided_at, name FROM seller_decisions
             WHERE seller_id = %(seller_id)s AND (%(after)s::bigint IS NULL OR version > %(after)s)
             ORDER BY version
             LIMIT %(limit)s
            """,
            {"seller_id": seller_id, "after": after, "limit": limit},
        ).fetchall()


def change_status_of_offers(
    conn: Connection[Any], seller_id: UUID, status: OfferStatus, now: datetime
) -> list[Offer]:
    """Pause, or open again, every offer of the seller. The changed ones."""
    with conn.cursor(row_factory=class_row(Offer)) as cur:
        return cur.execute(
            f"""
            UPDATE offers
               SET status = %(status)s, version = version + 1, updated_at = %(now)s
             WHERE seller_id = %(seller_id)s AND status <> %(status)s
            RETURNING {OFFER_COLUMNS}
            """,
            {"seller_id": seller_id, "status": status, "now": now},
        ).fetchall()


def insert_offer(conn: Connection[Any], offer: Offer) -> bool:
    """False where the seller offers the item. Waits for others that make the same offer."""
    return (
        conn.execute(
            f"""
            INSERT INTO offers ({OFFER_COLUMNS})
            VALUES (%(seller_id)s, %(sku)s, %(price_paise)s, %(status)s, %(version)s, %(updated_at)s)
            ON CONFLICT (seller_id, sku) DO NOTHING
            """,
            offer.model_dump(),
        ).rowcount
        == 1
    )


def lock_offer(conn: Connection[Any], seller_id: UUID, sku: str) -> Offer | None:
    """The offer, its row locked until the transaction ends. None where there is none."""
    with conn.cursor(row_factory=class_row(Offer)) as cur:
        return cur.execute(
            f"""
            SELECT {OFFER_COLUMNS} FROM offers
             WHERE seller_id = %(seller_id)s AND sku = %(sku)s
               FOR NO KEY UPDATE
            """,
            {"seller_id": seller_id, "sku": sku},
        ).fetchone()


def update_price(conn: Connection[Any], offer: Offer) -> None:
    conn.execute(
        """
        UPDATE offers
           SET price_paise = %(price_paise)s, version = %(version)s, updated_at = %(updated_at)s
         WHERE seller_id = %(seller_id)s AND sku = %(sku)s
        """,
        offer.model_dump(),
    )


def offered_item(conn: Connection[Any], seller_id: UUID, sku: str) -> OfferedItem | None:
    """None where the seller does not offer it."""
    with conn.cursor(row_factory=class_row(OfferedItem)) as cur:
        return cur.execute(
            f"{OFFERED_ITEM} WHERE o.seller_id = %(seller_id)s AND o.sku = %(sku)s",
            {"seller_id": seller_id, "sku": sku},
        ).fetchone()


def offered_items(
    conn: Connection[Any], seller_id: UUID, after: str | None, limit: int
) -> Sequence[OfferedItem]:
    """By SKU, beginning behind `after`."""
    with conn.cursor(row_factory=class_row(OfferedItem)) as cur:
        return cur.execute(
            f"""
            {OFFERED_ITEM}
             WHERE o.seller_id = %(seller_id)s AND (%(after)s::text IS NULL OR o.sku > %(after)s)
             ORDER BY o.sku
             LIMIT %(limit)s
            """,
            {"seller_id": seller_id, "after": after, "limit": limit},
        ).fetchall()


def offered_skus(conn: Connection[Any], seller_id: UUID, skus: Sequence[str]) -> dict[str, bool]:
    """Which of the SKUs are registered, and whether this seller has an offer of it, paused or not."""
    rows = conn.execute(
        """
        SELECT i.sku, o.sku IS NOT NULL
          FROM items AS i
          LEFT JOIN offers AS o ON o.sku = i.sku AND o.seller_id = %(seller_id)s
         WHERE i.sku = ANY(%(skus)s)
        """,
        {"seller_id": seller_id, "skus": list(skus)},
    ).fetchall()
    return dict(rows)


def stock_of(
    conn: Connection[Any],
    seller_id: UUID,
    sku: str | None,
    fc_code: str | None,
    after: tuple[str, str] | None,
    limit: int | None,
) -> Sequence[StockOfOffer]:
    """By SKU and FC, beginning behind `after`. None means: every SKU, every FC, no limit."""
    with conn.cursor(row_factory=class_row(StockOfOffer)) as cur:
        return cur.execute(
            """
            SELECT sku, fc_code, on_hand, reserved, on_hand - reserved AS free
              FROM stock
             WHERE seller_id = %(seller_id)s
               AND (%(sku)s::text IS NULL OR sku = %(sku)s)
               AND (%(fc_code)s::text IS NULL OR fc_code = %(fc_code)s)
               AND (%(after_sku)s::text IS NULL
                    OR (sku, fc_code) > (%(after_sku)s, %(after_fc_code)s))
             ORDER BY sku, fc_code
             LIMIT %(limit)s
            """,
            {
                "seller_id": seller_id,
                "sku": sku,
                "fc_code": fc_code,
                "after_sku": after[0] if after else None,
                "after_fc_code": after[1] if after else None,
                "limit": limit,
            },
        ).fetchall()
