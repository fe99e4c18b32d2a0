"""Where a seller should send stock: see `domain.stock_suggestions` for the rule and its source."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.documents import upcoming_shipments
from online_kart.domain.principals import Principal
from online_kart.domain.stock_suggestions import WINDOW_DAYS, StockSuggestion, suggestion
from online_kart.inventory_db import stock_suggestions

from . import sellers as seller_service

Documents = Database[dict[str, Any]]


class Wanted(NamedTuple):
    """Of a seller; of one item, for one FC, or both. None: of any."""

    seller_id: UUID
    sku: str | None
    fc_code: str | None


NEEDS_MAX = 2_000
"""Pairs of an item and an FC that are looked at: those that sold most."""

SHIPMENTS_MAX = 500
"""Announced shipments that are counted as coming, the soonest first."""


def listed(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    wanted: Wanted,
    after: tuple[float, str, str] | None,
    limit: int,
    now: datetime,
) -> list[StockSuggestion]:
    """What lasts shortest first, beginning behind (days of cover, SKU, FC). Raises NotFound."""
    seller_service.by_id(conn, by, wanted.seller_id)
    since = now - timedelta(days=WINDOW_DAYS)
    found = stock_suggestions.needs(conn, *wanted, since, NEEDS_MAX)
    announced = _announced(documents, wanted.seller_id) if found else Counter()
    made = [
        suggestion(need._replace(coming=need.coming + announced[need.fc_code, need.sku]))
        for need in found
    ]
    in_turn = sorted((each for each in made if each is not None), key=lambda each: each.urgency)
    return [each for each in in_turn if after is None or each.urgency > after][:limit]


def _announced(documents: Documents, seller_id: UUID) -> Counter[tuple[str, str]]:
    """(FC, SKU) → units that are announced, and not received yet."""
    units: Counter[tuple[str, str]] = Counter()
    shipments = upcoming_shipments.listed(documents, None, seller_id, None, SHIPMENTS_MAX)
    for shipment in shipments:
        for line in shipment.lines:
            units[shipment.fc_code, line.sku] += line.quantity
    return units
