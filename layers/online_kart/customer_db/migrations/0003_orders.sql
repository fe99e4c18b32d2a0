-- Orders and their lines (C4), packages as the customer sees them (C5).

-- migrate:up
CREATE TABLE orders (
    order_id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customers (customer_id),
    address_id uuid NOT NULL,
    to_pincode integer NOT NULL CHECK (to_pincode BETWEEN 100000 AND 999999),
    -- placed: being served. confirmed: stock is held and paths are planned. cancelling: packages are being recalled.
    status text NOT NULL CHECK (status IN ('placed', 'confirmed', 'rejected', 'cancelling', 'cancelled', 'finished')),
    payment text NOT NULL DEFAULT 'cash_on_delivery' CHECK (payment IN ('cash_on_delivery')),
    total_paise bigint NOT NULL CHECK (total_paise >= 0),
    promise_date date,
    rejection jsonb, -- why it was rejected: error, message and facts
    sourcing jsonb, -- why these FCs
    idempotency_key text NOT NULL,
    run_revision integer NOT NULL DEFAULT 1,
    version bigint NOT NULL DEFAULT 1,
    placed_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    FOREIGN KEY (customer_id, address_id) REFERENCES addresses (customer_id, address_id),
    CONSTRAINT one_order_a_key UNIQUE (customer_id, idempotency_key),
    CONSTRAINT confirmed_order_has_a_promise CHECK (status NOT IN ('confirmed', 'finished') OR promise_date IS NOT NULL),
    CONSTRAINT rejected_order_says_why CHECK ((status = 'rejected') = (rejection IS NOT NULL))
);
CREATE INDEX orders_by_customer ON orders (customer_id, placed_at DESC, order_id);
CREATE INDEX orders_unserved ON orders (updated_at) WHERE status IN ('placed', 'cancelling');

CREATE TABLE order_lines (
    order_id uuid NOT NULL REFERENCES orders (order_id),
    line_no integer NOT NULL CHECK (line_no >= 1),
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    item_name text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_price_paise bigint NOT NULL CHECK (unit_price_paise >= 0),
    PRIMARY KEY (order_id, line_no),
    CONSTRAINT offer_is_on_one_line UNIQUE (order_id, sku, seller_id)
);

CREATE TABLE packages (
    package_id uuid PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES orders (order_id),
    origin_fc_code text NOT NULL,
    status text NOT NULL CHECK (status IN (
        'planned', 'in_transit', 'out_for_delivery', 'delivered', 'returning', 'returned', 'cancelled', 'lost'
    )),
    promise_date date NOT NULL,
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX packages_by_order ON packages (order_id);
CREATE TABLE package_lines (
    package_id uuid NOT NULL REFERENCES packages (package_id),
    line_no integer NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (package_id, line_no)
);

-- migrate:down
DROP TABLE package_lines, packages, order_lines, orders;
