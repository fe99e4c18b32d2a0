"""Every collection of the document store, in one list. Run before anything is loaded: indexes first, documents after."""

from . import (
    order_log,
    package_paths,
    price_changes,
    reconciliations,
    route_builds,
    route_tables,
    seller_sales,
    upcoming_shipments,
)
from .collection import Collection, Documents

COLLECTIONS: tuple[Collection, ...] = (
    *upcoming_shipments.COLLECTIONS,  # D1, D2
    *package_paths.COLLECTIONS,  # D3
    *order_log.COLLECTIONS,  # D4
    *route_tables.COLLECTIONS,  # D5, D6
    *route_builds.COLLECTIONS,
    *price_changes.COLLECTIONS,  # D7
    *seller_sales.COLLECTIONS,  # D8
    *reconciliations.COLLECTIONS,
)


def ensure_collections(documents: Documents) -> None:
    """Safe to run twice and at the same time."""
    for collection in COLLECTIONS:
        collection.ensure(documents)
