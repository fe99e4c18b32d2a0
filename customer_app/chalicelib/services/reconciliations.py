"""The customer side of a reconciliation: its own invariants, and its rows against what the other side laid out.

Each comparison adds to the findings. What can't be decided without the other side's rows of now is a doubt, which the
report decides.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from online_kart.checks import examine
from online_kart.crashpoints import crashpoint
from online_kart.customer_db import invariants, orders, reconciliations
from online_kart.documents import order_log, package_paths, reconciliations as parts
from online_kart.documents.collection import Documents, in_groups
from online_kart.domain.errors import NotFound
from online_kart.domain.orders import package_of
from online_kart.domain.package_paths import PackagePath
from online_kart.domain.reconciliation import (
    FINDINGS_KEPT_MAX,
    ORDER_LOG,
    UNHEARD,
    UNKNOWN,
    Doubt,
    Finding,
    Findings,
    Pair,
    Row,
    is_newer_copy,
    paired,
    told,
)
from online_kart.messaging import inbox, outbox
from online_kart.messaging.rules import CONSUMERS_BY_APP, HEARD_OF_CUSTOMERS, RULES

CONSUMERS = sorted(CONSUMERS_BY_APP["customer_app"])
FACTS = 4
"""The first values of a package are what never changes of it; then come its status and version."""

PACKAGE_ROWS = "package rows"
AT_ONCE = 500


class Moments(NamedTuple):
    """Compared is what changed `since` (events: `lately`), but not what changed after `before`."""

    before: datetime
    since: datetime
    lately: datetime


def compare_customer(
    conn: Connection[Any],
    documents: Documents,
    reconciliation_id: UUID,
    now: datetime,
) -> int:
    """How many findings there are. Safe to repeat. Raises NotFound where the other side has laid out nothing."""
    key = str(reconciliation_id)
    laid_out = Source(documents, key)
    comparison = Comparison(conn, laid_out.moments())
    comparison.rows_alone()
    for table in reconciliations.CATALOG:
        comparison.catalog(table, laid_out.rows(f"source of {table}"))
    comparison.packages(laid_out.rows("source of packages"))
    comparison.lines(laid_out.rows("packed"))
    comparison.holders(laid_out.rows("held for orders"))
    comparison.heard(laid_out.rows("told"))
    comparison.told(laid_out.rows("heard"))
    comparison.logged(documents)
    parts.put_findings(documents, key, "customer", comparison.findings, now)
    crashpoint("compare_customer.findings_put")
    doubts = ((doubt.kind, list(doubt[1:])) for doubt in comparison.doubts)
    parts.put_rows(documents, key, "doubts", doubts, now)
    versions = ((row, [version]) for row, version in comparison.versions.items())
    parts.put_rows(documents, key, "versions of copies", versions, now)
    crashpoint("compare_customer.rows_put")
    return len(comparison.findings.kept)


class Source:
    """What the other side laid out."""

    def __init__(self, documents: Documents, reconciliation_id: str) -> None:
        self._documents, self._id = documents, reconciliation_id

    def rows(self, subject: str) -> Iterator[Row]:
        return parts.rows_of(self._documents, self._id, subject)

    def moments(self) -> Moments:
        """Raises NotFound."""
        for _, values in self.rows("moments"):
            return Moments(*map(datetime.fromisoformat, values))
        raise NotFound("what was laid out for reconciliation", self._id)


class Comparison:
    """This side's rows against the other's, which come as rows in the order of their keys."""

    def __init__(self, conn: Connection[Any], moments: Moments) -> None:
        self._conn, self._moments = conn, moments
        self.findings, self.doubts = Findings(), list[Doubt]()
        self.versions = dict[str, int]()
        """Of copies that are wrong, by "<table> <key>": what is told of their source must be later."""

    def rows_alone(self) -> None:
        """The invariants that this database can check by itself."""
        for each in examine(self._conn, invariants.CHECKS, self._moments.before, FINDINGS_KEPT_MAX):
            self.findings.examined(each.checked, each.broken, each.check, each.shown)

    def catalog(self, table: str, source: Iterable[Row]) -> None:
        """12: C6 and C7 against the inventory side's catalog."""
        count = 0
        for pair in paired(source, reconciliations.catalog_rows(self._conn, table)):
            count += 1
            self._compare(table, pair)
        self.findings.checked(12, table, count)

    def _compare(self, table: str, pair: Pair) -> None:
        if is_newer_copy(pair):
            assert pair.copy is not None, "it is newer"
            self.doubts.append(Doubt(table, pair.key, pair.copy[-1], told(pair)))
        elif pair.source != pair.copy:
            self.findings.add(12, table, pair.key, told(pair))
            if pair.copy is not None and len(self.versions) < FINDINGS_KEPT_MAX:
                self.versions[f"{table} {pair.key}"] = pair.copy[-1]

    def packages(self, source: Iterable[Row]) -> None:
        """12: C5 against the packages. One of an order that is not confirmed yet is not known here."""
        count, lost = 0, list[Pair]()
        moments = self._moments
        for pair in paired(source, reconciliations.packages(self._conn, moments.since)):
            count += 1
            if pair.source is None:
                self.doubts.append(Doubt("package", pair.key, 0, "nobody knows such a package"))
            elif pair.copy is None:
                lost.append(pair)
            else:
                self._compare_package(pair, pair.source, pair.copy)
        self.findings.checked(12, PACKAGE_ROWS, count)
        self._compare_lost(lost)

    def _compare_package(self, pair: Pair, source: list[Any], copy: list[Any]) -> None:
        if source[:FACTS] != copy[:FACTS]:
            self.findings.add(12, PACKAGE_ROWS, pair.key, told(pair))
        self._compare("packages", Pair(pair.key, source[FACTS:], copy[FACTS:]))

    def _compare_lost(self, lost: Iterable[Pair]) -> None:
        for some in in_groups(lost, AT_ONCE):
            orders_of = {pair.key: str((pair.source or [""])[0]) for pair in some}
            statuses = reconciliations.statuses(self._conn, list(orders_of.values()))
            for pair in some:
                status, at = statuses.get(orders_of[pair.key], ("", self._moments.before))
                if status in ("confirmed", "finished") and at < self._moments.before:
                    self.findings.add(12, PACKAGE_ROWS, pair.key, told(pair))

    def lines(self, packed: Iterable[Row]) -> None:
        """5: an order's lines against the other side's packages."""
        count, moments = 0, self._moments
        ordered = reconciliations.ordered(self._conn, moments.since, moments.before)
        for pair in paired(packed, ordered):
            in_packages, is_settled = pair.source or (0, True)
            wanted, is_served = pair.copy or (0, True)
            count += 1
            if is_settled and is_served and in_packages != wanted:
                detail = f"{wanted} ordered, {in_packages} in packages"
                self.findings.add(5, "packed lines", f"order line {pair.key}", detail)
        self.findings.checked(5, "packed lines", count)

    def holders(self, held: Iterable[Row]) -> None:
        """4: nothing is left of an order that was rejected or cancelled, or that nobody placed."""
        count, moments = 0, self._moments
        for some in in_groups(held, AT_ONCE):
            status_of = reconciliations.statuses(self._conn, [order_id for order_id, _ in some])
            for order_id, (what,) in some:
                status, at = status_of.get(order_id, ("unknown to the customer side", None))
                is_over = status in ("rejected", "cancelled") and at and at < moments.before
                if at is None or is_over:
                    self.findings.add(4, "orders", f"order {order_id}", f"{status}: {what}")
            count += len(some)
        self.findings.checked(4, "orders", count)

    def heard(self, told_by_others: Iterable[Row]) -> None:
        """7: each consumer of this side has handled exactly the events of the other side that concern it."""
        moments = self._moments
        heard = inbox.heard(self._conn, CONSUMERS, moments.lately)
        self._compare_inbox(told_by_others, heard, self._doubt_event)

    def told(self, heard_by_others: Iterable[Row]) -> None:
        """7: and the other side those of this one."""
        moments, unknown = self._moments, list[str]()
        ours: Iterator[Row] = (
            (f"{consumer} {event_id}", [])
            for consumer in HEARD_OF_CUSTOMERS
            for event_id, _ in outbox.told(
                self._conn, RULES[consumer], moments.lately, moments.before
            )
        )
        theirs = ((key, [datetime.fromisoformat(at)]) for key, (at,) in heard_by_others)
        self._compare_inbox(ours, theirs, unknown.append)
        self._add_unknown(unknown)

    def _compare_inbox(self, events: Iterable[Row], heard: Iterable[Row], doubt: Any) -> None:
        """What was heard just after `lately` may have been told before."""
        count = 0
        for pair in paired(events, heard):
            count += pair.source is not None
            if pair.copy is None:
                self.findings.add(7, UNHEARD, pair.key, "it never heard this event")
            elif pair.source is None and pair.copy[0] < self._moments.before:
                doubt(pair.key)
        self.findings.checked(7, UNHEARD, count)

    def _doubt_event(self, key: str) -> None:
        self.doubts.append(Doubt("event", key, 0, "nobody told this event"))

    def _add_unknown(self, keys: Iterable[str]) -> None:
        for some in in_groups(keys, AT_ONCE):
            known = outbox.known(self._conn, [key.split(" ")[1] for key in some])
            for key in some:
                if key.split(" ")[1] not in known:
                    self.findings.add(7, UNKNOWN, key, "nobody told this event")

    def logged(self, documents: Documents) -> None:
        """12 and 7: the log of orders (D4) holds this side's events as they were told, and none that nobody told."""
        _, _, lately = moments = self._moments
        events = outbox.told(self._conn, RULES["log_orders"], lately, moments.before)
        order_log.compare(documents, events, self.findings)
        for some in in_groups(order_log.ids_in(documents, lately, moments.before), AT_ONCE):
            for event_id in sorted(set(some) - outbox.known(self._conn, some)):
                self._doubt_event(f"log_orders {event_id}")


