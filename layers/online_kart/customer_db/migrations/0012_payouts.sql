-- What is owed for returns is paid by people, who write down how; and a return that nobody could fetch is cancelled.

-- migrate:up
ALTER TABLE returns DROP CONSTRAINT returns_status_check;
ALTER TABLE returns ADD CONSTRAINT return_status_is_known CHECK (
    status IN ('requested', 'planned', 'received', 'refunded', 'owed', 'paid', 'cancelled')
) NOT VALID;
ALTER TABLE returns VALIDATE CONSTRAINT return_status_is_known;
ALTER TABLE returns DROP CONSTRAINT received_return_has_its_time;
ALTER TABLE returns ADD CONSTRAINT received_return_has_its_time CHECK (
    (status IN ('received', 'refunded', 'owed', 'paid')) = (received_at IS NOT NULL)
) NOT VALID;
ALTER TABLE returns VALIDATE CONSTRAINT received_return_has_its_time;
ALTER TABLE returns ADD COLUMN cancelled_because text;
CREATE INDEX returns_by_status ON returns (status, requested_at, return_id);

CREATE TABLE payouts (
    return_id uuid PRIMARY KEY REFERENCES returns (return_id), -- so it is paid once
    amount_paise bigint NOT NULL CHECK (amount_paise >= 0),
    reference text NOT NULL,
    paid_by text NOT NULL,
    paid_at timestamptz NOT NULL
);

-- migrate:down
DROP TABLE payouts;
DROP INDEX returns_by_status;
ALTER TABLE returns DROP COLUMN cancelled_because;
ALTER TABLE returns DROP CONSTRAINT received_return_has_its_time;
ALTER TABLE returns ADD CONSTRAINT received_return_has_its_time CHECK (
    (status IN ('received', 'refunded', 'owed')) = (received_at IS NOT NULL)
) NOT VALID;
ALTER TABLE returns DROP CONSTRAINT return_status_is_known;
ALTER TABLE returns ADD CONSTRAINT returns_status_check CHECK (
    status IN ('requested', 'planned', 'received', 'refunded', 'owed')
) NOT VALID;
