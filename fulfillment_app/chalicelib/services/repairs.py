"""Repairing what has one right answer, and nothing else.

| what differs | its right answer | how |
| --- | --- | --- |
| C6, C7, and a package's status in C5 | the row in the inventory database | told again, with a later version |
| an event that a consumer, D4 or D7 never heard of | the event | sent again |
| an entry of D4 or D7 | its event, while it is remembered | written again |
| a sale in D8 | the row of `sales`, or none | written again, or removed |
| units reserved | what is held for orders, where the ledger says the same | set |
| free units (I13) | the stock, but for changes still to be added | set, and told |
| totals by category and month (I11, I12), and by item | the sales, but for changes still to be added | set |
| what a path (D3) repeats of its package's row | the row, where the path leads where the package goes | noted again |
| a path that no package takes | none | removed |
| an announcement (D1) that has ended | none: a receipt or its log tells the end | removed |
| an announcement that is not its log's of the same version | the log's | written again |
| a route table | what a build makes of its version's network: its digest was noted | written again |
| tables, pincodes or ways that are not the network's | the network | a build is asked for |
| a package in C5 with other lines, or lost | its path (D3) | by the customer side |

All else needs a person: units on hand (somebody has to count), a lost path, an order without its packages, an event that
nobody told, a row too many, a price that is not its log's, whoever holds what an order does not need any more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from psycopg import Connection

from online_kart.documents import (
    order_log,
    package_paths,
    price_changes,
    route_tables,
    seller_sales,
    upcoming_shipments,
)
from online_kart.documents.collection import Documents
from online_kart.documents.upcoming_shipments import STATUS_OF_END
from online_kart.domain.events import AvailabilityChanged, PriceChanged
from online_kart.domain.packages import course_of
from online_kart.domain.prices import price_change
from online_kart.domain.reconciliation import ORDER_LOG, UNHEARD, Finding
from online_kart.domain.sellers import SoldLine
from online_kart.inventory_db import (
    inbound as receipts,
    packages as package_rows,
    reconciliations,
    repairs,
    route_builds,
    sellers,
)
from online_kart.messaging import outbox

from . import copies, document_checks as of_documents, inbound, rebuilds, route_checks, whereabouts
from .package_events import Step, record
from .packages import RECONCILE
from .route_checks import InForce

REASON = "reconciliation"
"""Why a build was asked for."""


@dataclass(frozen=True)
class Repairing:
    """What a repair works on. `versions`: "<table> <key>" → the one that a copy has, if any."""

    conn: Connection[Any]
    documents: Documents
    versions: Mapping[str, int]
    now: datetime

    @cached_property
    def tables_are_mended(self) -> bool:
        """Done once for all tables: each that its version's digest vouches for is written again."""
        reading = InForce(self.conn, self.documents)
        right, manifest = reading.right_tables, reading.manifest
        wrong = [code for code in right if reading.tables.get(code) != right[code]]
        vouched = [code for code in wrong if manifest.digests.get(code) == right[code].digest()]
        for code in vouched:
            route_tables.put_tables(self.documents, manifest.tables[code], [right[code]])
        return wrong == vouched and right.keys() == manifest.tables.keys()


def repaired(work: Repairing, finding: Finding) -> bool:
    """Make it right. False where it has no right answer, or its source says that a person has to look.

    In the caller's transaction; may be repeated.
    """
    repair = REPAIRS.get(finding.subject)
    with work.conn.transaction():
        return repair is not None and repair(work, finding.key)


def _tell_again(table: str, work: Repairing, key: str) -> bool:
    known = work.versions.get(f"{table} {key}", 0)
    return copies.tell_again(work.conn, work.documents, table, key, known, work.now)


def _tell_of_offer(work: Repairing, key: str) -> bool:
    """Not of a price that is not its log's."""
    sku, seller_id = key.split(" ")
    offer = sellers.lock_offer(work.conn, UUID(seller_id), sku)
    logged = price_changes.newest_price(work.documents, seller_id, sku)
    return (
        offer is not None
        and logged in (None, offer.price_paise)
        and _tell_again("offers", work, key)
    )


def _tell_of_package(work: Repairing, key: str) -> bool:
    """Not of a row that its own events contradict."""
    return _is_as_noted(work, UUID(key)) and _tell_again("packages", work, key)


def _is_as_noted(work: Repairing, package_id: UUID) -> bool:
    """Whether the package's row is what its events tell. Locks it."""
    package = package_rows.lock(work.conn, package_id)
    course = course_of(package_rows.events_of(work.conn, package_id))
    return package is not None and course == (package.version, package.status, package.at_facility)


def _reserved(work: Repairing, key: str) -> bool:
    sku, fc_code, seller_id = key.split(" ")
    return repairs.restore_reserved(work.conn, sku, fc_code, UUID(seller_id))


