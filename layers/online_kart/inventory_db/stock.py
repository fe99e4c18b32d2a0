"""Stock of each offer in each FC (I4), and its ledger (I4b). What orders hold of it is in `reservations`.

Every change of `stock` is one statement (`change`) that writes the ledger and the rows together. It is conditional: no
row ends with fewer units on hand than reserved, however many change it at once. And it is idempotent: what a cause has
changed in a row before, under the same reference, it does not change again. Rows are locked in the order (sku, FC code,
seller); whoever changes packages as well locks them first.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from ..domain.batches import Units
from ..domain.errors import NotFound, StockAlreadyReleased, StockTooLow
from ..domain.returns import ReturnedLine
from ..domain.stock import (
    ANY_STOCK,
    Cause,
    LedgerEntry,
    Offer,
    StockChange,
    StockFilter,
    StockLevel,
)

MOVE_BATCH = "move_batch"
"""Who takes packages from their FC, where it is not the last mile."""


# Reading


def levels(conn: Connection[Any], offers: Iterable[Offer]) -> list[StockLevel]:
    """Where units of the offers are free, in open FCs only. In the order of locking."""
    return _levels(conn, offers, "")


def lock_levels(conn: Connection[Any], offers: Iterable[Offer]) -> list[StockLevel]:
    """As `levels`, and nobody else changes those rows until the transaction ends."""
    return _levels(conn, offers, "FOR NO KEY UPDATE OF s")


def _levels(conn: Connection[Any], offers: Iterable[Offer], locking: str) -> list[StockLevel]:
    wanted = list(offers)
    with conn.cursor(row_factory=class_row(StockLevel)) as cur:
        return cur.execute(
            f"""
            SELECT s.fc_code, s.sku, s.seller_id, s.on_hand, s.reserved
              FROM unnest(%(skus)s::text[], %(sellers)s::uuid[]) AS w (sku, seller_id)
              JOIN stock AS s ON s.sku = w.sku AND s.seller_id = w.seller_id
              JOIN facilities AS f ON f.code = s.fc_code AND f.status = 'open'
             WHERE s.on_hand > s.reserved
             ORDER BY s.sku, s.fc_code, s.seller_id
             {locking}
            """,
            {
                "skus": [offer.sku for offer in wanted],
                "sellers": [offer.seller_id for offer in wanted],
            },
        ).fetchall()


def of_fc(
    conn: Connection[Any],
    fc_code: str,
    after: tuple[str, UUID] | None,
    limit: int,
    of: StockFilter = ANY_STOCK,
) -> list[StockLevel]:
    """Stock of an FC, after the sort key (sku, seller_id)."""
    with conn.cursor(row_factory=class_row(StockLevel)) as cur:
        return cur.execute(
            """
            SELECT fc_code, sku, seller_id, on_hand, reserved FROM stock
             WHERE fc_code = %(fc_code)s
               AND (%(sku)s::text IS NULL OR sku = %(sku)s)
               AND (%(seller_id)s::uuid IS NULL OR seller_id = %(seller_id)s)
               AND (%(after_sku)s::text IS NULL
                    OR (sku, seller_id) > (%(after_sku)s, %(after_seller_id)s))
             ORDER BY sku, seller_id LIMIT %(limit)s
            """,
            {
                "fc_code": fc_code,
                "sku": of.sku,
                "seller_id": of.seller_id,
                "after_sku": after[0] if after else None,
                "after_seller_id": after[1] if after else None,
                "limit": limit,
            },
        ).fetchall()


def level(conn: Connection[Any], fc_code: str, offer: Offer) -> StockLevel | None:
    """None where the FC never had any."""
    with conn.cursor(row_factory=class_row(StockLevel)) as cur:
        return cur.execute(
            """
            SELECT fc_code, sku, seller_id, on_hand, reserved FROM stock
             WHERE sku = %(sku)s AND fc_code = %(fc_code)s AND seller_id = %(seller_id)s
            """,
            {"fc_code": fc_code, **offer._asdict()},
        ).fetchone()


def ledger_of_fc(
    conn: Connection[Any],
    fc_code: str,
    before: int | None,
    limit: int,
    of: StockFilter = ANY_STOCK,
    cause: Cause | None = None,
) -> list[LedgerEntry]:
    """The newest first, before an entry's id."""
    with conn.cursor(row_factory=class_row(LedgerEntry)) as cur:
        return cur.execute(
            """
            SELECT entry_id, fc_code, sku, seller_id, on_hand_change, reserved_change, cause, reference,
                   reason, changed_by, changed_at
              FROM stock_ledger
             WHERE fc_code = %(fc_code)s
               AND (%(sku)s::text IS NULL OR sku = %(sku)s)
               AND (%(seller_id)s::uuid IS NULL OR seller_id = %(seller_id)s)
               AND (%(cause)s::text IS NULL OR cause = %(cause)s)
               AND (%(before)s::bigint IS NULL OR entry_id < %(before)s)
             ORDER BY entry_id DESC LIMIT %(limit)s
            """,
            {
                "fc_code": fc_code,
                "sku": of.sku,
                "seller_id": of.seller_id,
                "cause": cause,
                "before": before,
                "limit": limit,
            },
        ).fetchall()


