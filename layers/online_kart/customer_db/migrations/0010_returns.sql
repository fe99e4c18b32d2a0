-- Returns of delivered packages, as their customers see them; and when a package was delivered, from which their time counts.

-- migrate:up
ALTER TABLE packages ADD COLUMN delivered_at timestamptz; -- null: not delivered, or before this was noted

CREATE TABLE returns (
    return_id uuid PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES orders (order_id),
    package_id uuid NOT NULL REFERENCES packages (package_id),
    reason text NOT NULL,
    -- requested: told to the other side. planned: the pickup has a day. received: back in an FC, to be refunded by the
    -- payment provider. refunded, owed: its ends; what was paid on delivery is owed until people have paid it back.
    status text NOT NULL CHECK (status IN ('requested', 'planned', 'received', 'refunded', 'owed')),
    refund_paise bigint NOT NULL CHECK (refund_paise >= 0),
    pickup_on date,
    requested_at timestamptz NOT NULL,
    received_at timestamptz,
    updated_at timestamptz NOT NULL,
    CONSTRAINT package_is_returned_once UNIQUE (package_id),
    CONSTRAINT received_return_has_its_time CHECK ((status IN ('received', 'refunded', 'owed')) = (received_at IS NOT NULL))
);
CREATE INDEX returns_by_order ON returns (order_id);
CREATE INDEX returns_to_refund ON returns (updated_at) WHERE status = 'received';

-- migrate:down
DROP TABLE returns;
ALTER TABLE packages DROP COLUMN delivered_at;