def _availability(work: Repairing, key: str) -> bool:
    sku, seller_id = key.split(" ")
    row = repairs.restore_availability(work.conn, sku, UUID(seller_id), work.now)
    if row:
        outbox.append(work.conn, AvailabilityChanged(occurred_at=work.now, **row._asdict()))
    return row is not None


def _category_total(work: Repairing, key: str) -> bool:
    repairs.restore_category_total(work.conn, key.removeprefix("category "))
    return True


def _month_total(work: Repairing, key: str) -> bool:
    repairs.restore_month_total(work.conn, key.removeprefix("month "))
    return True


def _item_total(work: Repairing, key: str) -> bool:
    month, fc_code, sku = key.removeprefix("sales of ").split(" ")
    repairs.restore_item_total(work.conn, month, fc_code, sku)
    return True


def _sale(work: Repairing, key: str) -> bool:
    sale = reconciliations.sale(work.conn, key)
    if sale is None:
        seller_sales.remove(work.documents, key)
        return True
    fields = SoldLine.model_fields.keys()
    seller_sales.put(work.documents, SoldLine(**sale.model_dump(include=set(fields))))
    return True


def _orphan_path(work: Repairing, key: str) -> bool:
    """Looked for once more: the package may be there by now."""
    if reconciliations.known_packages(work.conn, [key]):
        return False
    package_paths.remove(work.documents, UUID(key))
    return True


def _path(work: Repairing, key: str) -> bool:
    """Not where the path leads elsewhere than the package goes: its next step mends that, or a person."""
    package_id = UUID(key.removeprefix("package "))
    package = package_rows.lock(work.conn, package_id)
    path = package_paths.by_id(work.documents, package_id)
    if package is None or path is None or not _is_as_noted(work, package_id):
        return False
    if package.status not in route_checks.AT_ITS_END:
        if package.path_revision != path.path_revision:
            return False
        if whereabouts.misleads(work.conn, package, path):
            return False
    record(work.conn, work.documents, [Step(package_id, "told_again", RECONCILE)], work.now)
    return True


def _order_log(work: Repairing, key: str) -> bool:
    event = outbox.by_id(work.conn, key)
    if event is None:
        return False
    order_log.restore(work.documents, key, event.type, event.payload, event.occurred_at)
    return True


def _price_log(work: Repairing, key: str) -> bool:
    event = outbox.by_id(work.conn, key)
    if event is None:
        return False
    change = price_change(PriceChanged.read(event.payload))
    price_changes.append(work.documents, UUID(key), change)
    return True


def _unheard(work: Repairing, key: str) -> bool:
    return outbox.send_again(work.conn, UUID(key.split(" ")[1]))


def _ended_announcement(work: Repairing, key: str) -> bool:
    receipt = receipts.receipt(work.conn, key)
    log = upcoming_shipments.log_of(work.documents, key)
    if log and log[-1].what in STATUS_OF_END:
        upcoming_shipments.remove(work.documents, key)
    elif receipt and receipt.closed_at:
        inbound.end_announcement(work.documents, receipt, receipt.closed_at)
    return True


def _announcement(work: Repairing, key: str) -> bool:
    log = upcoming_shipments.log_of(work.documents, key)
    known = upcoming_shipments.by_asn(work.documents, key)
    if not log or known is None or log[-1].shipment.version != known.version:
        return False
    upcoming_shipments.put(work.documents, log[-1].shipment)
    return True


def _tables(work: Repairing, key: str) -> bool:
    return work.tables_are_mended or _build(work, key)


def _build(work: Repairing, key: str) -> bool:
    """One build makes all tables and paths right: none is asked for where one is under way."""
    if not route_builds.is_any_under_way(work.conn):
        rebuilds.request_rebuild(work.conn, REASON, work.now)
    return True


REPAIRS: Mapping[str, Callable[[Repairing, str], bool]] = {
    **{table: partial(_tell_again, table) for table in ("categories", "items", "units_left")},
    "offers": _tell_of_offer,
    "packages": _tell_of_package,
    "oversold": _reserved,
    "reserved": _reserved,
    "ledger": _reserved,
    "availability": _availability,
    "category totals": _category_total,
    "month totals": _month_total,
    "item totals": _item_total,
    of_documents.SALES: _sale,
    of_documents.ORPHAN_PATHS: _orphan_path,
    of_documents.PRICE_LOG: _price_log,
    of_documents.ENDED: _ended_announcement,
    of_documents.ANNOUNCEMENTS: _announcement,
    ORDER_LOG: _order_log,
    UNHEARD: _unheard,
    route_checks.PATHS: _path,
    route_checks.TABLES: _tables,
    route_checks.PINCODES: _tables,
    route_checks.WAYS: _build,
    "ways": _build,
}
"""Subject of a finding → what makes it right. The queries' subjects are named beside them."""

REPAIRED_BY_CUSTOMER_SIDE = frozenset({"package rows"})
"""What this side finds nothing of, and can't repair."""
