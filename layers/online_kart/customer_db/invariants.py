"""Invariants that the customer database can check by itself: each is a query that returns no row (see inventory_db)."""

from ..domain.invariants import Check

CHECKS: tuple[Check, ...] = (
    Check(
        4,
        """
        SELECT format('order %s', order_id), status FROM orders
         WHERE status IN ('placed', 'cancelling') AND updated_at < {before}
        """,
        at_rest=True,
        subject="undecided orders",
        looks_at="orders WHERE status IN ('placed', 'cancelling')",
    ),
    Check(
        4,
        """
        SELECT format('order %s', order_id), 'finished with a package that is ' || p.status
          FROM orders AS o JOIN packages AS p USING (order_id)
         -- a customer may send back what was delivered
         WHERE o.status = 'finished' AND p.status NOT IN ('delivered', 'returning', 'returned', 'cancelled', 'lost')
        """,
        subject="finished orders",
        looks_at="orders WHERE status = 'finished'",
    ),
    Check(
        5,
        """
        SELECT format('order %s line %s', o.order_id, line_no),
               format('%s ordered, %s in packages', l.quantity, coalesce(sum(p.quantity), 0))
          FROM orders AS o
          JOIN order_lines AS l USING (order_id)
          LEFT JOIN (SELECT order_id, line_no, quantity FROM package_lines JOIN packages USING (package_id)) AS p
         USING (order_id, line_no)
         WHERE o.status IN ('confirmed', 'finished')
         GROUP BY o.order_id, line_no, l.quantity HAVING l.quantity <> coalesce(sum(p.quantity), 0)
        """,
        subject="order lines",
        looks_at="order_lines",
    ),
    Check(
        6,
        """
        SELECT format('customer %s key %s', customer_id, idempotency_key), format('%s orders', count(*))
          FROM orders GROUP BY customer_id, idempotency_key HAVING count(*) > 1
        """,
        subject="idempotency keys",
        looks_at="orders",
    ),
    Check(
        7,
        "SELECT format('event %s', event_id), type FROM outbox WHERE sent_at IS NULL AND occurred_at < {before}",
        at_rest=True,
        subject="outbox",
        looks_at="outbox",
    ),
    Check(
        7,
        """
        WITH tells (type, status) AS (VALUES
            ('OrderPlaced', 'placed'), ('OrderConfirmed', 'confirmed'), ('CancellationRefused', 'confirmed'),
            ('OrderRejected', 'rejected'), ('CancellationRequested', 'cancelling'), ('OrderCancelled', 'cancelled'),
            ('OrderFinished', 'finished'), ('OrderReopened', 'confirmed'))
        SELECT format('order %s', order_id), format('%s, and no event says so', status)
          FROM orders
         WHERE NOT EXISTS (SELECT FROM outbox AS e JOIN tells ON tells.type = e.type
                            WHERE e.aggregate_id = orders.order_id::text AND tells.status = orders.status)
           -- events are forgotten some time after they were sent
           AND orders.updated_at > coalesce((SELECT up_to FROM forgotten WHERE what = 'outbox'), '-infinity')
        """,
        subject="order events",
        looks_at="orders",
    ),
    Check(
        12,
        """
        WITH right_ones AS (
            SELECT o.sku, min(o.price_paise) FILTER (WHERE o.status = 'active') AS price,
                   coalesce(bool_or(u.free_units > 0) FILTER (WHERE o.status = 'active'), false) AS in_stock
              FROM offers AS o LEFT JOIN units_left AS u USING (sku, seller_id) GROUP BY o.sku
        )
        SELECT format('item %s', sku),
               format('%s, in stock: %s; its offers tell %s, %s', b.lowest_price_paise, b.in_stock, r.price, r.in_stock)
          FROM best_offers AS b FULL JOIN right_ones AS r USING (sku)
         WHERE b.lowest_price_paise IS DISTINCT FROM r.price
            OR coalesce(b.in_stock, false) <> coalesce(r.in_stock, false)
        """,
        subject="best offers",
        looks_at="best_offers",
    ),
)
