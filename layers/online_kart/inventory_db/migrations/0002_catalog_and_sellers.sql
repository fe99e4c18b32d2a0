-- What can be sold and by whom: I7 (categories), I8 (items), I9 (sellers), I10 (offers; the stock of an offer is in 0003).

-- migrate:up
CREATE TABLE item_categories (
    category_id text PRIMARY KEY CHECK (category_id ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name text NOT NULL,
    parent_id text REFERENCES item_categories (category_id),
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT category_is_not_its_own_parent CHECK (parent_id <> category_id)
);
CREATE INDEX item_categories_by_parent ON item_categories (parent_id);

CREATE TABLE sellers (
    seller_id uuid PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'suspended')),
    version bigint NOT NULL DEFAULT 1,
    registered_at timestamptz NOT NULL,
    approved_at timestamptz
);
CREATE UNIQUE INDEX seller_email_is_unique ON sellers (lower(email));

CREATE TABLE items (
    sku text PRIMARY KEY CHECK (sku ~ '^[A-Z0-9][A-Z0-9-]{1,39}$'),
    category_id text NOT NULL REFERENCES item_categories (category_id),
    name text NOT NULL,
    brand text NOT NULL DEFAULT '',
    weight_grams integer NOT NULL CHECK (weight_grams > 0),
    registered_by uuid NOT NULL REFERENCES sellers (seller_id),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'withdrawn')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL
);
CREATE INDEX items_by_category ON items (category_id, sku);

CREATE TABLE offers (
    seller_id uuid NOT NULL REFERENCES sellers (seller_id),
    sku text NOT NULL REFERENCES items (sku),
    price_paise bigint NOT NULL CHECK (price_paise > 0),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
    version bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (seller_id, sku)
);
CREATE INDEX offers_by_sku ON offers (sku);

-- migrate:down
DROP TABLE offers, items, sellers, item_categories;
