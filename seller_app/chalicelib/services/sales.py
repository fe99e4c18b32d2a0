"""Sellers' sold history (D8): fed by events, read by sellers."""

from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.documents import seller_sales
from online_kart.domain.events import SaleRecorded
from online_kart.domain.principals import Principal
from online_kart.domain.sellers import SalesFilter, SoldLine, SoldTotal
from online_kart.messaging.consumer import Envelope

from . import sellers as seller_service

Documents = Database[dict[str, Any]]


def project(documents: Documents, envelope: Envelope) -> None:
    """Consumer of SaleRecorded. A repeat writes the same entry again."""
    event = SaleRecorded.read(envelope.detail)
    seller_sales.put(
        documents,
        SoldLine(
            sale_id=event.sale_id,
            seller_id=event.seller_id,
            sku=event.sku,
            fc_code=event.fc_code,
            quantity=event.quantity,
            amount_paise=event.amount_paise,
            sold_at=event.occurred_at,
        ),
    )


def listed(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    seller_id: UUID,
    wanted: SalesFilter,
    behind: str | None,
    limit: int,
) -> list[SoldLine]:
    """The newest first, beginning behind the sort key `behind`. Raises NotFound."""
    seller_service.by_id(conn, by, seller_id)
    return seller_sales.listed(documents, seller_id, wanted, behind, limit)


def totals(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    seller_id: UUID,
    wanted: SalesFilter,
    after: str | None,
    limit: int,
) -> list[SoldTotal]:
    """By FC and SKU, beginning behind the place `after`. Raises NotFound."""
    seller_service.by_id(conn, by, seller_id)
    return seller_sales.totals(documents, seller_id, wanted, after, limit)


sort_key = seller_sales.sort_key
place = seller_sales.place