def has_fc(conn: Connection[Any], fc_code: str) -> bool:
    return bool(
        conn.execute(
            "SELECT FROM fulfillment_centers WHERE fc_code = %(code)s", {"code": fc_code}
        ).rowcount
    )


# Goods that come and go


def ship(
    conn: Connection[Any], package_ids: Sequence[UUID], now: datetime, by: str = MOVE_BATCH
) -> None:
    """The packages leave their origin FCs: what was reserved for them is gone. A repeat changes nothing.

    The caller has locked the packages. Raises StockAlreadyReleased where a package is to leave without its stock.
    """
    rows = conn.execute(
        """
        WITH shipped AS (
            UPDATE reservations AS r SET status = 'shipped', updated_at = %(now)s
              FROM packages AS p
             WHERE p.package_id = ANY(%(ids)s)
               AND r.order_id = p.order_id AND r.fc_code = p.origin_fc_code
               AND r.status IN ('held', 'confirmed')
            RETURNING p.package_id, r.fc_code, r.sku, r.seller_id, r.quantity
        )
        SELECT fc_code, sku, seller_id, -sum(quantity)::int, -sum(quantity)::int, package_id::text
          FROM shipped GROUP BY package_id, fc_code, sku, seller_id
        """,
        {"ids": list(package_ids), "now": now},
    ).fetchall()
    if len({row[5] for row in rows}) < len(set(package_ids)):
        _refuse_released(conn, package_ids)
    must_change(conn, [StockChange(*row) for row in rows], "ship", by, now)


def _refuse_released(conn: Connection[Any], package_ids: Sequence[UUID]) -> None:
    row = conn.execute(
        """
        SELECT r.order_id FROM packages AS p
          JOIN reservations AS r ON r.order_id = p.order_id AND r.fc_code = p.origin_fc_code
         WHERE p.package_id = ANY(%(ids)s) AND r.status = 'released' LIMIT 1
        """,
        {"ids": list(package_ids)},
    ).fetchone()
    if row:
        raise StockAlreadyReleased(row[0])


def restock(conn: Connection[Any], package_id: UUID, fc_code: str, by: str, now: datetime) -> None:
    """A package came back: its units are on hand in that FC. A repeat changes nothing."""
    rows = conn.execute(
        """
        SELECT sku, seller_id, sum(quantity)::int FROM package_lines
         WHERE package_id = %(id)s GROUP BY sku, seller_id ORDER BY sku, seller_id
        """,
        {"id": package_id},
    ).fetchall()
    for sku, seller_id, _ in rows:
        _ensure_row(conn, fc_code, Offer(sku, seller_id))
    changes = [
        StockChange(fc_code, sku, seller_id, units, 0, str(package_id))
        for sku, seller_id, units in rows
    ]
    must_change(conn, changes, "restock", by, now)


def take_back(
    conn: Connection[Any],
    fc_code: str,
    return_id: UUID,
    lines: Iterable[ReturnedLine],
    by: str,
    now: datetime,
) -> None:
    """What customers returned and can be sold again is on hand in that FC. A repeat changes nothing."""
    changes = [
        StockChange(fc_code, line.sku, line.seller_id, line.sellable, 0, str(return_id))
        for line in lines
        if line.sellable
    ]
    for each in changes:
        _ensure_row(conn, fc_code, Offer(each.sku, each.seller_id))
    must_change(conn, changes, "return", by, now)


def receive(  # noqa: PLR0913 - a receipt's line has this many facts
    conn: Connection[Any],
    fc_code: str,
    seller_id: UUID,
    sku: str,
    units: int,
    asn: str,
    by: str,
    now: datetime,
) -> None:
    """Units of an announced shipment are on hand. A repeat changes nothing. Raises NotFound."""
    if units == 0:
        return
    _ensure_row(conn, fc_code, Offer(sku, seller_id))
    change = StockChange(fc_code, sku, seller_id, units, 0, asn)
    must_change(conn, [change], "receipt", by, now)


