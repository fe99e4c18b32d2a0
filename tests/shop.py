"""Puts into a test's inventory database what goods need: FCs, categories, sellers, items, offers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from fulfillment_app.chalicelib.services import (
    catalog as fulfillment_catalog,
    sellers as fulfillment_sellers,
)
from online_kart.domain.catalog import AddCategory
from online_kart.domain.sellers import JudgeSeller, MakeOffer, RegisterItem, RegisterSeller, Seller
from seller_app.chalicelib.services import items, sellers
from tests.identity import ADMIN

CATEGORY = "kitchen"
PRICE_PAISE = 49_900


def put_fc(conn: Connection[Any], code: str, now: datetime, status: str = "open") -> str:
    conn.execute(
        """
        INSERT INTO facilities (code, kind, name, latitude, longitude, handling_minutes, status,
                                created_at, updated_at)
        VALUES (%(code)s, 'fc', %(code)s, 12.9, 77.5, 30, %(status)s, %(now)s, %(now)s)
        """,
        {"code": code, "status": status, "now": now},
    )
    conn.execute("INSERT INTO fulfillment_centers (fc_code) VALUES (%s)", [code])
    return code


def put_category(conn: Connection[Any], now: datetime, category_id: str = CATEGORY) -> str:
    """A repeat changes nothing."""
    command = AddCategory(category_id=category_id, name=category_id.title())
    return fulfillment_catalog.add_category(conn, command, now).category_id


def a_pending_seller(conn: Connection[Any], now: datetime, name: str = "Asha Traders") -> Seller:
    email = f"{name.lower().replace(' ', '.')}@example.com"
    return sellers.register(conn, ADMIN, RegisterSeller(name=name, email=email), now)


def an_approved_seller(conn: Connection[Any], now: datetime, name: str = "Asha Traders") -> Seller:
    pending = a_pending_seller(conn, now, name)
    approval = JudgeSeller(status="approved")
    return fulfillment_sellers.judge(conn, ADMIN, pending.seller_id, approval, now)


def a_refused_seller(conn: Connection[Any], now: datetime, name: str = "Meena Traders") -> Seller:
    pending = a_pending_seller(conn, now, name)
    refusal = JudgeSeller(status="refused", reason="No tax number.")
    return fulfillment_sellers.judge(conn, ADMIN, pending.seller_id, refusal, now)


def put_item(
    conn: Connection[Any],
    seller_id: UUID,
    sku: str,
    now: datetime,
    price_paise: int = PRICE_PAISE,
) -> str:
    """A new item with the seller's offer of it."""
    command = RegisterItem(
        sku=sku,
        name=f"A {sku.lower()}",
        brand="Plain",
        category_id=put_category(conn, now),
        weight_grams=350,
        price_paise=price_paise,
    )
    return items.register(conn, ADMIN, seller_id, command, now).sku


def put_offer(
    conn: Connection[Any],
    seller_id: UUID,
    sku: str,
    now: datetime,
    price_paise: int = PRICE_PAISE,
) -> str:
    """The seller's offer of an item that there is."""
    return items.make_offer(
        conn, ADMIN, seller_id, MakeOffer(sku=sku, price_paise=price_paise), now
    ).sku


def events_of(conn: Connection[Any], type_: str) -> list[dict[str, Any]]:
    """What the outbox tells, of one type of event, in order."""
    rows = conn.execute(
        "SELECT payload FROM outbox WHERE type = %s ORDER BY position", [type_]
    ).fetchall()
    return [row[0] for row in rows]
