-- Customers (C1) and their addresses (C3). Sessions (C2) are an identity provider's: nothing here.

-- migrate:up
CREATE TABLE customers (
    customer_id uuid PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL,
    phone text NOT NULL DEFAULT '',
    registered_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX customer_email_is_unique ON customers (lower(email));

CREATE TABLE addresses (
    address_id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customers (customer_id) ON DELETE CASCADE,
    recipient text NOT NULL,
    street text NOT NULL,
    city text NOT NULL,
    state text NOT NULL,
    pincode integer NOT NULL CONSTRAINT address_pincode_has_six_digits CHECK (pincode BETWEEN 100000 AND 999999),
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    UNIQUE (customer_id, address_id)
);
CREATE UNIQUE INDEX one_default_address_a_customer ON addresses (customer_id) WHERE is_default;

-- migrate:down
DROP TABLE addresses, customers;
