-- Sellers are refused, too, and whoever decides about one says why: what was decided, when and by whom, is kept.

-- migrate:up
ALTER TABLE sellers ADD COLUMN reason text;
ALTER TABLE sellers DROP CONSTRAINT sellers_status_check;
ALTER TABLE sellers ADD CONSTRAINT seller_status_is_known
    CHECK (status IN ('pending', 'approved', 'refused', 'suspended'));
CREATE TABLE seller_decisions (
    seller_id uuid NOT NULL REFERENCES sellers (seller_id),
    version bigint NOT NULL, -- the seller's after it
    status text NOT NULL,
    reason text,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (seller_id, version)
);
CREATE TRIGGER seller_decisions_are_append_only BEFORE UPDATE OR DELETE ON seller_decisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE seller_decisions;
UPDATE sellers SET status = 'pending' WHERE status = 'refused';
ALTER TABLE sellers DROP CONSTRAINT seller_status_is_known;
ALTER TABLE sellers ADD CONSTRAINT sellers_status_check CHECK (status IN ('pending', 'approved', 'suspended'));
ALTER TABLE sellers DROP COLUMN reason;
