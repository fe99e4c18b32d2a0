"""Telling of a source again, with a new version, so that its copies elsewhere become what it is."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

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


def _category(conn: Connection[Any], key: str, now: datetime) -> bool:
    return _tell(conn, CategoryChanged, sources.bump_category(conn, key), now)


def _item(conn: Connection[Any], key: str, now: datetime) -> bool:
    return _tell(conn, ItemChanged, sources.bump_item(conn, key), now)


def _offer(conn: Connection[Any], key: str, now: datetime) -> bool:
    sku, seller_id = key.split(" ")
    return _tell(conn, OfferChanged, sources.bump_offer(conn, sku, UUID(seller_id)), now)


def _units_left(conn: Connection[Any], key: str, now: datetime) -> bool:
    sku, seller_id = key.split(" ")
    row = sources.bump_availability(conn, sku, UUID(seller_id))
    return _tell(conn, AvailabilityChanged, row, now)


def _package(conn: Connection[Any], key: str, now: datetime) -> bool:
    return packages.tell_again(conn, UUID(key), now)


def _tell(
    conn: Connection[Any], event: type[Event], row: dict[str, Any] | None, now: datetime
) -> bool:
    """False where the source is gone: a copy too many needs a person."""
    if row is None:
        return False
    outbox.append(conn, event(occurred_at=now, **row))
    return True


TELL_AGAIN: Mapping[str, Callable[[Connection[Any], str, datetime], bool]] = {
    "categories": _category,
    "items": _item,
    "offers": _offer,
    "units_left": _units_left,
    "packages": _package,
}
"""Table of a difference → the function that tells of one row of its source."""
