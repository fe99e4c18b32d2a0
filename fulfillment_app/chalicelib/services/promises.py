"""What a customer can be promised before ordering: for each item, the best date, and from where, or why there is none.

Stock is read in one statement for all items; paths come from the route tables in memory, one for each FC that has any of
them. It is what sourcing would find for one unit of one item (`stock`), so an order of one item keeps the date while the
stock lasts; an order of several may be put together otherwise.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from online_kart.domain.base import Model
from online_kart.domain.errors import NotServed
from online_kart.domain.promises import WhyNot
from online_kart.domain.values import FacilityCode, Instant, Pincode, Sku
from online_kart.inventory_db import availability
from online_kart.inventory_db.availability import FreeUnits
from online_kart.planning.promises import of_fcs
from online_kart.planning.routes import Routes


class ItemPromise(Model):
    """The earliest date on which one unit can be at the door. All but the item is None where `why_not` says why."""

    sku: Sku
    promise_date: date | None = None
    fc_code: FacilityCode | None = None
    seller_id: UUID | None = None
    free_units: int | None = None
    """Of that seller's offer in that FC."""
    minutes: int | None = None
    """Of the path, without waiting."""
    why_not: WhyNot | None = None


class Promises(Model):
    """The promises for items that are ordered together with nothing else, to one pincode, at one moment."""

    to_pincode: Pincode
    ordered_at: Instant
    table_version: int
    destination: FacilityCode | None
    """The FC that serves the pincode."""
    promises: tuple[ItemPromise, ...]


def promises(
    conn: Connection[Any],
    routes: Routes,
    to_pincode: int,
    skus: Sequence[str],
    ordered_at: datetime,
) -> Promises:
    """In the order of the SKUs. One the catalog does not know is out of stock."""
    try:
        destination = routes.network.fc_serving(to_pincode)
    except NotServed:
        destination = None
        found = [ItemPromise(sku=sku, why_not="not_served") for sku in skus]
    else:
        free = availability.free_units(conn, skus)
        found = list(_best(routes, to_pincode, skus, free, ordered_at))
    return Promises(
        to_pincode=to_pincode,
        ordered_at=ordered_at,
        table_version=routes.version,
        destination=destination,
        promises=tuple(found),
    )


def _best(
    routes: Routes, pincode: int, skus: Sequence[str], free: Sequence[FreeUnits], at: datetime
) -> Iterator[ItemPromise]:
    promise_of = of_fcs(routes, (units.fc_code for units in free), pincode, at)
    of_item: dict[str, list[FreeUnits]] = {}
    for units in free:
        of_item.setdefault(units.sku, []).append(units)
    for sku in skus:
        everywhere = of_item.get(sku, [])
        within_reach = [units for units in everywhere if units.fc_code in promise_of]
        best = min(((promise_of[units.fc_code], units) for units in within_reach), default=None)
        if best is None:
            yield ItemPromise(sku=sku, why_not="no_route" if everywhere else "out_of_stock")
            continue
        promise, units = best
        yield ItemPromise(
            sku=sku,
            seller_id=units.seller_id,
            free_units=units.free_units,
            **promise._asdict(),
        )
