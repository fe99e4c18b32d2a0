-- Stock of an offer in each FC: I4, its ledger I4b, what is held for orders, and I13 (free units over all FCs).
-- No code path can oversell: `reserved <= on_hand` is a constraint of the row that every path must update.

-- migrate:up
CREATE TABLE stock (
    fc_code text NOT NULL REFERENCES fulfillment_centers (fc_code),
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    on_hand integer NOT NULL DEFAULT 0,
    reserved integer NOT NULL DEFAULT 0,
    PRIMARY KEY (sku, fc_code, seller_id),
    FOREIGN KEY (seller_id, sku) REFERENCES offers (seller_id, sku),
    CONSTRAINT stock_is_not_oversold CHECK (reserved BETWEEN 0 AND on_hand)
);
CREATE INDEX stock_by_fc ON stock (fc_code, sku);
CREATE INDEX stock_by_seller ON stock (seller_id, sku);

-- Append-only. A cause happens once to a stock row: the unique key makes every repeat visible.
CREATE TABLE stock_ledger (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fc_code text NOT NULL,
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    on_hand_change integer NOT NULL,
    reserved_change integer NOT NULL,
    cause text NOT NULL CHECK (cause IN (
        'receipt', 'reserve', 'release', 'ship', 'restock', 'adjustment', 'transfer_out', 'transfer_in'
    )),
    reference text NOT NULL, -- the business id of the cause: ASN, order id, package id, batch id, adjustment id
    reason text,             -- people's words, for adjustments
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT stock_change_happens_once UNIQUE (sku, fc_code, seller_id, cause, reference),
    CONSTRAINT ledger_entry_changes_something CHECK (on_hand_change <> 0 OR reserved_change <> 0)
);
CREATE INDEX stock_ledger_by_fc ON stock_ledger (fc_code, entry_id);
CREATE INDEX stock_ledger_by_reference ON stock_ledger (reference);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', tg_table_name USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER stock_ledger_is_append_only BEFORE UPDATE OR DELETE ON stock_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE reservations (
    order_id uuid NOT NULL,
    line_no integer NOT NULL CHECK (line_no >= 1),
    fc_code text NOT NULL,
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    -- held: waits for the order's confirmation, until held_until. confirmed: waits for its package to leave.
    status text NOT NULL CHECK (status IN ('held', 'confirmed', 'shipped', 'released')),
    held_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, line_no, fc_code),
    FOREIGN KEY (sku, fc_code, seller_id) REFERENCES stock (sku, fc_code, seller_id)
);
CREATE INDEX reservations_live ON reservations (sku, fc_code, seller_id) WHERE status IN ('held', 'confirmed');
CREATE INDEX reservations_to_expire ON reservations (held_until) WHERE status = 'held';

-- I13, eventually consistent: the trigger only inserts a change, a job adds them up. A hot total row is never locked by a sale.
CREATE TABLE item_availability (
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    free_units bigint NOT NULL CHECK (free_units >= 0),
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (sku, seller_id)
);
CREATE TABLE item_availability_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    free_units_change integer NOT NULL
);
CREATE FUNCTION note_availability_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free_units_change integer := (new.on_hand - new.reserved)
        - CASE WHEN tg_op = 'UPDATE' THEN old.on_hand - old.reserved ELSE 0 END;
BEGIN
    IF free_units_change <> 0 THEN
        INSERT INTO item_availability_changes (sku, seller_id, free_units_change)
        VALUES (new.sku, new.seller_id, free_units_change);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER stock_changes_availability AFTER INSERT OR UPDATE ON stock
    FOR EACH ROW EXECUTE FUNCTION note_availability_change();

-- migrate:down
DROP TABLE item_availability_changes, item_availability, reservations, stock_ledger, stock;
DROP FUNCTION note_availability_change, refuse_change;