# Repairing


def repair_customer(
    conn: Connection[Any], documents: Documents, reconciliation_id: UUID, now: datetime
) -> int:
    """Make right what this side found and has the right answer of. How many findings. Safe to repeat."""
    key = str(reconciliation_id)
    found = parts.findings_of(documents, key, "customer")
    facts = _facts_told(documents, key, found)
    repaired = {each.row for each in found if _repaired(conn, documents, each, facts, now)}
    if repaired:
        repaired |= {each.row for each in found} & _no_longer_broken(conn, found)
    return parts.put_rows(documents, key, "repaired", ((row, []) for row in sorted(repaired)), now)


def _facts_told(documents: Documents, key: str, found: Sequence[Finding]) -> dict[str, list[Any]]:
    """What the other side says of the packages that are wrong here."""
    wrong = {each.key for each in found if each.subject == PACKAGE_ROWS}
    source = Source(documents, key).rows("source of packages") if wrong else iter(())
    return {package_id: list(row[:FACTS]) for package_id, row in source if package_id in wrong}


def _no_longer_broken(conn: Connection[Any], found: Sequence[Finding]) -> set[str]:
    """What a query has found before the repair, and does not find after it."""
    rows = {each.subject: set[str]() for each in found}
    for each in found:
        rows[each.subject].add(each.row)
    wanted = [check for check in invariants.CHECKS if check.subject in rows]
    for examined in examine(conn, wanted, None, FINDINGS_KEPT_MAX):
        subject = examined.check.subject
        rows[subject] -= {f"{subject} {each.key}" for each in examined.shown}
    return {row for check in wanted for row in rows[check.subject]}