def adjust(
    conn: Connection[Any],
    change: StockChange,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    """A person's correction. A repeat changes nothing. Raises NotFound, StockTooLow."""
    if change.on_hand > 0:
        _ensure_row(conn, change.fc_code, Offer(change.sku, change.seller_id))
    elif level(conn, change.fc_code, Offer(change.sku, change.seller_id)) is None:
        raise NotFound("stock", f"of {change.sku} in {change.fc_code}")
    must_change(conn, [change], "adjustment", by, now, reason)


def transfer_out(conn: Connection[Any], fc_code: str, units: Units, by: str, now: datetime) -> bool:
    """Restocking units leave the FC. False where fewer are free. A repeat changes nothing and is True."""
    change = StockChange(
        fc_code, units.sku, units.seller_id, -units.quantity, 0, str(units.transfer_id)
    )
    try:
        with conn.transaction():
            must_change(conn, [change], "transfer_out", by, now)
    except StockTooLow:
        return False
    return True


def transfer_in(conn: Connection[Any], fc_code: str, units: Units, by: str, now: datetime) -> None:
    """Restocking units are on hand in the FC. A repeat changes nothing."""
    _ensure_row(conn, fc_code, Offer(units.sku, units.seller_id))
    change = StockChange(
        fc_code, units.sku, units.seller_id, units.quantity, 0, str(units.transfer_id)
    )
    must_change(conn, [change], "transfer_in", by, now)


# The one way to change stock


def _ensure_row(conn: Connection[Any], fc_code: str, offer: Offer) -> None:
    """Raises NotFound where there is no such FC or offer."""
    try:
        conn.execute(
            """
            INSERT INTO stock (fc_code, sku, seller_id)
            VALUES (%(fc_code)s, %(sku)s, %(seller_id)s)
            ON CONFLICT DO NOTHING
            """,
            {"fc_code": fc_code, **offer._asdict()},
        )
    except ForeignKeyViolation:
        raise NotFound(
            f"FC {fc_code}, or offer by seller {offer.seller_id} of", offer.sku
        ) from None


def must_change(
    conn: Connection[Any],
    changes: Sequence[StockChange],
    cause: Cause,
    by: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """As `change`. Raises StockTooLow where that is False."""
    if not change(conn, changes, cause, by, now, reason):
        first = changes[0]
        raise StockTooLow(first.fc_code, first.sku, abs(first.on_hand) or abs(first.reserved))


def change(
    conn: Connection[Any],
    changes: Sequence[StockChange],
    cause: Cause,
    by: str,
    now: datetime,
    reason: str | None = None,
) -> bool:
    """Write the ledger and change the rows, or False where a row has too few units: then roll back.

    Entries that are in the ledger already, by (row, cause, reference), change nothing. Rows are locked in order before
    any is changed; the condition is judged on what they are once they are locked.
    """
    if not changes:
        return True
    row = conn.execute(
        """
        WITH wanted AS (
            SELECT * FROM unnest(
                %(fc_codes)s::text[], %(skus)s::text[], %(sellers)s::uuid[], %(on_hands)s::int[],
                %(reserveds)s::int[], %(references)s::text[]
            ) AS w (fc_code, sku, seller_id, on_hand, reserved, reference)
        ), written AS (
            INSERT INTO stock_ledger (fc_code, sku, seller_id, on_hand_change, reserved_change, cause,
                                      reference, reason, changed_by, changed_at)
            SELECT fc_code, sku, seller_id, on_hand, reserved, %(cause)s, reference, %(reason)s, %(by)s, %(now)s
              FROM wanted
             ORDER BY sku, fc_code, seller_id, reference
            ON CONFLICT ON CONSTRAINT stock_change_happens_once DO NOTHING
            RETURNING fc_code, sku, seller_id, on_hand_change, reserved_change
        ), due AS (
            SELECT sku, fc_code, seller_id, sum(on_hand_change) AS on_hand, sum(reserved_change) AS reserved
              FROM written GROUP BY sku, fc_code, seller_id
        ), locked AS MATERIALIZED (
            SELECT s.sku, s.fc_code, s.seller_id, d.on_hand, d.reserved
              FROM stock AS s JOIN due AS d USING (sku, fc_code, seller_id)
             ORDER BY s.sku, s.fc_code, s.seller_id
               FOR NO KEY UPDATE OF s
        ), changed AS (
            UPDATE stock AS s SET on_hand = s.on_hand + l.on_hand, reserved = s.reserved + l.reserved
              FROM locked AS l
             WHERE s.sku = l.sku AND s.fc_code = l.fc_code AND s.seller_id = l.seller_id
               AND s.reserved + l.reserved BETWEEN 0 AND s.on_hand + l.on_hand
            RETURNING s.sku
        )
        SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM changed)
        """,
        {
            "fc_codes": [change.fc_code for change in changes],
            "skus": [change.sku for change in changes],
            "sellers": [change.seller_id for change in changes],
            "on_hands": [change.on_hand for change in changes],
            "reserveds": [change.reserved for change in changes],
            "references": [change.reference for change in changes],
            "cause": cause,
            "reason": reason,
            "by": by,
            "now": now,
        },
    ).fetchone()
    assert row is not None
    return bool(row[0] == row[1])
