"""Orders and their lines (C4), and their packages as customers see them (C5)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from ..domain.events import PackageStatus
from ..domain.orders import Order, OrderLine, OrderStatus, PackageOfOrder, Rejection

COLUMNS = """order_id, customer_id, address_id, to_pincode, status, payment, total_paise, promise_date,
             rejection, sourcing, deliver_to, version, placed_at, updated_at"""


def insert(conn: Connection[Any], order: Order, idempotency_key: str) -> bool:
    """The order with its lines, in the caller's transaction. False where the customer's key has made an order before."""
    inserted = conn.execute(
        """
        INSERT INTO orders (order_id, customer_id, address_id, deliver_to, to_pincode, status, payment,
                            total_paise, idempotency_key, version, placed_at, updated_at)
        VALUES (%(order_id)s, %(customer_id)s, %(address_id)s, %(deliver_to)s, %(to_pincode)s, %(status)s,
                %(payment)s, %(total_paise)s, %(idempotency_key)s, %(version)s, %(placed_at)s,
                %(updated_at)s)
        ON CONFLICT ON CONSTRAINT one_order_a_key DO NOTHING
        """,
        {
            **order.model_dump(exclude={"lines", "packages", "deliver_to"}),
            "deliver_to": Jsonb(order.deliver_to.model_dump()) if order.deliver_to else None,
            "idempotency_key": idempotency_key,
        },
    ).rowcount
    if not inserted:
        return False
    conn.cursor().executemany(
        """
        INSERT INTO order_lines
            (order_id, line_no, sku, seller_id, item_name, quantity, unit_price_paise)
        VALUES (%(order_id)s, %(line_no)s, %(sku)s, %(seller_id)s, %(item_name)s, %(quantity)s,
                %(unit_price_paise)s)
        """,
        [{"order_id": order.order_id, **line.model_dump()} for line in order.lines],
    )
    return True


def by_id(conn: Connection[Any], order_id: UUID) -> Order | None:
    """With lines and packages. None where there is no such order."""
    with conn.cursor(row_factory=class_row(Order)) as cur:
        order = cur.execute(
            f"SELECT {COLUMNS} FROM orders WHERE order_id = %(id)s", {"id": order_id}
        ).fetchone()
    if order is None:
        return None
    return order.model_copy(
        update={"lines": lines_of(conn, order_id), "packages": packages_of(conn, order_id)}
    )


def lock(conn: Connection[Any], order_id: UUID) -> Order | None:
    """Without lines and packages, locked until the transaction ends. None where there is no such order."""
    with conn.cursor(row_factory=class_row(Order)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM orders WHERE order_id = %(id)s FOR UPDATE", {"id": order_id}
        ).fetchone()


def customer_of(conn: Connection[Any], order_id: UUID) -> UUID | None:
    """Whose order it is. None where there is none."""
    row = conn.execute(
        "SELECT customer_id FROM orders WHERE order_id = %(order_id)s", {"order_id": order_id}
    ).fetchone()
    return row[0] if row else None


def of_customer(
    conn: Connection[Any], customer_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[Order]:
    """The newest first, without lines and packages."""
    with conn.cursor(row_factory=class_row(Order)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM orders
             WHERE customer_id = %(customer_id)s
               AND (%(at)s::timestamptz IS NULL OR (placed_at, order_id) < (%(at)s, %(after_id)s))
             ORDER BY placed_at DESC, order_id DESC LIMIT %(limit)s
            """,
            {
                "customer_id": customer_id,
                "at": after[0] if after else None,
                "after_id": after[1] if after else None,
                "limit": limit,
            },
        ).fetchall()


def lines_of(conn: Connection[Any], order_id: UUID) -> tuple[OrderLine, ...]:
    with conn.cursor(row_factory=class_row(OrderLine)) as cur:
        return tuple(
            cur.execute(
                """
                SELECT line_no, sku, seller_id, item_name, quantity, unit_price_paise
                  FROM order_lines WHERE order_id = %(id)s ORDER BY line_no
                """,
                {"id": order_id},
            )
        )


def packages_of(conn: Connection[Any], order_id: UUID) -> tuple[PackageOfOrder, ...]:
    rows = conn.execute(
        """
        SELECT p.package_id, p.origin_fc_code, p.status, p.promise_date, p.version,
               coalesce(jsonb_object_agg(l.line_no, l.quantity) FILTER (WHERE l.line_no IS NOT NULL), '{}')
          FROM packages AS p LEFT JOIN package_lines AS l USING (package_id)
         WHERE p.order_id = %(id)s
         GROUP BY p.package_id ORDER BY p.package_id
        """,
        {"id": order_id},
    ).fetchall()
    return tuple(
        PackageOfOrder(
            package_id=row[0],
            origin_fc_code=row[1],
            status=row[2],
            promise_date=row[3],
            version=row[4],
            lines=row[5],
        )
        for row in rows
    )


