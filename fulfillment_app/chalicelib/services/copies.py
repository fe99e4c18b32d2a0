"""Telling of a source again, with a new version, so that its copies elsewhere become what it is."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.domain.events import (
    AvailabilityChanged,
    CategoryChanged,
    Event,
    ItemChanged,
    OfferChanged,
)
from online_kart.inventory_db import sources
from online_kart.messaging import outbox

from . import packages

Documents = Database[dict[str, Any]]


def _category(conn: Connection[Any], key: str, above: int, now: datetime) -> bool:
    return _tell(conn, CategoryChanged, sources.bump_category(conn, key, above), now)


def _item(conn: Connection[Any], key: str, above: int, now: datetime) -> bool:
    return _tell(conn, ItemChanged, sources.bump_item(conn, key, above), now)


def _offer(conn: Connection[Any], key: str, above: int, now: datetime) -> bool:
    sku, seller_id = key.split(" ")
    return _tell(conn, OfferChanged, sources.bump_offer(conn, sku, UUID(seller_id), above), now)


def _units_left(conn: Connection[Any], key: str, above: int, now: datetime) -> bool:
    sku, seller_id = key.split(" ")
    row = sources.bump_availability(conn, sku, UUID(seller_id), above)
    return _tell(conn, AvailabilityChanged, row, now)


def _tell(
    conn: Connection[Any], event: type[Event], row: dict[str, Any] | None, now: datetime
) -> bool:
    """False where the source is gone: a copy too many needs a person."""
    if row is None:
        return False
    outbox.append(conn, event(occurred_at=now, **row))
    return True


_OF_CATALOG: Mapping[str, Callable[[Connection[Any], str, int, datetime], bool]] = {
    "categories": _category,
    "items": _item,
    "offers": _offer,
    "units_left": _units_left,
}
"""Table of a difference → the function that tells of one row of its source."""


def tell_again(
    conn: Connection[Any], documents: Documents, table: str, key: str, above: int, now: datetime
) -> bool:
    """Tell of one row of the source of a table that differs. False where the source is gone.

    Its version is later than `above`: what the copy knows.
    """
    if table == "packages":
        return packages.tell_again(conn, documents, UUID(key), above, now)
    return _OF_CATALOG[table](conn, key, above, now)
