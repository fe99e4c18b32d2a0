-- Orders that wait for their turn at an offer that many want at once: whoever has the turn holds stock for all of them.

-- migrate:up
-- Unlogged: a crash of the server may empty it, as it ends those who wait. They ask again, and nothing was promised to them.
CREATE UNLOGGED TABLE reservation_requests (
    request_no bigint GENERATED ALWAYS AS IDENTITY,
    order_id uuid PRIMARY KEY,
    sku text NOT NULL,
    seller_id uuid NOT NULL,
    payload jsonb NOT NULL, -- the order: OrderToServe
    hold_until timestamptz NOT NULL
);
CREATE INDEX reservation_requests_in_turn ON reservation_requests (sku, seller_id, request_no);

-- migrate:down
DROP TABLE reservation_requests;
