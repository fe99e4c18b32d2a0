"""Documents against the rows and events they are made from (12): sales (D8), paths (D3), logs (D4, D7), announcements (D1).

Each check adds to the findings and answers what it looked at. It looks at what happened in a period, so that a run does
not grow with the years, and not at the last moments, in which a document may be on its way.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from psycopg import Connection

from online_kart.documents import (
    order_log,
    package_paths,
    price_changes,
    seller_sales,
    upcoming_shipments,
)
from online_kart.documents.collection import Documents, in_groups, milliseconds
from online_kart.documents.upcoming_shipments import STATUS_OF_END
from online_kart.domain.events import PriceChanged
from online_kart.domain.inbound import InboundShipment
from online_kart.domain.prices import PriceChange, price_change
from online_kart.domain.reconciliation import UNKNOWN, Findings, compare_entry, paired, told
from online_kart.inventory_db import reconciliations
from online_kart.messaging import outbox
from online_kart.messaging.rules import RULES

from .route_checks import Period

SALES, ORPHAN_PATHS, PRICE_LOG, PRICES = "seller sales", "orphan paths", "price log", "prices"
ENDED, ANNOUNCEMENTS = "ended announcements", "announcements"
UNLOGGED, LOST_ANNOUNCEMENTS = "unlogged announcements", "lost announcements"
"""What the findings are of."""

AT_ONCE = 200

PLANNED_AT_LEAST_BEFORE = timedelta(days=1)
"""A path is planned for a package that is ready later: one that should have been ready a day ago is planned by nobody."""


def sales(conn: Connection[Any], documents: Documents, findings: Findings, period: Period) -> str:
    """D8 is the sales, row by row. Documents are read after rows, so one that is too many never had a row."""
    count = 0
    for pair in paired(
        reconciliations.sales(conn, *period), seller_sales.sold_in(documents, *period)
    ):
        count += pair.source is not None
        if pair.source != pair.copy:
            findings.add(12, SALES, pair.key.split(" ")[1], told(pair))
    findings.checked(12, SALES, count)
    return f"{count} sales"


def orphan_paths(
    conn: Connection[Any], documents: Documents, findings: Findings, period: Period
) -> str:
    """Every path is a package's: what a planning that died has left is harmless, and swept."""
    until = period.before - PLANNED_AT_LEAST_BEFORE
    count = 0
    for some in in_groups(package_paths.ready_in(documents, period.since, until), AT_ONCE):
        for package_id in sorted(set(some) - reconciliations.known_packages(conn, some)):
            findings.add(12, ORPHAN_PATHS, package_id, "a path that no package takes")
        count += len(some)
    findings.checked(12, ORPHAN_PATHS, count)
    return f"{count} paths"


def logs(conn: Connection[Any], documents: Documents, findings: Findings, period: Period) -> str:
    """D4 and D7 hold the events of this side, as they were told."""
    of_orders = order_log.compare(
        documents, outbox.told(conn, RULES["log_orders"], *period), findings
    )
    events = outbox.told(conn, RULES["log_price_changes"], *period)
    of_prices = sum(
        _prices_logged(documents, findings, some) for some in in_groups(events, AT_ONCE)
    )
    findings.checked(12, PRICE_LOG, of_prices)
    return f"{of_orders} entries of D4, {of_prices} of D7"


def _prices_logged(
    documents: Documents, findings: Findings, events: Sequence[tuple[str, list[Any]]]
) -> int:
    entries = price_changes.by_events(documents, [event_id for event_id, _ in events])
    for event_id, (_, _, payload, _) in events:
        right, entry = price_change(PriceChanged.read(payload)), entries.get(event_id)
        log = ("log_price_changes", PRICE_LOG)
        compare_entry(findings, log, event_id, _as_stored(right), entry and _as_stored(entry))
    return len(events)


def _as_stored(change: PriceChange) -> dict[str, Any]:
    return {**change.model_dump(mode="json"), "changed_at": milliseconds(change.changed_at)}


def unknown_prices(
    conn: Connection[Any], documents: Documents, findings: Findings, period: Period
) -> str:
    """Every entry of D7 is of an event that was told. Only as long as events are remembered."""
    count = 0
    for some in in_groups(price_changes.ids_in(documents, *period), AT_ONCE):
        for event_id in sorted(set(some) - outbox.known(conn, some)):
            findings.add(7, UNKNOWN, f"log_price_changes {event_id}", "nobody told it")
        count += len(some)
    findings.checked(7, UNKNOWN, count)
    return f"{count} entries of D7"


def prices(conn: Connection[Any], documents: Documents, findings: Findings, period: Period) -> str:
    """The newest price of an offer's log is the offer's."""
    count = 0
    for sku, seller_id, price_paise in _prices(conn, period):
        logged = price_changes.newest_price(documents, seller_id, sku)
        if logged != price_paise:
            detail = f"costs {price_paise}, by its log {logged}"
            findings.add(12, PRICES, f"{sku} {seller_id}", detail)
        count += 1
    findings.checked(12, PRICES, count)
    return f"{count} prices"


def _prices(conn: Connection[Any], period: Period) -> Iterator[list[Any]]:
    """Of offers that changed in the period."""
    after: tuple[str, str] | None = None
    while some := reconciliations.prices(conn, *period, after, AT_ONCE):
        yield from some
        after = (some[-1][0], some[-1][1])


def announcements(
    conn: Connection[Any], documents: Documents, findings: Findings, period: Period
) -> str:
    """D1 is what the newest entry of D2 says, and nothing whose end is told there or by a receipt."""
    count, after = 0, None
    while some := upcoming_shipments.listed(documents, None, None, after, AT_ONCE):
        received = reconciliations.closed_receipts(conn, [shipment.asn for shipment in some])
        for shipment in some:
            if shipment.updated_at < period.before:
                _compare_announcement(documents, findings, shipment, shipment.asn in received)
        after = upcoming_shipments.sort_key(some[-1])
        count += len(some)
    findings.checked(12, ANNOUNCEMENTS, count)
    return f"{count} announcements"


def _compare_announcement(
    documents: Documents, findings: Findings, shipment: InboundShipment, is_received: bool
) -> None:
    log = upcoming_shipments.log_of(documents, shipment.asn)
    if is_received or (log and log[-1].what in STATUS_OF_END):
        findings.add(12, ENDED, shipment.asn, "it has ended, and is still announced")
    elif not log or log[-1].shipment != shipment:
        detail = f"log {log[-1].shipment if log else None}, announced {shipment}"
        same = bool(log) and log[-1].shipment.version == shipment.version
        findings.add(12, ANNOUNCEMENTS if same else UNLOGGED, shipment.asn, detail)


def lost_announcements(documents: Documents, findings: Findings, period: Period) -> str:
    """What was announced, and has not ended, is in D1."""
    count = 0
    for some in in_groups(upcoming_shipments.logged_in(documents, *period), AT_ONCE):
        for asn in sorted(set(some)):
            log = upcoming_shipments.log_of(documents, asn)
            ended = any(entry.what in STATUS_OF_END for entry in log)
            if not ended and upcoming_shipments.by_asn(documents, asn) is None:
                findings.add(12, LOST_ANNOUNCEMENTS, asn, "in its log, and not announced")
        count += len(some)
    findings.checked(12, LOST_ANNOUNCEMENTS, count)
    return f"{count} entries of D2"
