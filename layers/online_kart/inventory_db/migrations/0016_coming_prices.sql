-- Prices that start later: a job makes each the offer's price when its time has come. What has started or was cancelled stays.

-- migrate:up
CREATE TABLE coming_prices (
    price_id uuid PRIMARY KEY,
    seller_id uuid NOT NULL,
    sku text NOT NULL,
    price_paise bigint NOT NULL CHECK (price_paise > 0),
    starts_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'started', 'cancelled')),
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    ended_at timestamptz, -- when it stopped waiting
    FOREIGN KEY (seller_id, sku) REFERENCES offers (seller_id, sku),
    CONSTRAINT price_waits_until_it_ends CHECK ((status = 'waiting') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX one_price_starts_at_a_time ON coming_prices (seller_id, sku, starts_at) WHERE status = 'waiting';
CREATE INDEX coming_prices_by_offer ON coming_prices (seller_id, sku, starts_at, price_id);
CREATE INDEX coming_prices_waiting ON coming_prices (starts_at) WHERE status = 'waiting';

-- migrate:down
DROP TABLE coming_prices;
