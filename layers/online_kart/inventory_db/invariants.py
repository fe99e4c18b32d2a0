"""Invariants that the inventory database can check by itself: each is a query that returns no row.

Every query returns (key, detail) as text and is read-only. Those marked `at_rest` hold only for what nobody works on:
they leave out what changed since `{before}` (see `domain.invariants.Check`).
"""

from ..domain.invariants import Check

CHECKS: tuple[Check, ...] = (
    Check(
        1,
        """
        SELECT format('%s %s %s', sku, fc_code, seller_id), format('%s reserved of %s on hand', reserved, on_hand)
          FROM stock WHERE reserved NOT BETWEEN 0 AND on_hand
        """,
        subject="oversold",
        looks_at="stock",
    ),
    Check(
        1,
        """
        SELECT format('%s %s %s', sku, fc_code, seller_id),
               format('reserved %s, held for orders %s', coalesce(s.reserved, 0), coalesce(r.quantity, 0))
          FROM stock AS s
          FULL JOIN (SELECT sku, fc_code, seller_id, sum(quantity) AS quantity FROM reservations
                      WHERE status IN ('held', 'confirmed') GROUP BY sku, fc_code, seller_id) AS r
         USING (sku, fc_code, seller_id)
         WHERE coalesce(s.reserved, 0) <> coalesce(r.quantity, 0)
        """,
        subject="reserved",
        looks_at="stock",
    ),
    Check(
        2,
        """
        WITH parts AS (
            SELECT sku, seller_id, on_hand_change AS received, 0 AS found
              FROM stock_ledger WHERE cause IN ('receipt', 'adjustment')
            UNION ALL
            SELECT sku, seller_id, 0, on_hand FROM stock
            UNION ALL
            -- under way, delivered or written off; a returned package's units are on hand again
            SELECT l.sku, l.seller_id, 0, l.quantity
              FROM package_lines AS l JOIN packages AS p USING (package_id)
             WHERE p.status IN ('in_transit', 'out_for_delivery', 'delivered', 'returning', 'lost')
            UNION ALL
            SELECT u.sku, u.seller_id, 0, u.quantity
              FROM batch_units AS u JOIN batches AS b USING (batch_id)
             WHERE b.status IN ('in_transit', 'arrived')
            UNION ALL
            SELECT sku, seller_id, 0, unsellable FROM return_lines
            UNION ALL
            -- sent back, of a package of which its customer keeps the rest
            SELECT l.sku, l.seller_id, 0, -(l.sellable + l.unsellable)
              FROM return_lines AS l JOIN returns USING (return_id) JOIN packages AS p USING (package_id)
             WHERE p.status = 'delivered'
        )
        SELECT format('%s %s', sku, seller_id), format('%s received, %s found', sum(received), sum(found))
          FROM parts GROUP BY sku, seller_id HAVING sum(received) <> sum(found)
        """,
        subject="units",
        looks_at="stock_ledger",
    ),
    Check(
        3,
        """
        SELECT format('%s %s %s', sku, fc_code, seller_id),
               format('on hand %s, by the ledger %s', coalesce(s.on_hand, 0), coalesce(l.on_hand, 0))
          FROM stock AS s
          FULL JOIN (SELECT sku, fc_code, seller_id, sum(on_hand_change) AS on_hand
                       FROM stock_ledger GROUP BY sku, fc_code, seller_id) AS l
         USING (sku, fc_code, seller_id)
         WHERE coalesce(s.on_hand, 0) <> coalesce(l.on_hand, 0)
        """,
        subject="on hand",
        looks_at="stock",
    ),
    Check(
        3,
        """
        SELECT format('%s %s %s', sku, fc_code, seller_id),
               format('reserved %s, by the ledger %s', coalesce(s.reserved, 0), coalesce(l.reserved, 0))
          FROM stock AS s
          FULL JOIN (SELECT sku, fc_code, seller_id, sum(reserved_change) AS reserved
                       FROM stock_ledger GROUP BY sku, fc_code, seller_id) AS l
         USING (sku, fc_code, seller_id)
         WHERE coalesce(s.reserved, 0) <> coalesce(l.reserved, 0)
        """,
        subject="ledger",
        looks_at="stock",
    ),
    Check(
        4,
        """
        SELECT format('package %s', package_id), format('%s, in %s batches', p.status, count(b.batch_id))
          FROM packages AS p LEFT JOIN batch_packages AS b USING (package_id)
         WHERE p.status IN ('planned', 'in_transit', 'returning')
           -- its own FC serves the pincode: it goes out for delivery as soon as the order is confirmed
           AND NOT (p.status = 'planned' AND p.at_facility = p.destination_fc_code)
         GROUP BY p.package_id, p.status HAVING count(b.batch_id) <> 1
        """,
        subject="holders",
        looks_at="packages WHERE status IN ('planned', 'in_transit', 'returning')",
    ),
    Check(
        4,
        """
        SELECT format('package %s', package_id), format('%s, on its last mile: %s', p.status, d.package_id IS NOT NULL)
          FROM packages AS p LEFT JOIN deliveries AS d USING (package_id)
         WHERE (p.status = 'out_for_delivery') <> (d.package_id IS NOT NULL)
        """,
        subject="deliveries",
        looks_at="packages",
    ),
    Check(
        4,
        """
        SELECT format('batch %s', batch_id), format('%s, revision %s, without a run', b.status, b.revision)
          FROM batches AS b
         WHERE b.opened_at < {before}
           AND NOT EXISTS (SELECT FROM runs AS r WHERE r.machine = 'move_batch'
                              AND r.business_id = b.batch_id::text AND r.status = 'running')
        """,
        at_rest=True,
        subject="batch runs",
        looks_at="batches",
    ),
    Check(
        4,
        """
        SELECT format('order %s line %s', order_id, line_no), format('held in %s without a package', fc_code)
          FROM reservations AS r
         WHERE r.status = 'confirmed' AND r.updated_at < {before}
           AND NOT EXISTS (SELECT FROM packages AS p WHERE p.order_id = r.order_id
                              AND p.origin_fc_code = r.fc_code
                              AND (p.status = 'planned' OR p.updated_at >= {before}))
        """,
        at_rest=True,
        subject="confirmed units",
        looks_at="reservations WHERE status = 'confirmed'",
    ),
    Check(
        4,
        """
        SELECT format('order %s line %s', order_id, line_no), format('still held in %s', fc_code)
          FROM reservations WHERE status = 'held' AND least(held_until, updated_at + interval '1 day') < {before}
        """,
        # At rest every order is decided: what it holds is confirmed or was released. Else its deadline is over, or never was.
        at_rest=True,
        subject="held units",
        looks_at="reservations WHERE status = 'held'",
    ),
    Check(
        5,
        """
        SELECT format('order %s line %s', order_id, line_no),
               format('%s in packages, %s reserved in %s', coalesce(p.quantity, 0), coalesce(r.quantity, 0), fc_code)
          FROM (SELECT order_id, line_no, origin_fc_code AS fc_code, sum(quantity) AS quantity
                  FROM package_lines JOIN packages USING (package_id)
                 WHERE status <> 'cancelled' GROUP BY order_id, line_no, origin_fc_code) AS p
          FULL JOIN (SELECT order_id, line_no, fc_code, quantity FROM reservations
                      WHERE status IN ('confirmed', 'shipped')) AS r
         USING (order_id, line_no, fc_code)
         WHERE coalesce(p.quantity, 0) <> coalesce(r.quantity, 0)
           -- what is being recalled is released a step later
           AND NOT EXISTS (SELECT FROM packages AS w WHERE w.order_id = coalesce(p.order_id, r.order_id)
                              AND w.updated_at >= {before})
           AND NOT EXISTS (SELECT FROM reservations AS w WHERE w.order_id = coalesce(p.order_id, r.order_id)
                              AND w.updated_at >= {before})
        """,
        at_rest=True,
        subject="package lines",
        looks_at="package_lines",
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
        WITH noted AS (
            SELECT package_id, max(version) AS version,
                   -- what decides its status, and what its place: see `domain.packages.course_of`
                   (array_agg(what ORDER BY version DESC) FILTER (WHERE what IN (
                       'planned', 'departed', 'out_for_delivery', 'delivered', 'returning', 'stranded', 'returned',
                       'cancelled', 'lost', 'found')))[1] AS decided,
                   coalesce(bool_or(what IN ('returning', 'stranded')), false) AS has_turned,
                   (array_agg(CASE WHEN what <> 'departed' THEN facility END ORDER BY version DESC)
                       FILTER (WHERE what IN ('planned', 'departed', 'arrived', 'found')))[1] AS at_facility
              FROM package_events GROUP BY package_id
        ), told AS (
            SELECT package_id, version, at_facility,
                   CASE WHEN decided = 'stranded' OR (decided = 'departed' AND has_turned) THEN 'returning'
                        WHEN decided IN ('departed', 'found') THEN 'in_transit' ELSE decided END AS status
              FROM noted
        )
        SELECT format('package %s', package_id),
               format('version %s, %s at %s; its events tell %s, %s at %s',
                      p.version, p.status, p.at_facility, t.version, t.status, t.at_facility)
          FROM packages AS p LEFT JOIN told AS t USING (package_id)
         WHERE (p.version, p.status) IS DISTINCT FROM (t.version, t.status)
            OR p.at_facility IS DISTINCT FROM t.at_facility
        """,
        subject="package events",
        looks_at="packages",
    ),
    Check(
        9,
        """
        SELECT format('%s %s', a.fc_code, a.pincodes), format('overlaps %s of %s', b.pincodes, b.fc_code)
          FROM pincode_ranges AS a
          JOIN pincode_ranges AS b ON a.pincodes && b.pincodes AND a.ctid < b.ctid
        """,
        subject="pincode ranges",
        looks_at="pincode_ranges",
    ),
    Check(
        10,
        """
        SELECT format('package %s', package_id), format('%s at %s, which is gone', p.status, at_facility)
          FROM packages AS p
         WHERE p.status IN ('planned', 'in_transit', 'out_for_delivery', 'returning')
           AND at_facility IS NOT NULL
           AND NOT EXISTS (SELECT FROM facilities AS f WHERE f.code = p.at_facility AND f.status <> 'closed')
        """,
        subject="places",
        looks_at="packages WHERE status IN ('planned', 'in_transit', 'out_for_delivery', 'returning')",
    ),
    Check(
        10,
        """
        SELECT format('package %s', package_id),
               format('waits for a leg that is gone: %s to %s by %s', b.origin, b.destination, b.mode)
          FROM batches AS b JOIN batch_packages USING (batch_id)
         WHERE b.status = 'open'
           AND NOT EXISTS (SELECT FROM legs AS l JOIN facilities AS f ON f.code = l.destination
                            WHERE (l.origin, l.destination, l.mode) = (b.origin, b.destination, b.mode)
                              AND f.status <> 'closed')
           -- its re-planning is under way
           AND ({before} = 'infinity'::timestamptz
                OR NOT EXISTS (SELECT FROM route_builds WHERE status IN ('requested', 'building')))
        """,
        at_rest=True,
        subject="ways",
        looks_at="batches WHERE status = 'open'",
    ),
    Check(
        11,
        """
        SELECT format('category %s', category_id),
               format('total %s/%s, sales %s/%s', t.quantity, t.amount_paise, s.quantity, s.amount_paise)
          FROM sales_by_category AS t
          FULL JOIN (SELECT category_id, sum(quantity) AS quantity, sum(amount_paise) AS amount_paise
                       FROM sales GROUP BY category_id) AS s USING (category_id)
         WHERE (coalesce(t.quantity, 0), coalesce(t.amount_paise, 0))
               <> (coalesce(s.quantity, 0), coalesce(s.amount_paise, 0))
        """,
        subject="category totals",
        looks_at="sales_by_category",
    ),
    Check(
        11,
        """
        SELECT format('month %s', month),
               format('total %s/%s, sales %s/%s', t.quantity, t.amount_paise, s.quantity, s.amount_paise)
          FROM sales_by_month AS t
          FULL JOIN (SELECT date_trunc('month', sold_at AT TIME ZONE 'Asia/Kolkata')::date AS month,
                            sum(quantity) AS quantity, sum(amount_paise) AS amount_paise
                       FROM sales GROUP BY 1) AS s USING (month)
         WHERE (coalesce(t.quantity, 0), coalesce(t.amount_paise, 0))
               <> (coalesce(s.quantity, 0), coalesce(s.amount_paise, 0))
        """,
        subject="month totals",
        looks_at="sales_by_month",
    ),
    Check(
        11,
        """
        SELECT format('sales of %s %s %s', month, fc_code, sku),
               format('total %s/%s, sales %s/%s', t.quantity, t.amount_paise, s.quantity, s.amount_paise)
          FROM sales_by_item AS t
          FULL JOIN (SELECT date_trunc('month', sold_at AT TIME ZONE 'Asia/Kolkata')::date AS month, fc_code, sku,
                            sum(quantity) AS quantity, sum(amount_paise) AS amount_paise
                       FROM sales GROUP BY 1, 2, 3) AS s USING (month, fc_code, sku)
         WHERE (coalesce(t.quantity, 0), coalesce(t.amount_paise, 0))
               <> (coalesce(s.quantity, 0), coalesce(s.amount_paise, 0))
        """,
        subject="item totals",
        looks_at="sales_by_item",
    ),
    Check(
        12,
        """
        WITH free AS (
            SELECT sku, seller_id, sum(on_hand - reserved) AS units,
                   coalesce(jsonb_object_agg(fc_code, on_hand - reserved) FILTER (WHERE on_hand > reserved),
                            jsonb_build_object()) AS by_fc
              FROM stock GROUP BY sku, seller_id
        ), waiting AS (
            SELECT sku, seller_id, sum(free_units_change) AS units FROM item_availability_changes GROUP BY sku, seller_id
        )
        SELECT format('%s %s', sku, seller_id),
               format('I13 %s %s, stock %s %s', a.free_units, a.free_by_fc, f.units, f.by_fc)
          FROM item_availability AS a
          FULL JOIN free AS f USING (sku, seller_id)
          LEFT JOIN waiting AS w USING (sku, seller_id)
         WHERE coalesce(a.free_units, 0) + coalesce(w.units, 0) <> coalesce(f.units, 0)
            OR (w.units IS NULL
                AND coalesce(a.free_by_fc, jsonb_build_object()) <> coalesce(f.by_fc, jsonb_build_object()))
        """,
        subject="availability",
        looks_at="item_availability",
    ),
)
