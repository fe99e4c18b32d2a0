-- Copies fed by events only: categories (C6), items with their offers and units left (C7).
-- `version` is the source's: an older one never overwrites a newer one. Events of different aggregates may arrive in any
-- order, so a copy holds no foreign key to another copy, and an offer's price and units are set apart.

-- migrate:up
CREATE TABLE item_categories (
    category_id text PRIMARY KEY,
    name text NOT NULL,
    parent_id text,
    version bigint NOT NULL
);
CREATE TABLE items (
    sku text PRIMARY KEY,
    category_id text NOT NULL,
    name text NOT NULL,
    brand text NOT NULL,
    weight_grams integer NOT NULL,
    status text NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX items_by_category ON items (category_id, sku);
CREATE TABLE offers (
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    price_paise bigint NOT NULL,
    status text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (sku, seller_id)
);
CREATE TABLE units_left (
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    free_units bigint NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (sku, seller_id)
);

-- migrate:down
DROP TABLE units_left, offers, items, item_categories;
