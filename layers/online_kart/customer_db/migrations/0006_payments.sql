-- Orders may be prepaid: what is set aside, captured or released at the payment provider.

-- migrate:up
ALTER TABLE orders DROP CONSTRAINT orders_payment_check;
ALTER TABLE orders ADD CONSTRAINT orders_payment_check CHECK (payment IN ('cash_on_delivery', 'prepaid')) NOT VALID;

CREATE TABLE payments (
    order_id uuid PRIMARY KEY REFERENCES orders (order_id),
    amount_paise bigint NOT NULL CHECK (amount_paise >= 0),
    -- how far the provider is known to be; `wanted` is where it has to be brought
    status text NOT NULL CHECK (status IN ('requested', 'authorized', 'captured', 'released')),
    wanted text NOT NULL CHECK (wanted IN ('authorized', 'captured', 'released')),
    refund_paise bigint NOT NULL DEFAULT 0 CHECK (refund_paise IN (0, amount_paise)),
    updated_at timestamptz NOT NULL
);
CREATE INDEX payments_unsettled ON payments (updated_at)
    WHERE wanted IN ('captured', 'released') AND status <> wanted;

-- migrate:down
DROP TABLE payments;
ALTER TABLE orders DROP CONSTRAINT orders_payment_check;
ALTER TABLE orders ADD CONSTRAINT orders_payment_check CHECK (payment IN ('cash_on_delivery')) NOT VALID;