def _repaired(
    conn: Connection[Any],
    documents: Documents,
    finding: Finding,
    facts: Mapping[str, list[Any]],
    now: datetime,
) -> bool:
    if finding.subject == UNHEARD:
        return outbox.send_again(conn, UUID(finding.key.split(" ")[1]))
    if finding.subject == ORDER_LOG:
        return _restore_entry(conn, documents, finding.key)
    if finding.subject == PACKAGE_ROWS and finding.key in facts:
        return _restore_package(conn, documents, UUID(finding.key), facts[finding.key], now)
    return False


def _restore_entry(conn: Connection[Any], documents: Documents, event_id: str) -> bool:
    event = outbox.by_id(conn, event_id)
    if event is None:
        return False
    order_log.restore(documents, event_id, event.type, event.payload, event.occurred_at)
    return True


def _restore_package(
    conn: Connection[Any],
    documents: Documents,
    package_id: UUID,
    facts: list[Any],
    now: datetime,
) -> bool:
    """As its path (D3) has it, where the other side says the same; its status is told by events.

    False where they contradict each other, or there is no path or no such order.
    """
    path = package_paths.by_id(documents, package_id)
    if path is None or _facts_of(path) != facts:
        return False
    with conn.transaction():
        if orders.lock(conn, path.order_id) is None:
            return False
        package = package_of(path)
        orders.insert_package(conn, path.order_id, package, now)
        reconciliations.restore_package(conn, path.order_id, package)
    return True


def _facts_of(path: PackagePath) -> list[Any]:
    lines = {str(line.line_no): line.quantity for line in path.lines}
    return [str(path.order_id), path.origin_fc_code, path.promise_date.isoformat(), lines]
