-- Packages and what moves them: I5 (batches, a working table with a history), I6 (deliveries).

-- migrate:up
CREATE TABLE packages (
    package_id uuid PRIMARY KEY,
    order_id uuid NOT NULL,
    origin_fc_code text NOT NULL,
    destination_fc_code text NOT NULL,
    to_pincode integer NOT NULL CHECK (to_pincode BETWEEN 100000 AND 999999),
    -- planned: at its origin. in_transit: in a batch under way, or at a facility between two. returning: the same, but on
    -- its way home. The other three are ends, but for `delivered`, from where a return may start.
    status text NOT NULL CHECK (status IN (
        'planned', 'in_transit', 'out_for_delivery', 'delivered', 'returning', 'returned', 'cancelled', 'lost'
    )),
    at_facility text, -- where it is; null while a batch carries it
    budget smallint NOT NULL CHECK (budget >= 0), -- legs it may take before a hub, from at_facility (or where it arrives next)
    weight_grams integer NOT NULL CHECK (weight_grams > 0),
    promise_date date NOT NULL,
    table_version bigint NOT NULL, -- the route tables its path was planned with
    path_revision integer NOT NULL DEFAULT 1, -- one more each time it is re-planned
    version bigint NOT NULL DEFAULT 1, -- one more each event of it
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT package_under_way_has_a_place CHECK (
        at_facility IS NOT NULL OR status IN ('in_transit', 'returning', 'delivered', 'returned', 'cancelled', 'lost')
    )
);
CREATE INDEX packages_by_order ON packages (order_id);
CREATE INDEX packages_under_way ON packages (status, at_facility)
    WHERE status IN ('planned', 'in_transit', 'out_for_delivery', 'returning');

CREATE TABLE package_lines (
    package_id uuid NOT NULL REFERENCES packages (package_id),
    line_no integer NOT NULL,
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_price_paise bigint NOT NULL CHECK (unit_price_paise >= 0),
    PRIMARY KEY (package_id, line_no)
);

-- Append-only: who did what to a package, when (F33).
CREATE TABLE package_events (
    package_id uuid NOT NULL REFERENCES packages (package_id),
    version bigint NOT NULL,
    what text NOT NULL,
    facility text,
    detail jsonb NOT NULL DEFAULT '{}',
    happened_at timestamptz NOT NULL,
    PRIMARY KEY (package_id, version)
);
CREATE TRIGGER package_events_are_append_only BEFORE UPDATE OR DELETE ON package_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE batches (
    batch_id uuid PRIMARY KEY,
    origin text NOT NULL,
    destination text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('road', 'air', 'sea')),
    status text NOT NULL CHECK (status IN ('open', 'closed', 'in_transit', 'arrived')),
    revision integer NOT NULL DEFAULT 1, -- the run that moves it: `<batch_id>-<revision>`; an older run ends by itself
    due_at timestamptz NOT NULL,
    transit_minutes integer NOT NULL CHECK (transit_minutes >= 0),
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    departed_at timestamptz,
    expected_at timestamptz,
    arrived_at timestamptz,
    late_alerts_count integer NOT NULL DEFAULT 0,
    CONSTRAINT batch_times_follow_its_status CHECK (
        (status = 'open') = (closed_at IS NULL)
        AND (status IN ('in_transit', 'arrived')) = (departed_at IS NOT NULL)
        AND (status = 'arrived') = (arrived_at IS NOT NULL)
    )
);
CREATE UNIQUE INDEX one_open_batch_a_departure ON batches (origin, destination, mode, due_at) WHERE status = 'open';
CREATE INDEX batches_by_due ON batches (due_at, batch_id);
CREATE INDEX batches_by_expected ON batches (expected_at) WHERE status = 'in_transit';
CREATE INDEX batches_by_destination ON batches (destination);

CREATE TABLE batch_packages (
    batch_id uuid NOT NULL REFERENCES batches (batch_id),
    package_id uuid NOT NULL REFERENCES packages (package_id),
    loaded_at timestamptz NOT NULL,
    PRIMARY KEY (batch_id, package_id),
    CONSTRAINT package_is_in_one_batch UNIQUE (package_id)
);

-- Restocking units that one FC sends to another: out of the first one's stock at departure, into the second's on arrival.
CREATE TABLE batch_units (
    batch_id uuid NOT NULL REFERENCES batches (batch_id),
    transfer_id uuid NOT NULL UNIQUE,
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    loaded_at timestamptz NOT NULL,
    PRIMARY KEY (batch_id, transfer_id)
);

CREATE TABLE batches_history (
    batch_id uuid PRIMARY KEY,
    origin text NOT NULL,
    destination text NOT NULL,
    mode text NOT NULL,
    revision integer NOT NULL,
    due_at timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    departed_at timestamptz, -- null: it was empty when it was due and never left
    expected_at timestamptz,
    arrived_at timestamptz,
    late_alerts_count integer NOT NULL,
    package_ids uuid[] NOT NULL,
    units jsonb NOT NULL DEFAULT '[]',
    finished_at timestamptz NOT NULL
);
CREATE INDEX batches_history_by_finish ON batches_history (finished_at DESC, batch_id);

-- One row a package on its last mile, until it is delivered or on its way back.
CREATE TABLE deliveries (
    package_id uuid PRIMARY KEY REFERENCES packages (package_id),
    fc_code text NOT NULL,
    order_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'out' CHECK (status IN ('out', 'failed')),
    attempt integer NOT NULL DEFAULT 1 CHECK (attempt BETWEEN 1 AND 3),
    failure_reason text,
    out_at timestamptz NOT NULL,
    expected_on date NOT NULL
);
CREATE INDEX deliveries_by_fc ON deliveries (fc_code, status, package_id);

-- What was counted at the dock for an announced inbound shipment (the announcement itself is D1).
CREATE TABLE receipts (
    asn text PRIMARY KEY,
    fc_code text NOT NULL REFERENCES fulfillment_centers (fc_code),
    seller_id uuid NOT NULL REFERENCES sellers (seller_id),
    status text NOT NULL CHECK (status IN ('arrived', 'booked', 'closed')),
    received_by text NOT NULL,
    arrived_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE TABLE receipt_lines (
    asn text NOT NULL REFERENCES receipts (asn),
    sku text NOT NULL,
    announced integer NOT NULL CHECK (announced >= 0),
    counted integer NOT NULL CHECK (counted >= 0),
    reason text, -- asked for where the two differ
    PRIMARY KEY (asn, sku)
);

-- migrate:down
DROP TABLE receipt_lines, receipts, deliveries, batches_history, batch_units, batch_packages, batches,
    package_events, package_lines, packages;