def set_status(
    conn: Connection[Any],
    order_id: UUID,
    status: OrderStatus,
    now: datetime,
    *,
    promise_date: date | None = None,
    rejection: Rejection | None = None,
    sourcing: dict[str, Any] | None = None,
) -> int:
    """The order's version then. The caller has locked it and checked that the change is allowed. What is None stays."""
    row = conn.execute(
        """
        UPDATE orders
           SET status = %(status)s, updated_at = %(now)s, version = version + 1,
               promise_date = coalesce(%(promise_date)s, promise_date),
               rejection = coalesce(%(rejection)s, rejection),
               sourcing = coalesce(%(sourcing)s, sourcing)
         WHERE order_id = %(order_id)s
        RETURNING version
        """,
        {
            "order_id": order_id,
            "status": status,
            "now": now,
            "promise_date": promise_date,
            "rejection": Jsonb(rejection.model_dump(mode="json")) if rejection else None,
            "sourcing": Jsonb(sourcing) if sourcing else None,
        },
    ).fetchone()
    assert row is not None, "the caller has locked it"
    return int(row[0])


def run_revision(conn: Connection[Any], order_id: UUID) -> int:
    """The revision of the next run that is asked for. The caller has locked the order."""
    row = conn.execute(
        "SELECT run_revision FROM orders WHERE order_id = %(id)s", {"id": order_id}
    ).fetchone()
    assert row is not None
    return int(row[0])


def raise_run_revision(conn: Connection[Any], order_id: UUID) -> None:
    conn.execute(
        "UPDATE orders SET run_revision = run_revision + 1 WHERE order_id = %(id)s",
        {"id": order_id},
    )


def insert_package(
    conn: Connection[Any], order_id: UUID, package: PackageOfOrder, now: datetime
) -> None:
    """With its lines. A repeat changes nothing."""
    conn.execute(
        """
        INSERT INTO packages (package_id, order_id, origin_fc_code, status, promise_date, version, updated_at)
        VALUES (%(package_id)s, %(order_id)s, %(origin_fc_code)s, %(status)s, %(promise_date)s, %(version)s,
                %(now)s)
        ON CONFLICT (package_id) DO NOTHING
        """,
        {**package.model_dump(exclude={"lines"}), "order_id": order_id, "now": now},
    )
    conn.cursor().executemany(
        """
        INSERT INTO package_lines (package_id, line_no, quantity)
        VALUES (%(package_id)s, %(line_no)s, %(quantity)s)
        ON CONFLICT DO NOTHING
        """,
        [
            {"package_id": package.package_id, "line_no": line_no, "quantity": quantity}
            for line_no, quantity in package.lines.items()
        ],
    )


def set_package_status(
    conn: Connection[Any],
    package_id: UUID,
    status: PackageStatus,
    version: int,
    since: datetime,
    now: datetime,
) -> bool:
    """`since`: when it became so. False where the package is not known here, or what is known is as new."""
    return (
        conn.execute(
            """
            UPDATE packages
               SET status = %(status)s, version = %(version)s, updated_at = %(now)s,
                   delivered_at = CASE WHEN %(status)s = 'delivered' THEN coalesce(delivered_at, %(since)s)
                                       ELSE delivered_at END
             WHERE package_id = %(package_id)s AND version < %(version)s
            """,
            {
                "package_id": package_id,
                "status": status,
                "version": version,
                "since": since,
                "now": now,
            },
        ).rowcount
        == 1
    )


def delivered_at(conn: Connection[Any], package_id: UUID) -> datetime | None:
    """When its customer got it, or when this side learned of it. None where it is not delivered."""
    row = conn.execute(
        """
        SELECT coalesce(delivered_at, updated_at) FROM packages
         WHERE package_id = %(id)s AND status = 'delivered'
        """,
        {"id": package_id},
    ).fetchone()
    return row[0] if row else None


def package_statuses(conn: Connection[Any], order_id: UUID) -> Sequence[PackageStatus]:
    rows = conn.execute(
        "SELECT status FROM packages WHERE order_id = %(id)s", {"id": order_id}
    ).fetchall()
    return [row[0] for row in rows]


def take_stuck(
    conn: Connection[Any], updated_before: datetime, limit: int, now: datetime
) -> list[tuple[UUID, int]]:
    """Orders that were neither served nor cancelled in time: (order id, the revision of their next run)."""
    return conn.execute(
        """
        UPDATE orders SET run_revision = run_revision + 1, updated_at = %(now)s
         WHERE order_id IN (
               SELECT order_id FROM orders
                WHERE status IN ('placed', 'cancelling') AND updated_at < %(before)s
                ORDER BY updated_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
        RETURNING order_id, run_revision
        """,
        {"before": updated_before, "limit": limit, "now": now},
    ).fetchall()
