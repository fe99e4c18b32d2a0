-- Returns of delivered packages: when a courier fetches them, and what of their units can be sold again.

-- migrate:up
CREATE TABLE returns (
    return_id uuid PRIMARY KEY,
    package_id uuid NOT NULL REFERENCES packages (package_id),
    order_id uuid NOT NULL,
    fc_code text NOT NULL REFERENCES fulfillment_centers (fc_code), -- fetches it; or has received it
    reason text NOT NULL,
    status text NOT NULL CHECK (status IN ('expected', 'received')),
    pickup_on date NOT NULL,
    requested_at timestamptz NOT NULL,
    received_at timestamptz,
    received_by text,
    CONSTRAINT package_is_returned_once UNIQUE (package_id),
    CONSTRAINT received_return_says_when_and_by_whom CHECK (
        (status = 'received') = (received_at IS NOT NULL) AND (received_at IS NULL) = (received_by IS NULL)
    )
);
CREATE INDEX returns_by_fc ON returns (fc_code, status, pickup_on, return_id);

CREATE TABLE return_lines (
    return_id uuid NOT NULL REFERENCES returns (return_id),
    line_no integer NOT NULL,
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    sellable integer NOT NULL CHECK (sellable >= 0), -- in stock again, by a ledger entry of cause `return`
    unsellable integer NOT NULL CHECK (unsellable >= 0), -- damaged or missing: written off
    PRIMARY KEY (return_id, line_no)
);

ALTER TABLE stock_ledger DROP CONSTRAINT stock_ledger_cause_check;
ALTER TABLE stock_ledger ADD CONSTRAINT stock_ledger_cause_check CHECK (cause IN (
    'receipt', 'reserve', 'release', 'ship', 'restock', 'return', 'adjustment', 'transfer_out', 'transfer_in'
)) NOT VALID;

-- migrate:down
ALTER TABLE stock_ledger DROP CONSTRAINT stock_ledger_cause_check;
ALTER TABLE stock_ledger ADD CONSTRAINT stock_ledger_cause_check CHECK (cause IN (
    'receipt', 'reserve', 'release', 'ship', 'restock', 'adjustment', 'transfer_out', 'transfer_in'
)) NOT VALID;
DROP TABLE return_lines, returns;
