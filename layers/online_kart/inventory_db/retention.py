"""What the inventory database forgets, and when. What the law asks for, or says what happened, is in no rule: LIMITS.md."""

from datetime import timedelta

from ..retention import Rule

RUNS_FOR = timedelta(days=90)
"""A quarter of runs to look at when something went wrong; longer than any event can be told again (35 days)."""

RELEASED_FOR = timedelta(days=90)
"""As the runs that released them. What was held and given back is in the ledger for good."""

REPORTS_FOR = timedelta(days=365)
"""A year of reconciliations: whether something broke before can be answered for every season."""

BATCHES_FOR = timedelta(days=3 * 365 + 1)
"""A claim against a carrier, or by a seller, can be made for three years (Limitation Act 1963)."""

NO_LIVE_ORDER = """
    NOT EXISTS (SELECT FROM reservations AS r
                 WHERE r.order_id = t.event_id AND r.status IN ('held', 'confirmed'))
"""
"""Of the inbox: what a step answered for an order is needed for as long as the order holds stock."""

NOTHING_WAITS_FOR_IT = """
    t.status <> 'running'
    AND NOT EXISTS (SELECT FROM batches AS b WHERE t.machine = 'move_batch' AND b.batch_id::text = t.business_id)
    AND NOT EXISTS (SELECT FROM receipts AS c
                     WHERE t.machine = 'receive_shipment' AND c.asn = t.business_id AND c.status <> 'closed')
    AND (t.machine <> 'rebuild_routes'
         OR t.business_id <> 'network-' || (SELECT max(version) FROM route_builds))
    AND NOT EXISTS (SELECT FROM reservations AS r
                     WHERE t.machine = 'place_order' AND r.order_id::text = t.business_id AND r.status = 'held')
"""
"""Of runs: sweeps look for the run of what is not finished, and would start one again that they don't find."""

RUNS = Rule("runs", "machine, business_id, revision", "ended_at", RUNS_FOR, NOTHING_WAITS_FOR_IT)
"""By the wall clock, as the runs' own times."""

RULES = (
    Rule(
        "reservations",
        "order_id, line_no, fc_code",
        "updated_at",
        RELEASED_FOR,
        "status = 'released'",
    ),
    Rule("reconciliations", "reconciliation_id", "finished_at", REPORTS_FOR),
    Rule("batches_history", "batch_id", "finished_at", BATCHES_FOR),
)
"""By business time."""
